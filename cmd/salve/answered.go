package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/remedy"
)

// bucketAnswered holds what came of each task when it was answered last. With
// the database lost, all are answered again.
const bucketAnswered = "answered"

// settledFor is how long a task whose pull request is as it should be is not
// answered again while nothing about it has changed. After it what others did
// to the pull request is put right, if no event told of it.
const settledFor = time.Hour

// An answered task is what is remembered of it.
type answered struct {
	Digest string // of the task; empty if it is to be answered again
	Answer remedy.Answer
}

// digest names everything that a task was made from, its repository at that
// commit among it.
func digest(t remedy.Task) (string, error) {
	t.Asked, t.Problem.Updated = time.Time{}, time.Time{}
	text, err := json.Marshal(t)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
}

// remember keeps what came of a task. One that failed is to be answered again.
func (w *worker) remember(ctx context.Context, t remedy.Task, a remedy.Answer, failed error) error {
	kept := answered{Answer: remedy.Answer{Reason: a.Reason, Pull: a.Pull}}
	kept.Answer.Pull.Body = ""
	if p := a.Planned; p.Proposal.Key != "" {
		kept.Answer.Planned = remedy.Planned{
			Plan: plan.Plan{From: p.From, To: p.To, Rule: p.Rule, Proposal: forge.Proposal{
				Key: p.Proposal.Key, Repo: p.Proposal.Repo, Branch: p.Proposal.Branch, Title: p.Proposal.Title,
			}},
			Problems: p.Problems, Opened: forge.Opened{Pull: kept.Answer.Pull, Action: p.Opened.Action},
		}
	}
	if failed == nil && a.Reason.None() && a.Pull.Open {
		var err error
		if kept.Digest, err = digest(t); err != nil {
			return err
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return w.queue.Put(ctx, bucketAnswered, assignment{Problem: &t}.name(), text, time.Now().Add(settledFor))
}

// recall tells a report what came of its tasks the last time, and returns the
// tasks that are to be answered. What is no task any more is forgotten: when it
// comes back, its pull request may say something else.
func (w *worker) recall(ctx context.Context, report *remedy.Report) ([]remedy.Task, error) {
	known, old := map[string]answered{}, map[string]bool{}
	for f, err := range w.queue.List(ctx, bucketAnswered) {
		if err != nil {
			return report.Tasks, err
		}
		var a answered
		if err := json.Unmarshal(f.Value, &a); err == nil {
			known[f.Name] = a
		}
		old[f.Name] = true
	}
	var due []remedy.Task
	last := map[string]remedy.Answer{}
	for _, t := range report.Tasks {
		name := assignment{Problem: &t}.name()
		delete(old, name)
		a, ok := known[name]
		if ok {
			last[t.Key] = a.Answer
		}
		if now, err := digest(t); !ok || err != nil || a.Digest != now {
			due = append(due, t)
		}
	}
	report.Settle(last)
	for name := range old {
		if err := w.queue.Delete(ctx, bucketAnswered, name); err != nil {
			return due, err
		}
	}
	return due, nil
}

// unsettle has the tasks of a repository answered by the next cycle, those of one
// branch if it is not empty.
func (w *worker) unsettle(ctx context.Context, repo forge.Repo, branch string) error {
	if branch != "" {
		return w.queue.Delete(ctx, bucketAnswered, repo.String()+" "+branch)
	}
	for f, err := range w.queue.List(ctx, bucketAnswered) {
		if err != nil {
			return err
		}
		if strings.HasPrefix(f.Name, repo.String()+" ") {
			if err := w.queue.Delete(ctx, bucketAnswered, f.Name); err != nil {
				return fmt.Errorf("forget %s: %w", f.Name, err)
			}
		}
	}
	return nil
}
