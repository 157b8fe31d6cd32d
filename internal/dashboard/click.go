package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/prose"
)

// A Desk is what doing what a box says asks of the code host.
type Desk interface {
	Permission(ctx context.Context, repo forge.Repo, login string) (forge.Permission, error)
	// OurPulls returns the open pull requests of this App in a repository.
	OurPulls(ctx context.Context, repo forge.Repo) ([]forge.PullRequest, error)
	// Ours reports whether every commit of a pull request is this App's.
	Ours(ctx context.Context, p forge.PullRequest) (bool, error)
	ClosePull(ctx context.Context, repo forge.Repo, number int, comment string) error
}

// A Clicker does what boxes say. All fields are required.
type Clicker struct {
	Keeper
	Soon func(ctx context.Context) error // runs a cycle
}

// urgent is how long "open it now" holds: if nothing was opened by then, the
// problem is over, or something else speaks against it.
const urgent = 24 * time.Hour

// Answer does what the boxes say that a person has ticked, empties them and
// notes what was done by whom. Who ticked a box is whoever made the edit in
// which it became ticked. What the host does not let that person change is not
// done. Other edits are left alone: the next cycle writes over them.
func (c *Clicker) Answer(ctx context.Context, e forge.Event) error {
	if e.Kind != forge.EventIssues || e.SenderBot || e.Edit.Author != c.App || !e.Edit.Open {
		return nil
	}
	if e.Action == "reopened" {
		return c.Soon(ctx)
	}
	boxes := newlyTicked(e.Edit.From, e.Edit.To)
	if e.Action != "edited" || len(boxes) == 0 {
		return nil
	}
	slices.SortFunc(boxes, func(a, b Box) int { return strings.Compare(string(a.Do)+a.Key, string(b.Do)+b.Key) })
	may, err := c.Host.Permission(ctx, e.Repo, e.Sender)
	if err != nil {
		return err
	}
	var done []Receipt
	for _, b := range boxes {
		what := "not done, since that takes permission to write: " + b.words()
		if may >= forge.PermissionWrite {
			if what, err = c.do(ctx, e, b); err != nil {
				return fmt.Errorf("box %q on %s#%d: %w", b.Do, e.Repo, e.Issue, err)
			}
		}
		c.Log.Info("box of the dashboard", "repo", e.Repo.String(), "issue", e.Issue, "by", e.Sender, "action", b.Do, "key", b.Key, "permission", may.String())
		done = append(done, Receipt{e.At, e.Sender, what})
	}
	return c.receipt(ctx, e, done)
}

// words names what a box would do.
func (b Box) words() string {
	key, err := plan.ParseKey(b.Key)
	if b.Do == Again || err != nil {
		return actions[b.Do]
	}
	return fmt.Sprintf("%s (%s of %s)", actions[b.Do], key.Remedy, key.Place)
}

// do does what one box says, and says what was done. The text of an issue is
// no proof: a box for another repository is not done.
func (c *Clicker) do(ctx context.Context, e forge.Event, b Box) (string, error) {
	if b.Do == Again {
		return "looked at everything again", c.Soon(ctx)
	}
	if key, err := plan.ParseKey(b.Key); err != nil || !strings.EqualFold(key.Repo.String(), e.Repo.String()) {
		return "not done, since it is no box of this dashboard", nil
	}
	switch b.Do {
	case Ignore:
		if err := c.ignore(ctx, e, b.Key); err != nil {
			return "", err
		}
		return "ignored: " + b.what(), c.Soon(ctx)
	case Reopen:
		if err := propose.Reconsider(ctx, c.Notes, b.Key, e.At); err != nil {
			return "", err
		}
		return "proposed again: " + b.what(), c.Soon(ctx)
	case Now:
		if err := c.Notes.Put(ctx, propose.Urgent, b.Key, []byte(e.Sender), e.At.Add(urgent)); err != nil {
			return "", err
		}
		return "opened in spite of limits, if nothing else speaks against it: " + b.what(), c.Soon(ctx)
	}
	return "looked at again: " + b.what(), c.Soon(ctx)
}

// what names the change of a box.
func (b Box) what() string {
	key, err := plan.ParseKey(b.Key)
	if err != nil {
		return b.Key
	}
	return key.Remedy + " of " + key.Place
}

// ignore remembers that people do not want a change, and closes its pull
// request, unless that holds commits of people.
func (c *Clicker) ignore(ctx context.Context, e forge.Event, key string) error {
	if err := c.Notes.Put(ctx, propose.Ignored, key, []byte(e.Sender), time.Time{}); err != nil {
		return err
	}
	open, err := c.Host.OurPulls(ctx, e.Repo)
	if err != nil {
		return err
	}
	for _, p := range open {
		if m, ok := forge.ParseMarker(p.Body); !ok || !plan.SameChange(m.Key, key) {
			continue
		}
		ours, err := c.Host.Ours(ctx, p)
		if err != nil || !ours {
			return err
		}
		return c.Host.ClosePull(ctx, e.Repo, p.Number, fmt.Sprintf(
			"Ignored for %s on the dashboard, and not proposed again until somebody says so there, or `/salve reopen` here.", prose.Neutralise(e.Sender)))
	}
	return nil
}

// receipt empties the boxes and shows what was done.
func (c *Clicker) receipt(ctx context.Context, e forge.Event, done []Receipt) error {
	all, err := c.note(ctx, e.Repo, done...)
	if err != nil {
		return err
	}
	issue, err := c.Host.Issue(ctx, e.Repo, e.Issue)
	if err != nil || !issue.Open || issue.Author != c.App {
		return err
	}
	text := withReceipts(cleared(plain(issue.Body)), all)
	if text == plain(issue.Body) {
		return nil
	}
	return c.Host.EditIssue(ctx, e.Repo, e.Issue, text, true)
}
