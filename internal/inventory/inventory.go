// Package inventory knows what stands where in a repository: which file, and
// which line of it, holds the value of a workload, a chart or a Terraform
// resource in one environment, and what else a change there would touch.
//
// [Open] reads a repository at one commit. [Repository.Locate] answers where a
// value is written, and [Repository.Set] returns the change that gives it
// another one. Whatever cannot be answered with exactly one place is an
// [*AmbiguousError] with the candidates, or a [*patch.Refusal] with the reason.
package inventory

import (
	"fmt"
	"strings"

	"github.com/salvehq/salve/internal/patch"
)

// A Form says what kind of file a value stands in, and so how it is named.
type Form string

const (
	Kubernetes Form = "kubernetes" // a field of an object, by kind, name and field
	Values     Form = "values"     // a value of a Helm chart or release, by file and path
	ConfigFile Form = "config"     // a key of a ConfigMap or another YAML or JSON file, by file and path
	Terraform  Form = "terraform"  // an address
)

// A Target names one value.
type Target struct {
	Form Form

	// Kubernetes.
	APIVersion     string
	Kind           string // as Kubernetes writes it or as Dynatrace does: "Deployment", "deployment"
	Namespace      string // empty matches any
	Name           string
	Container      string // name; empty for the only one
	ContainerIndex int    // -1 unless given
	Field          string // "resources.limits.memory" of a container; "spec.replicas" of the object

	// Values, ConfigFile; for the other forms File narrows the search to a file
	// or a directory.
	File string
	Path string // "resources.limits.memory"

	Address string // Terraform: "aws_autoscaling_group.web.max_size"
	Dir     string // Terraform: module directory that Address starts from; empty for any

	Environment string
	VarFiles    []string          // Terraform
	Vars        map[string]string // Terraform
}

// String names the target for people, and tells any two targets apart.
func (t Target) String() string {
	var b strings.Builder
	switch t.Form {
	case Kubernetes:
		fmt.Fprintf(&b, "%s %s", t.Kind, join(t.Namespace, t.Name))
		if t.Container != "" {
			fmt.Fprintf(&b, " container %s", t.Container)
		} else if t.ContainerIndex > 0 {
			fmt.Fprintf(&b, " container %d", t.ContainerIndex)
		}
		fmt.Fprintf(&b, " %s", t.Field)
		if t.File != "" {
			fmt.Fprintf(&b, " in %s", t.File)
		}
	case Terraform:
		b.WriteString(t.Address)
		if t.File != "" {
			fmt.Fprintf(&b, " in %s", t.File)
		}
	default:
		fmt.Fprintf(&b, "%s %s", t.File, t.Path)
	}
	if t.Environment != "" {
		fmt.Fprintf(&b, " (%s)", t.Environment)
	}
	return b.String()
}

// join writes namespace/name, or the name alone.
func join(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// A Site is the one place where a change of a value goes.
type Site struct {
	File    string
	Line    int    // from 1; where nothing is written yet, the line it belongs below
	Value   string // in force now, without quotes; empty if none is written
	Written bool   // the value is written at File and Line, not only in force
	From    string // file:line where the value in force is written, if that is not File and Line
	Address string // path within the file, or the Terraform address
	How     string // how it was found: "manifest", "patch of overlays/production", "values"
	Affects []string
}

func (s Site) String() string { return fmt.Sprintf("%s:%d %s", s.File, s.Line, s.Address) }

// An Assignment is one value to be set.
type Assignment struct {
	Target Target
	Value  string
}

// A Change is what setting values does to the repository.
type Change struct {
	Files   patch.ChangeSet
	Edits   []Edit
	Affects []string // what else sees the change, for people: other environments, consumers of an anchor
}

// An Edit is one value of a [Change].
type Edit struct {
	File string
	Line int    // of the new file, from 1
	Old  string // empty if nothing was written there
	New  string
}

// An AmbiguousError says that several places could be meant.
type AmbiguousError struct {
	Target     Target
	Candidates []Site
	Do         string // what would decide
}

func (e *AmbiguousError) Error() string {
	var places []string
	for _, c := range e.Candidates {
		places = append(places, fmt.Sprintf("%s:%d (%s)", c.File, c.Line, c.How))
	}
	s := fmt.Sprintf("%s could mean %d places: %s", e.Target, len(e.Candidates), strings.Join(places, ", "))
	if e.Do != "" {
		s += "; " + e.Do
	}
	return s
}

// A Finding is something about a file that people should know: it does not
// parse, or refers to what is not there.
type Finding struct {
	File string
	Line int // 0 if unknown
	What string
}

func (f Finding) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.What
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
}

// A Workload is one object that runs pods, as one build of the repository gives
// it: a Deployment in a base with two overlays is two workloads.
type Workload struct {
	APIVersion   string
	Kind         string
	Namespace    string // empty if the repository does not say
	Name         string
	Containers   []string // names; init containers are left out
	File         string   // of the manifest
	Line         int
	Build        string   // kustomization directory that renders it; empty for a plain manifest
	Environments []string // sorted; empty if nothing tells
	Selector     []Label  // spec.selector.matchLabels, sorted
}

// A Label is one key of a selector and its value.
type Label struct{ Key, Value string }

func (w Workload) String() string { return strings.TrimSpace(w.Kind + " " + join(w.Namespace, w.Name)) }

// Sibling returns the target that is to t as other is to field: limits.memory
// beside requests.memory of the same container, or of the same values file.
func (t Target) Sibling(field, other string) Target {
	switch t.Form {
	case Kubernetes:
		t.Field = other
	case Terraform:
		t.Address = sibling(t.Address, field, other)
	default:
		t.Path = sibling(t.Path, field, other)
	}
	return t
}

// sibling replaces the keys at the end of path in which field and other differ.
func sibling(path, field, other string) string {
	p, f, o := strings.Split(path, "."), strings.Split(field, "."), strings.Split(other, ".")
	if len(f) != len(o) {
		if rest, ok := strings.CutSuffix(path, field); ok {
			return rest + other
		}
		return other
	}
	for i := 1; i <= min(len(p), len(f)); i++ {
		if f[len(f)-i] != o[len(o)-i] {
			p[len(p)-i] = o[len(o)-i]
		}
	}
	return strings.Join(p, ".")
}
