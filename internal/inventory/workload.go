package inventory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// Workloads returns everything that runs pods: first what manifests write,
// sorted by file, line and build, then what charts bring.
func (r *Repository) Workloads() []Workload {
	var out []Workload
	for _, i := range r.builds {
		if o := r.object(i); o.IsWorkload() {
			out = append(out, i.workload(o))
		}
	}
	for _, i := range r.installs {
		if i.certain || i.template != nil {
			out = append(out, i.workload())
		}
	}
	return out
}

// Find returns the workloads of a name. The kind may be empty, or as Dynatrace
// spells it; an empty namespace or environment matches any. Where no file says
// the namespace or the environment, it counts as fitting unless others fit
// better.
func (r *Repository) Find(kind, namespace, name, environment string) []Workload {
	var out []Workload
	for _, i := range r.find(kind, namespace, name, environment) {
		if o := r.object(i); o.IsWorkload() {
			out = append(out, i.workload(o))
		}
	}
	if len(out) == 0 {
		for _, i := range r.findInstalled(Target{Kind: kind, Namespace: namespace, Name: name, Environment: environment}) {
			out = append(out, i.workload())
		}
	}
	return out
}

func (i *instance) workload(o kubeedit.Object) Workload {
	w := Workload{
		APIVersion: o.APIVersion, Kind: o.Kind, Namespace: i.namespace, Name: i.name,
		File: o.Doc.Path(), Line: o.Line, Environments: i.envs,
	}
	if root := i.Root(); root != nil {
		w.Build = root.Dir
	}
	for _, c := range o.Containers() {
		if !c.Init && c.Name != "" {
			w.Containers = append(w.Containers, c.Name)
		}
	}
	w.Selector = selector(o)
	return w
}

// selector reads spec.selector.matchLabels.
func selector(o kubeedit.Object) []Label {
	n := kubeedit.Lookup(o.Node(), "spec", "selector", "matchLabels")
	if n == nil {
		return nil
	}
	var out []Label
	for i := 0; i+1 < len(n.Content); i += 2 {
		out = append(out, Label{n.Content[i].Value, n.Content[i+1].Value})
	}
	slices.SortFunc(out, func(a, b Label) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// An Autoscaler is a HorizontalPodAutoscaler, a ScaledObject of KEDA or a
// VerticalPodAutoscaler.
type Autoscaler struct {
	APIVersion, Kind, Namespace, Name string
	File                              string
	Line                              int
	Vertical                          bool     // it sets requests and limits, not replicas
	Off                               bool     // a vertical one that only recommends
	Resources                         []string // "cpu", "memory": what a horizontal one scales by, or a vertical one sets
}

func (a Autoscaler) String() string {
	return fmt.Sprintf("%s %s (%s:%d)", a.Kind, join(a.Namespace, a.Name), a.File, a.Line)
}

// Autoscalers returns the horizontal autoscalers of a workload.
func (r *Repository) Autoscalers(kind, namespace, name, environment string) []Autoscaler {
	return slices.DeleteFunc(r.scalers(kind, namespace, name, environment), func(a Autoscaler) bool { return a.Vertical })
}

// VerticalAutoscalers returns the vertical autoscalers of a workload that do
// more than recommend.
func (r *Repository) VerticalAutoscalers(kind, namespace, name, environment string) []Autoscaler {
	return slices.DeleteFunc(r.scalers(kind, namespace, name, environment), func(a Autoscaler) bool { return !a.Vertical || a.Off })
}

func (r *Repository) scalers(kind, namespace, name, environment string) []Autoscaler {
	var out []Autoscaler
	for _, i := range r.builds {
		if environment != "" && len(i.envs) > 0 && !means(environment, i.envs) ||
			namespace != "" && i.namespace != "" && i.namespace != namespace {
			continue
		}
		key := "scaleTargetRef"
		switch i.Object.Kind {
		case "HorizontalPodAutoscaler", "ScaledObject":
		case "VerticalPodAutoscaler":
			key = "targetRef"
		default:
			continue
		}
		o := r.object(i)
		refKind := kubeedit.Text(o.Node(), "spec", key, "kind")
		refName := kubeedit.Text(o.Node(), "spec", key, "name")
		if refKind == "" {
			refKind = "Deployment" // KEDA's default
		}
		if !(refName == name || i.Rename(refName) == name) || !sameKind(kind, refKind) {
			continue
		}
		out = append(out, i.autoscaler(o))
	}
	return out
}

func (i *instance) autoscaler(o kubeedit.Object) Autoscaler {
	a := Autoscaler{
		APIVersion: o.APIVersion, Kind: o.Kind, Namespace: i.namespace, Name: i.name,
		File: o.Doc.Path(), Line: o.Line, Vertical: o.Kind == "VerticalPodAutoscaler",
	}
	if a.Vertical {
		a.Off = kubeedit.Text(o.Node(), "spec", "updatePolicy", "updateMode") == "Off"
		a.Resources = []string{"cpu", "memory"}
		return a
	}
	if kubeedit.Text(o.Node(), "spec", "targetCPUUtilizationPercentage") != "" {
		a.Resources = append(a.Resources, "cpu")
	}
	for _, m := range kubeedit.Items(o.Node(), "spec", "metrics") {
		for _, key := range []string{"resource", "containerResource"} {
			if n := kubeedit.Text(m, key, "name"); n != "" && kubeedit.Text(m, key, "target", "averageValue") == "" {
				a.Resources = append(a.Resources, n)
			}
		}
	}
	for _, m := range kubeedit.Items(o.Node(), "spec", "triggers") {
		if n := kubeedit.Text(m, "type"); n == "cpu" || n == "memory" {
			a.Resources = append(a.Resources, n)
		}
	}
	return a
}

// owned refuses a number of replicas that an autoscaler decides.
func (r *Repository) owned(t Target, i *instance) error {
	if t.Field != "spec.replicas" {
		return nil
	}
	for _, a := range r.Autoscalers(i.Object.Kind, i.namespace, i.name, t.Environment) {
		field := "spec.maxReplicas"
		if a.Kind == "ScaledObject" {
			field = "spec.maxReplicaCount"
		}
		return &patch.Refusal{Path: i.Object.Doc.Path(), Line: i.Object.Line, Why: fmt.Sprintf("the number of replicas is decided by %s", a),
			Do: fmt.Sprintf("change its %s", field)}
	}
	return nil
}

// A Bound is one entry of a LimitRange or a ResourceQuota.
type Bound struct {
	Source   string // "LimitRange shop/defaults (k8s/namespace.yaml:7)"
	Resource string // "memory", "cpu"; of a quota also "limits.memory"
	Max      string // LimitRange: the most a container may have
	Default  string // LimitRange: the limit of a container that writes none
	Request  string // LimitRange: the request of a container that writes none
	Ratio    string // LimitRange: maxLimitRequestRatio
	Hard     string // ResourceQuota
	Pod      bool   // LimitRange: Max is of all containers of a pod together
}

// Bounds returns what the LimitRanges and ResourceQuotas of a namespace say
// about containers there.
func (r *Repository) Bounds(namespace, environment string) []Bound {
	var out []Bound
	for _, i := range r.builds {
		if i.Object.Kind != "LimitRange" && i.Object.Kind != "ResourceQuota" || i.namespace != namespace ||
			environment != "" && len(i.envs) > 0 && !means(environment, i.envs) {
			continue
		}
		source := fmt.Sprintf("%s %s (%s:%d)", i.Object.Kind, join(i.namespace, i.name), i.Object.Doc.Path(), i.Object.Line)
		if i.Object.Kind == "ResourceQuota" {
			out = append(out, quota(r.object(i), source)...)
			continue
		}
		for _, limit := range kubeedit.Items(r.object(i).Node(), "spec", "limits") {
			kind := kubeedit.Text(limit, "type")
			if kind != "Container" && kind != "Pod" {
				continue
			}
			for _, resource := range []string{"cpu", "memory"} {
				text := func(key string) string { return kubeedit.Text(limit, key, resource) }
				out = append(out, Bound{
					Source: source, Resource: resource, Max: text("max"), Default: text("default"), Request: text("defaultRequest"),
					Ratio: text("maxLimitRequestRatio"), Pod: kind == "Pod",
				})
			}
		}
	}
	return out
}

func quota(o kubeedit.Object, source string) []Bound {
	hard := kubeedit.Lookup(o.Node(), "spec", "hard")
	if hard == nil {
		return nil
	}
	var out []Bound
	for n := 0; n+1 < len(hard.Content); n += 2 {
		key := hard.Content[n].Value
		if strings.HasSuffix(key, "cpu") || strings.HasSuffix(key, "memory") {
			out = append(out, Bound{Source: source, Resource: key, Hard: hard.Content[n+1].Value})
		}
	}
	return out
}
