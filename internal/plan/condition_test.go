package plan

import "testing"

func TestLike(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*memory*", "Out-of-Memory kills", true},
		{"memory", "Memory", true},
		{"memory", "Memory usage", false},
		{"memory*", "Memory usage", true},
		{"*usage", "Memory usage", true},
		{"*", "", true},
		{"a*a", "a", false},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "acb", false},
		{"", "", true},
		{"[a]*", "a", false},
	} {
		if got := Like([]string{tt.pattern}, tt.text); got != tt.want {
			t.Errorf("Like(%q, %q) = %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
	}
}

func TestConditionMatches(t *testing.T) {
	row := Row{Action: "update_k8s_limits", Type: "resource_adjustment", Category: "RESOURCE_CONTENTION",
		Title: "Memory usage close to limits", Entity: []string{"workload", "cloud_application"}, Tags: []string{"team:checkout"}}
	for _, tt := range []struct {
		name string
		c    Condition
		want bool
	}{
		{"nothing asked", Condition{}, true},
		{"all hold", Condition{Action: []string{"update_k8s_limits"}, Category: []string{"resource_contention"}, Title: []string{"*memory*"}, Entity: []string{"WORKLOAD"}, Tag: []string{"team:*"}}, true},
		{"other action", Condition{Action: []string{"create_config_pr"}}, false},
		{"one of two titles", Condition{Title: []string{"*cpu*", "*memory*"}}, true},
		{"excluded title", Condition{Title: []string{"*memory*"}, NotTitle: []string{"*limits"}}, false},
		{"other entity", Condition{Entity: []string{"host"}}, false},
		{"other tag", Condition{Tag: []string{"team:search"}}, false},
		{"other category", Condition{Category: []string{"AVAILABILITY"}}, false},
		{"other type", Condition{Type: []string{"infrastructure_scaling"}}, false},
	} {
		if got := tt.c.Matches(row); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
