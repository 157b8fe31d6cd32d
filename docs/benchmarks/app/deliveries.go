package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/salvehq/salve/internal/sandbox"
)

// accounts are repositories of one account each, with a pull request in each,
// and the webhooks of what people did there.
func (o *options) accounts(pulls int) (*sandbox.Sandbox, []webhook, error) {
	t := newTown()
	for i := range o.installations {
		t.repository(fmt.Sprintf("account-%03d/app", i), fmt.Sprintf("team-%03d", i), 2)
	}
	t.problem("elsewhere", "app") // so that an answer without rows for us is complete
	box, err := t.open()
	if err != nil {
		return nil, nil, err
	}
	hooks, err := collect(box, func() error {
		for n := range pulls {
			for _, repo := range box.Repos {
				if err := pull(box, repo, n); err != nil {
					return err
				}
				if n > 0 {
					continue
				}
				if _, err := box.GitHub.Comment(repo, "maria", 1, "Looks good."); err != nil {
					return err
				}
				if err := box.GitHub.Label(repo, "maria", 1, "team", true); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return box, hooks, err
}

// database is where the process keeps its work.
func (o *options) database() (url string, end func(), err error) {
	if o.postgres {
		return startPostgres()
	}
	return filepath.Join(o.dir, "salve.db"), func() {}, nil
}

// deliveries measures how webhooks are taken and worked off: the answer, the
// time until each was handled, and whether any was lost.
func deliveries(ctx context.Context, o *options) error {
	box, hooks, err := o.accounts(1)
	if err != nil {
		return err
	}
	defer box.Close()
	p, end, err := o.start(ctx, box)
	if err != nil {
		return err
	}
	defer end()
	mix := map[string]int{}
	s := newSender(p.url, box.Secret)
	warm(ctx, s, p, hooks)
	all := s.storming(ctx, o.rate, int(o.span.Seconds()*float64(o.rate)), func(i int) webhook {
		h := hooks[i*7%len(hooks)] // all kinds of all accounts, in turns
		mix[h.event]++
		return h
	})
	fmt.Printf("%d deliveries in %v over %d installations, %s: %v\n", len(all), o.span, o.installations, o.keeps(), mix)
	o.report(p, all, time.Now().Add(2*time.Minute))
	took, err := p.stop()
	fmt.Printf("stopped in %v: %v%s\n", took.Round(time.Millisecond), err, p.trouble())
	return nil
}

func (o *options) keeps() string {
	if o.postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// start starts a process with a database of its own; end stops both.
func (o *options) start(ctx context.Context, box *sandbox.Sandbox) (p *process, end func(), err error) {
	database, drop, err := o.database()
	if err != nil {
		return nil, nil, err
	}
	environ, err := o.environ(box, database)
	if err == nil {
		p, err = o.serve(ctx, environ, "--remediate", never)
	}
	if err != nil {
		drop()
		return nil, nil, err
	}
	return p, func() { p.cmd.Process.Kill(); drop() }, nil
}

// warm lets the process read every repository once.
func warm(ctx context.Context, s *sender, p *process, hooks []webhook) {
	seen := map[string]bool{}
	var first []webhook
	for _, h := range hooks {
		if h.event == "pull_request" && h.action == "opened" && !seen[h.account] {
			seen[h.account] = true
			first = append(first, h)
		}
	}
	all := s.storming(ctx, 20, len(first), func(i int) webhook { return first[i] })
	wait(p, all, time.Now().Add(time.Minute))
}

// wait returns the deliveries that were not handled by end.
func wait(p *process, all []*sent, end time.Time) (left []*sent) {
	for {
		left = nil
		for _, d := range all {
			if _, ok := p.done(d.guid); !ok {
				left = append(left, d)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// report prints what came of deliveries.
func (o *options) report(p *process, all []*sent, end time.Time) {
	left := wait(p, all, end)
	answers := map[int]int{}
	var took, handled []time.Duration
	for _, d := range all {
		answers[d.status]++
		if d.status == 202 {
			took = append(took, d.took)
		}
		if at, ok := p.done(d.guid); ok {
			handled = append(handled, at.Sub(d.due))
		}
	}
	mb, cpu := p.memory()
	fmt.Printf("answers %v, lost %d\n  answered: %s\n  handled:  %s\n  memory %d MB, %v of CPU\n", answers, len(left), quantiles(took), quantiles(handled), mb, cpu.Round(100*time.Millisecond))
}
