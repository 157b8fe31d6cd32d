package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// idle are the arguments of a process that does nothing by itself.
var idle = []string{"--tune", "0 0 29 2 *", "--remediate", "0 0 29 2 *"}

// attacked starts a process over the demo world that does nothing by itself.
func attacked(t *testing.T, args ...string) (*sandbox.Sandbox, *process) {
	t.Helper()
	box, environ := live(t, demoWorld(t, nil))
	return box, start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")), append(slices.Clone(idle), args...)...)
}

// guid names delivery n.
func guid(n int) string { return fmt.Sprintf("%08d-2222-3333-4444-555555555555", n) }

// payload is what an event in acme/shop says, beside more.
func payload(more string) string {
	return `{"installation":{"id":101},"repository":{"full_name":"acme/shop","default_branch":"main"},"sender":{"login":"maria","type":"User"}` + more + `}`
}

// handled reports whether the log says that a delivery was.
func (p *process) handled(n int) func() bool {
	said := regexp.MustCompile(`"msg":"event (?:handled|of something that is gone)"[^\n]*"delivery":"` + guid(n) + `"`)
	return func() bool { return said.MatchString(p.log.String()) }
}

// Attack 8: the GUID of a delivery that is there lets no second body in.
func TestSameDeliveryWithAnotherBody(t *testing.T) {
	box, p := attacked(t)
	broken := githubtest.File{Content: "version: 1\nremdies: {}\n"}
	head, err := box.GitHub.PushCommit("acme/shop", "maria", "main", "configure", map[string]*githubtest.File{".github/salve.yml": &broken})
	if err != nil {
		t.Fatal(err)
	}
	push := payload(`,"ref":"refs/heads/main","after":"` + head + `","commits":[{"modified":[".github/salve.yml"]}]`)
	judged := func() bool {
		s, err := box.GitHub.State("acme/shop")
		return err == nil && len(s.Branches["main"].Status) > 0
	}
	for i, tt := range []struct {
		event, body string
		guid, want  int
	}{{"issues", payload(`,"issue":{"number":1}`), 1, 202}, {"push", push, 1, 200}, {"issues", payload(`,"issue":{"number":1}`), 2, 202}} {
		if got := p.deliver(t, box.Secret, tt.event, guid(tt.guid), tt.body); got != tt.want {
			t.Errorf("delivery %d answered with %d, want %d", i, got, tt.want)
		}
	}
	eventually(t, p.log, "the delivery after it", p.handled(2)) // one repository, one at a time
	if judged() {
		t.Error("the second body was acted upon")
	}
	p.deliver(t, box.Secret, "push", guid(3), push)
	eventually(t, p.log, "the same body under a name of its own", judged)
}

// Attack 17: while nothing can be handled, each of a flood of deliveries is
// answered in GitHub's ten seconds, and every one that was taken is in the
// database.
func TestFlood(t *testing.T) {
	metrics := freeAddress(t)
	box, p := attacked(t, "--metrics-listen", metrics)
	defer box.GitHub.Inject(githubtest.Fault{Hang: true})()
	const senders, each = 20, 30
	var mu sync.Mutex
	var group sync.WaitGroup
	answers, slowest := map[int]int{}, time.Duration(0)
	for s := range senders {
		group.Go(func() {
			for i := range each {
				began := time.Now()
				n := s*each + i
				got := p.deliver(t, box.Secret, "push", guid(n), payload(`,"ref":"refs/heads/main","after":"`+strings.Repeat("a1", 20)+`","commits":[{"modified":[".github/salve.yml"]}]`))
				mu.Lock()
				answers[got]++
				slowest = max(slowest, time.Since(began))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("answers %v, the slowest after %v", answers, slowest.Round(time.Millisecond))
	if slowest > 10*time.Second || answers[http.StatusAccepted]+answers[http.StatusServiceUnavailable] != senders*each || answers[http.StatusAccepted] == 0 {
		t.Errorf("answers %v, the slowest after %v", answers, slowest)
	}
	text, inDatabase := get(t, "http://"+metrics+"/metrics"), 0
	for _, m := range regexp.MustCompile(`salve_jobs\{kind="event",state="[a-z]+"\} (\d+)`).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		inDatabase += n
	}
	if inDatabase != answers[http.StatusAccepted] || !strings.Contains(text, fmt.Sprintf(`salve_deliveries_total{outcome="accepted"} %d`, answers[http.StatusAccepted])) {
		t.Errorf("%d jobs for %d accepted deliveries\n%s", inDatabase, answers[http.StatusAccepted], regexp.MustCompile(`(?m)^salve_.*$`).FindAllString(text, -1))
	}
}

// Attack 19: what this App does itself comes back as events, and leads to
// nothing more.
func TestOwnEventsEnd(t *testing.T) {
	box, p := attacked(t)
	if err := box.GitHub.SetWebhook(sandbox.AppID, p.url+"/webhook", box.Secret); err != nil {
		t.Fatal(err)
	}
	mutations := func() (n int) {
		for _, r := range box.GitHub.Journal() {
			if r.Mutation() && r.Token == "installation" {
				n++
			}
		}
		return n
	}
	// rests waits until nothing has been written for three seconds.
	rests := func() {
		last, since := mutations(), time.Now()
		eventually(t, p.log, "an end of writing", func() bool {
			if n := mutations(); n != last {
				last, since = n, time.Now()
			}
			return time.Since(since) > 3*time.Second
		})
	}
	look := func(n int) {
		p.deliver(t, box.Secret, "installation", guid(n), `{"action":"unsuspend","installation":{"id":101},"sender":{"login":"maria"}}`)
	}
	look(1)
	eventually(t, p.log, "all pull requests", func() bool { return len(openPulls(t, box)) == 7 })
	rests()
	box.GitHub.Settle()
	own := regexp.MustCompile(`"msg":"event handled"[^\n]*"event":"(?:pull_request|status|check_run)"`).FindAllString(p.log.String(), -1)
	first := mutations()
	if len(own) < 20 {
		t.Fatalf("only %d events of our own came back", len(own))
	}
	look(2)
	eventually(t, p.log, "a second look", p.handled(2))
	rests()
	t.Logf("%d writes led to %d events, which led to none", first, len(own))
	if again := mutations() - first; again > 0 {
		t.Errorf("%d writes after everything was done: %+v", again, box.GitHub.Journal()[len(box.GitHub.Journal())-3:])
	}
}

// Attack 18: events about what is gone or not to be reached are taken, and are
// over after a few looks.
func TestEventsOfWhatIsGone(t *testing.T) {
	box, p := attacked(t)
	sha := strings.Repeat("a1", 20)
	pull := func(head string) string {
		return `,"action":"opened","pull_request":{"number":7,"state":"open","user":{"login":"mallory"},"head":{"ref":"x","sha":"` + sha + `","repo":` + head + `},"base":{"ref":"main","sha":"` + sha + `"}}`
	}
	gone := strings.ReplaceAll(payload(`,"action":"created","issue":{"number":1},"comment":{"id":1,"body":"/salve help","user":{"login":"maria"}}`), "acme/shop", "acme/gone")
	elsewhere := strings.ReplaceAll(gone, "acme/gone", "other/shop")
	names := []string{}
	for name, tt := range map[string]struct{ event, body string }{
		"a fork that is deleted":                {"pull_request", payload(pull("null"))},
		"a fork":                                {"pull_request", payload(pull(`{"full_name":"mallory/shop"}`))},
		"a repository that is deleted":          {"issue_comment", gone},
		"a repository elsewhere":                {"issue_comment", elsewhere},
		"a pull request in a repository gone":   {"pull_request", strings.ReplaceAll(payload(pull("null")), "acme/shop", "acme/gone")},
		"a deployment in a repository gone":     {"deployment_status", strings.ReplaceAll(payload(`,"action":"created","deployment":{"id":1,"sha":"`+sha+`","environment":"production"},"deployment_status":{"state":"success"}`), "acme/shop", "acme/gone")},
		"a push to a repository gone":           {"push", strings.ReplaceAll(payload(`,"ref":"refs/heads/main","after":"`+sha+`","commits":[{"modified":[".github/salve.yml"]}]`), "acme/shop", "acme/gone")},
		"a status in a repository gone":         {"status", strings.ReplaceAll(payload(`,"sha":"`+sha+`","context":"salve/pre-deployment","state":"success"`), "acme/shop", "acme/gone")},
		"a merge group in a repository gone":    {"merge_group", strings.ReplaceAll(payload(`,"action":"checks_requested","merge_group":{"head_sha":"`+sha+`","base_sha":"`+sha+`","base_ref":"refs/heads/main"}`), "acme/shop", "acme/gone")},
		"an installation that is not ours":      {"issue_comment", strings.ReplaceAll(gone, `"id":101`, `"id":12345`)},
		"a protection rule in one that is gone": {"deployment_protection_rule", strings.ReplaceAll(payload(`,"sha":"`+sha+`","environment":"production","deployment_callback_url":"https://api.github.com/repos/acme/gone/actions/runs/1/deployment_protection_rule"`), "acme/shop", "acme/gone")},
	} {
		if got := p.deliver(t, box.Secret, tt.event, guid(len(names)), tt.body); got != http.StatusAccepted {
			t.Errorf("%s: %d, want 202", name, got)
		}
		names = append(names, name)
	}
	for n, name := range names {
		eventually(t, p.log, name, p.handled(n))
	}
	if strings.Contains(p.log.String(), "panic") {
		t.Errorf("a handler panicked\n%s", p.log)
	}
	for _, r := range box.GitHub.Journal() {
		if r.Mutation() && r.Token == "installation" {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
}

// Attack 72: what a sender writes makes no line of the log.
func TestLogLines(t *testing.T) {
	box, p := attacked(t)
	const line = `\n{\"time\":\"2026-01-01T00:00:00Z\",\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n\u001b[2J\u2028forged`
	body := payload(`,"action":"created` + line + `","ref":"` + line + `","label":{"name":"` + line + `"},"issue":{"number":1},"comment":{"id":1,"body":"/salve break-glass ` + line + `","user":{"login":"x` + line + `"}}`)
	for n, event := range []string{"issue_comment", "push", "issues"} {
		p.deliver(t, box.Secret, event, guid(n), body)
		eventually(t, p.log, event, func() bool { return strings.Contains(p.log.String(), guid(n)) })
	}
	for l := range strings.Lines(p.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(l), &entry); err != nil || entry["msg"] == "forged" || strings.Contains(l, "\x1b") {
			t.Errorf("line %q: %v", l, err)
		}
	}
}

// Attack 9: what GitHub does send, however large, can be kept: a push may name
// very many files.
func TestLargePush(t *testing.T) {
	box, p := attacked(t)
	var paths strings.Builder
	for n := range 200_000 {
		fmt.Fprintf(&paths, `"some/rather/long/directory/name/file-%d.yaml",`, n)
	}
	broken := githubtest.File{Content: "version: 1\nremdies: {}\n"}
	head, err := box.GitHub.PushCommit("acme/shop", "maria", "main", "configure", map[string]*githubtest.File{".github/salve.yml": &broken})
	if err != nil {
		t.Fatal(err)
	}
	body := payload(`,"ref":"refs/heads/main","after":"` + head + `","commits":[{"added":[` + paths.String() + `".github/salve.yml"]}]`)
	if got := p.deliver(t, box.Secret, "push", guid(1), body); got != http.StatusAccepted {
		t.Fatalf("%d MB answered with %d", len(body)>>20, got)
	}
	eventually(t, p.log, "the status of its configuration", func() bool {
		s, err := box.GitHub.State("acme/shop")
		return err == nil && len(s.Branches["main"].Status) > 0
	})
}

// Attack 16: an event that claims a repository for an installation that does
// not have it, such as one delivered late, does not lead astray.
func TestClaimedRepository(t *testing.T) {
	w := newTown(t)
	a := w.app(nil)
	defer a.close()
	shop := forge.Repo{Owner: "acme", Name: "shop"}
	if _, err := a.host.List(t.Context(), 101); err != nil {
		t.Fatal(err)
	}
	for _, claimed := range []int64{12345, 101} {
		if err := a.host.heard(t.Context(), shop, claimed); err != nil {
			t.Errorf("claimed for %d: %v", claimed, err)
		}
		if _, err := a.host.OpenPulls(t.Context(), shop); err != nil {
			t.Errorf("after a claim for %d: %v", claimed, err)
		}
	}
	// The App was installed anew: what comes through the new installation holds.
	if err := w.box.GitHub.RemoveInstallation(101); err != nil {
		t.Fatal(err)
	}
	if err := w.box.GitHub.AddInstallation(githubtest.Installation{ID: 201, App: sandbox.AppID, Account: "acme"}); err != nil {
		t.Fatal(err)
	}
	if err := a.host.heard(t.Context(), shop, 201); err != nil {
		t.Fatal(err)
	}
	if _, err := a.host.OpenPulls(t.Context(), shop); err != nil {
		t.Errorf("through the new installation: %v", err)
	}
}

// A command counts when it is written, once, by a person: what somebody makes
// of a comment later, what is taken back, and what programs write does nothing.
func TestCommentsThatAreNoCommands(t *testing.T) {
	o := newOffice(t)
	id, err := o.box.GitHub.Comment("acme/shop", "maria", 1, "/salve ignore")
	if err != nil {
		t.Fatal(err)
	}
	before := o.state()
	for name, change := range map[string]func(*forge.Event){
		"edited":          func(e *forge.Event) { e.Action = "edited" },
		"deleted":         func(e *forge.Event) { e.Action = "deleted" },
		"by a bot":        func(e *forge.Event) { e.SenderBot = true },
		"by a stranger":   func(e *forge.Event) { e.Comment.Author = "stranger" },
		"by nobody":       func(e *forge.Event) { e.Comment.Author = "" },
		"a name of paths": func(e *forge.Event) { e.Comment.Author = "../../../user" },
		"on an issue":     func(e *forge.Event) { e.Issue = 999 },
		"quoted":          func(e *forge.Event) { e.Comment.Body = "> /salve ignore" },
		"as code":         func(e *forge.Event) { e.Comment.Body = "    /salve ignore" },
		"as a block":      func(e *forge.Event) { e.Comment.Body = "```\n/salve ignore\n```" },
		"second line":     func(e *forge.Event) { e.Comment.Body = "please\n/salve ignore" },
	} {
		e := forge.Event{
			Kind: forge.EventIssueComment, Action: "created", Installation: 101, Repo: forge.Repo{Owner: "acme", Name: "shop"}, Issue: 1, Sender: "maria", Default: "main",
			Comment: forge.Comment{ID: id, Author: "maria", Body: "/salve ignore"},
		}
		change(&e)
		if err := o.worker.react(t.Context(), e); err != nil && !gone(err) && !strings.Contains(err.Error(), "is not a name that GitHub gives") {
			t.Errorf("%s: %v", name, err)
		}
		now := o.state()
		now.Issues[0].Comments, before.Issues[0].Comments = nil, nil // a thumb down is a receipt
		if !reflect.DeepEqual(now, before) || now.Issues[0].State != "open" {
			t.Errorf("%s: something was done", name)
		}
	}
	for _, c := range o.box.GitHub.Climbing() {
		t.Errorf("asked for %s", c.Path)
	}
}
