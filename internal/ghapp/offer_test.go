package ghapp

import (
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/patch"
	"github.com/salvehq/salve/internal/policy"
)

// A configuration is added by its own branch alone, and changed by none.
func TestOfferOfConfiguration(t *testing.T) {
	added := patch.ChangeSet{{Path: policy.File, After: []byte("version: 1\n")}}
	for name, tt := range map[string]struct {
		branch  string
		changes patch.ChangeSet
		want    string // part of the refusal
	}{
		"another branch": {"salve/memory-limit/x-00000000", added, "changed by people"},
		"below it":       {forge.ConfigureBranch + "/x", added, "changed by people"},
		"a change":       {forge.ConfigureBranch, patch.ChangeSet{{Path: policy.File, Before: []byte("limits: {}\n"), After: []byte("version: 1\n")}}, "changed by people"},
		"there already":  {forge.ConfigureBranch, added, "is there already"},
		"another file":   {forge.ConfigureBranch, patch.ChangeSet{{Path: ".github/salve.yaml", After: []byte("x")}}, "changed by people"},
		"workflows":      {forge.ConfigureBranch, patch.ChangeSet{{Path: ".github/workflows/x.yml", After: []byte("x")}}, "workflows"},
	} {
		w := newWorld(t, githubtest.Options{})
		p := w.raise("640Mi")
		p.Branch, p.Changes, p.Comments = tt.branch, tt.changes, nil
		_, err := w.client().Propose(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(writes(w.log.take())) > 0 {
			t.Errorf("%s: %v, want %s before anything is written", name, err, tt.want)
		}
	}
}
