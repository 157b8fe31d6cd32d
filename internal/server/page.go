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
	"unicode"

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
	others, err := c.Gates.Beside(r.Context(), k)
	if err != nil {
		c.Log.Error("page of a gate", "id", id, "err", err) // the page does without
	}
	if err := c.render(&b, k, others); err != nil {
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
	Tone     string      // good, warn, bad or wait: class of the verdict
	Reason   string      // Why without the word
	Others   []gate.Case // of the same commit in other environments
	Timeline []bar
	From, To time.Time // of the timeline
}

// A bar is a stretch of the timeline, in thousandths of its width.
type bar struct {
	X, Width int
	Tone     string
	Word     string
	Span     string
	Quality  string
	Title    string // all of it, for who points at the bar
}

func (c Config) render(b *bytes.Buffer, k gate.Case, others []gate.Case) error {
	t, err := template.New("gate.html").Funcs(template.FuncMap{
		"time":     func(t time.Time) string { return t.UTC().Format("2 January 2006 15:04:05 MST") },
		"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"word":     func(v gate.Verdict) string { return v.Word(k.Gate) },
		"risk":     func(v gate.Verdict) string { return v.Word(policy.PreDeployment) },
		"tone":     tone,
		"notebook": func(query string) string { return queryURL(c.Tenant, query) },
		"typed":    typed,
		"problem":  func(event any) string { return prose.ProblemURL(c.Tenant, fmt.Sprint(event)) },
	}).ParseFS(pages, "page/gate.html")
	if err != nil {
		return err
	}
	if k, err = legible(k); err != nil {
		return err
	}
	if others, err = legible(others); err != nil {
		return err
	}
	word := k.Verdict.Word(k.Gate)
	v := view{Case: k, Word: word, Tone: tone(k.Verdict), Reason: strings.TrimPrefix(k.Why, word+": "), Others: others}
	v.Timeline, v.From, v.To = timeline(k)
	return t.Execute(b, v)
}

// legible returns v without the characters that turn the direction of the text
// around them: with one of those in a title, a page would not read as it is.
func legible[T any](v T) (out T, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(bytes.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text), &out)
}

// typed is text in which what is typed stands in backticks.
func typed(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			part = "<code>" + template.HTMLEscapeString(part) + "</code>"
		} else {
			part = template.HTMLEscapeString(part)
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // escaped above
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

// thinnest is the width of a bar that can be seen, in thousandths.
const thinnest = 8

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
		x := min(at(s.From), 1000-thinnest)
		one := bar{X: x, Width: max(at(end)-x, thinnest), Tone: tone(s.Verdict), Word: s.Verdict.Word(k.Gate), Span: span(s.From, end), Quality: s.Quality}
		one.Title = fmt.Sprintf("%s %s, data quality %s", one.Word, one.Span, one.Quality)
		bars = append(bars, one)
	}
	if len(bars) == 1 {
		bars[0].Width = 1000
	}
	return bars, from, to
}

// span writes a stretch of time, with its days where it is longer than one.
func span(from, to time.Time) string {
	from, to = from.UTC(), to.UTC()
	form := "15:04:05"
	if from.YearDay() != to.YearDay() || from.Year() != to.Year() {
		form = "2 Jan 15:04:05"
	}
	if from.Equal(to) {
		return "at " + from.Format(form)
	}
	return "from " + from.Format(form) + " to " + to.Format(form)
}

// queryURL opens a query in a notebook of the tenant, "" if root is no https
// URL. The payload of an intent is the fragment, in which a plus is a plus.
// https://developer.dynatrace.com/develop/intents/
// https://github.com/dynatrace-oss/dtctl, pkg/resources/appengine/intents_test.go
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
