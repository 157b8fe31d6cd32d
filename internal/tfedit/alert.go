package tfedit

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// An AlertRule is what one resource of the Dynatrace provider says about the
// problems of one title.
type AlertRule struct {
	Type      string            // dynatrace_metric_events, …
	Schema    string            // of the settings: builtin:anomaly-detection.metric-events
	Address   string            // dynatrace_metric_events.queue_depth, module.alerts.dynatrace_metric_events.this["a"]
	Title     string            // of its problems; of one with Prefix the part before what only Dynatrace fills in
	Prefix    bool              // Title is how titles begin
	Dir       string            // that Address starts from, for [Target].Dir; "." for the root of the repository
	File      string            // of the resource
	Line      int               // from 1
	Addresses map[string]string // of its values by field, see [AlertFields]; what the resource cannot be given is missing
}

// AlertFields are the names of values of an [AlertRule], whatever the resource
// calls them. Samples are minutes, for hosts and disks ten seconds.
var AlertFields = [...]string{
	"alert_condition",    // ABOVE, BELOW, OUTSIDE
	"threshold",          // in the unit of what is measured
	"signal_fluctuation", // of an adaptive threshold
	"tolerance",          // of a seasonal baseline
	"sensitivity",        // high, medium, low
	"samples",            // the sliding window
	"violating_samples",  // within the window, that open a problem
	"dealerting_samples", // that close it
	"davis_merge",        // whether Davis may merge the events of several sources
}

// Matches reports whether problems of a title are of this rule.
func (a AlertRule) Matches(title string) bool {
	if a.Prefix {
		return a.Title != "" && strings.HasPrefix(title, a.Title)
	}
	return a.Title == title && title != ""
}

// maxAlertRules bounds what AlertRules returns; every call of a module counts.
const maxAlertRules = 10_000

// AlertRules returns the alert rules of the repository, sorted by file, line
// and title.
func (r *Repository) AlertRules(ctx context.Context) ([]AlertRule, error) {
	var out []AlertRule
	q := r.query(ctx, Target{})
	for _, dir := range r.dirsWith("dynatrace_") {
		for _, s := range r.scopes(dir) {
			for id, blocks := range s.mod.resources {
				if kind, ok := alertKinds[blocks[0].Labels[0]]; ok && blocks[0].Type == "resource" {
					out = append(out, q.alertRules(id, blocks, s, kind)...)
				}
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if len(out) > maxAlertRules {
				return out[:maxAlertRules], nil
			}
		}
	}
	slices.SortFunc(out, func(a, b AlertRule) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Dir, b.Dir), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Title, b.Title))
	})
	return out, nil
}

// dirsWith returns the directories with configuration in which a text stands.
func (r *Repository) dirsWith(text string) []string {
	var out []string
	seen := map[string]bool{}
	for f := range r.all() {
		if dir := path.Dir(f.path); f.kind == config && !seen[dir] && bytes.Contains(f.src, []byte(text)) {
			out, seen[dir] = append(out, dir), true
		}
	}
	return out
}

// alertRules returns the rules of one resource: of one with for_each those of
// each of its instances.
func (q *query) alertRules(id string, blocks []*hclsyntax.Block, s *scope, kind alertKind) []AlertRule {
	f := q.r.file(blocks[0].Body.SrcRange.Filename)
	line, _ := f.position(blocks[0].TypeRange.Start.Byte)
	var out []AlertRule
	for _, key := range q.instances(blocks, s) {
		inner := s.of(blocks, key)
		address := s.calls() + id
		if !key.any && key.name != "" {
			address += key.String()
		}
		for _, d := range kind.detectors {
			rule := AlertRule{
				Type: blocks[0].Labels[0], Schema: kind.schema, Address: address, Title: d.title,
				Dir: s.root(), File: f.path, Line: line, Addresses: q.alertValues(blocks, inner, address, d.fields),
			}
			if d.title != "" {
				if len(rule.Addresses) > 0 {
					out = append(out, rule)
				}
				continue
			}
			for _, title := range q.titles(blocks, inner, kind.titles) {
				rule.Title, rule.Prefix = title.text, title.prefix
				out = append(out, rule)
			}
		}
	}
	return out
}

// calls is how the root module calls the one of a scope: "module.a.module.b.".
func (s *scope) calls() string {
	out := ""
	for ; s.caller != nil; s = s.caller {
		out = "module." + s.call[0].Labels[0] + "." + out
	}
	return out
}

// instances returns the keys of a block's instances; one key that is any if
// they are not known.
func (q *query) instances(blocks []*hclsyntax.Block, s *scope) []step {
	a := attribute(blocks, "for_each")
	if a == nil {
		return []step{anyKey(blocks)}
	}
	items, ok := q.elements(q.follow(a.Expr, nil, s, nil))
	if !ok || len(items) == 0 {
		return []step{anyKey(blocks)}
	}
	var out []step
	for _, item := range items {
		out = append(out, step{name: item.key, index: true})
	}
	return out
}

// alertValues returns the addresses of the fields that a resource has, or that
// could be added to one of its blocks.
func (q *query) alertValues(blocks []*hclsyntax.Block, s *scope, address string, fields map[string][]string) map[string]string {
	out := map[string]string{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		for _, at := range fields[field] {
			p, err := parseAddress(at)
			if err != nil {
				continue
			}
			found := q.first(blocks, p, s, nil)
			addable := field == "davis_merge" && len(found) == 1 && found[0].body != nil && len(found[0].left) == 1
			if slices.ContainsFunc(found, func(r ref) bool { return r.kind != absent }) || addable {
				out[field] = address + "." + at
				break
			}
		}
	}
	return out
}

// A title is what is known of the titles of problems.
type title struct {
	text   string
	prefix bool
}

// titles returns what a resource calls its problems, from the first of paths
// that it has. What the title is cannot always be read: then it is a prefix of
// nothing.
func (q *query) titles(blocks []*hclsyntax.Block, s *scope, paths []string) []title {
	var out []title
	for _, at := range paths {
		p, err := parseAddress(at)
		if err != nil {
			continue
		}
		for _, r := range q.first(blocks, p, s, nil) {
			if t := q.title(r); r.kind != absent && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return []title{{prefix: true}}
}

// title reads the start of a text, up to what is not known or is for Dynatrace
// to fill in: {dims:dt.entity.host}.
func (q *query) title(r ref) title {
	var t title
	if v, ok := q.read(r); ok {
		t.text = v.text
	} else {
		t.prefix = true
		if e, ok := r.e.(*hclsyntax.TemplateExpr); ok && r.kind == expression {
			for _, part := range e.Parts {
				v, ok := q.scalar(part, r.s)
				if !ok || len(t.text) > maxAddress {
					break
				}
				t.text += v.text
			}
		}
	}
	if head, _, found := strings.Cut(t.text, "{"); found {
		t = title{strings.TrimSpace(head), true}
	}
	return t
}
