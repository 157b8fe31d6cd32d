package gate_test

import (
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/plan"
)

// What was allowed for a pull request holds for the commit that merged it, and
// for no other: not for one that only would bring it, not for one of another
// branch, not by the word of who may not write.
func TestReleaseOfAFix(t *testing.T) {
	head := sha('d', 1)
	fix := forge.PullRequest{Repo: shop, Number: 11, Author: "mona", Merged: true, Base: "main", Body: "Fixes P-1"}
	change := func(do func(*forge.PullRequest)) forge.PullRequest {
		p := fix
		do(&p)
		return p
	}
	for name, tt := range map[string]struct {
		pull forge.PullRequest
		want gate.Verdict
	}{
		"the fix":         {fix, gate.Warn},
		"of the App":      {change(func(p *forge.PullRequest) { p.Author, p.Body = "salve[bot]", "no marker" }), gate.Block},
		"still open":      {change(func(p *forge.PullRequest) { p.Merged = false }), gate.Block},
		"another branch":  {change(func(p *forge.PullRequest) { p.Base = "release" }), gate.Block},
		"another problem": {change(func(p *forge.PullRequest) { p.Body = "Fixes P-2" }), gate.Block},
		"may not write":   {change(func(p *forge.PullRequest) { p.Author = "eve" }), gate.Block},
	} {
		w := blocked(t, config, "x")
		w.host.with[head] = []forge.PullRequest{tt.pull}
		repo, err := w.Repository(t.Context(), shop, "main")
		if err != nil {
			t.Fatal(err)
		}
		repos := []*plan.Repository{repo}
		if a := w.checker.Service(t.Context(), repos, "production", "shop/checkout", head, noon); a.Verdict != tt.want || a.SHA != head {
			t.Errorf("%s, over HTTP: %v (%s), want %v", name, a.Verdict, a.Reason, tt.want)
		}
		if a := w.checker.Service(t.Context(), repos, "production", "shop/checkout", sha('d', 2), noon); a.Verdict != gate.Block {
			t.Errorf("%s, another commit: %v", name, a.Verdict)
		}
		e := forge.Event{Repo: shop, Head: head, Environment: "production", Default: "main", Run: 7}
		if err := w.checker.Ask(t.Context(), e, noon); err != nil {
			t.Fatal(err)
		}
		want := ""
		if tt.want == gate.Warn {
			want = "approved"
		}
		if got := w.host.answers[len(w.host.answers)-1]; got != want {
			t.Errorf("%s, rule: %q, want %q", name, got, want)
		}
	}
}

// A broken glass holds for the deployment of its pull request as long as it does
// for the pull request.
func TestReleaseThroughBrokenGlass(t *testing.T) {
	w := blocked(t, config, "x")
	if _, err := w.checker.Command(t.Context(), shop, 1, forge.Comment{Author: "ada", Body: "/salve break-glass customers cannot pay"}, noon); err != nil {
		t.Fatal(err)
	}
	merged := w.pull()
	merged.Merged, merged.Open = true, false
	w.host.with[sha('d', 1)] = []forge.PullRequest{merged}
	for run, tt := range []struct {
		minutes int
		want    string
	}{{1, "approved"}, {239, "approved"}, {241, ""}} {
		at := noon.Add(time.Duration(tt.minutes) * time.Minute)
		w.tenant.now = at
		e := forge.Event{Repo: shop, Head: sha('d', 1), Environment: "production", Default: "main", Run: int64(run + 1)}
		if err := w.checker.Ask(t.Context(), e, at); err != nil {
			t.Fatal(err)
		}
		if got := w.host.answers[len(w.host.answers)-1]; got != tt.want {
			t.Errorf("after %d minutes: %q, want %q", tt.minutes, got, tt.want)
		}
	}
}

// What this App says of a deployment is no deployment.
func TestOwnDeploymentStatusIsNotWatched(t *testing.T) {
	w := blocked(t, config+"gates: {post-deployment: {mode: enforce}}\n", "x")
	e := forge.Event{Repo: shop, Head: sha('d', 1), Environment: "production", Default: "main", At: noon, Sender: "Salve[bot]", Deployment: 1}
	if err := w.checker.Deployed(t.Context(), e, noon); err != nil || len(w.host.said) > 0 {
		t.Errorf("%v, said %v", err, w.host.said)
	}
}

// Reading spans is dear: a canary without traffic is not asked about every
// minute, and its end is seen at the deadline all the same.
func TestSilenceIsLookedForRarely(t *testing.T) {
	a, err := txtar.ParseFile("testdata/canary-good.txtar")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, a)
	w.traffic.silent = "no span"
	for _, line := range []string{"10:00:00 deploy production", "10:30:00 due"} {
		if err := w.step(line); err != nil {
			t.Fatal(err)
		}
	}
	for at := w.now.Add(time.Minute); w.now.Hour() < 12; at = at.Add(time.Minute) {
		if err := w.step(at.Format(time.TimeOnly) + " due"); err != nil {
			t.Fatal(err)
		}
	}
	if w.traffic.asked > 11 { // every ten minutes, and once at the deadline
		t.Errorf("looked for spans %d times in 90 minutes", w.traffic.asked)
	}
	if got := w.host.statuses[string(sha('d', 1))+forge.ContextCanary]; got.State != forge.Error {
		t.Errorf("at the deadline: %+v, want an error", got)
	}
}
