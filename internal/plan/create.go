package plan

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
	"text/template"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
	"github.com/salvehq/salve/templates"
)

// A fresh is what the template of a new file is filled in with. All of it was
// read from the repository's own manifest, none from a problem.
type fresh struct {
	APIVersion, Kind, Name string
	Namespace              string // empty where a kustomization sets it
	Replicas, MaxReplicas  int
}

// create adds a file for a workload, beside what renders it.
func create(ctx context.Context, c Case, _ policy.Rule) (made, policy.Reason, error) {
	t, r := c.Target, c.Target.Repo
	place := t.Place
	place.Field = "resources.requests.cpu"
	request, err := r.inventory.Locate(ctx, place)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	if request.Value == "" {
		return made{}, policy.Reason{Code: policy.NoStart, Text: t.Name + " requests no CPU, so an autoscaler would have nothing to measure its use against"}, nil
	}
	data := fresh{APIVersion: place.APIVersion, Kind: place.Kind, Name: place.Name, Replicas: r.replicas(ctx, t.Place)}
	data.MaxReplicas = data.Replicas * policy.MaxFactor
	if !t.Built {
		data.Namespace = place.Namespace
	}
	file, err := fill(t.Remedy.Create.File, data)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	name := path.Join(t.Dir, strings.TrimSpace(file))
	text, err := render(t.Remedy.Create.Template, data)
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	change, err := r.inventory.Create(ctx, name, []byte(text))
	if err != nil {
		return made{}, policy.Reason{}, err
	}
	return made{
		change: change,
		changes: []prose.Change{{
			Path: name, What: "an autoscaler for " + t.Name,
			Rule: fmt.Sprintf("at least the %d replicas of now, at most twice as many", data.Replicas),
		}},
		notes: []string{fmt.Sprintf("The manifest still sets replicas to %d, and whatever applies it sets that number again. Take it out once the autoscaler runs.", data.Replicas)},
	}, policy.Reason{}, nil
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
