package inventory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/patch"
)

// A query is one field of one instance.
type query struct {
	kustomize.Field
	instance  *instance
	container *kubeedit.Container // nil for a field of the object itself
	style     kubeedit.Style
}

// objectFields are the top keys that tell a field of an object from one of a
// container.
var objectFields = []string{"spec", "metadata", "data", "status"}

// ask finds the field of a target in an instance.
func (r *Repository) ask(t Target, i *instance) (*query, error) {
	o := r.object(i)
	if _, err := o.Doc.Root(); err != nil {
		return nil, unparsed(err)
	}
	field, err := kubeedit.ParsePath(t.Field)
	if err != nil {
		return nil, &patch.Refusal{Path: o.Doc.Path(), Line: o.Line, Why: err.Error()}
	}
	q := &query{instance: i, Field: kustomize.Field{Path: field}}
	if o.Kind == "ConfigMap" || slices.ContainsFunc(field, func(s kubeedit.Step) bool {
		return s.Key == "labels" || s.Key == "annotations" || s.Key == "env"
	}) {
		q.style = kubeedit.AsString
	}
	if slices.Contains(objectFields, field[0].Key) || !o.IsWorkload() {
		return q, nil
	}
	c, err := choose(t, o)
	if err != nil {
		return nil, err
	}
	q.container, q.Index, q.Path = c, c.Index, c.Path[len(o.At):].Append(field)
	return q, nil
}

// unparsed turns an error of the parser into a refusal.
func unparsed(err error) error {
	if s, ok := err.(*kubeedit.SyntaxError); ok {
		return &patch.Refusal{Path: s.Path, Line: s.Line, Why: "file does not parse: " + s.What}
	}
	return err
}

// choose returns the container that a target means.
func choose(t Target, o kubeedit.Object) (*kubeedit.Container, error) {
	all := o.Containers()
	fit := slices.DeleteFunc(slices.Clone(all), func(c kubeedit.Container) bool {
		switch {
		case t.Container != "":
			return c.Name != t.Container
		case t.ContainerIndex >= 0:
			return c.Init || c.Index != t.ContainerIndex
		}
		return c.Init
	})
	if len(fit) == 1 {
		return &fit[0], nil
	}
	var names []string
	for _, c := range all {
		names = append(names, fmt.Sprintf("%s (line %d)", c.Name, c.Line))
	}
	why := fmt.Sprintf("%s %s has %d containers: %s", o.Kind, o.Name, len(all), strings.Join(names, ", "))
	switch {
	case t.Container != "":
		why = fmt.Sprintf("%s %s has %d containers called %s, of %s", o.Kind, o.Name, len(fit), t.Container, strings.Join(names, ", "))
	case len(all) == 0 && bytes.Contains(o.Doc.Text(), []byte("{{")):
		return nil, &patch.Refusal{Path: o.Doc.Path(), Line: o.Line, Why: "text holds template expressions, {{ … }}", Do: "change what fills them in"}
	case len(all) == 0:
		why = fmt.Sprintf("%s %s writes no containers", o.Kind, o.Name)
	}
	return nil, &patch.Refusal{Path: o.Doc.Path(), Line: o.Line, Why: why, Do: "name the container"}
}
