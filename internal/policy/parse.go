package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of a configuration file, checked before a parser sees it.
const (
	maxFile  = 256 << 10 // bytes
	maxDepth = 64        // brackets or indentation
)

// Parse reads .github/salve.yml; file is its name in errors. What the file does
// not say is as in [Default]. A mistake is an [Errors] with all of them.
func Parse(file string, src []byte) (*Config, error) {
	d := decoder{source: source{file, map[string]position{}}}
	c := Default()
	if err := d.decode(src, &c); err != nil {
		return nil, err
	}
	c.source = d.source
	if len(d.errs) == 0 {
		c.check(&d)
	}
	if err := d.sorted(); err != nil {
		return nil, err
	}
	return &c, nil
}

// Decode reads one YAML document into the struct that v points to, as strictly
// as [Parse]: size and depth are bounded, and unknown keys, keys that stand
// twice, wrong types, anchors and aliases are mistakes. A mistake is an
// [Errors] with all of them. Fields without a yaml tag are left alone; a type
// that implements [yaml.Unmarshaler] reads itself.
func Decode(file string, src []byte, v any) error {
	d := decoder{source: source{file, map[string]position{}}}
	if err := d.decode(src, v); err != nil {
		return err
	}
	return d.sorted()
}

// decode fills what v points to. What is wrong with the whole file is its
// error, what is wrong within is in d.
func (d *decoder) decode(src []byte, v any) error {
	root, err := document(d.file, src)
	if err != nil {
		return Errors{err}
	}
	d.value(root, reflect.ValueOf(v).Elem(), "")
	return nil
}

// document parses src as one YAML document.
func document(file string, src []byte) (*yaml.Node, *Error) {
	whole := func(what string) *Error { return &Error{file, 1, 1, what} }
	switch {
	case len(src) > maxFile:
		return nil, whole(fmt.Sprintf("the file has %d bytes, at most %d are taken", len(src), maxFile))
	case !utf8.Valid(src):
		return nil, whole("the file is not UTF-8")
	}
	if line := deep(src); line > 0 {
		return nil, &Error{file, line, 1, fmt.Sprintf("nested more than %d deep", maxDepth)}
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, whole("the file is empty")
	}
	if err != nil {
		return nil, syntax(file, err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Error{file, max(second.Line, 1), 1, "want one document; remove what follows ---"}
	}
	return doc.Content[0], nil
}

// deep returns the first line that nests deeper than maxDepth by brackets, by
// indentation or by "- - -", or 0. It may count brackets in texts too, which no
// sensible file has that many of.
func deep(src []byte) int {
	depth, line := 0, 1
	for text := range bytes.Lines(src) {
		rest := bytes.TrimLeft(text, " -?")
		if (len(text)-len(rest))/2 > maxDepth {
			return line
		}
		for _, c := range rest {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth > maxDepth {
				return line
			}
		}
		line++
	}
	return 0
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)
	// yaml.v3 counts lines from 0 in what its parser says, and from 1 in what
	// its scanner says.
	fromZero = regexp.MustCompile(`^did not find expected (<|node content|'-'|key|',')`)
)

// syntax turns an error of the YAML parser into one of ours.
func syntax(file string, err error) *Error {
	out := &Error{file, 1, 1, err.Error()}
	if m := yamlLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " ")); m != nil {
		out.What = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			out.Line = n
			if fromZero.MatchString(out.What) {
				out.Line++
			}
		}
	}
	if strings.HasPrefix(out.What, "found character that cannot start any token") {
		out.What += "; is it a tab? indent with spaces"
	}
	return out
}

// check reports what the types cannot: names that nothing defines, places that
// are not one place.
func (c *Config) check(d *decoder) {
	if c.Version != 1 {
		d.report("version", "version %d is not known; this program reads version 1", c.Version)
	}
	for name, e := range c.Environments {
		d.each("environments."+name+".var-files", e.VarFiles, local, "%q is not a path from the root of the repository")
	}
	for name, s := range c.Services {
		c.checkService(d, "services."+name, s)
	}
	c.checkGlobs(d)
	c.checkRemedies(d, "remedies", c.Remedies)
	for i, w := range c.Limits.Quiet {
		if _, err := time.LoadLocation(w.Zone); err != nil || w.Zone == "Local" {
			d.report(fmt.Sprintf("limits.quiet[%d].zone", i), "%q is not a time zone such as Europe/Vienna", w.Zone)
		}
	}
	if c.Recurrence < Duration(time.Hour) {
		d.report("recurrence", "want at least 1h")
	}
	d.each("pull-requests.reviewers", c.PullRequests.Reviewers, reviewerForm.MatchString, "%q is not a login, nor a team as organisation/team")
	d.each("pull-requests.assignees", c.PullRequests.Assignees, loginForm.MatchString, "%q is not a login")
	label := func(l string) bool { return len(l) <= 50 && !strings.Contains(l, ",") }
	d.each("labels.add", c.Labels.Add, label, "%q is not a label: at most 50 bytes and no comma")
	if len(c.Labels.Prefix) > 20 || strings.Contains(c.Labels.Prefix, ",") {
		d.report("labels.prefix", "want a prefix of at most 20 bytes and no comma")
	}
}

// Bounds of patterns, in bytes: each is met with every name that a problem
// brings, in every repository, so that one owner's cost all.
const (
	maxGlob  = 400      // of one
	wildRoom = 32 << 10 // of all that hold * or ?
	deepRoom = 4 << 10  // of those that hold **
)

// checkGlobs reports patterns that cost too much.
func (c *Config) checkGlobs(d *decoder) {
	for at, lists := range map[string][][]string{"environments": c.environmentGlobs(), "services": c.serviceGlobs()} {
		wildest, deepest := 0, 0
		for _, glob := range slices.Concat(lists...) {
			switch {
			case len(glob) > maxGlob:
				d.report(at, "pattern %.40q… has %d bytes, at most %d are taken", glob, len(glob), maxGlob)
				return
			case strings.Contains(glob, "**"):
				deepest += len(glob)
			case strings.ContainsAny(glob, wild):
				wildest += len(glob)
			}
		}
		if wildest > wildRoom || deepest > deepRoom {
			d.report(at, "patterns have %d bytes in all, and those with ** %d: at most %d and %d are taken; write names out", wildest+deepest, deepest, wildRoom, deepRoom)
		}
	}
}

func (c *Config) environmentGlobs() (out [][]string) {
	for _, e := range c.Environments {
		out = append(out, e.Paths, e.Clusters, e.Namespaces, e.Tags)
	}
	return out
}

func (c *Config) serviceGlobs() (out [][]string) {
	for _, s := range c.Services {
		out = append(out, s.Match.Workloads, s.Match.Names, s.Match.Tags)
	}
	return out
}

// What GitHub calls users and teams.
var (
	loginForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}$`)
	reviewerForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$`)
)

// each reports the items of a list that are not right.
func (d *decoder) each(path string, items []string, right func(string) bool, format string) {
	for i, item := range items {
		if !right(item) {
			d.report(fmt.Sprintf("%s[%d]", path, i), format, item)
		}
	}
}

func (d *decoder) report(path, format string, args ...any) {
	d.errs = append(d.errs, d.find(path, fmt.Sprintf(format, args...)))
}

// known reports an environment that the file does not define. A file that
// defines none leaves their names to the directories.
func (c *Config) known(d *decoder, path, environment string) {
	if _, ok := c.Environments[environment]; ok || environment == "" || len(c.Environments) == 0 {
		return
	}
	names := make(map[string]int)
	for name := range c.Environments {
		names[name] = 0
	}
	d.report(path, "unknown environment %q%s", environment, suggest(environment, keys(names)))
}

func (c *Config) checkService(d *decoder, at string, s Service) {
	c.known(d, at+".environment", s.Environment)
	m := s.Match
	if len(m.Workloads)+len(m.Entities)+len(m.Names)+len(m.Tags) == 0 {
		d.report(at, "say which entities belong to the service: match: with workloads, entities, names or tags")
	}
	taken := map[Place]int{}
	for i, p := range s.Owns {
		at := fmt.Sprintf("%s.owns[%d]", at, i)
		c.known(d, at+".environment", p.Environment)
		if what := p.wrong(); what != "" {
			d.report(at, "%s", what)
			continue
		}
		slot := Place{For: p.For, Environment: p.Environment, Container: p.Container}
		if p.For == "" {
			slot.Kubernetes = p.Kubernetes
		}
		if first, ok := taken[slot]; ok {
			d.report(at, "owns[%d] is for the same remedy, container and environment already; one of them must go", first)
		}
		taken[slot] = i
	}
	c.checkRemedies(d, at+".remedies", s.Remedies)
}

func (c *Config) checkRemedies(d *decoder, at string, remedies map[string]Remedy) {
	for name, r := range remedies {
		for i, e := range r.Environments {
			c.known(d, fmt.Sprintf("%s.%s.environments[%d]", at, name, i), e)
		}
		for i, e := range r.AutoMerge {
			c.known(d, fmt.Sprintf("%s.%s.auto-merge[%d]", at, name, i), e)
		}
	}
}

var workloadForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9]{0,62}) (?:([a-z0-9][a-z0-9-]{0,62})/)?([a-z0-9][a-z0-9.-]{0,252})$`)

// wrong says what keeps p from being one place.
func (p Place) wrong() string {
	forms := 0
	for _, s := range []string{p.Kubernetes, p.Values, p.Config, p.Terraform, p.New} {
		if s != "" {
			forms++
		}
	}
	inFile := p.Values != "" || p.Config != ""
	switch {
	case forms != 1:
		return "want exactly one of kubernetes, values, config, terraform and new"
	case p.Kubernetes != "" && !workloadForm.MatchString(p.Kubernetes):
		return fmt.Sprintf("kubernetes: %q is not a kind and a name such as \"Deployment shop/checkout\"", p.Kubernetes)
	case p.Kubernetes == "" && p.For == "":
		return "say which remedy the place is for: for: memory-limit"
	case inFile != (p.Path != ""):
		return "path: belongs to values: and config:, and they need it"
	case p.Container != "" && p.Kubernetes == "":
		return "container: belongs to kubernetes:"
	case p.File != "" && p.Kubernetes == "" && p.Terraform == "":
		return "file: belongs to kubernetes: and terraform:"
	}
	for _, f := range []string{p.Values, p.Config, p.New, p.File} {
		if f != "" && !local(f) {
			return fmt.Sprintf("%q is not a path from the root of the repository", f)
		}
	}
	return ""
}

// local reports whether a slash-separated path stays below the root it starts
// from.
func local(f string) bool { return fs.ValidPath(f) && f != "." }

// Workload takes a Kubernetes place apart; the namespace may be empty.
func (p Place) Workload() (kind, namespace, name string) {
	m := workloadForm.FindStringSubmatch(p.Kubernetes)
	if m == nil {
		return "", "", ""
	}
	return m[1], m[2], m[3]
}

// Check reports remedies that c names and that are not in remedies, which
// Parse cannot know.
func (c *Config) Check(remedies []string) error {
	d := decoder{source: c.source}
	name := func(at, remedy string) {
		if remedy != "" && !slices.Contains(remedies, remedy) {
			d.report(at, "unknown remedy %q%s", remedy, suggest(remedy, remedies))
		}
	}
	for r := range c.Remedies {
		name("remedies."+r, r)
	}
	for service, s := range c.Services {
		for i, p := range s.Owns {
			name(fmt.Sprintf("services.%s.owns[%d].for", service, i), p.For)
		}
		for r := range s.Remedies {
			name("services."+service+".remedies."+r, r)
		}
	}
	return d.sorted()
}
