package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/sandbox"
)

func demoCommand(env *environment) *cobra.Command {
	var world, format string
	var hold bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the main job on an embedded world and show what comes of it",
		Long: `Start a GitHub and a Dynatrace tenant on loopback, fill them with the demo world, and run one cycle over the real
protocols: problems are classified, pull requests opened, a person's pull request is blocked by the gate and its merge
refused. Then a second process with an empty memory runs again, and opens nothing.`,
		Example: `  salve demo
  salve demo --format json | jq '.pulls[] | {repo, title}'
  salve demo --serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := openWorld(world)
			if err != nil {
				return err
			}
			return classify(demo(cmd.Context(), env, w, format, hold))
		},
	}
	cmd.Flags().StringVar(&world, "world", "", "`directory` with repos/OWNER/NAME and *.jsonl, in place of the embedded world")
	cmd.Flags().BoolVar(&hold, "serve", false, "leave both servers up, and say how to look at them")
	formatFlag(cmd, &format)
	return cmd
}

// A demoView is what salve demo --format json prints.
type demoView struct {
	Pulls         []pullView     `json:"pulls"`
	Decisions     []decisionView `json:"decisions"`
	MergesRefused []refusedView  `json:"merges_refused"`
	SecondCycle   secondView     `json:"second_cycle"`
	Requests      requestsView   `json:"requests"` // of the first cycle, as GitHub counted them
}

// A requestsView counts what the first cycle cost.
type requestsView struct {
	Reads  int `json:"reads"`
	Writes int `json:"writes"` // without those that only ask for a token
	Tokens int `json:"tokens"`
	Opened int `json:"opened"`
}

type refusedView struct {
	Repo    string `json:"repo"`
	Number  int    `json:"number"`
	Context string `json:"context"` // the required status that stands against the merge
	Message string `json:"message"`
}

type secondView struct {
	Opened int `json:"opened"`
}

// demo plays the main job from end to end.
func demo(ctx context.Context, env *environment, world fs.FS, format string, hold bool) error {
	box, err := sandbox.Start(sandbox.Options{World: world, Now: frozen})
	if err != nil {
		return err
	}
	defer box.Close()
	keyFile, remove, err := writeKey(box, "")
	if err != nil {
		return err
	}
	defer remove()
	stage := &stage{box: box, env: env, progress: &printer{w: env.Stderr}, environ: box.Environ(keyFile), dir: filepath.Dir(keyFile)}
	view, err := stage.play(ctx)
	if format == "json" {
		err = errors.Join(err, writeJSON(env.Stdout, view))
	} else {
		err = errors.Join(err, printDemo(env, view))
	}
	if err != nil || !hold {
		return err
	}
	stage.directions()
	<-ctx.Done()
	return nil
}

// A stage is where the demo plays.
type stage struct {
	box      *sandbox.Sandbox
	env      *environment
	progress *printer
	environ  []string
	dir      string // temporary
	app      *app
}

// play runs the acts in order.
func (s *stage) play(ctx context.Context) (demoView, error) {
	if err := s.wire(); err != nil {
		return demoView{}, err
	}
	defer s.app.close()
	s.progress.f("asking the tenant about problems and noisy detectors …\n")
	first, failed := s.app.cycle(ctx, sandbox.WorldTime)
	view := demoView{Pulls: pullsOf(first), Decisions: decisionsOf(first), MergesRefused: []refusedView{}}
	view.Requests = s.count(opened(first))

	s.progress.f("a person opens a pull request …\n")
	pull, refused, err := s.person(ctx)
	if err != nil {
		return demoView{}, err
	}
	if pull.Number > 0 {
		view.Pulls = append(view.Pulls, pull)
		view.MergesRefused = append(view.MergesRefused, refused)
	}
	if err := s.statuses(ctx, view.Pulls); err != nil {
		return demoView{}, err
	}
	s.progress.f("a second process, with an empty memory, runs again …\n")
	view.SecondCycle.Opened, err = s.again(ctx)
	return view, errors.Join(failed, err)
}

// count is what GitHub has seen so far.
func (s *stage) count(opened int) requestsView {
	v := requestsView{Opened: opened}
	for _, r := range s.box.GitHub.Journal() {
		switch {
		case strings.HasSuffix(r.Path, "/access_tokens"):
			v.Tokens++
		case r.Method == "GET" || r.Method == "HEAD" || strings.HasSuffix(r.Path, "/graphql"):
			v.Reads++
		default:
			v.Writes++
		}
	}
	return v
}

// wire opens the program on the sandbox by the documented variables alone.
func (s *stage) wire() error {
	vars := map[string]string{}
	for _, v := range s.environ {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	env := &environment{Getenv: func(name string) string { return vars[name] }, Stderr: s.env.Stderr, Now: s.env.Now}
	set := &settings{}
	cmd := serveFlags(set, env)
	if err := cmd.ParseFlags(nil); err != nil {
		return err
	}
	if err := set.secrets(env); err != nil {
		return err
	}
	if err := set.validate(true); err != nil {
		return err
	}
	var err error
	s.app, err = set.open(slog.New(slog.NewTextHandler(s.env.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))) // what was measured stands in the rules
	return err
}

// person opens a pull request on a workload with a critical problem, lets the
// webhook do its work, and tries to merge.
func (s *stage) person(ctx context.Context) (pullView, refusedView, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return pullView{}, refusedView{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- s.app.serve(ctx, l, &settings{remediate: "@yearly", tune: "@yearly", gates: "@yearly", database: filepath.Join(s.dir, "salve.db")})
	}()

	if err := s.box.Protect(forge.ContextPreDeployment); err != nil {
		return pullView{}, refusedView{}, err
	}
	pull, err := s.box.PersonalChange("http://" + l.Addr().String() + "/webhook")
	if err != nil || pull.Number == 0 {
		return pullView{}, refusedView{}, err
	}
	if err := s.decided(ctx, pull); err != nil {
		return pullView{}, refusedView{}, err
	}
	refused, err := s.box.TryMerge(pull)
	if err != nil {
		return pullView{}, refusedView{}, err
	}
	remarks, err := s.remarks(ctx, pull)
	if err != nil {
		return pullView{}, refusedView{}, err
	}
	stop()
	return pullView{
			Repo: pull.Repo, Number: pull.Number, Branch: pull.Branch, Title: pull.Title, Diff: pull.Diff, Author: pull.Author, Labels: []string{}, Remarks: remarks,
		}, refusedView{pull.Repo, pull.Number, forge.ContextPreDeployment, refused},
		<-served
}

// decided waits until the gate has said what it thinks of a pull request.
func (s *stage) decided(ctx context.Context, pull sandbox.Pull) error {
	deadline := time.After(20 * time.Second)
	for {
		statuses, err := s.read(ctx, pull.Repo, forge.SHA(pull.Head))
		if err != nil {
			return err
		}
		for _, st := range statuses {
			if st.Context == forge.ContextPreDeployment && st.State != string(forge.Pending) {
				return nil
			}
		}
		select {
		case <-deadline:
			return errors.New("the gate said nothing about the person's pull request within 20 s")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// remarks waits until the person's pull request, which gives less memory to what
// runs out of it, has a remark on that line, and returns what it says.
func (s *stage) remarks(ctx context.Context, pull sandbox.Pull) ([]string, error) {
	r, err := forge.ParseRepo(pull.Repo)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		all, err := s.app.host.Remarks(ctx, r, pull.Number)
		if err != nil || len(all) > 0 || time.Now().After(end) {
			var out []string
			for _, m := range all {
				out = append(out, fmt.Sprintf("%s:%d %s", m.Path, m.Line, strings.Join(strings.Fields(strings.SplitAfter(m.Body, "\n\n")[0]), " ")))
			}
			return out, err
		}
	}
}

// read returns the statuses of a commit as GitHub has them.
func (s *stage) read(ctx context.Context, repo string, head forge.SHA) ([]statusView, error) {
	r, err := forge.ParseRepo(repo)
	if err != nil {
		return nil, err
	}
	c, err := s.app.host.client(r)
	if err != nil {
		return nil, err
	}
	all, err := c.Statuses(ctx, r, head)
	out := []statusView{}
	for _, st := range all {
		out = append(out, statusView{st.Context, string(st.State), st.Description})
	}
	return out, err
}

// statuses fills in what GitHub says of the head of each pull request.
func (s *stage) statuses(ctx context.Context, pulls []pullView) error {
	for i, p := range pulls {
		r, err := forge.ParseRepo(p.Repo)
		if err != nil {
			return err
		}
		c, err := s.app.host.client(r)
		if err != nil {
			return err
		}
		pull, err := c.Pull(ctx, r, p.Number)
		if err != nil {
			return err
		}
		if pulls[i].Statuses, err = s.read(ctx, p.Repo, pull.Head); err != nil {
			return err
		}
	}
	return nil
}

// directions says how to look at the servers.
func (s *stage) directions() {
	s.progress.f("\nBoth servers are up; interrupt to stop. GitHub's REST API, as a person sees it:\n\n")
	for _, repo := range s.box.Repos {
		s.progress.f("  curl -s -H 'Authorization: Bearer %s' '%srepos/%s/pulls?state=all'\n", s.box.PersonToken, s.box.GitHubURL, repo)
	}
	s.progress.f("\nand for salve itself:\n\n")
	for _, v := range s.environ {
		s.progress.f("  export %s\n", v)
	}
}

// printDemo prints the demo for people.
func printDemo(env *environment, v demoView) error {
	p := &printer{w: env.Stdout}
	for _, pull := range v.Pulls {
		p.pull(pull)
	}
	p.f("\nLeft alone, with the reason:\n")
	p.decisions(v.Decisions)
	p.f("\nMerge refused:\n")
	for _, m := range v.MergesRefused {
		p.f("  %s#%d by %s: %s\n", m.Repo, m.Number, m.Context, clean(m.Message))
	}
	p.f("\nThe first cycle cost %d reads and %d writes on GitHub, and %d tokens, for %d pull requests\n",
		v.Requests.Reads, v.Requests.Writes, v.Requests.Tokens, v.Requests.Opened)
	p.f("Second cycle, in a new process with an empty memory: %d opened\n", v.SecondCycle.Opened)
	return p.err
}
