package gate_test

import (
	"testing"

	"github.com/salvehq/salve/internal/forge"
)

// label puts a label on the pull request, or takes it off, and announces it
// unless the announcement is lost.
func (w *world) label(name, who string, on, announced bool) {
	w.t.Helper()
	p := w.host.pulls[w.pull().Number]
	p.Labels = nil
	if on {
		p.Labels = []string{name}
	}
	var err error
	switch {
	case announced && on:
		err = w.checker.Labelled(w.t.Context(), w.pull(), name, who, w.now)
	case announced:
		err = w.checker.Unlabelled(w.t.Context(), w.pull(), name, w.now)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// What a label granted ends when it is taken off. Put on again by somebody who
// may label but not grant, it grants nothing, also where its taking off was
// never announced.
func TestGrantEndsWithItsLabel(t *testing.T) {
	for _, label := range []string{"fixes P-1", "break-glass: customers cannot pay"} {
		for _, announced := range []bool{true, false} {
			w := blocked(t, config, "x")
			if got := w.check(); got.State != forge.Failure {
				t.Fatalf("before: %+v", got)
			}
			w.label(label, "ada", true, true)
			if got := w.check(); got.State != forge.Success {
				t.Errorf("%s by ada: %+v, want success", label, got)
			}
			w.label(label, "eve", false, announced)
			if got := w.check(); got.State != forge.Failure {
				t.Errorf("%s taken off: %+v, want failure", label, got)
			}
			w.label(label, "eve", true, true)
			if got := w.check(); got.State != forge.Failure {
				t.Errorf("%s by eve (taking off announced: %v): %+v, want failure", label, announced, got)
			}
		}
	}
}

// A command is the first line of a comment, from its first character: what is
// quoted, or shown as code, is about commands and is none.
func TestQuotedCommandsGrantNothing(t *testing.T) {
	for body, want := range map[string]bool{
		"/salve fixes P-1":             true,
		"/salve fixes P-1 \r\nbecause": true,
		"    /salve fixes P-1":         false, // an indented block of code
		"\t/salve fixes P-1":           false,
		"> /salve fixes P-1":           false,
		"`/salve fixes P-1`":           false,
		"```\n/salve fixes P-1\n```":   false,
		"Write\n/salve fixes P-1":      false,
		"<!-- -->/salve fixes P-1":     false,
		"/salve fixes P-1 P-2":         false,
		"/salve fixes P-1\u2028x":      false,
		"/salvefixes P-1":              false,
	} {
		w := blocked(t, config, "x")
		granted, err := w.checker.Command(t.Context(), shop, w.pull().Number, forge.Comment{ID: 1, Author: "mona", Body: body}, noon)
		if err != nil || granted != want {
			t.Errorf("%q: %v, %v; want %v", body, granted, err, want)
		}
	}
}

// A pull request of the App passes what it fixes as long as it holds what the
// App made. Somebody else's commit on it, with whatever its text says, passes by
// a grant of somebody who may, as everywhere.
func TestForeignCommitOnAFix(t *testing.T) {
	ours, hers := forge.Commit{Author: "salve[bot]", Ours: true}, forge.Commit{Author: "salve[bot]"}
	for name, tt := range map[string]struct {
		diff  forge.Comparison
		grant bool
		want  forge.State
	}{
		"the App's alone":  {forge.Comparison{Commits: []forge.Commit{ours}}, false, forge.Success},
		"hers as well":     {forge.Comparison{Commits: []forge.Commit{ours, hers}}, false, forge.Failure},
		"too many to see":  {forge.Comparison{Commits: []forge.Commit{ours}, Truncated: true}, false, forge.Failure},
		"hers, and a word": {forge.Comparison{Commits: []forge.Commit{ours, hers}}, true, forge.Success},
	} {
		w := blocked(t, config, "x")
		p := w.host.pulls[w.pull().Number]
		p.Author, p.Branch, p.Body = w.checker.App, "salve/memory-limit/x", forge.Marker{Key: "k", Problems: []string{"1_V2"}, Version: 1}.String()
		w.host.diff = tt.diff
		if tt.grant {
			if _, err := w.checker.Command(t.Context(), shop, p.Number, forge.Comment{ID: 1, Author: "mona", Body: "/salve fixes P-1"}, noon); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.check(); got.State != tt.want {
			t.Errorf("%s: %+v, want %s", name, got, tt.want)
		}
	}
}
