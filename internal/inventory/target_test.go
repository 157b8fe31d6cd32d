package inventory

import (
	"reflect"
	"testing"
)

// What a target writes is read back to the same target, or not at all.
func TestParseTarget(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Target
		ok   bool
	}{
		{"Deployment shop/checkout resources.limits.memory", Target{Form: Kubernetes, Kind: "Deployment", Namespace: "shop", Name: "checkout", ContainerIndex: -1, Field: "resources.limits.memory"}, true},
		{"Deployment checkout container app resources.limits.memory in k8s/a.yaml (production)", Target{Form: Kubernetes, Kind: "Deployment", Name: "checkout", Container: "app", ContainerIndex: -1, Field: "resources.limits.memory", File: "k8s/a.yaml", Environment: "production"}, true},
		{"Deployment shop/checkout container 1 resources.limits.cpu", Target{Form: Kubernetes, Kind: "Deployment", Namespace: "shop", Name: "checkout", ContainerIndex: 1, Field: "resources.limits.cpu"}, true},
		{"aws_autoscaling_group.web.max_size (production)", Target{Form: Terraform, Address: "aws_autoscaling_group.web.max_size", ContainerIndex: -1, Environment: "production"}, true},
		{"aws_x.web.size in modules/web", Target{Form: Terraform, Address: "aws_x.web.size", ContainerIndex: -1, File: "modules/web"}, true},
		{"values.yaml resources.limits.memory", Target{Form: ConfigFile, File: "values.yaml", Path: "resources.limits.memory", ContainerIndex: -1}, true},
		{"my other values.yaml resources.limits.memory", Target{}, false},
		{"Deployment a b c d e f", Target{}, false},
	} {
		got, ok := ParseTarget(tt.text)
		if ok != tt.ok || ok && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseTarget(%q) = %+v, %v", tt.text, got, ok)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("Deployment shop/checkout container app resources.limits.memory in k8s/a.yaml (production)")
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := ParseTarget(text); ok && got.String() != text {
			t.Errorf("%q is read as %q", text, got)
		}
	})
}
