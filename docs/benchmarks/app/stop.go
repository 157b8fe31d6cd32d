package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// stopped asks the process to stop in the middle of the deliveries, and starts
// another one with the same database: what was accepted is handled by one of
// the two.
func stopped(ctx context.Context, o *options) error {
	box, hooks, err := o.accounts(1)
	if err != nil {
		return err
	}
	defer box.Close()
	database, end, err := o.database()
	if err != nil {
		return err
	}
	defer end()
	environ, err := o.environ(box, database)
	if err != nil {
		return err
	}
	p, err := o.serve(ctx, environ, "--remediate", "* * * * *")
	if err != nil {
		return err
	}
	defer p.cmd.Process.Kill()
	s := newSender(p.url, box.Secret)
	warm(ctx, s, p, hooks)
	var wg sync.WaitGroup
	var took time.Duration
	var fail error
	health := &watch{url: p.url + "/healthz", end: make(chan struct{})}
	wg.Go(health.run)
	wg.Go(func() {
		time.Sleep(o.span / 2)
		took, fail = p.stop()
		close(health.end)
	})
	all := s.storming(ctx, o.rate, int(o.span.Seconds()*float64(o.rate)), func(i int) webhook { return hooks[i*7%len(hooks)] })
	wg.Wait()
	next, err := o.serve(ctx, environ, "--remediate", never)
	if err != nil {
		return err
	}
	defer next.cmd.Process.Kill()
	var accepted []*sent
	for _, d := range all {
		if d.status == 202 {
			accepted = append(accepted, d)
		}
	}
	began := time.Now()
	var left []*sent
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		left = nil
		for _, d := range accepted {
			_, first := p.done(d.guid)
			if _, second := next.done(d.guid); !first && !second {
				left = append(left, d)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	fmt.Printf("%s: asked to stop after %v of %d deliveries a second: ended in %v (%v); %d of %d accepted, the rest refused as nobody listened\n",
		o.keeps(), o.span/2, o.rate, took.Round(time.Millisecond), fail, len(accepted), len(all))
	fmt.Printf("  of the accepted, %d were left; the next process was done after %v; lost %d\n", leftBy(p, accepted), time.Since(began).Round(time.Millisecond), len(left))
	fmt.Printf("  %s%s%s\n", health, p.trouble(), next.trouble())
	_, err = next.stop()
	return err
}

// leftBy is how many deliveries a process accepted and did not handle.
func leftBy(p *process, accepted []*sent) (n int) {
	for _, d := range accepted {
		if _, ok := p.done(d.guid); !ok {
			n++
		}
	}
	return n
}

// A watch asks for the health of a process, as an orchestrator does.
type watch struct {
	url    string
	end    chan struct{}
	took   []time.Duration
	failed int
}

func (w *watch) run() {
	client := &http.Client{Timeout: time.Second}
	for {
		select {
		case <-w.end:
			return
		case <-time.After(200 * time.Millisecond):
		}
		start := time.Now()
		resp, err := client.Get(w.url)
		if err != nil {
			w.failed++
			continue
		}
		resp.Body.Close()
		w.took = append(w.took, time.Since(start))
	}
}

func (w *watch) String() string {
	return fmt.Sprintf("healthz: %s; %d without an answer", quantiles(w.took), w.failed)
}
