package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/tfedit"
)

// terraform returns the Terraform of the repository. It is read when it is
// first asked for.
func (r *Repository) terraform(ctx context.Context) (*tfedit.Repository, error) {
	if r.tf != nil {
		return r.tf, nil
	}
	tf, err := tfedit.Reopen(ctx, r.list, r.files, r.known.tf, func(f forge.File) bool { return r.known.same(r.files, f) })
	if err != nil {
		return nil, err
	}
	r.tf, r.shared, r.known.tf = tf, tf.Share(), tfedit.Share{}
	return tf, nil
}

// resource is the target as package tfedit takes it. The variables files of
// its environment are those of the configuration unless it names its own.
func (r *Repository) resource(t Target) tfedit.Target {
	out := tfedit.Target{Address: t.Address, Dir: t.Dir, File: t.File, Environment: t.Environment, VarFiles: t.VarFiles, Vars: t.Vars}
	if len(out.VarFiles) == 0 {
		out.VarFiles = r.opts.Environments[t.Environment].VarFiles
	}
	return out
}

// AlertRules returns the Dynatrace detectors that the repository's Terraform
// writes.
func (r *Repository) AlertRules(ctx context.Context) ([]tfedit.AlertRule, error) {
	tf, err := r.terraform(ctx)
	if err != nil {
		return nil, err
	}
	return tf.AlertRules(ctx)
}

// locateTerraform finds the one place where the value of an address is written.
func (r *Repository) locateTerraform(ctx context.Context, t Target) (work, error) {
	tf, err := r.terraform(ctx)
	if err != nil {
		return work{}, err
	}
	s, err := tf.Locate(ctx, r.resource(t))
	if err != nil {
		return work{}, several(t, err)
	}
	return work{target: t, site: siteIn(s)}, nil
}

func siteIn(s tfedit.Site) Site {
	return Site{
		File: s.File, Line: s.Line, Value: s.Value, Written: s.Written || s.Value != "", Address: s.Address,
		How: strings.Join(s.Trail, " → "), Affects: s.Affects,
	}
}

// several turns what package tfedit could not decide into the error of this
// package.
func several(t Target, err error) error {
	var a *tfedit.AmbiguousError
	if !errors.As(err, &a) {
		return err
	}
	out := &AmbiguousError{Target: t, Do: cmp.Or(a.Do, "name the environment or the file")}
	for _, c := range a.Candidates {
		out.Candidates = append(out.Candidates, siteIn(c))
	}
	return out
}

// writeTerraform changes the value of an address.
func (r *Repository) writeTerraform(ctx context.Context, t Target, value string) ([]patch.FileChange, error) {
	tf, err := r.terraform(ctx)
	if err != nil {
		return nil, err
	}
	c, err := tf.Set(ctx, r.resource(t), value)
	if err != nil {
		return nil, several(t, err)
	}
	return c.Files, nil
}

// AppendBlocks returns the change that adds blocks, given as text, to the file
// in which a resource such as aws_autoscaling_group.web stands.
func (r *Repository) AppendBlocks(ctx context.Context, resource, text string) (Change, error) {
	tf, err := r.terraform(ctx)
	if err != nil {
		return Change{}, err
	}
	all, err := tf.Resources(ctx)
	if err != nil {
		return Change{}, err
	}
	var files []string
	for _, x := range all {
		if x.Type+"."+x.Name == resource && !slices.Contains(files, x.File) {
			files = append(files, x.File)
		}
	}
	if len(files) != 1 {
		return Change{}, &patch.Refusal{Why: fmt.Sprintf("%s stands in %d files of the repository", resource, len(files)), Do: "name a resource that stands in one"}
	}
	c, err := tf.Append(ctx, files[0], text)
	if err != nil {
		return Change{}, err
	}
	out := Change{Files: c.Files, Affects: c.Affects}
	for _, e := range c.Edits {
		out.Edits = append(out.Edits, Edit{File: e.File, Line: e.Line, Old: e.Old, New: e.New})
	}
	return out, nil
}
