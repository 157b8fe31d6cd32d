package remedy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/propose"
	"github.com/salvehq/salve/internal/prose"
)

// A Desk is what answering a command asks of the code host.
type Desk interface {
	Pull(ctx context.Context, repo forge.Repo, number int) (forge.PullRequest, error)
	Permission(ctx context.Context, repo forge.Repo, login string) (forge.Permission, error)
	Statuses(ctx context.Context, repo forge.Repo, at forge.SHA) ([]forge.CommitStatus, error)
	Ours(ctx context.Context, p forge.PullRequest) (bool, error)
	ClosePull(ctx context.Context, repo forge.Repo, number int, comment string) error
	Comment(ctx context.Context, repo forge.Repo, number int, tag, body string) error
	React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error
}

// A Clerk answers the commands that people write on this App's pull requests.
// All fields are required.
type Clerk struct {
	Desk   Desk
	Wishes propose.Wishes
	App    string                          // login
	Soon   func(ctx context.Context) error // runs a cycle
	Log    *slog.Logger
}

const help = "On this pull request I listen to whoever may write here:\n\n" +
	"- `/salve retry` or `/salve rebase`: look at the problem and the file again, now\n" +
	"- `/salve ignore`, `/salve ignore for 7d` (`h`, `d` or `w`): close this, and do not propose it again\n" +
	"- `/salve reopen`: forget that this was closed or ignored\n" +
	"- `/salve explain`: what this answers, and what I think of it now\n" +
	"- `/salve help`: this list\n"

var commandLine = regexp.MustCompile(`^/salve(?: +([a-z-]{1,20})(?: +for +(\d{1,3})([hdw]))?)?$`)

// commands maps each word to what it takes and what it does.
var commands = map[string]struct {
	needs forge.Permission
	do    func(*Clerk, context.Context, order) error
}{
	"help":    {forge.PermissionRead, (*Clerk).help},
	"explain": {forge.PermissionRead, (*Clerk).explain},
	"retry":   {forge.PermissionWrite, (*Clerk).retry},
	"rebase":  {forge.PermissionWrite, (*Clerk).retry},
	"ignore":  {forge.PermissionWrite, (*Clerk).ignore},
	"reopen":  {forge.PermissionWrite, (*Clerk).reopen},
}

// An order is a command with what it is about.
type order struct {
	pull  forge.PullRequest
	key   string
	by    string
	span  time.Duration // of "for"; zero if it was not said
	given time.Time
}

// Answer does what a new comment asks for, and leaves a reaction on it as the
// receipt: a rocket for what is done, a thumb down for who may not, and a
// confused face for what is not understood. A comment that is no command, or
// not on a pull request of this App, is left alone. Answering the same comment
// again changes nothing more.
func (c *Clerk) Answer(ctx context.Context, e forge.Event) error {
	line, _, _ := strings.Cut(e.Comment.Body, "\n")
	line = strings.TrimRight(line, " \t\r")
	if e.SenderBot || line != "/salve" && !strings.HasPrefix(line, "/salve ") {
		return nil
	}
	pull, err := c.Desk.Pull(ctx, e.Repo, e.Issue)
	if errors.Is(err, forge.ErrNotFound) {
		return nil // an issue
	}
	if err != nil {
		return err
	}
	m, ok := forge.ParseMarker(pull.Body)
	if !ok || pull.Author != c.App {
		return nil
	}
	words := commandLine.FindStringSubmatch(line)
	if words == nil {
		words = []string{line, "", "", ""}
	}
	cmd, ok := commands[words[1]]
	if !ok && !theirs(line) {
		return errors.Join(c.help(ctx, order{pull: pull}), c.Desk.React(ctx, e.Repo, e.Comment.ID, "confused"))
	} else if !ok {
		return nil
	}
	has, err := c.Desk.Permission(ctx, e.Repo, e.Comment.Author)
	if err != nil {
		return err
	}
	if has < cmd.needs {
		c.Log.Warn("command refused", "repo", e.Repo.String(), "pull", pull.Number, "by", e.Comment.Author, "permission", has.String())
		return c.Desk.React(ctx, e.Repo, e.Comment.ID, "-1")
	}
	err = cmd.do(c, ctx, order{pull, plan.KeyIn(e.Repo, m.Key), e.Comment.Author, span(words[2], words[3]), e.At})
	if err != nil {
		return fmt.Errorf("%s on %s#%d: %w", line, e.Repo, pull.Number, err)
	}
	return c.Desk.React(ctx, e.Repo, e.Comment.ID, "rocket")
}

// theirs reports whether a command is for the gates.
func theirs(line string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "/salve")), " ")
	return word == "fixes" || word == "break-glass"
}

// span is how long "7d" is.
func span(n, unit string) time.Duration {
	count, _ := strconv.Atoi(n) // three digits at most
	return time.Duration(count) * map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[unit]
}

func (c *Clerk) help(ctx context.Context, o order) error {
	return c.Desk.Comment(ctx, o.pull.Repo, o.pull.Number, "help", help)
}

func (c *Clerk) retry(ctx context.Context, _ order) error { return c.Soon(ctx) }

// ignore closes a pull request and remembers that people do not want it. One
// that holds their commits is theirs to close.
func (c *Clerk) ignore(ctx context.Context, o order) error {
	until := "until somebody says `/salve reopen` here"
	var expires time.Time
	if o.span > 0 {
		expires = o.given.Add(o.span).UTC()
		until = "until " + expires.Format("2006-01-02 15:04 UTC")
	}
	if err := c.Wishes.Put(ctx, propose.Ignored, o.key, []byte(o.by), expires); err != nil {
		return err
	}
	if !o.pull.Open {
		return nil
	}
	ours, err := c.Desk.Ours(ctx, o.pull)
	if err != nil || !ours {
		return err
	}
	return c.Desk.ClosePull(ctx, o.pull.Repo, o.pull.Number, fmt.Sprintf("Ignored for %s, and not proposed again %s.", prose.Neutralise(o.by), until))
}

// reopen forgets that people said no.
func (c *Clerk) reopen(ctx context.Context, o order) error {
	if err := propose.Reconsider(ctx, c.Wishes, o.key, o.given); err != nil {
		return err
	}
	return c.Soon(ctx)
}

// explain says what a pull request is for and how it stands.
func (c *Clerk) explain(ctx context.Context, o order) error {
	m, _ := forge.ParseMarker(o.pull.Body)
	statuses, err := c.Desk.Statuses(ctx, o.pull.Repo, o.pull.Head)
	if err != nil {
		return err
	}
	now := "no status yet"
	for _, s := range statuses {
		if s.Context == forge.ContextRemediation && s.Creator == c.App {
			now = string(s.State) + ", " + prose.Neutralise(s.Description)
		}
	}
	return c.Desk.Comment(ctx, o.pull.Repo, o.pull.Number, "explain", fmt.Sprintf(
		"It changes %s to %s, because of %d open or recent problems; the evidence stands in the description above.\n\nHow it stands: %s.",
		prose.Neutralise(m.From), prose.Neutralise(m.To), len(m.Problems), now))
}
