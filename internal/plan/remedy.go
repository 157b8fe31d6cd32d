package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/salvehq/salve/internal/policy"
)

// A Remedy is one file of templates/remedies, or of .github/salve/remedies in
// a repository: which problems it answers, and with what change. Exactly one
// of Leave, Set and Create is given.
type Remedy struct {
	Name     string    `yaml:"name"`
	Summary  string    `yaml:"summary"`
	Answers  Answers   `yaml:"answers"`
	Priority int       `yaml:"priority"` // the highest that matches is asked first
	When     Condition `yaml:"when"`

	Leave  string  `yaml:"leave"` // why a person has to look
	Set    *Set    `yaml:"set"`
	Create *Create `yaml:"create"`

	Text   Text     `yaml:"text"`
	Labels []string `yaml:"labels"` // beside those of every pull request

	File string // where it was read from
	Own  bool   // it comes from the repository it is used for
}

// Answers says what a remedy is asked about.
type Answers string

const (
	Problem Answers = "problem" // a row of infrastructure-remediation
	Alert   Answers = "alert"   // a row of alert-rule-optimization
)

// A Place says how the value to change is found.
type Place string

const (
	PlaceWorkload   Place = "workload"   // the manifest of the workload that the problem names
	PlaceOwned      Place = "owned"      // where services: in .github/salve.yml says
	PlaceAutoscaler Place = "autoscaler" // the autoscaler of the workload
	PlaceAlertRule  Place = "alert-rule" // the Terraform resource of the detector
)

// Set changes one value.
type Set struct {
	Place    Place           `yaml:"place"`
	Field    string          `yaml:"field"`    // below the place; empty where the place is the value
	Equal    string          `yaml:"equal"`    // a field that follows if it had the same value
	Within   string          `yaml:"within"`   // a field that holds the most the value may be
	Kind     policy.Kind     `yaml:"kind"`     // what the value measures; decides how it is raised
	To       string          `yaml:"to"`       // a fixed value, in place of kind
	Causes   []Cause         `yaml:"causes"`   // what went wrong, by title; the first that matches
	Ceiling  string          `yaml:"ceiling"`  // never above; a repository may lower it
	Cooldown policy.Duration `yaml:"cooldown"` // between two changes of the same value
}

// A Cause says for the titles it is meant for what went wrong.
type Cause struct {
	Title []string     `yaml:"title"` // patterns; none means any
	Cause policy.Cause `yaml:"cause"`
}

// CauseOf returns what went wrong according to a title.
func (s *Set) CauseOf(title string) policy.Cause {
	for _, c := range s.Causes {
		if len(c.Title) == 0 || Like(c.Title, title) {
			return c.Cause
		}
	}
	return policy.Saturation
}

// Create adds a file, or blocks to a Terraform file.
type Create struct {
	Place    Place           `yaml:"place"`    // workload, or owned: only where services: names the remedy
	What     string          `yaml:"what"`     // what is created, for people: "an autoscaler"
	Rule     string          `yaml:"rule"`     // why it is as it is
	Note     string          `yaml:"note"`     // what a reviewer should do besides; a template
	Needs    string          `yaml:"needs"`    // a field that must be written for it to work
	Template string          `yaml:"template"` // below templates/
	File     string          `yaml:"file"`     // beside what it is for; a template itself
	Unless   Place           `yaml:"unless"`   // not where there is one already
	Cooldown policy.Duration `yaml:"cooldown"`
}

// Text is what people read about a remedy.
type Text struct {
	Change   string `yaml:"change"` // begins the title: "Raise memory limit of"
	Why      string `yaml:"why"`
	Rollback string `yaml:"rollback"`
}

// nameForm is what stands in branch names and labels.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// Load reads the remedies *.yaml in dir of fsys, by name.
func Load(fsys fs.FS, dir string) ([]Remedy, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var out []Remedy
	var errs []error
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		r, err := Parse(file, text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, r)
	}
	return out, errors.Join(errs...)
}

// Parse reads one remedy. Errors name file, line and column and what was
// expected; an unknown key is an error, because a misspelt condition would
// widen what the remedy answers.
func Parse(file string, text []byte) (Remedy, error) {
	var r Remedy
	if err := policy.Decode(file, text, &r); err != nil {
		return Remedy{}, err
	}
	r.File = file
	return r, r.validate()
}

// validate reports what strict decoding cannot see.
func (r Remedy) validate() error {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s", r.File, fmt.Sprintf(format, args...))
	}
	if want := strings.TrimSuffix(path.Base(r.File), ".yaml"); r.Name != want {
		return fault("name is %q, want %q as the file is called", r.Name, want)
	}
	if !nameForm.MatchString(r.Name) {
		return fault("name %q: want lower-case letters, digits and hyphens, at most 40", r.Name)
	}
	if r.Answers != Problem && r.Answers != Alert {
		return fault("answers is %q, want problem or alert", r.Answers)
	}
	answers := 0
	for _, given := range []bool{r.Leave != "", r.Set != nil, r.Create != nil} {
		if given {
			answers++
		}
	}
	if answers != 1 {
		return fault("want exactly one of leave, set and create")
	}
	if r.Leave == "" && (r.Text.Change == "" || r.Text.Why == "" || r.Text.Rollback == "") {
		return fault("text: want change, why and rollback, so that a reviewer can judge the pull request")
	}
	if err := r.When.validate(fault); err != nil {
		return err
	}
	if r.Set != nil {
		return r.Set.validate(fault)
	}
	if r.Create != nil {
		return r.Create.validate(fault)
	}
	return nil
}

func (c *Create) validate(fault func(string, ...any) error) error {
	if c.Template == "" || c.What == "" || c.Rule == "" {
		return fault("create: want template, what and rule")
	}
	for _, t := range []struct{ key, text string }{{"file", c.File}, {"rule", c.Rule}, {"note", c.Note}} {
		if err := simple(t.text); err != nil {
			return fault("create.%s: %v", t.key, err)
		}
	}
	if strings.ContainsAny(c.File, `/\\`) {
		return fault("create.file is %q, want a name without a directory: the file is put beside what it is for", c.File)
	}
	return nil
}

// simple reports a template of a remedy that does more than name fields, such
// as {{.Name}}: a loop in a repository's file would be run here.
func simple(text string) error {
	t, err := template.New("").Parse(text)
	if err != nil {
		return err
	}
	if t.Tree == nil {
		return nil
	}
	for _, n := range t.Root.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			continue
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 && len(n.Pipe.Cmds) == 1 && len(n.Pipe.Cmds[0].Args) == 1 && n.Pipe.Cmds[0].Args[0].Type() == parse.NodeField {
				continue
			}
		}
		return fmt.Errorf("%s: want nothing but fields, such as {{.Name}}", n)
	}
	return nil
}

func (s *Set) validate(fault func(string, ...any) error) error {
	places := []Place{PlaceWorkload, PlaceOwned, PlaceAutoscaler, PlaceAlertRule}
	if !slices.Contains(places, s.Place) {
		return fault("set.place is %q, want one of %v", s.Place, places)
	}
	if s.Field == "" && s.Place != PlaceOwned {
		return fault("set.field: want the field below the %s", s.Place)
	}
	if (s.To == "") == (s.Kind == "") {
		return fault("set: want either kind or to")
	}
	return nil
}
