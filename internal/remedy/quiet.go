package remedy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// Quiet is how long the problems of a pull request stay away before it is
// closed: what kills a container under load comes back with the load.
const Quiet = 14 * 24 * time.Hour

// quietSince begins the text of the status on a pull request whose problems
// have closed. The date in it is the only memory of when that was: it is on
// GitHub, so it outlives the database.
const quietSince = "quiet since "

// quiet keeps the status of a pull request whose problems have closed, and
// closes it after a while. One that holds commits of people is left to them.
func quiet(ctx context.Context, pulls Pulls, p forge.PullRequest, now time.Time) error {
	if err := pulls.Hold(ctx, p); err != nil {
		return fmt.Errorf("auto-merge of %s#%d: %w", p.Repo, p.Number, err)
	}
	statuses, err := pulls.Statuses(ctx, p.Repo, p.Head)
	if err != nil {
		return fmt.Errorf("statuses of %s#%d: %w", p.Repo, p.Number, err)
	}
	since := began(statuses, p.Author, now)
	end := since.Add(Quiet)
	if !now.Before(end) {
		ours, err := pulls.Ours(ctx, p)
		if err != nil {
			return fmt.Errorf("commits of %s#%d: %w", p.Repo, p.Number, err)
		}
		if ours {
			return pulls.ClosePull(ctx, p.Repo, p.Number, fmt.Sprintf(
				"The problems that this answers have stayed away since %s. If they come back, it is proposed again.", since.Format(time.DateOnly)))
		}
	}
	return pulls.SetStatus(ctx, p.Repo, p.Head, forge.CommitStatus{
		Context: forge.ContextRemediation, State: forge.Pending,
		Description: fmt.Sprintf("%s%s: merge it if it should not come back; closes on %s",
			quietSince, since.Format(time.DateOnly), end.Format(time.DateOnly)),
	})
}

// began is the day on which a pull request went quiet by its own status; the
// day of now if it says nothing. A status that somebody else wrote does not
// count, nor does a day to come.
func began(statuses []forge.CommitStatus, author string, now time.Time) time.Time {
	today := now.UTC().Truncate(24 * time.Hour)
	for _, s := range statuses {
		text, ok := strings.CutPrefix(s.Description, quietSince)
		if !ok || s.Context != forge.ContextRemediation || s.State != forge.Pending || s.Creator != author {
			continue
		}
		day, err := time.Parse(time.DateOnly, text[:min(len(text), len(time.DateOnly))])
		if err == nil && !day.After(today) {
			return day
		}
	}
	return today
}
