package server

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/gate"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

//go:embed page
var pages embed.FS

// policies of the pages: nothing from elsewhere, no script, no frame. Whoever
// names a problem cannot make a page do anything.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// caseForm is the address of a case.
var caseForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// page is GET /gates/{id}: why a gate says what it says.
func (c Config) page(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !caseForm.MatchString(id) {
		say(w, http.StatusNotFound, "no such gate")
		return
	}
	k, found, err := c.Gates.Case(r.Context(), id)
	switch {
	case err != nil:
		c.Log.Error("page of a gate", "id", id, "err", err)
		say(w, http.StatusServiceUnavailable, "the database cannot be reached; try again later")
		return
	case !found:
		say(w, http.StatusNotFound, "no such gate, or it is older than 30 days")
		return
	}
	var b bytes.Buffer
	if err := c.render(&b, k); err != nil {
		c.Log.Error("page of a gate", "id", id, "err", err)
		say(w, http.StatusInternalServerError, "the page could not be made")
		return
	}
	guard(w, "text/html; charset=utf-8")
	w.Write(b.Bytes()) //nolint:errcheck // the client went away
}

func (c Config) style(w http.ResponseWriter, _ *http.Request) {
	text, err := pages.ReadFile("page/style.css")
	if err != nil {
		say(w, http.StatusInternalServerError, "no style")
		return
	}
	guard(w, "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Write(text) //nolint:errcheck // the client went away
}

func guard(w http.ResponseWriter, kind string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// A view is a case as the template wants it.
type view struct {
	gate.Case
	Word     string
	Tone     string // good, warn, bad or wait: class of the verdict
	QueryURL string
	Timeline []bar
	From, To time.Time // of the timeline
}

// A bar is a stretch of the timeline, in thousandths of its width.
type bar struct {
	X, Width int
	Tone     string
	Title    string
}

func (c Config) render(b *bytes.Buffer, k gate.Case) error {
	t, err := template.New("gate.html").Funcs(template.FuncMap{
		"time":    func(t time.Time) string { return t.UTC().Format("2 January 2006 15:04:05 MST") },
		"stamp":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"word":    func(v gate.Verdict) string { return v.Word(k.Gate) },
		"risk":    func(v gate.Verdict) string { return v.Word(policy.PreDeployment) },
		"tone":    tone,
		"problem": func(event any) string { return prose.ProblemURL(c.Tenant, fmt.Sprint(event)) },
	}).ParseFS(pages, "page/gate.html")
	if err != nil {
		return err
	}
	v := view{Case: k, Word: k.Verdict.Word(k.Gate), Tone: tone(k.Verdict), QueryURL: queryURL(c.Tenant, k.Query)}
	v.Timeline, v.From, v.To = timeline(k)
	return t.Execute(b, v)
}

// tone is the colour of a verdict, which the page always says in words too.
func tone(v gate.Verdict) string {
	switch v {
	case gate.Proceed:
		return "good"
	case gate.Warn:
		return "warn"
	case gate.Block:
		return "bad"
	}
	return "wait"
}

// timeline draws the samples of a case. A stretch lasts until the next begins.
func timeline(k gate.Case) (bars []bar, from, to time.Time) {
	if len(k.Samples) == 0 {
		return nil, from, to
	}
	from, to = k.Samples[0].From, k.Samples[len(k.Samples)-1].To
	whole := max(to.Sub(from), time.Second)
	at := func(t time.Time) int { return int(t.Sub(from) * 1000 / whole) }
	for i, s := range k.Samples {
		end := s.To
		if i+1 < len(k.Samples) {
			end = k.Samples[i+1].From
		}
		x := min(at(s.From), 996)
		bars = append(bars, bar{X: x, Width: max(at(end)-x, 4), Tone: tone(s.Verdict),
			Title: fmt.Sprintf("%s from %s to %s, data quality %s", s.Verdict.Word(k.Gate), s.From.UTC().Format("15:04:05"), end.UTC().Format("15:04:05"), s.Quality)})
	}
	if len(bars) == 1 {
		bars[0].Width = 1000
	}
	return bars, from, to
}

// queryURL opens a query in a notebook of the tenant, "" if root is no https
// URL. https://developer.dynatrace.com/develop/intents/
func queryURL(root, query string) string {
	u, err := url.Parse(root)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || query == "" {
		return ""
	}
	payload, err := json.Marshal(map[string]string{"dt.query": query})
	if err != nil {
		return ""
	}
	at := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/ui/intent/dynatrace.notebooks/view-query"}
	return at.String() + "#" + strings.ReplaceAll(url.QueryEscape(string(payload)), "+", "%20")
}
