package plan

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/policy"
)

// bounds collects what surrounds a container's limit in its repository:
// LimitRanges, quotas, and the autoscalers that own or use the resource.
func (r *Repository) bounds(ctx context.Context, t Target) (policy.Bounds, error) {
	b := policy.Bounds{Caps: t.Remedy.Set.cap()}
	resource, place := string(t.Remedy.Set.Kind), t.Place
	if place.Form != inventory.Kubernetes {
		return b, nil
	}
	for _, x := range r.inventory.Bounds(place.Namespace, t.Environment) {
		if x.Resource != resource {
			continue
		}
		switch {
		case x.Pod && x.Max != "":
			b.Caps = append(b.Caps, policy.Cap{Value: r.beside(ctx, t, x.Max), Source: "max of a pod by " + x.Source})
		case x.Max != "":
			b.Caps = append(b.Caps, policy.Cap{Value: x.Max, Source: "max of " + x.Source})
		}
		if x.Default != "" && b.Default.Value == "" {
			b.Default = policy.Cap{Value: x.Default, Source: x.Source}
		}
		if ratio, err := strconv.ParseFloat(x.Ratio, 64); err == nil && ratio > 0 && (b.Ratio == 0 || ratio < b.Ratio) {
			b.Ratio = ratio
		}
	}
	quota, err := r.quota(ctx, t, "limits."+resource)
	if err != nil {
		return b, err
	}
	b.Caps = append(b.Caps, quota...)
	request := t
	request.Place = t.sibling(t.Remedy.Set.Equal)
	if b.RequestCaps, err = r.quota(ctx, request, "requests."+resource, resource); err != nil {
		return b, err
	}
	for _, a := range r.inventory.Autoscalers(place.Kind, place.Namespace, place.Name, t.Environment) {
		if slices.Contains(a.Resources, resource) {
			b.Horizontal = a.String()
		}
	}
	for _, a := range r.inventory.VerticalAutoscalers(place.Kind, place.Namespace, place.Name, t.Environment) {
		b.Vertical = a.String()
	}
	return b, nil
}

// beside returns what the other containers of a pod leave of the most that a pod
// may have; all of it where one of them writes no limit.
func (r *Repository) beside(ctx context.Context, t Target, most string) string {
	mine, err := r.inventory.Locate(ctx, t.Place)
	if err != nil || mine.Value == "" {
		return most
	}
	var parts []policy.Part
	for _, name := range r.containers(t) {
		at := t.Place
		at.Container = name
		site, err := r.inventory.Locate(ctx, at)
		if err != nil || site.Value == "" {
			return most
		}
		parts = append(parts, policy.Part{Text: site.Value, Times: 1})
	}
	sum, ok := policy.Sum(t.Remedy.Set.Kind, parts)
	if !ok {
		return most
	}
	c, err := policy.QuotaCap(policy.Value{Kind: t.Remedy.Set.Kind, Text: mine.Value}, most, sum, 1, "")
	if err != nil {
		return most
	}
	return c.Value
}

// quota returns what a ResourceQuota leaves for a value under its keys, if every
// such value of the namespace is written in the repository; where one is not,
// the room is not known and the quota bounds nothing here.
func (r *Repository) quota(ctx context.Context, t Target, keys ...string) ([]policy.Cap, error) {
	var caps []policy.Cap
	for _, x := range r.inventory.Bounds(t.Place.Namespace, t.Environment) {
		if x.Hard == "" || !slices.Contains(keys, x.Resource) {
			continue
		}
		mine, err := r.inventory.Locate(ctx, t.Place)
		if err != nil || mine.Value == "" {
			return nil, nil
		}
		replicas, unknown := r.replicas(ctx, t.Place)
		sum, ok := r.sum(ctx, t)
		if !ok || unknown != nil {
			return nil, nil
		}
		c, err := policy.QuotaCap(policy.Value{Kind: t.Remedy.Set.Kind, Text: mine.Value}, x.Hard, sum, replicas, x.Source)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.Source, err)
		}
		caps = append(caps, c)
	}
	return caps, nil
}

// sum adds the values of t's field of all pods of a namespace; ok is false where one of them
// is not written.
func (r *Repository) sum(ctx context.Context, t Target) (string, bool) {
	var parts []policy.Part
	for _, w := range r.inventory.Workloads() {
		if w.Namespace != t.Place.Namespace {
			continue
		}
		at := inventory.Target{
			Form: inventory.Kubernetes, APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name,
			ContainerIndex: -1, File: w.File, Environment: t.Environment,
		}
		n, err := r.replicas(ctx, at)
		if err != nil {
			return "", false
		}
		for _, c := range w.Containers {
			at.Container, at.Field = c, t.Place.Field
			site, err := r.inventory.Locate(ctx, at)
			if err != nil || site.Value == "" {
				return "", false
			}
			parts = append(parts, policy.Part{Text: site.Value, Times: n})
		}
	}
	return policy.Sum(t.Remedy.Set.Kind, parts)
}

// maxReplicas is more than any workload runs.
const maxReplicas = 10_000

// replicas is how many pods a workload runs as far as its manifest says; one
// where it says nothing, as Kubernetes does. A number that cannot be read is
// not one: it may be a placeholder for a large one.
func (r *Repository) replicas(ctx context.Context, at inventory.Target) (int, error) {
	at.Field, at.Container, at.ContainerIndex = "spec.replicas", "", -1
	site, err := r.inventory.Locate(ctx, at)
	if err != nil {
		return 0, err
	}
	if site.Value == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(site.Value))
	if err != nil || n < 0 || n > maxReplicas || strconv.Itoa(n) != strings.TrimSpace(site.Value) {
		return 0, &patch.Refusal{Path: site.File, Line: site.Line, Why: fmt.Sprintf("replicas are %.40q, which is no number of pods from 0 to %d", site.Value, maxReplicas)}
	}
	return n, nil
}
