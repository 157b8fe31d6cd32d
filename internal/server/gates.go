package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/policy"
)

// A Gates knows what the gates say.
type Gates interface {
	// Case returns a case by the ID in its address.
	Case(ctx context.Context, id string) (k gate.Case, found bool, err error)
	// Beside returns the cases of the same commit in other environments.
	Beside(ctx context.Context, k gate.Case) ([]gate.Case, error)
	// Service judges a service now, for a commit that is about to be deployed
	// if head is not empty.
	Service(ctx context.Context, environment, service string, head forge.SHA) (gate.Answer, error)
	// Watched returns what is known of a deployed commit; found is false for
	// one that was never seen.
	Watched(ctx context.Context, name policy.GateName, environment, service string, head forge.SHA) (a gate.Answer, found bool, err error)
}

// maxName bounds the names in the path of a question.
const maxName = 253

// answer is GET or POST /v1/gates/{environment}/{service}: one verdict in JSON.
// The name of a workload holds a slash: shop/checkout. Who asks with strict=1
// gets a status other than 2xx unless the deployment may go on, with
// strict=rollback unless it must be taken back. Webhooks of Flagger are POST;
// their body says nothing that the gate needs.
// https://docs.flagger.app/usage/webhooks
func (c Config) answer(w http.ResponseWriter, r *http.Request) {
	if !c.authorised(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="salve"`)
		reply(w, http.StatusUnauthorized, map[string]string{"error": "want Authorization: Bearer with one of the gate tokens of this program"})
		return
	}
	environment, service, query := r.PathValue("environment"), r.PathValue("service"), r.URL.Query()
	strict, head, name := query.Get("strict"), forge.SHA(query.Get("sha")), policy.GateName(query.Get("gate"))
	switch {
	case environment == "" || service == "" || len(environment) > maxName || len(service) > 2*maxName:
		reply(w, http.StatusBadRequest, map[string]string{"error": "want /v1/gates/{environment}/{service}"})
		return
	case head != "" && head.Validate() != nil:
		reply(w, http.StatusBadRequest, map[string]string{"error": head.Validate().Error()})
		return
	case !slices.Contains([]string{"", "0", "1", "rollback"}, strict):
		reply(w, http.StatusBadRequest, map[string]string{"error": "want strict=1 or strict=rollback"})
		return
	case name != "" && name != policy.PreDeployment && (name != policy.PostDeployment && name != policy.Canary || head == ""):
		reply(w, http.StatusBadRequest, map[string]string{"error": "want gate=pre-deployment, or post-deployment or canary with sha="})
		return
	}
	a, err := c.ask(r.Context(), name, environment, service, head)
	if err != nil {
		c.Log.Error("gate not answered", "environment", environment, "service", service, "err", err)
		w.Header().Set("Retry-After", "30")
		reply(w, http.StatusServiceUnavailable, map[string]string{"error": "the gate could not find out; ask again later"})
		return
	}
	a.SHA = head
	reply(w, status(w, a, strict), a)
}

// ask finds the answer: a new one before a deployment, what was seen after it.
func (c Config) ask(ctx context.Context, name policy.GateName, environment, service string, head forge.SHA) (gate.Answer, error) {
	if name == "" || name == policy.PreDeployment {
		return c.Gates.Service(ctx, environment, service, head)
	}
	a, found, err := c.Gates.Watched(ctx, name, environment, service, head)
	if !found {
		a = gate.Unknown(name, environment, service, "no such deployment of this commit was seen")
	}
	return a, err
}

// status is 200, 404 for what is not known and, for who is strict, 409 for what
// must stop and 503 for what must wait. Who asks whether to take it back gets 200
// if so, and 409 if not: what is not known is no reason.
func status(w http.ResponseWriter, a gate.Answer, strict string) int {
	switch {
	case !a.Known:
		return http.StatusNotFound
	case strict == "rollback" && a.Verdict != gate.Block:
		return http.StatusConflict
	case strict != "1" || a.Verdict == gate.Proceed || a.Verdict == gate.Warn:
		return http.StatusOK
	case a.Verdict == gate.Block:
		return http.StatusConflict
	}
	w.Header().Set("Retry-After", "30")
	return http.StatusServiceUnavailable
}

// authorised compares the token of a request with all that are known, in the
// same time whichever it is. Who can set no header has the token as the password
// of the URL.
func (c Config) authorised(r *http.Request) bool {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	bearer := strings.EqualFold(kind, "Bearer")
	if _, password, basic := r.BasicAuth(); basic {
		bearer, token = true, password
	}
	given := sha256.Sum256([]byte(token))
	hit := 0
	for _, t := range c.GateTokens {
		want := sha256.Sum256([]byte(t))
		hit |= subtle.ConstantTimeCompare(given[:], want[:])
	}
	return hit == 1 && bearer && token != ""
}

func reply(w http.ResponseWriter, status int, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // the types of this package always marshal
		status, text = http.StatusInternalServerError, []byte(`{"error":"no answer"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s\n", text)
}
