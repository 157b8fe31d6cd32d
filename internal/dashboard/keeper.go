package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/propose"
)

// A Host is what a dashboard asks of the code host.
type Host interface {
	// OurIssues returns the issues of this App that changed at or after since.
	OurIssues(ctx context.Context, repo forge.Repo, since time.Time) ([]forge.Issue, error)
	// Issue reads one issue, with who closed it.
	Issue(ctx context.Context, repo forge.Repo, number int) (forge.Issue, error)
	CreateIssue(ctx context.Context, repo forge.Repo, title, body string) (forge.Issue, error)
	EditIssue(ctx context.Context, repo forge.Repo, number int, body string, open bool) error
	Desk
}

// A Keeper keeps the dashboards of repositories. All fields are required, but
// for Notes, without which receipts are forgotten.
type Keeper struct {
	Host  Host
	Notes propose.Wishes // where receipts and the wishes of people are kept; nil where there is no database
	App   string         // login
	Log   *slog.Logger
}

// Kept is the bucket of Notes that names the repositories with a dashboard.
const Kept = "dashboard"

// receipts is the bucket with what was done last in each repository.
const receipts = "receipts"

// retired begins the body of an issue that was a dashboard too many.
const retired = "<!-- salve:retired -->\n"

// lately is how far back a dashboard is looked for before all issues are.
const lately = 30 * 24 * time.Hour

// settling is how long a ticked box is left as it is: the event that says who
// ticked it may be on its way.
const settling = 2 * time.Minute

// Keep brings the dashboard of a repository up to date: it opens the issue if
// there is none, and changes it if it says something else. One that a person
// closed stays as it is.
func (k *Keeper) Keep(ctx context.Context, repo forge.Repo, b Board, now time.Time) error {
	issue, off, err := k.find(ctx, repo, now)
	if err != nil || off {
		return err
	}
	if b.Receipts, err = k.receipts(ctx, repo); err != nil {
		return err
	}
	if issue.Number == 0 {
		return k.create(ctx, repo, b.Render())
	}
	if boxes := ticked(issue.Body); len(boxes) > 0 && issue.Open {
		if now.Sub(issue.UpdatedAt) < settling {
			return nil
		}
		r := Receipt{now, "nobody I know of", "a box was ticked, and I was not told by whom; tick it again"}
		if b.Receipts, err = k.note(ctx, repo, r); err != nil {
			return err
		}
	}
	text := b.Render()
	if issue.Open && plain(issue.Body) == text {
		return nil
	}
	return k.Host.EditIssue(ctx, repo, issue.Number, text, true)
}

// plain is a body as this program writes it: browsers end lines in two bytes.
func plain(body string) string { return strings.ReplaceAll(body, "\r\n", "\n") }

// create opens the issue. Where another process did the same at the same time,
// the first one stays.
func (k *Keeper) create(ctx context.Context, repo forge.Repo, text string) error {
	made, err := k.Host.CreateIssue(ctx, repo, Title, text)
	if err != nil {
		return err
	}
	k.Log.Info("dashboard opened", "repo", repo.String(), "issue", made.Number)
	if k.Notes != nil {
		if err := k.Notes.Put(ctx, Kept, repo.String(), []byte{}, time.Time{}); err != nil {
			return err
		}
	}
	_, _, err = k.find(ctx, repo, made.UpdatedAt)
	return err
}

// find returns the dashboard of a repository, a zero issue if there is none;
// off says that a person closed it. Open ones too many are closed.
//
// The dashboard is the one kind of issue that this program opens, so a person
// who takes the mark out of it makes no second one.
func (k *Keeper) find(ctx context.Context, repo forge.Repo, now time.Time) (issue forge.Issue, off bool, err error) {
	open, closed, err := k.boards(ctx, repo, now.Add(-lately))
	if err == nil && len(open)+len(closed) == 0 {
		open, closed, err = k.boards(ctx, repo, time.Time{})
	}
	if err != nil {
		return forge.Issue{}, false, err
	}
	if len(open) > 0 {
		first, rest := oldest(open)
		for _, i := range rest {
			text := fmt.Sprintf("%sThe dashboard is #%d.", retired, first.Number)
			if err := k.Host.EditIssue(ctx, repo, i.Number, text, false); err != nil {
				return forge.Issue{}, false, err
			}
		}
		return first, false, nil
	}
	if len(closed) == 0 {
		return forge.Issue{}, false, nil
	}
	last, _ := oldest(closed)
	if last, err = k.Host.Issue(ctx, repo, last.Number); err != nil {
		return forge.Issue{}, false, err
	}
	return last, last.ClosedBy != k.App, nil
}

// boards returns the dashboards that changed at or after since, those too many
// left out that were closed as such.
func (k *Keeper) boards(ctx context.Context, repo forge.Repo, since time.Time) (open, closed []forge.Issue, err error) {
	all, err := k.Host.OurIssues(ctx, repo, since)
	for _, i := range all {
		switch {
		case i.Author != k.App || strings.HasPrefix(plain(i.Body), retired):
		case i.Open:
			open = append(open, i)
		default:
			closed = append(closed, i)
		}
	}
	return open, closed, err
}

// oldest returns the issue with the lowest number, and the others.
func oldest(all []forge.Issue) (first forge.Issue, rest []forge.Issue) {
	for _, i := range all {
		switch {
		case first.Number == 0:
			first = i
		case i.Number < first.Number:
			first, rest = i, append(rest, first)
		default:
			rest = append(rest, i)
		}
	}
	return first, rest
}

// End closes the dashboard of a repository that no longer asks for one.
func (k *Keeper) End(ctx context.Context, repo forge.Repo, now time.Time) error {
	issue, off, err := k.find(ctx, repo, now)
	if err != nil {
		return err
	}
	if issue.Open && !off {
		text := mark + "\nThis dashboard is switched off: the configuration does not ask for it. With `dashboard: true` it is opened again.\n"
		if err := k.Host.EditIssue(ctx, repo, issue.Number, text, false); err != nil {
			return err
		}
	}
	if k.Notes == nil {
		return nil
	}
	return k.Notes.Delete(ctx, Kept, repo.String())
}

// receipts returns what was done last in a repository on the word of people.
func (k *Keeper) receipts(ctx context.Context, repo forge.Repo) ([]Receipt, error) {
	if k.Notes == nil {
		return nil, nil
	}
	text, found, err := k.Notes.Get(ctx, receipts, repo.String())
	if err != nil || !found {
		return nil, err
	}
	var all []Receipt
	if err := json.Unmarshal(text, &all); err != nil {
		k.Log.Warn("receipts forgotten", "repo", repo.String(), "err", err)
		return nil, nil
	}
	return all, nil
}

// note adds receipts, but for those that an attempt before has added, and
// returns all that are kept.
func (k *Keeper) note(ctx context.Context, repo forge.Repo, r ...Receipt) ([]Receipt, error) {
	all, err := k.receipts(ctx, repo)
	if err != nil {
		return nil, err
	}
	r = slices.DeleteFunc(slices.Clone(r), func(r Receipt) bool { return slices.ContainsFunc(all, r.same) })
	all = append(r, all...)
	all = all[:min(len(all), maxReceipts)]
	if k.Notes == nil {
		return all, nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	return all, k.Notes.Put(ctx, receipts, repo.String(), text, time.Time{})
}
