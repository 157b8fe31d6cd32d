package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/salvehq/salve/internal/sandbox"
)

// storm measures what many problems cost: reading every repository and planning
// from nothing, as salve run --dry-run does, and then how fast pull requests
// come at GitHub's pace.
func storm(ctx context.Context, o *options) error {
	for _, share := range []int{100, 10, 1} {
		problems, repos := o.problems/share, o.repos/share
		box, err := city(problems, repos)
		if err != nil {
			return err
		}
		if err := o.plan(ctx, box, problems); err == nil && share == 1 {
			err = o.pace(ctx, box)
		}
		box.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// city has half of its repositories in one account, and the others in accounts
// of five, each repository with ten workloads. Problems are spread evenly.
func city(problems, repos int) (*sandbox.Sandbox, error) {
	t := newTown()
	for i := range repos {
		account := "large"
		if i >= repos/2 {
			account = fmt.Sprintf("small-%03d", i/5)
		}
		t.repository(fmt.Sprintf("%s/app-%04d", account, i), fmt.Sprintf("team-%04d", i), 10)
	}
	for i := range problems {
		t.problem(fmt.Sprintf("team-%04d", i%repos), fmt.Sprintf("app-%d", i/repos%10))
	}
	return t.open()
}

// plan runs one dry cycle in a process of its own.
func (o *options) plan(ctx context.Context, box *sandbox.Sandbox, problems int) error {
	environ, err := o.environ(box, "")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, o.salve, "run", "--dry-run", "--format", "json")
	cmd.Env = environ
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	box.GitHub.ResetJournal()
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("salve run: %w: %.2000s", err, stderr.String())
	}
	took := time.Since(start)
	var v struct{ Pulls []json.RawMessage }
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
		return err
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	fmt.Printf("%d problems, %d repositories: %d planned, %d requests to GitHub, %v of CPU, %v, memory %d MB\n", problems, len(box.Repos), len(v.Pulls),
		len(box.GitHub.Journal()), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(100*time.Millisecond), took.Round(100*time.Millisecond), usage.Maxrss>>10)
	return nil
}

// pace lets the program open pull requests at GitHub's pace for a while.
func (o *options) pace(ctx context.Context, box *sandbox.Sandbox) error {
	database, end, err := o.database()
	if err != nil {
		return err
	}
	defer end()
	environ, err := o.environ(box, database)
	if err != nil {
		return err
	}
	for i, v := range environ {
		if strings.HasPrefix(v, "SALVE_PACING=") {
			environ[i] = "SALVE_PACING=on"
		}
	}
	box.GitHub.ResetJournal()
	p, err := o.serve(ctx, environ, "--remediate", "@every 5s")
	if err != nil {
		return err
	}
	defer p.cmd.Process.Kill()
	fmt.Fprintf(os.Stderr, "opening at GitHub's pace for %v\n", o.span)
	select {
	case <-time.After(o.span):
	case <-ctx.Done():
	}
	mb, cpu := p.memory()
	took, stopErr := p.stop()
	type account struct {
		pulls, writes, labels int
		first, last           time.Time
	}
	all := map[int64]*account{}
	for _, r := range box.GitHub.Journal() {
		if !r.Mutation() || r.Installation == 0 || r.Status >= 400 {
			continue
		}
		a := all[r.Installation]
		if a == nil {
			a = &account{first: r.At}
			all[r.Installation] = a
		}
		a.writes++
		a.last = r.At
		switch r.Route {
		case "POST /repos/{owner}/{repo}/pulls":
			a.pulls++
		case "POST /repos/{owner}/{repo}/labels":
			a.labels++
		}
	}
	pulls, writes := 0, 0
	for _, a := range all {
		pulls, writes = pulls+a.pulls, writes+a.writes
	}
	fmt.Printf("paced for %v: %d pull requests by %d writes in %d accounts; memory %d MB, %v of CPU; stopped in %v: %v\n",
		o.span, pulls, writes, len(all), mb, cpu.Round(100*time.Millisecond), took.Round(time.Millisecond), stopErr)
	if large := all[101]; large != nil && large.pulls > 0 {
		each, later := float64(large.writes)/float64(large.pulls), float64(large.writes-large.labels)/float64(large.pulls)
		fmt.Printf("  the large account: %d pull requests by %d writes in %v: %.1f writes for the first of a repository, which makes its labels, %.1f for others;\n"+
			"  500 writes an hour make %.0f and %.0f pull requests an hour\n",
			large.pulls, large.writes, large.last.Sub(large.first).Round(time.Second), each, later, 500/each, 500/later)
	}
	fmt.Printf("  warned of:%s\n", p.trouble())
	return nil
}
