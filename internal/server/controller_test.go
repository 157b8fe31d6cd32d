package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/salvehq/salve/internal/gate"
)

// examples are the YAML blocks of docs/gates.md by the name in their first line.
func examples(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n# ([A-Za-z -]+?):.*?\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = m[2]
	}
	return out
}

// read unmarshals an example, whose host is the test's.
func read(t *testing.T, text, host string, into any) {
	t.Helper()
	text = strings.NewReplacer("https://salve:TOKEN@salve.example.com", strings.Replace(host, "://", "://salve:right@", 1), "https://salve.example.com", host).Replace(text)
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// holds evaluates an expression as Argo Rollouts, gitops-promoter and Kargo do.
func holds(t *testing.T, expression string, env map[string]any) bool {
	t.Helper()
	out, err := expr.Eval(expression, env)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return out.(bool)
}

// asked sends a request as a controller does, and returns what its expressions
// see of the answer.
func asked(t *testing.T, method, url, authorization, body string) (status int, parsed any) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &parsed)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return resp.StatusCode, parsed
}

// The examples of docs/gates.md, over real answers and by the libraries that the
// controllers evaluate them with: each lets go on what may, stops what must, and
// waits for the rest.
func TestControllersUnderstandAnswers(t *testing.T) {
	srv := serveGates(t, []string{"right"}, gate.Case{})
	all := examples(t)
	for _, tt := range []struct{ service, want string }{
		{"good", "go"}, {"warned", "go"}, {"shop/checkout", "stop"}, {"waits", "wait"}, {"who-knows", "wait"}, {"down", "wait"}, {"absent", "wait"},
	} {
		for name, ask := range map[string]func(*testing.T, string, string) string{
			"Argo Rollouts": argo, "gitops-promoter": promoter, "Kargo": kargo, "Flagger": flagger,
		} {
			text := strings.ReplaceAll(all[name], "production/shop/checkout", "production/"+tt.service)
			text = strings.ReplaceAll(text, "{{args.service}}", tt.service)
			if all[name] == "" {
				t.Fatalf("docs/gates.md has no example for %s", name)
			}
			want := tt.want
			if name == "gitops-promoter" && want == "stop" {
				want = "wait" // false is pending there
			}
			if got := ask(t, text, srv.URL); got != want {
				t.Errorf("%s about %s: %s, want %s", name, tt.service, got, want)
			}
		}
	}
}

// argo is the provider web of Argo Rollouts: an answer other than 2xx is an
// error, which it asks again about.
// https://github.com/argoproj/argo-rollouts/blob/master/metricproviders/webmetric/webmetric.go
func argo(t *testing.T, text, host string) string {
	var template struct {
		Spec struct {
			Metrics []struct {
				SuccessCondition, FailureCondition string
				Provider                           struct {
					Web struct {
						URL, JSONPath string
						Headers       []struct{ Key, Value string }
					}
				}
			}
		}
	}
	read(t, text, host, &template)
	m := template.Spec.Metrics[0]
	web := m.Provider.Web
	status, body := asked(t, "GET", web.URL, strings.ReplaceAll(web.Headers[0].Value, "{{args.token}}", "right"), "")
	if status < 200 || status >= 300 {
		return "wait"
	}
	path := jsonpath.New("metrics")
	if err := path.Parse(web.JSONPath); err != nil {
		t.Fatal(err)
	}
	found, err := path.FindResults(body)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]any{"result": found[0][0].Interface()}
	switch {
	case holds(t, m.SuccessCondition, env):
		return "go"
	case holds(t, m.FailureCondition, env):
		return "stop"
	}
	return "wait" // inconclusive
}

// promoter is a WebRequestCommitStatus of gitops-promoter.
// https://github.com/argoproj-labs/gitops-promoter/blob/main/docs/commit-status-controllers/web-request.md
func promoter(t *testing.T, text, host string) string {
	var status struct {
		Spec struct {
			HTTPRequest struct{ URLTemplate, Method string }
			Success     struct{ When struct{ Expression string } }
		}
	}
	read(t, text, host, &status)
	code, body := asked(t, status.Spec.HTTPRequest.Method, status.Spec.HTTPRequest.URLTemplate, "Bearer right", "")
	if holds(t, status.Spec.Success.When.Expression, map[string]any{"Response": map[string]any{"StatusCode": code, "Body": body}}) {
		return "go"
	}
	if holds(t, status.Spec.Success.When.Expression, map[string]any{"Response": nil}) {
		t.Error("no answer is a go-ahead")
	}
	return "wait"
}

// kargo is the step http of Kargo: neither success nor failure is asked again.
// https://docs.kargo.io/user-guide/reference-docs/promotion-steps/http
func kargo(t *testing.T, text, host string) string {
	var steps []struct {
		Config struct {
			Method, URL, SuccessExpression, FailureExpression string
			Headers                                           []struct{ Name, Value string }
		}
	}
	read(t, text, host, &steps)
	c := steps[0].Config
	code, body := asked(t, c.Method, c.URL, regexp.MustCompile(`\$\{\{.*\}\}`).ReplaceAllString(c.Headers[0].Value, "right"), "")
	env := map[string]any{"response": map[string]any{"status": code, "body": body}}
	switch {
	case holds(t, c.SuccessExpression, env):
		return "go"
	case holds(t, c.FailureExpression, env):
		return "stop"
	}
	return "wait"
}

// flagger is the webhooks of Flagger: a POST whose status above 202 halts; a
// rollback hook takes back where the status is not.
// https://docs.flagger.app/usage/webhooks
func flagger(t *testing.T, text, host string) string {
	var analysis struct {
		Webhooks []struct{ Name, Type, URL string }
	}
	read(t, text, host, &analysis)
	payload, err := json.Marshal(map[string]any{"name": "checkout", "namespace": "shop", "phase": "Progressing", "metadata": map[string]string{}})
	if err != nil {
		t.Fatal(err)
	}
	passes := map[string]bool{}
	for _, hook := range analysis.Webhooks {
		status, _ := asked(t, "POST", hook.URL, "", string(bytes.TrimSpace(payload)))
		passes[hook.Type] = status <= 202
	}
	switch {
	case passes["rollback"] && passes["confirm-rollout"]:
		return "both"
	case passes["rollback"]:
		return "stop"
	case passes["confirm-rollout"]:
		return "go"
	}
	return "wait"
}
