package envname

import "testing"

func TestCanonical(t *testing.T) {
	for name, want := range map[string]string{
		"prod": "production", "PRD": "production", "live": "production", "Production": "production",
		"stg": "staging", "pre-prod": "preproduction", "EU-West": "eu-west", "": "",
	} {
		if got := Canonical(name); got != want {
			t.Errorf("Canonical(%q) = %q, want %q", name, got, want)
		}
	}
	if name, ok := Usual("blue"); ok {
		t.Errorf("Usual(blue) = %q, want none", name)
	}
}
