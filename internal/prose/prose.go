// Package prose writes what people read: titles, bodies and messages of pull
// requests, remarks on changed lines, labels, and the lines of commit statuses.
//
// Names of entities, titles of problems and tags are chosen by whoever runs or
// attacks the monitored system, so no text reaches a template as it came.
// [Render] first makes every string harmless ([Neutralise] for Markdown,
// [Plain] for everything else) and only then fills in the templates, which are
// this program's own.
package prose

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/templates"
)

// GitHub's limits, in characters, for titles, bodies, and the descriptions of
// statuses and labels; and ours for the body, so that it can be added to.
const (
	maxTitle  = 256
	maxBody   = 60_000
	maxStatus = 140
)

// A Pull is a pull request before it is put into words.
type Pull struct {
	Key         string // of the proposal
	Remedy      string // "memory-limit"
	Action      string // what it does, up to the subject: "Raise memory limit of"
	Subject     string // "shop/checkout"
	Environment string // "production"; may be empty
	Why         string // a sentence or two: what the change is to achieve
	Changes     []Change
	Evidence    []Evidence
	Usage       []Usage       // of the containers, where the change is about one
	Unsized     string        // why the change is not sized by use, if it could be
	Affects     []string      // what else shares the changed values
	Notes       []string      // what a reviewer should know besides
	Rollback    string        // how to undo it, if that takes more than a revert
	AutoMerge   bool          // the host merges it once the rules of the base branch are met
	Declined    time.Duration // how long a no holds; 0 leaves the sentence out
	Dynatrace   string        // root URL of the tenant; without it there are no links
}

// A Change is one value that changes, or one file that is new.
type Change struct {
	Path     string
	Line     int    // after the change, from 1; 0 for a whole file
	What     string // "Deployment shop/checkout, container app: resources.limits.memory"
	From, To string // From is empty where nothing was written
	Rule     string // the sentence that gave To
	Measured bool   // Rule holds numbers that move on with every measurement
}

// Evidence is one problem that speaks for the change.
type Evidence struct {
	Problem   string // "P-2403"
	Event     string // event.id
	Title     string
	Severity  string // "MEDIUM"
	Start     time.Time
	Affected  []string
	RootCause string
}

// Usage is what one container used, in words; empty where nothing was measured.
type Usage struct {
	Container         string
	Peak, High, Limit string // "480Mi"; High is the 95th percentile
	Share             string // the peak in percent of the limit
	Throttled         string // CPU time withheld, in percent of the limit
	Kills, Points     int64
}

// Text is a pull request in words.
type Text struct {
	Title    string
	Body     string
	Message  string // of the commit
	Comments []forge.LineComment
	Evidence string // digest of all that Body says; the same words have the same digest
}

// parsed are the templates; executing them changes nothing in them.
var parsed = sync.OnceValues(func() (*template.Template, error) {
	return template.New("").Option("missingkey=error").ParseFS(templates.FS, "pull/*.tmpl")
})

// Render puts p into words. It fails only if p lacks what every pull request
// must say.
func Render(p Pull) (Text, error) {
	switch {
	case p.Key == "" || p.Remedy == "" || p.Action == "" || p.Subject == "":
		return Text{}, fmt.Errorf("pull request %q: want key, remedy, action and subject", p.Key)
	case len(p.Key) > maxKey:
		return Text{}, fmt.Errorf("pull request %.40q…: the key has %d bytes, at most %d can be found again", p.Key, len(p.Key), maxKey)
	case len(p.Changes) == 0 || len(p.Evidence) == 0:
		return Text{}, fmt.Errorf("pull request %q: want a change and the evidence for it", p.Key)
	}
	t, err := parsed()
	if err != nil {
		return Text{}, err
	}
	v := words(p, plain)
	title, err := fill(t, "title.md.tmpl", v)
	if err != nil {
		return Text{}, err
	}
	message, err := fill(t, "message.md.tmpl", v)
	if err != nil {
		return Text{}, err
	}
	out := Text{Title: Cut(title, maxTitle), Message: message}
	rich := words(p, markdown)
	body, err := bounded(t, rich)
	if err != nil {
		return Text{}, err
	}
	if out.Evidence, err = digest(t, p); err != nil {
		return Text{}, err
	}
	out.Body = markerOf(p, out.Evidence).String() + "\n" + body
	out.Comments, err = remarks(t, p, rich)
	return out, err
}

// digest is that of the body without what was measured, which moves all the
// time: a pull request is not written again for that.
func digest(t *template.Template, p Pull) (string, error) {
	p.Usage, p.Unsized, p.Changes = nil, "", slices.Clone(p.Changes)
	for i := range p.Changes {
		if p.Changes[i].Measured {
			p.Changes[i].Rule = ""
		}
	}
	body, err := bounded(t, words(p, markdown))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:8]), nil
}

// remarks says of each changed line which rule and which evidence gave it.
func remarks(t *template.Template, p Pull, v view) ([]forge.LineComment, error) {
	changes := v.Changes
	var out []forge.LineComment
	for i := range changes {
		if p.Changes[i].Line < 1 {
			continue
		}
		v.Changes = changes[i : i+1]
		text, err := fill(t, "comment.md.tmpl", v)
		if err != nil {
			return nil, err
		}
		out = append(out, forge.LineComment{Path: p.Changes[i].Path, Line: p.Changes[i].Line, Body: text})
	}
	return out, nil
}

// bounded fills in the body, with fewer and fewer rows until it is short
// enough.
func bounded(t *template.Template, v view) (string, error) {
	for rows := MaxRows; ; rows /= 2 {
		v.keep(rows)
		body, err := fill(t, "body.md.tmpl", v)
		if err != nil || len(body) <= maxBody || rows == 0 {
			return body, err
		}
	}
}

func fill(t *template.Template, name string, data any) (string, error) {
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// MaxRows is how many changes and how many problems one body lists.
const MaxRows = 20

// view is a [Pull] whose strings are safe where they will stand.
type view struct {
	Remedy, Action, Subject, Environment, Why, Rollback string
	Unsized                                             string
	Changes                                             []changeView
	Evidence                                            []evidenceView
	Usage                                               []Usage
	Affects, Notes                                      []string
	MoreChanges, MoreEvidence                           int
	AutoMerge                                           bool
	Declined                                            string
}

type changeView struct {
	Where, What, From, To, Rule string
}

type evidenceView struct {
	Problem, Title, Severity, Start, Affected, RootCause string
}

// A style makes texts safe for one kind of place: text for names and titles,
// prose for sentences, code for values.
type style struct {
	text, prose, code func(string) string
	link              func(root string, e Evidence) string
}

var (
	markdown = style{Neutralise, func(s string) string { return neutral(s, maxProse) }, code, link}
	plain    = style{Plain, func(s string) string { return bare(s, maxProse) }, Plain, func(_ string, e Evidence) string { return Plain(e.Problem) }}
)

// words makes every string of p safe.
func words(p Pull, s style) view {
	v := view{
		Remedy:      s.code(p.Remedy),
		Action:      s.text(p.Action),
		Subject:     s.text(p.Subject),
		Environment: s.text(p.Environment),
		Why:         s.prose(p.Why),
		Rollback:    s.prose(p.Rollback),
		Affects:     each(p.Affects, s.text),
		Notes:       each(p.Notes, s.prose),
		Usage:       usages(p.Usage, s),
		Unsized:     s.prose(p.Unsized),
		AutoMerge:   p.AutoMerge,
	}
	if p.Declined > 0 {
		v.Declined = fmt.Sprintf("%d days", int(p.Declined.Hours()/24))
	}
	v.MoreChanges, v.MoreEvidence = max(len(p.Changes)-MaxRows, 0), max(len(p.Evidence)-MaxRows, 0)
	for _, c := range p.Changes[:min(len(p.Changes), MaxRows)] {
		where := s.code(c.Path)
		if c.Line > 0 {
			where += fmt.Sprintf(" line %d", c.Line)
		}
		v.Changes = append(v.Changes, changeView{where, s.text(c.What), s.code(c.From), s.code(c.To), s.prose(c.Rule)})
	}
	for _, e := range p.Evidence[:min(len(p.Evidence), MaxRows)] {
		v.Evidence = append(v.Evidence, evidenceView{
			Problem:   s.link(p.Dynatrace, e),
			Title:     s.text(e.Title),
			Severity:  s.text(e.Severity),
			Start:     e.Start.UTC().Format("2006-01-02 15:04 UTC"),
			Affected:  few(each(slices.Sorted(slices.Values(e.Affected)), s.text), len(e.Affected)),
			RootCause: s.text(e.RootCause),
		})
	}
	return v
}

// usages makes the words about use safe.
func usages(all []Usage, s style) []Usage {
	var out []Usage
	for _, u := range all[:min(len(all), MaxRows)] {
		for _, f := range []*string{&u.Container, &u.Peak, &u.High, &u.Limit, &u.Share, &u.Throttled} {
			*f = s.text(*f)
		}
		out = append(out, u)
	}
	return out
}

// few joins the first five of names, of which there are n.
func few(names []string, n int) string {
	if n <= 5 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), n-5)
}

func each(in []string, fn func(string) string) []string {
	var out []string
	for _, s := range in[:min(len(in), MaxRows)] {
		out = append(out, fn(s))
	}
	return out
}

// keep drops what goes beyond the first rows, and counts it. It leaves the
// arrays behind the slices as they are.
func (v *view) keep(rows int) {
	if n := max(rows, 1); len(v.Changes) > n {
		v.MoreChanges, v.Changes = v.MoreChanges+len(v.Changes)-n, v.Changes[:n]
	}
	if len(v.Evidence) > rows {
		v.MoreEvidence, v.Evidence = v.MoreEvidence+len(v.Evidence)-rows, v.Evidence[:rows]
	}
	v.Usage = v.Usage[:min(len(v.Usage), rows)]
	v.Affects, v.Notes = v.Affects[:min(len(v.Affects), rows)], v.Notes[:min(len(v.Notes), rows)]
}

var (
	problemForm = regexp.MustCompile(`^P-[0-9]{1,12}$`)
	eventForm   = regexp.MustCompile(`^-?[0-9]{1,20}_[0-9]{1,20}(V[0-9]{1,2})?$`)
)

// link names a problem, with a link where its ids are what Dynatrace gives.
func link(root string, e Evidence) string {
	to := ProblemURL(root, e.Event)
	if to == "" || !problemForm.MatchString(e.Problem) {
		return Neutralise(e.Problem)
	}
	return "[" + e.Problem + "](" + to + ")"
}

// ProblemURL returns the page of a problem in a tenant's Problems app, "" if
// root is no https URL or event no event.id. It is an intent, which any version
// of the app answers.
// https://developer.dynatrace.com/develop/intents/
func ProblemURL(root, event string) string {
	u, err := url.Parse(root)
	if err != nil || u.Scheme != "https" && u.Hostname() != "127.0.0.1" || u.Host == "" || u.User != nil || !eventForm.MatchString(event) {
		return ""
	}
	id, err := json.Marshal(map[string]string{"event.id": event, "event.kind": "DAVIS_PROBLEM"})
	if err != nil {
		return ""
	}
	at := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/ui/intent/dynatrace.davis.problems/view-problem"}
	return at.String() + "#" + strings.ReplaceAll(url.QueryEscape(string(id)), "+", "%20")
}

// Branch returns the branch of a proposal: the same key has the same branch.
func Branch(key, remedy, subject string) string {
	sum := sha256.Sum256([]byte(key))
	return path.Join("salve", cmp.Or(slug(remedy, 40), "change"), strings.TrimPrefix(slug(subject, 40)+"-"+hex.EncodeToString(sum[:4]), "-"))
}

// slug keeps the letters and digits of s, lower case, joined by dashes, in at
// most n bytes.
func slug(s string, n int) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= n {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

// Status returns text as the description of a commit status: one line of at
// most 140 characters.
func Status(text string) string { return Cut(Plain(text), maxStatus) }
