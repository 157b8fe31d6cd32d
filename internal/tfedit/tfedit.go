// Package tfedit finds where a value of a Terraform configuration is written,
// and replaces its bytes and no others.
//
// An address such as aws_autoscaling_group.web.max_size often leads to a
// variable, from there to a caller's argument or to a variables file, to a
// local, to a JSON file: [Repository.Locate] reads the expressions that stand
// in the way, as far as they can be known without running Terraform, and
// returns the one literal at their end. [Repository.Set] replaces it by byte
// splice, and proves the result: it parses, no other token differs, a file that
// was formatted still is, and the locator finds the new value.
//
// What is not one literal is an answer too: an [*AmbiguousError] with all
// candidates, or a [*patch.Refusal] that says why and where a person could act.
package tfedit

import (
	"fmt"
	"strings"

	"github.com/salvehq/salve/internal/patch"
)

// A Target names one value.
type Target struct {
	// Address in Terraform's own syntax: aws_autoscaling_group.web.max_size,
	// aws_eks_node_group.ng.scaling_config.max_size, module.gke.node_pools[0].max_count,
	// aws_autoscaling_group.a["db"].max_size, var.x, local.x; of a Terragrunt
	// file inputs.x. [name=app] picks the element of a list, or the block, whose
	// name is app.
	// https://developer.hashicorp.com/terraform/cli/state/resource-addressing
	Address string

	Dir         string            // module directory that the address starts from; empty for any
	File        string            // narrows the search; of a JSON data file the address is a path in it
	Environment string            // chooses variables files, workspaces, keys and directories called so
	VarFiles    []string          // as terraform -var-file, later ones win; from the root of the repository or the module
	Vars        map[string]string // as terraform -var
}

func (t Target) String() string {
	var b strings.Builder
	b.WriteString(t.Address)
	if t.File != "" {
		b.WriteString(" in " + t.File)
	} else if t.Dir != "" {
		b.WriteString(" in " + t.Dir)
	}
	if t.Environment != "" {
		fmt.Fprintf(&b, " (%s)", t.Environment)
	}
	return b.String()
}

// A Site is a place where a value is written.
type Site struct {
	File       string
	Line, Col  int      // from 1; columns count bytes
	Start, End int      // bytes of the value within its quotes; equal where nothing is written yet
	Value      string   // in force, without quotes and escapes
	Quoted     bool     // written as a string
	Written    bool     // false if the value in force is written elsewhere, or nowhere: [Repository.Set] inserts here
	Address    string   // of the place: var.max_size, local.sizes["web"].max
	Trail      []string // how it was found: aws_x.y.max_size, var.max, env/prod.tfvars
	Affects    []string // who else takes the value from here, as far as the repository shows
}

func (s Site) String() string {
	return fmt.Sprintf("%s:%d (%s)", s.File, s.Line, strings.Join(s.Trail, " → "))
}

// A Change is what [Repository.Set] does to the repository.
type Change struct {
	Files   patch.ChangeSet
	Edits   []Edit
	Affects []string // as in [Site]
}

// An Edit is one value of a [Change].
type Edit struct {
	File string
	Line int    // of the new file, from 1
	Old  string // value in force before; empty if there was none
	New  string
}

// An AmbiguousError says that several places could be meant.
type AmbiguousError struct {
	Target     Target
	Candidates []Site // sorted by file and line
	Do         string // what would decide
}

func (e *AmbiguousError) Error() string {
	var places []string
	for i, c := range e.Candidates {
		if i == 10 {
			places = append(places, "…")
			break
		}
		places = append(places, c.String())
	}
	return fmt.Sprintf("%s could mean %d places: %s; %s", e.Target, len(e.Candidates), strings.Join(places, ", "), e.Do)
}

// A Fault is a file that does not parse.
type Fault struct {
	File      string
	Line, Col int // from 1; zero if unknown
	What      string
}

func (f Fault) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.What
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Col, f.What)
}

// refusal says that the file with the fault cannot be edited.
func (f Fault) refusal() *patch.Refusal {
	return &patch.Refusal{Path: f.File, Line: f.Line, Col: f.Col, Why: "file does not parse: " + f.What, Do: "correct the file"}
}
