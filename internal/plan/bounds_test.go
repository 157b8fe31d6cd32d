package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/policy"
)

// What surrounds a limit in its repository holds it: LimitRanges of containers
// and of pods, quotas of limits and of requests.
func TestBoundsOfTheRepository(t *testing.T) {
	object := func(kind, spec string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: %s\nmetadata: {name: it, namespace: shop}\nspec: {%s}\n", kind, spec)
	}
	for _, tt := range []struct {
		name       string
		containers []string
		objects    []string
		want       string // the new limit, or the code of the reason
		says       string
	}{
		{"nothing", []string{"app limits: {memory: 512Mi}"}, nil, "640Mi", "×1.25"},
		{"max of a container", []string{"app limits: {memory: 512Mi}"}, []string{object("LimitRange", "limits: [{type: Container, max: {memory: 600Mi}}]")}, "600Mi", "max of LimitRange shop/it"},
		{"max of a pod", []string{"app limits: {memory: 512Mi}"}, []string{object("LimitRange", "limits: [{type: Pod, max: {memory: 600Mi}}]")}, "600Mi", "max of a pod by LimitRange"},
		{"max of a claim", []string{"app limits: {memory: 512Mi}"}, []string{object("LimitRange", "limits: [{type: PersistentVolumeClaim, max: {memory: 1Mi}}]")}, "640Mi", "×1.25"},
		{"of two LimitRanges the lower", []string{"app limits: {memory: 512Mi}"}, []string{object("LimitRange", "limits: [{type: Container, max: {memory: 620Mi}}, {type: Container, max: {memory: 600Mi}}]")}, "600Mi", "600Mi"},
		{"ratio", []string{"app limits: {memory: 512Mi}, requests: {memory: 256Mi}"}, []string{object("LimitRange", "limits: [{type: Container, maxLimitRequestRatio: {memory: 2}}]")}, "640Mi", "maxLimitRequestRatio"},
		{"the stricter ratio", []string{"app limits: {memory: 512Mi}, requests: {memory: 256Mi}"}, []string{object("LimitRange", "limits: [{type: Container, maxLimitRequestRatio: {memory: 2}}, {type: Pod, maxLimitRequestRatio: {memory: 9}}]")}, "640Mi", "limit / 2"},
		{"quota of limits, two replicas", []string{"app limits: {memory: 512Mi}"}, []string{object("ResourceQuota", `hard: {limits.memory: 1200Mi}`)}, "600Mi", "ResourceQuota shop/it"},
		{"full quota of limits", []string{"app limits: {memory: 512Mi}"}, []string{object("ResourceQuota", `hard: {limits.memory: 1Gi}`)}, "at-ceiling", "ResourceQuota shop/it"},
		{"quota of requests", []string{"app limits: {memory: 512Mi}, requests: {memory: 512Mi}"}, []string{object("ResourceQuota", `hard: {requests.memory: 1Gi}`)}, "at-ceiling", "ResourceQuota shop/it"},
		{"quota of requests by its short name", []string{"app limits: {memory: 512Mi}, requests: {memory: 512Mi}"}, []string{object("ResourceQuota", `hard: {memory: 1Gi}`)}, "at-ceiling", "ResourceQuota shop/it"},
		{"quota of requests with room", []string{"app limits: {memory: 512Mi}, requests: {memory: 512Mi}"}, []string{object("ResourceQuota", `hard: {requests.memory: 4Gi}`)}, "640Mi", "Guaranteed"},
		{"quota of requests, and a request that stays", []string{"app limits: {memory: 512Mi}, requests: {memory: 256Mi}"}, []string{object("ResourceQuota", `hard: {requests.memory: 512Mi}`)}, "640Mi", "×1.25"},
		{"quota of pods", []string{"app limits: {memory: 512Mi}"}, []string{object("ResourceQuota", `hard: {pods: 2}`)}, "640Mi", "×1.25"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := manifest(tt.containers...)
			for n, o := range tt.objects {
				files[fmt.Sprintf("bounds-%d.yaml", n)] = o
			}
			p, why := resize(t, "memory-limit", files, policy.Saturation, "eu", nil)
			got, text := p.To, p.Rule+p.Proposal.Body
			if !why.None() {
				got, text = string(why.Code), why.Text
			}
			if got != tt.want || !strings.Contains(text, tt.says) {
				t.Errorf("%s: %s\nwant %s: …%s…", got, text, tt.want, tt.says)
			}
		})
	}
}
