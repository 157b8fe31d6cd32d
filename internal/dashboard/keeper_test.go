package dashboard

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

const bot = "salve[bot]"

var shop = forge.Repo{Owner: "acme", Name: "shop"}

// A tray holds issues as a code host does, and counts what is written.
type tray struct {
	issues []forge.Issue
	writes int
	rival  bool // another process opens an issue a moment before we do
	Desk
}

func (h *tray) OurIssues(_ context.Context, _ forge.Repo, since time.Time) (out []forge.Issue, err error) {
	for _, i := range h.issues {
		if !i.UpdatedAt.Before(since) {
			out = append(out, i)
		}
	}
	return out, nil
}

func (h *tray) Issue(_ context.Context, _ forge.Repo, number int) (forge.Issue, error) {
	return h.issues[number-1], nil
}

func (h *tray) CreateIssue(_ context.Context, _ forge.Repo, title, body string) (forge.Issue, error) {
	h.writes++
	if h.rival {
		h.rival = false
		h.add(body, true, bot)
	}
	return h.add(body, true, bot), nil
}

func (h *tray) add(body string, open bool, author string) forge.Issue {
	h.issues = append(h.issues, forge.Issue{Repo: shop, Number: len(h.issues) + 1, Body: body, Open: open, Author: author, UpdatedAt: day})
	return h.issues[len(h.issues)-1]
}

func (h *tray) EditIssue(_ context.Context, _ forge.Repo, number int, body string, open bool) error {
	h.writes++
	i := &h.issues[number-1]
	if i.Open && !open {
		i.ClosedBy = bot
	}
	i.Body, i.Open = body, open
	return nil
}

// state shows the issues, each by its first lines.
func (h *tray) state() string {
	var out []string
	for _, i := range h.issues {
		text := strings.SplitN(i.Body, "\n", 3)
		what := "board"
		switch {
		case strings.HasPrefix(i.Body, retired):
			what = text[1]
		case strings.Contains(i.Body, "switched off"):
			what = "off"
		case !strings.HasPrefix(i.Body, mark):
			what = i.Body
		}
		out = append(out, fmt.Sprintf("#%d %v %s", i.Number, i.Open, what))
	}
	return strings.Join(out, "; ")
}

func TestKeep(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(h *tray)
		want   string
		writes int
	}{
		{"none", func(h *tray) {}, "#1 true board", 1},
		{"a rival", func(h *tray) { h.rival = true }, "#1 true board; #2 false The dashboard is #1.", 2},
		{"up to date", func(h *tray) { h.add(strings.ReplaceAll(Board{}.Render(), "\n", "\r\n"), true, bot) }, "#1 true board", 0},
		{"overwritten by a person", func(h *tray) { h.add("all mine", true, bot) }, "#1 true board", 1},
		{"of somebody else", func(h *tray) { h.add(Board{}.Render(), true, "mallory") }, "#1 true board; #2 true board", 1},
		{"two", func(h *tray) { h.add("old", true, bot); h.add(Board{}.Render(), true, bot) }, "#1 true board; #2 false The dashboard is #1.", 2},
		{"one too many from before", func(h *tray) { h.add(retired+"The dashboard is #9.", false, bot) }, "#1 false The dashboard is #9.; #2 true board", 1},
		{"closed by a person", func(h *tray) { h.add("x", false, bot); h.issues[0].ClosedBy = "maria" }, "#1 false x", 0},
		{"closed by us", func(h *tray) { h.add("x", false, bot); h.issues[0].ClosedBy = bot }, "#1 true board", 1},
		{"old", func(h *tray) { h.add("x", true, bot); h.issues[0].UpdatedAt = day.Add(-100 * 24 * time.Hour) }, "#1 true board", 1},
		{"old, and one too many lately", func(h *tray) {
			h.add("x", true, bot)
			h.issues[0].UpdatedAt = day.Add(-100 * 24 * time.Hour)
			h.add(retired+"The dashboard is #1.", false, bot)
		}, "#1 true board; #2 false The dashboard is #1.", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &tray{}
			tt.before(h)
			k := Keeper{Host: h, App: bot, Log: slog.New(slog.DiscardHandler)}
			for range 2 { // the second time there is nothing to do
				if err := k.Keep(t.Context(), shop, Board{}, day); err != nil {
					t.Fatal(err)
				}
			}
			if h.state() != tt.want || h.writes != tt.writes {
				t.Errorf("%d writes: %s; want %d: %s", h.writes, h.state(), tt.writes, tt.want)
			}
		})
	}
}

// A dashboard that the configuration no longer asks for is closed, and opened
// again when it does.
func TestEnd(t *testing.T) {
	h := &tray{}
	k := Keeper{Host: h, App: bot, Log: slog.New(slog.DiscardHandler)}
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return k.Keep(t.Context(), shop, Board{}, day) }, "#1 true board"},
		{func() error { return k.End(t.Context(), shop, day) }, "#1 false off"},
		{func() error { return k.End(t.Context(), shop, day) }, "#1 false off"},
		{func() error { return k.Keep(t.Context(), shop, Board{}, day) }, "#1 true board"},
	} {
		if err := step.do(); err != nil || h.state() != step.want {
			t.Errorf("%s, %v; want %s", h.state(), err, step.want)
		}
	}
}

// A ticked box whose event is on its way is left alone; one of which nobody
// told us who ticked it is emptied, with a line that says so.
func TestBoxWithoutEvent(t *testing.T) {
	h, b := &tray{}, Board{Open: []Item{{Key: key(1), Pull: 1}}}
	h.add(tick(b.Render(), 1), true, bot)
	k := Keeper{Host: h, App: bot, Log: slog.New(slog.DiscardHandler)}
	for now, want := range map[time.Time]bool{day.Add(time.Minute): true, day.Add(time.Hour): false} {
		h.issues[0].Body = tick(b.Render(), 1)
		if err := k.Keep(t.Context(), shop, b, now); err != nil {
			t.Fatal(err)
		}
		text := h.issues[0].Body
		if left := strings.Contains(text, "[x]"); left != want || !left && !strings.Contains(text, "tick it again") {
			t.Errorf("at %v:\n%s", now, text)
		}
	}
}

// A drawer keeps notes, and a host that fails once is asked again.
type drawer struct {
	tray
	notes map[string][]byte
	fails int
}

func (d *drawer) Permission(context.Context, forge.Repo, string) (forge.Permission, error) {
	return forge.PermissionWrite, nil
}

func (d *drawer) Issue(ctx context.Context, repo forge.Repo, number int) (forge.Issue, error) {
	if d.fails--; d.fails >= 0 {
		return forge.Issue{}, forge.ErrUnavailable
	}
	return d.tray.Issue(ctx, repo, number)
}

func (d *drawer) Get(_ context.Context, bucket, name string) ([]byte, bool, error) {
	text, found := d.notes[bucket+name]
	return text, found, nil
}

func (d *drawer) Put(_ context.Context, bucket, name string, text []byte, _ time.Time) error {
	d.notes[bucket+name] = text
	return nil
}

func (d *drawer) Delete(context.Context, string, string) error { return nil }

// A click whose job is tried again leaves one receipt.
func TestReceiptOnce(t *testing.T) {
	d := &drawer{notes: map[string][]byte{}, fails: 1}
	body := Board{}.Render()
	d.add(tick(body, 0), true, bot)
	c := Clicker{Keeper: Keeper{Host: d, Notes: d, App: bot, Log: slog.New(slog.DiscardHandler)}, Soon: func(context.Context) error { return nil }}
	e := forge.Event{
		Kind: forge.EventIssues, Action: "edited", Repo: shop, Issue: 1, Sender: "maria", At: day,
		Edit: forge.Edit{Author: bot, Open: true, From: body, To: tick(body, 0)},
	}
	if err := c.Answer(t.Context(), e); err == nil {
		t.Fatal("the first attempt did not fail")
	}
	if err := c.Answer(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if text := d.issues[0].Body; strings.Count(text, "by maria") != 1 || strings.Contains(text, "[x]") {
		t.Errorf("got\n%s", text)
	}
}
