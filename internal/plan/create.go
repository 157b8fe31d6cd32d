package plan

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"
	"text/template"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/templates"
)

// A fresh is what the template of a new file or block is filled in with. All of
// it was read from the repository's own files, none from a problem.
type fresh struct {
	APIVersion, Kind, Name string
	Namespace              string // empty where a kustomization sets it
	Selector               []inventory.Label
	replicas               int
	unknown                error // why replicas are not known

	Resource string // Terraform: "aws_autoscaling_group.web"
	Label    string // Terraform: "web"
}

// Replicas is how many pods there are now; an error where that is not known, or
// where there are none: a new autoscaler would take one for all.
func (f fresh) Replicas() (int, error) {
	if f.unknown == nil && f.replicas == 0 {
		return 0, &patch.Refusal{Path: f.Name, Why: "runs no replicas"}
	}
	return f.replicas, f.unknown
}

// MaxReplicas is how many there may be.
func (f fresh) MaxReplicas() (int, error) {
	n, err := f.Replicas()
	return n * policy.MaxFactor, err
}

// objectName is a name of Kubernetes, an RFC 1123 subdomain. It becomes part of
// a path.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
var objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// create adds what a remedy creates: a file beside the workload it is for, or
// blocks beside a Terraform resource.
func create(ctx context.Context, c Case, _ policy.Rule) (made, policy.Reason, error) {
	if c.Target.Place.Form == inventory.Terraform {
		return createBlocks(ctx, c)
	}
	t, r := c.Target, c.Target.Repo
	w, why := r.only(t)
	if !why.None() {
		return made{}, why, nil
	}
	why, err := t.needs(ctx)
	if err != nil || !why.None() {
		return made{}, why, err
	}
	dir, built := home(w)
	data := fresh{APIVersion: w.APIVersion, Kind: w.Kind, Name: w.Name, Selector: w.Selector}
	data.replicas, data.unknown = r.replicas(ctx, t.Place)
	if !built {
		data.Namespace = w.Namespace
	}
	file, err := fill(t.Remedy.Create.File, data)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	if !objectName.MatchString(w.Name) {
		return made{}, policy.Reason{Code: Refused, Text: fmt.Sprintf("%q is no name that a Kubernetes object can have", w.Name)}, nil
	}
	text, err := render(t.Remedy.Create.Template, data)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	name := path.Join(dir, strings.TrimSpace(file))
	change, err := r.inventory.Create(ctx, name, []byte(text))
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	return t.created(change, name, data)
}

// createBlocks adds blocks to the file of a Terraform resource.
func createBlocks(ctx context.Context, c Case) (made, policy.Reason, error) {
	t := c.Target
	_, label, ok := strings.Cut(t.Place.Address, ".")
	if !ok || strings.ContainsAny(label, `.["`) {
		return made{}, policy.Reason{Code: Refused, Text: fmt.Sprintf("%q is no address of a resource, such as aws_autoscaling_group.web", t.Place.Address)}, nil
	}
	data := fresh{Resource: t.Place.Address, Label: label}
	text, err := render(t.Remedy.Create.Template, data)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	change, err := t.Repo.inventory.AppendBlocks(ctx, t.Place.Address, text)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	return t.created(change, change.Files[0].Path, data)
}

// created words what was created.
func (t Target) created(change inventory.Change, file string, data fresh) (made, policy.Reason, error) {
	rule, err := fill(t.Remedy.Create.Rule, data)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	out := made{change: change, changes: []prose.Change{{Path: file, What: t.Remedy.Create.What + " for " + t.Name, Rule: rule}}}
	note, err := fill(t.Remedy.Create.Note, data)
	if note != "" {
		out.notes = []string{note}
	}
	return out, policy.Reason{}, err
}

// only returns the one workload that a target is.
func (r *Repository) only(t Target) (inventory.Workload, policy.Reason) {
	var found []inventory.Workload
	for _, w := range r.inventory.Find(t.Place.Kind, t.Place.Namespace, t.Place.Name, t.Environment) {
		if t.Place.File == "" || w.File == t.Place.File {
			found = append(found, w)
		}
	}
	if len(found) != 1 {
		return inventory.Workload{}, policy.Reason{Code: Ambiguous, Text: fmt.Sprintf("%d manifests could be meant by %s", len(found), t.Place)}
	}
	return found[0], policy.Reason{}
}

// needs returns why a workload lacks what the new file would work with.
func (t Target) needs(ctx context.Context) (policy.Reason, error) {
	field := t.Remedy.Create.Needs
	if field == "" {
		return policy.Reason{}, nil
	}
	place := t.Place
	place.Field = field
	site, err := t.Repo.inventory.Locate(ctx, place)
	if err != nil || site.Value != "" {
		return policy.Reason{}, err
	}
	return policy.Reason{Code: policy.NoStart, Text: fmt.Sprintf("%s writes no %s, without which %s would not work", t.Name, field, t.Remedy.Create.What)}, nil
}

// render fills in a template of templates/.
func render(name string, data any) (string, error) {
	text, err := templates.FS.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("template %s: %w", name, err)
	}
	return fill(string(text), data)
}

// fill fills in a template; a field that does not exist is an error.
func fill(text string, data any) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return "", err
	}
	return b.String(), nil
}

// home is the directory that new files for a workload belong to, and whether a
// kustomization renders it.
func home(w inventory.Workload) (dir string, built bool) {
	if w.Build != "" {
		return w.Build, true
	}
	return path.Dir(w.File), false
}
