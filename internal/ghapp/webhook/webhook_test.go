package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/forge"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const secret = "it is a secret to everybody"

func signature(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// delivery returns the headers of a delivery as GitHub sends it.
func delivery(event string, body []byte) http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("X-GitHub-Event", event)
	h.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	h.Set("X-Hub-Signature-256", signature(body, secret))
	return h
}

// What is understood of payloads that GitHub publishes.
func TestPublishedPayloads(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no payloads:", err)
	}
	var out bytes.Buffer
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		kind, _, _ := strings.Cut(name, ".")
		e, err := Parse(delivery(kind, body), body, secret)
		fmt.Fprintf(&out, "== %s\n", name)
		if err != nil {
			fmt.Fprintln(&out, "error:", err)
			continue
		}
		e.Pull.Body, e.Comment.Body = short(e.Pull.Body), short(e.Comment.Body)
		text, err := json.MarshalIndent(e, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if !strings.Contains(line, `: ""`) && !strings.Contains(line, `: null`) && !strings.Contains(line, `: 0`) &&
				!strings.Contains(line, `: false`) && !strings.Contains(line, "0001-01-01") {
				fmt.Fprintln(&out, line)
			}
		}
	}
	const golden = "testdata/events.txt"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("events differ from %s (-want +got):\n%s", golden, diff)
	}
}

func short(s string) string { return s[:min(len(s), 20)] }

// Attacks 1 to 6: who does not know the secret is turned away before the body
// is looked at.
func TestSignature(t *testing.T) {
	body := []byte(`{"zen":"x"}`)
	good := signature(body, secret)
	old := hmac.New(sha1.New, []byte(secret))
	old.Write(body)
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		secret string
		ok     bool
	}{
		"right":             {http.Header{"X-Hub-Signature-256": {good}}, string(body), secret, true},
		"none":              {http.Header{}, string(body), secret, false},
		"wrong secret":      {http.Header{"X-Hub-Signature-256": {signature(body, "guess")}}, string(body), secret, false},
		"sha-1 only":        {http.Header{"X-Hub-Signature": {"sha1=" + hex.EncodeToString(old.Sum(nil))}}, string(body), secret, false},
		"another body":      {http.Header{"X-Hub-Signature-256": {good}}, `{"zen":"y"}`, secret, false},
		"final newline":     {http.Header{"X-Hub-Signature-256": {good}}, string(body) + "\n", secret, false},
		"upper case":        {http.Header{"X-Hub-Signature-256": {strings.ToUpper(good)}}, string(body), secret, false},
		"short":             {http.Header{"X-Hub-Signature-256": {good[:20]}}, string(body), secret, false},
		"garbage":           {http.Header{"X-Hub-Signature-256": {"sha256=zz"}}, string(body), secret, false},
		"empty value":       {http.Header{"X-Hub-Signature-256": {"sha256="}}, string(body), secret, false},
		"two of them":       {http.Header{"X-Hub-Signature-256": {"sha256=00", good}}, string(body), secret, false},
		"empty secret":      {http.Header{"X-Hub-Signature-256": {signature(body, "")}}, string(body), "", false},
		"malformed, signed": {http.Header{"X-Hub-Signature-256": {signature([]byte("{"), secret)}}, "{", secret, true},
	} {
		err := verify(tt.header, []byte(tt.body), tt.secret)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v, want accepted: %v", name, err, tt.ok)
		}
		if err != nil && !errors.Is(err, forge.ErrUnauthorized) {
			t.Errorf("%s: %v is not ErrUnauthorized", name, err)
		}
	}
	if _, err := Parse(http.Header{}, []byte("{"), secret); !errors.Is(err, ErrSignature) {
		t.Errorf("an unsigned body that is not JSON: %v, want it refused unread", err)
	}
}

// Attacks 9 and 11 to 15, and what else a sender can get wrong.
func TestMalformed(t *testing.T) {
	const repo = `"repository":{"full_name":"acme/shop"}`
	const inst = `"installation":{"id":7}`
	sha := strings.Repeat("a1", 20)
	for name, tt := range map[string]struct {
		event, body, want string
	}{
		"deep":                  {"push", strings.Repeat(`{"a":`, 100_000), "nests more"},
		"deep arrays":           {"unknown", `{"a":` + strings.Repeat("[", 100_000), "nests more"},
		"duplicate key":         {"push", `{"installation":{"id":7},"installation":{"id":8}}`, `"installation" stands twice`},
		"duplicate key inside":  {"push", `{"a":[{"b":1},{"b":1,"b":2}]}`, `"b" stands twice`},
		"two values":            {"push", `{}{}`, "goes on"},
		"array":                 {"push", `[]`, "want a JSON object"},
		"string":                {"push", `"x"`, "want a JSON object"},
		"empty":                 {"push", ``, "breaks off"},
		"cut off":               {"push", `{"a":1`, "breaks off"},
		"html":                  {"push", `<html>`, "invalid character"},
		"wrong type":            {"push", `{"installation":7}`, "cannot unmarshal"},
		"no installation":       {"push", `{` + repo + `}`, "no installation"},
		"negative installation": {"push", `{"installation":{"id":-1},` + repo + `}`, "no installation"},
		"no repository":         {"push", `{` + inst + `}`, "no repository"},
		"traversal":             {"push", `{` + inst + `,"repository":{"full_name":"acme/.."}}`, "not a name"},
		"traversal 2":           {"push", `{` + inst + `,"repository":{"full_name":"../../user"}}`, "not a name"},
		"commit":                {"status", `{` + inst + `,` + repo + `,"sha":"../../x"}`, "hexadecimal"},
		"no pull request":       {"pull_request", `{` + inst + `,` + repo + `}`, "no pull request"},
		"no issue":              {"issue_comment", `{` + inst + `,` + repo + `}`, "no issue"},
		"bad added repository":  {"installation_repositories", `{` + inst + `,"repositories_added":[{"full_name":"a"}]}`, "owner/name"},
		"event name":            {"../push", `{}`, "X-GitHub-Event"},
		"rule without commit":   {"deployment_protection_rule", `{` + inst + `,` + repo + `}`, "hexadecimal"},
		"rule of another repo": {"deployment_protection_rule", `{` + inst + `,` + repo + `,"sha":"` + sha + `",
			"deployment_callback_url":"https://api.github.com/repos/evil/shop/actions/runs/1/deployment_protection_rule"}`, "no workflow run of acme/shop"},
		"rule with a long run": {"deployment_protection_rule", `{` + inst + `,` + repo + `,"sha":"` + sha + `",
			"deployment_callback_url":"https://api.github.com/repos/acme/shop/actions/runs/99999999999999999999/deployment_protection_rule"}`, "no workflow run"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Parse(delivery(tt.event, []byte(tt.body)), []byte(tt.body), secret)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%+v, %v; want an error with %q", e, err, tt.want)
			}
			if got := errors.Is(err, forge.ErrNoInstallation); got != strings.Contains(tt.want, "no installation") {
				t.Errorf("%v is ErrNoInstallation: %v", err, got)
			}
		})
	}
	body := []byte(`payload=%7B%7D`)
	form := delivery("push", body)
	form.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := Parse(form, body, secret); err == nil || !strings.Contains(err.Error(), "want application/json") {
		t.Errorf("form: %v", err)
	}
	untold := delivery("push", body)
	untold.Del("Content-Type")
	if _, err := Parse(untold, body, secret); err == nil || !strings.Contains(err.Error(), "want application/json") {
		t.Errorf("no content type: %v", err)
	}
	guid := delivery("push", body)
	guid.Set("X-GitHub-Delivery", "a\nb")
	if _, err := Parse(guid, body, secret); err == nil || !strings.Contains(err.Error(), "GUID") {
		t.Errorf("delivery: %v", err)
	}
	large := make([]byte, Limit+1)
	if _, err := Parse(delivery("push", large), large, secret); !errors.Is(err, ErrSignature) {
		t.Errorf("a body over the cap: %v", err)
	}
}

// Attack 13: package json takes a key in other letters for the one it looks for,
// so that it would win over GitHub's. Where nothing is decoded, such as in data
// of users, letters are theirs.
func TestKeysInOtherLetters(t *testing.T) {
	const good = `{"installation":{"id":7},"repository":{"full_name":"acme/shop"},"issue":{"number":1},"repositories_added":[{"full_name":"acme/shop"}]`
	for more, want := range map[string]string{
		``:                                    "",
		`,"Installation":{"id":8}`:            `"Installation" is written in other letters than "installation"`,
		`,"in\u017Ftallation":{"id":8}`:       `in other letters`,
		`,"comment":{"user":{"LOGIN":"x"}}`:   `"LOGIN"`,
		`,"commits":[{},{"Added":["x"]}]`:     `"Added"`,
		`,"pull_request":{"Number":1}`:        `"Number"`,
		`,"client_payload":{"A":1,"a":2}`:     "",
		`,"commits":[{"tree":{"A":1,"a":2}}]`: "",
		`,"ID":1`:                             "",
	} {
		body := []byte(good + more + "}")
		if _, err := Parse(delivery("issues", body), body, secret); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", more, err, want)
		}
	}
}

// Attack 14: what we do not listen to is no error.
func TestUnknownEvent(t *testing.T) {
	body := []byte(`{"action":"starred","sender":{"login":"x"}}`)
	e, err := Parse(delivery("star", body), body, secret)
	if err != nil || e.Kind != "star" || e.Action != "" || e.Delivery == "" {
		t.Errorf("%+v, %v; want the kind and the delivery alone", e, err)
	}
}

// Attack 30: of the callback URL only the run is taken.
func TestCallbackHostIsNotUsed(t *testing.T) {
	body := []byte(`{"installation":{"id":7},"repository":{"full_name":"acme/shop"},"environment":"production",
		"sha":"` + strings.Repeat("a1", 20) + `","ref":"refs/heads/main",
		"deployment_callback_url":"http://user:pw@169.254.169.254/repos/acme/shop/actions/runs/42/deployment_protection_rule"}`)
	e, err := Parse(delivery("deployment_protection_rule", body), body, secret)
	if err != nil || e.Run != 42 || strings.Contains(fmt.Sprintf("%+v", e), "169.254") {
		t.Errorf("%+v, %v; want run 42 and no trace of the host", e, err)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		kind, _, _ := strings.Cut(filepath.Base(file), ".")
		f.Add(kind, body)
	}
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		e, err := Parse(delivery(event, body), body, secret)
		if err != nil {
			return
		}
		if _, known := details[e.Kind]; known && e.Kind != forge.EventPing && e.Installation <= 0 {
			t.Errorf("an event without installation passed: %+v", e)
		}
		if (e.Repo != forge.Repo{}) && e.Repo.Validate() != nil || e.Head != "" && e.Head.Validate() != nil {
			t.Errorf("names that were not checked passed: %+v", e)
		}
	})
}
