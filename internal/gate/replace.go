package gate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/plan"
)

// replace makes k the deployment that an environment runs, and judges the one
// that it replaces by what was seen until then: what happens after that is not
// its fault, and it was not watched long enough to be healthy.
func (c *Checker) replace(ctx context.Context, repo *plan.Repository, k *Case, now time.Time) error {
	name := digest(strings.ToLower(k.Repo.String()), string(k.Gate), k.Environment)
	id, found, err := c.Store.Get(ctx, bucketRunning, name)
	if err != nil || found && string(id) == k.ID {
		return err
	}
	before, found, err := c.Case(ctx, string(id))
	if err != nil || found && before.Opened.After(k.Opened) { // this event comes late
		return err
	}
	if err := c.Store.Put(ctx, bucketRunning, name, []byte(k.ID), now.Add(kept)); err != nil || !found || before.Done {
		return err
	}
	before.Deadline, before.Replaced = k.Opened, k.Head
	if err := c.save(ctx, &before, now); err != nil {
		return err
	}
	return c.deployment(ctx, repo, before, now)
}

// unless lowers the verdict on a deployment that was replaced before the end of
// its window: it may have failed, but it was not seen to be healthy.
func (k *Case) unless(d *Decision) {
	if k.Replaced == "" || d.Verdict == Block {
		return
	}
	d.Verdict = Undecided
	d.Why = fmt.Sprintf("replaced by %s after %v: %s", k.Replaced.Short(), k.Deadline.Sub(k.Opened).Round(time.Second), d.Why)
}
