package main

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// shown returns what a list of statuses or check runs says under a name.
func shown(list []githubtest.Status, name string) githubtest.Status {
	i := slices.IndexFunc(list, func(s githubtest.Status) bool { return s.Context == name })
	if i < 0 {
		return githubtest.Status{}
	}
	return list[i]
}

// The gates over the real protocols: a pull request is blocked by status and
// check run, a forged status is undone, the merge queue gets its answer, broken
// glass lets pass and leaves a comment, a protection rule is reported to, and
// pipelines get the same verdict.
func TestGatesOverTheWire(t *testing.T) {
	box, environ := live(t, demoWorld(t, nil))
	environ = append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db"), "SALVE_GATE_TOKENS=one two", "SALVE_URL=https://salve.example.com")
	p := start(t, environ, "--tune", "0 0 29 2 *", "--remediate", "0 0 29 2 *")
	pull, err := box.PersonalChange(p.url + "/webhook")
	if err != nil || pull.Number == 0 {
		t.Fatalf("%+v, %v", pull, err)
	}
	state := func() githubtest.State {
		s, err := box.GitHub.State(pull.Repo)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const context, check = forge.ContextPreDeployment, "Salve: pre-deployment"
	blocks := func(branch string) func() bool {
		return func() bool {
			s := shown(state().Branches[branch].Status, context)
			return s.State == "failure" && strings.HasPrefix(s.Description, "BLOCK: CRITICAL ")
		}
	}
	eventually(t, p.log, "BLOCK on the pull request", blocks(pull.Branch))
	eventually(t, p.log, "the check run", func() bool { return shown(state().Branches[pull.Branch].Checks, check).State == "failure" })

	must(box.GitHub.SetStatus(pull.Repo, sandbox.Person, pull.Head, "success", context, "trust me"))
	eventually(t, p.log, "the forged status to be undone", blocks(pull.Branch))

	group, err := box.GitHub.EnqueuePull(pull.Repo, sandbox.Person, pull.Number)
	must(err)
	queue := ""
	for name := range state().Branches {
		if strings.HasPrefix(name, "gh-readonly-queue/") {
			queue = name
		}
	}
	eventually(t, p.log, "BLOCK on the merge group "+group, blocks(queue))

	must(box.GitHub.SetPermission(pull.Repo, sandbox.Person, "admin"))
	must(box.GitHub.Label(pull.Repo, sandbox.Person, pull.Number, "break-glass: customers cannot pay", true))
	eventually(t, p.log, "the glass to be broken", func() bool {
		s := shown(state().Branches[pull.Branch].Status, context)
		i := slices.IndexFunc(state().Issues, func(i githubtest.Issue) bool { return i.Number == pull.Number })
		return s.State == "success" && strings.HasPrefix(s.Description, "WARN: glass broken by maria") &&
			slices.ContainsFunc(state().Issues[i].Comments, func(c githubtest.Comment) bool { return strings.Contains(c.Body, "customers cannot pay") })
	})

	for environment, words := range map[string]string{"production": "BLOCK: CRITICAL", "nowhere": "does not name the environment"} {
		_, err := box.GitHub.AskGate(pull.Repo, sandbox.Person, sandbox.AppID, "main", environment)
		must(err)
		eventually(t, p.log, "a report to the rule of "+environment, func() bool {
			gates, err := box.GitHub.Gates(pull.Repo)
			must(err)
			i := slices.IndexFunc(gates, func(g githubtest.Gate) bool { return g.Environment == environment })
			return gates[i].State == "pending" && len(gates[i].Comments) == 1 && strings.Contains(gates[i].Comments[0], words)
		})
	}
	if unknown := box.GitHub.Unknown(); len(unknown) > 0 {
		t.Errorf("unknown routes asked for: %v", unknown)
	}
	pipeline(t, p)

	database := slices.IndexFunc(environ, func(v string) bool { return strings.HasPrefix(v, "SALVE_DATABASE=") })
	out, errs, code := salve(t, environ[database:], "report", "gates", "--since", "1h", "--format", "json")
	var v gatesView
	if code != 0 || json.Unmarshal([]byte(out), &v) != nil || len(v.Held) < 2 || len(v.Held[0].Evidence) == 0 || v.Held[0].Repo != pull.Repo {
		t.Errorf("report: exit %d, %s%s", code, out, errs)
	}
	if out, _, code := salve(t, environ[database:], "report", "gates"); code != 0 || !strings.Contains(out, "held back") || !strings.Contains(out, pull.Repo) {
		t.Errorf("report for people: exit %d, %s", code, out)
	}
	for _, args := range [][]string{{"--since", "yesterday"}, {"--format", "xml"}} {
		if _, _, code := salve(t, environ[database:], append([]string{"report", "gates"}, args...)...); code != exitUsage {
			t.Errorf("report gates %v: exit %d, want %d", args, code, exitUsage)
		}
	}
}

// pipeline asks as a pipeline does.
func pipeline(t *testing.T, p *process) {
	t.Helper()
	for _, tt := range []struct {
		path, token string
		want        int
	}{
		{"production/shop/checkout", "two", 200}, {"production/shop/checkout?strict=1", "one", 409},
		{"production/shop/checkout", "three", 401}, {"staging/shop/checkout", "one", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/v1/gates/"+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+tt.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.want {
			t.Errorf("%s: %d, %v, want %d: %s", tt.path, resp.StatusCode, err, tt.want, text)
		}
		var a gate.Answer
		if tt.want == 200 && (json.Unmarshal(text, &a) != nil || a.Decision != "BLOCK" || a.Phase != "failure" || len(a.Problems) == 0) {
			t.Errorf("%s: %s", tt.path, text)
		}
	}
}
