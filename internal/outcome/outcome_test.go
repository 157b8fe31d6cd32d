package outcome

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/problem"
	"github.com/salvehq/salve/templates"
)

const class = "acme/shop | production | memory-limit | Deployment shop/checkout resources.limits.memory in k8s/checkout.yaml (production)"

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func hours(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Hour))) }

// A shelf holds pull requests as a code host does.
type shelf struct {
	pulls    []forge.PullRequest
	comments []string
	deny     bool // labels
}

func (s *shelf) OurHistory(_ context.Context, _ forge.Repo, since time.Time) ([]forge.PullRequest, error) {
	return slices.DeleteFunc(slices.Clone(s.pulls), func(p forge.PullRequest) bool { return p.UpdatedAt.Before(since) }), nil
}

func (s *shelf) AddLabels(_ context.Context, _ forge.Repo, number int, labels ...forge.Label) error {
	if s.deny {
		return forge.ErrForbidden
	}
	for i := range s.pulls {
		for _, l := range labels {
			if s.pulls[i].Number == number {
				s.pulls[i].Labels = append(s.pulls[i].Labels, l.Name)
			}
		}
	}
	return nil
}

func (s *shelf) Comment(_ context.Context, _ forge.Repo, number int, tag, body string) error {
	s.comments = append(s.comments, fmt.Sprintf("#%d %s: %s", number, tag, body))
	return nil
}

func (s *shelf) labels() string {
	var out []string
	for _, p := range s.pulls {
		out = append(out, strings.Join(p.Labels, " "))
	}
	return strings.Join(out, "; ")
}

func pull(number int, at time.Time, labels ...string) forge.PullRequest {
	m := forge.Marker{Key: class, From: "512Mi", To: "640Mi", Problems: []string{"-1_2V2"}, Version: 1}
	return forge.PullRequest{Number: number, Body: m.String() + "\nBody", Merged: true, MergedAt: at, UpdatedAt: at, Labels: labels}
}

func repository(t *testing.T) *plan.Repository {
	t.Helper()
	remedies, err := plan.Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	r, err := plan.Open(t.Context(), plan.Checkout{
		Repo: forge.Repo{Owner: "acme", Name: "shop"}, Files: inventory.Map(map[string]string{".github/salve.yml": "version: 1\nlabels: {prefix: bot/}\n"}),
	}, remedies)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func seen(class, event string, from, to time.Time) Seen {
	return Seen{Class: class, Problem: problem.Problem{
		ID: "P-1", Event: problem.EventID(event), Title: "Memory @acme/all <b>", Severity: problem.SeverityMedium, Start: from, End: to, Active: to.IsZero(),
		Workload: problem.Workload{Namespace: "shop", Name: "checkout"},
	}}
}

// A problem of the same class after the merge makes it ineffective, silence
// over the whole window effective, and what is not known neither.
func TestVerdicts(t *testing.T) {
	open := time.Time{}
	for _, tt := range []struct {
		name string
		now  float64 // hours after the merge
		seen []Seen  // by the cycle
		past []Seen  // by the question for the whole window
		deaf bool    // Dynatrace does not answer that question
		want string
	}{
		{"too early to say", 100, nil, nil, false, ""},
		{"came back", 50, []Seen{seen(class, "-2_2V2", hours(49), open)}, nil, false, "bot/ineffective"},
		{"began before it was in force", 20, []Seen{seen(class, "-2_2V2", hours(0.5), open)}, nil, false, ""},
		{"began before and never ended", 169, []Seen{seen(class, "-1_2V2", hours(-5), open)}, nil, false, "bot/ineffective"},
		{"began before, and ended", 169, nil, []Seen{seen(class, "-1_2V2", hours(-5), hours(4))}, false, "bot/effective"},
		{"silence", 169, nil, nil, false, "bot/effective"},
		{"another class", 169, nil, []Seen{seen("x", "-2_2V2", hours(49), hours(50))}, false, "bot/effective"},
		{"came and went while nobody looked", 169, nil, []Seen{seen(class, "-2_2V2", hours(49), hours(50))}, false, "bot/ineffective"},
		{"after the window", 172, []Seen{seen(class, "-2_2V2", hours(171), open)}, []Seen{seen(class, "-2_2V2", hours(171), open)}, false, "bot/effective"},
		{"not known", 169, nil, nil, true, ""},
		{"too late to ask", 400, nil, nil, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, asked := &shelf{pulls: []forge.PullRequest{pull(1, start)}}, 0
			w := &Watcher{Host: host, Log: slog.New(slog.DiscardHandler), Past: func(_ context.Context, _ []*plan.Repository, span time.Duration) (Observation, error) {
				asked++
				if want := time.Duration(tt.now+1) * time.Hour; span != want {
					t.Errorf("asked for %v, want %v", span, want)
				}
				return Observation{Complete: !tt.deaf, Seen: tt.past}, nil
			}}
			repos := []*plan.Repository{repository(t)}
			for range 2 { // the second finds the label, or waits before it asks again
				if err := w.Run(t.Context(), repos, Observation{Complete: true, Seen: tt.seen}, hours(tt.now)); err != nil {
					t.Fatal(err)
				}
			}
			if got := host.labels(); got != tt.want {
				t.Errorf("labels %q, want %q", got, tt.want)
			}
			if asked > 1 || asked == 1 && tt.now < 168 {
				t.Errorf("asked for the past %d times", asked)
			}
			if ineffective := tt.want == "bot/ineffective"; ineffective != (len(host.comments) == 1) {
				t.Errorf("comments: %q", host.comments)
			}
		})
	}
}

// What a person says by a label stands, and a later change of the same value
// ends the time in which the one before is watched.
func TestLaterChanges(t *testing.T) {
	host := &shelf{pulls: []forge.PullRequest{pull(1, hours(0)), pull(2, hours(48)), pull(3, hours(60), "bot/effective")}}
	w := &Watcher{Host: host, Log: slog.New(slog.DiscardHandler), Past: func(context.Context, []*plan.Repository, time.Duration) (Observation, error) {
		return Observation{}, errors.New("asked for what no pull request waits for")
	}}
	back := []Seen{seen(class, "-2_2V2", hours(52), time.Time{})}
	if err := w.Run(t.Context(), []*plan.Repository{repository(t)}, Observation{Complete: true, Seen: back}, hours(61)); err != nil {
		t.Fatal(err)
	}
	if got, want := host.labels(), "; bot/ineffective; bot/effective"; got != want {
		t.Errorf("labels %q, want %q", got, want)
	}
}

// New problems of the same workload right after the merge are told once, with
// the way back; their words do nothing.
func TestRegression(t *testing.T) {
	host := &shelf{pulls: []forge.PullRequest{pull(1, start)}}
	w := &Watcher{Host: host, Dynatrace: "https://abc12345.apps.dynatrace.com", Log: slog.New(slog.DiscardHandler)}
	other := seen("", "-3_3V2", hours(5), time.Time{})
	other.Problem.Workload.Name = "cart"
	all := []Seen{seen("", "-2_2V2", hours(0.5), time.Time{}), seen("", "-1_2V2", hours(0.5), time.Time{}), seen("", "-4_2V2", hours(3), time.Time{}), other}
	for range 2 {
		if err := w.Run(t.Context(), []*plan.Repository{repository(t)}, Observation{Complete: true, Seen: all}, hours(4)); err != nil {
			t.Fatal(err)
		}
	}
	if host.labels() != "bot/regression" || len(host.comments) != 1 {
		t.Fatalf("labels %q, comments %q", host.labels(), host.comments)
	}
	text := host.comments[0]
	if strings.Count(text, "| P-1") != 0 || strings.Count(text, "[P-1](https://abc12345") != 1 || !strings.Contains(text, "writes `512Mi` again") {
		t.Errorf("got\n%s", text)
	}
	if strings.Contains(text, "@acme") || strings.Contains(text, "<b>") {
		t.Errorf("a title does something:\n%s", text)
	}
}

// A repository that was renamed, or went to another owner, is watched under the
// name that it has now: a problem that came back is not silence.
func TestVerdictAfterRename(t *testing.T) {
	renamed := pull(1, start)
	renamed.Body = strings.Replace(renamed.Body, "acme/shop", "old/store", 1)
	host := &shelf{pulls: []forge.PullRequest{renamed}}
	w := &Watcher{Host: host, Log: slog.New(slog.DiscardHandler), Past: func(context.Context, []*plan.Repository, time.Duration) (Observation, error) {
		return Observation{Complete: true, Seen: []Seen{seen(class, "-2_2V2", hours(49), hours(50))}}, nil
	}}
	if err := w.Run(t.Context(), []*plan.Repository{repository(t)}, Observation{Complete: true}, hours(169)); err != nil {
		t.Fatal(err)
	}
	if got, want := host.labels(), "bot/ineffective"; got != want {
		t.Errorf("labels %q, want %q", got, want)
	}
}

// A verdict that cannot be written down is no reason to ask Dynatrace for weeks
// of problems with every cycle.
func TestUnwrittenVerdictAsksRarely(t *testing.T) {
	host, asked := &shelf{pulls: []forge.PullRequest{pull(1, start)}, deny: true}, 0
	w := &Watcher{Host: host, Log: slog.New(slog.DiscardHandler), Past: func(context.Context, []*plan.Repository, time.Duration) (Observation, error) {
		asked++
		return Observation{Complete: true}, nil
	}}
	repos := []*plan.Repository{repository(t)}
	for i := range 13 { // an hour and five minutes
		if err := w.Run(t.Context(), repos, Observation{Complete: true}, hours(169).Add(time.Duration(i)*5*time.Minute)); (err == nil) != (i%12 != 0) {
			t.Errorf("cycle %d: %v", i, err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want once an hour", asked)
	}
}
