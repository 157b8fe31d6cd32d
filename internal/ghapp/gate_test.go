package ghapp

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
)

// A check run is updated while it runs; a result is not taken back but
// followed by another; the same twice is one.
func TestSetCheck(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	run := forge.CheckRun{Name: "Salve: pre-deployment", Head: w.head("main"), Title: "asking\nDynatrace", Summary: "…", URL: "https://salve.example.com/gates/1"}
	set := func(conclusion, summary, want string) {
		t.Helper()
		run.Conclusion, run.Summary = conclusion, summary
		w.log.take()
		got, err := c.SetCheck(t.Context(), shop, run)
		w.must(err)
		if lines := strings.Join(writes(w.log.take()), ""); !strings.HasPrefix(lines, want) || want == "" && lines != "" || got.ID == 0 {
			t.Errorf("%s: id %d, writes %q, want %q", summary, got.ID, lines, want)
		}
	}
	set("", "asking", "POST /repos/acme/shop/check-runs")
	set("", "asking", "")
	set("", "still asking", "PATCH /repos/acme/shop/check-runs/")
	set("failure", "P-1 is open", "PATCH /repos/acme/shop/check-runs/")
	set("failure", "P-1 is open", "")
	set("success", "P-1 is closed", "POST /repos/acme/shop/check-runs")
	set("success", strings.Repeat("ü", 65_000), "POST /repos/acme/shop/check-runs")
}

// Attacks 30 and 31: the answer to a protection rule goes where we built the
// URL to, in a form that GitHub takes.
func TestAnswerRule(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	run, err := w.AskGate("acme/shop", "mona", appID, "main", "production")
	w.must(err)
	w.must(c.AnswerRule(t.Context(), shop, run, "production", RuleAnswer{Comment: strings.Repeat("wait ", 500)}))
	w.must(c.AnswerRule(t.Context(), shop, run, "production", RuleAnswer{State: "approved", Comment: "PROCEED"}))
	gates, err := w.Gates("acme/shop")
	w.must(err)
	if len(gates) != 1 || gates[0].State != "approved" || len(gates[0].Comments) != 2 {
		t.Errorf("gates %+v", gates)
	}
	for name, err := range map[string]error{
		"state":       c.AnswerRule(t.Context(), shop, run, "production", RuleAnswer{State: "maybe"}),
		"environment": c.AnswerRule(t.Context(), shop, run, "", RuleAnswer{}),
		"run":         c.AnswerRule(t.Context(), shop, 0, "production", RuleAnswer{}),
		"other run":   c.AnswerRule(t.Context(), shop, run+1, "production", RuleAnswer{State: "approved"}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A deployment is told how it went: once, never after another has replaced it,
// and without replacing those before it.
func TestSetDeployment(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	deploy := func(states ...string) int64 {
		t.Helper()
		id, err := w.Deploy("acme/shop", "mona", "main", "staging", states...)
		w.must(err)
		return id
	}
	first := deploy("in_progress", "success")
	status := func(state forge.State, text string) forge.CommitStatus {
		return forge.CommitStatus{Context: "staging", State: state, Description: text, URL: "https://salve.example.com/gates/1"}
	}
	w.log.take()
	w.must(c.SetDeployment(t.Context(), shop, first, status(forge.Failure, "FAILED:\n"+strings.Repeat("x", 200))))
	w.must(c.SetDeployment(t.Context(), shop, first, status(forge.Failure, "FAILED:\n"+strings.Repeat("x", 200))))
	if got := writes(w.log.take()); len(got) != 1 || !strings.HasPrefix(got[0], "POST /repos/acme/shop/deployments/") {
		t.Errorf("writes %q, want one", got)
	}
	w.must(c.SetDeployment(t.Context(), shop, first, status(forge.Success, "HEALTHY")))
	second := deploy("success")
	w.must(c.SetDeployment(t.Context(), shop, first, status(forge.Failure, "too late")))
	w.must(c.SetDeployment(t.Context(), shop, second, status(forge.Success, "HEALTHY")))
	all, err := w.DeploymentStatuses("acme/shop")
	w.must(err)
	var got []string
	for _, s := range all {
		got = append(got, s.By+" "+s.State)
	}
	want := []string{"mona in_progress", "mona success", "salve[bot] failure", "salve[bot] success", "salve[bot] inactive", "mona success", "salve[bot] success"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last := all[len(all)-1]; last.Environment != "staging" || last.URL != "https://salve.example.com/gates/1" || last.Description != "HEALTHY" {
		t.Errorf("%+v", last)
	}
	for _, id := range []int64{0, -1, second + 1000} {
		if err := c.SetDeployment(t.Context(), shop, id, status(forge.Success, "")); err == nil {
			t.Errorf("deployment %d: no error", id)
		}
	}
}

// Every event that GitHub sends is understood, and what was missed is asked for.
func TestDeliveries(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	app := w.open()
	var mu sync.Mutex
	down := true
	taken := map[string]int{}
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		e, err := app.ParseEvent(r.Header, body)
		if err != nil {
			t.Error(err)
		}
		if down {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		taken[e.Delivery+" "+string(e.Kind)]++
	}))
	defer hook.Close()
	w.must(w.SetWebhook(appID, hook.URL, hookSecret))
	start := time.Now().Add(-time.Minute)
	_, err := w.PushCommit("acme/shop", "mona", "feature", "x", map[string]*githubtest.File{"x": {Content: "x"}})
	w.must(err)
	number, err := w.OpenPull("acme/shop", "mona", githubtest.NewPull{Head: "feature", Title: "x"})
	w.must(err)
	w.Settle()
	list, err := app.Deliveries(t.Context(), start)
	w.must(err)
	missed := Missed(list)
	if len(missed) < 2 || len(missed) != len(list) || missed[0].Event != "push" || missed[0].Status != 503 {
		t.Fatalf("missed %+v of %+v; want push and pull_request", missed, list)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	for _, d := range missed {
		w.must(app.Redeliver(t.Context(), d.ID))
	}
	w.Settle()
	if len(taken) != len(missed) {
		t.Errorf("taken %v, want each of %d once", taken, len(missed))
	}
	list, err = app.Deliveries(t.Context(), start)
	if again := Missed(list); err != nil || len(again) > 0 || len(list) != 2*len(missed) {
		t.Errorf("%d deliveries, missed %+v, %v; want none", len(list), again, err)
	}
	if list, err := app.Deliveries(t.Context(), time.Now().Add(time.Hour)); err != nil || len(list) > 0 {
		t.Errorf("deliveries of the future: %+v, %v", list, err)
	}
	if number == 0 {
		t.Error("no pull request")
	}
}

// The code of a manifest becomes an App, once.
func TestCompleteManifest(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	manifest, err := json.Marshal(map[string]any{
		"name": "Salve of acme", "url": "https://salve.example.com", "redirect_url": "http://127.0.0.1:1/done",
		"default_permissions": map[string]string{"contents": "write"}, "default_events": []string{"push"},
	})
	w.must(err)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"settings/apps/new?state=s", strings.NewReader(url.Values{"manifest": {string(manifest)}}.Encode()))
	w.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "a browser")
	resp, err := browser.Do(req)
	w.must(err)
	back, err := resp.Location()
	w.must(err)
	code := back.Query().Get("code")
	got, err := CompleteManifest(t.Context(), w.url, nil, code)
	w.must(err)
	app, err := Open(Config{AppID: got.AppID, PrivateKey: []byte(got.PrivateKey), WebhookSecret: got.WebhookSecret, BaseURL: w.url, Log: w.open().log})
	w.must(err)
	self, err := app.Identity(t.Context())
	if err != nil || cmp.Diff(Identity{ID: got.AppID, Slug: "salve-of-acme", Name: "salve-of-acme", Events: []string{"push"}}, self) != "" && self.Slug != got.Slug {
		t.Errorf("%+v, %v; want %+v", self, err, got)
	}
	for _, code := range []string{code, "", "../../app", "x?y"} {
		if got, err := CompleteManifest(t.Context(), w.url, nil, code); err == nil {
			t.Errorf("code %q: %+v, want an error", code, got)
		}
	}
}

// What one commit has and another has not, and who brought it.
func TestCompare(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	c := w.client()
	base := w.head("main")
	_, err := w.PushCommit("acme/shop", "mona", "feature", "Raise the limit\n\nbecause", map[string]*githubtest.File{"k8s/x.yaml": {Content: "x"}})
	w.must(err)
	number, err := w.OpenPull("acme/shop", "mona", githubtest.NewPull{Head: "feature", Title: "Raise"})
	w.must(err)
	w.must(w.MergePull("acme/shop", "mona", number))
	got, err := c.Compare(t.Context(), shop, base, w.head("main"))
	w.must(err)
	if len(got.Commits) == 0 || got.Commits[0].Title != "Raise the limit" || got.Commits[0].Author != "mona" || got.Truncated || !cmp.Equal(got.Paths, []string{"k8s/x.yaml"}) {
		t.Errorf("%+v", got)
	}
	pulls, err := c.PullsWith(t.Context(), shop, got.Commits[0].SHA)
	w.must(err)
	if len(pulls) != 1 || pulls[0].Number != number || !pulls[0].Merged {
		t.Errorf("pull requests %+v, want #%d, merged", pulls, number)
	}
	if same, err := c.Compare(t.Context(), shop, base, base); err != nil || len(same.Commits)+len(same.Paths) > 0 {
		t.Errorf("a commit with itself: %+v, %v", same, err)
	}
	if _, err := c.Compare(t.Context(), shop, "main", base); err == nil {
		t.Error("a branch in place of a commit: no error")
	}
}
