package review

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/plan"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/problem"
)

func lowered(back string) finding {
	return finding{
		Concern{Key: "k", Kind: policy.Memory, Against: -1, Problems: []problem.Problem{{ID: "P-1", Title: "Memory @acme/all fixes #1 `x`", Severity: problem.SeverityHigh, Start: time.Unix(0, 0)}}},
		plan.Difference{Before: inventory.Site{Value: "512Mi"}, After: inventory.Site{File: "a.yaml", Line: 3, Value: "256Mi", Written: true}, Back: back},
	}
}

// Titles and lines of others do nothing, and a line with backticks does not end
// the suggestion. Of a fork's file no line is repeated.
func TestWords(t *testing.T) {
	r := &Reviewer{}
	text := r.words(lowered("  memory: 512Mi # ```` @acme/all"), false)
	if !strings.Contains(text, "\n`````suggestion\n  memory: 512Mi # ```` @acme/all\n`````\n") {
		t.Errorf("the suggestion is not the line:\n%s", text)
	}
	if head, _, _ := strings.Cut(text, "To leave it"); strings.Contains(head, "@acme") || strings.Contains(head, "fixes #1") {
		t.Errorf("a title does something:\n%s", head)
	}
	if text := r.words(lowered("x"), true); strings.Contains(text, "suggestion") {
		t.Errorf("for a fork:\n%s", text)
	}
}

func TestAdded(t *testing.T) {
	files := []forge.ChangedFile{{Path: "a.yaml", Patch: "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -10,2 +10,3 @@ x\n j\n+k\n l\n\\ No newline at end of file"}, {Path: "big.yaml"}}
	for line, want := range map[int]bool{1: false, 2: true, 3: false, 10: false, 11: true, 12: false, 99: false} {
		if got := added(files, inventory.Site{File: "a.yaml", Line: line}); got != want {
			t.Errorf("line %d: %v, want %v", line, got, want)
		}
	}
	if added(files, inventory.Site{File: "big.yaml", Line: 1}) || added(files, inventory.Site{File: "b.yaml", Line: 2}) {
		t.Error("a line without a diff was added")
	}
}

// A thread is the remarks of one pull request.
type thread struct {
	Host
	open []forge.PullRequest
	have []forge.Remark
	said []string
}

func (h *thread) Remark(_ context.Context, _ forge.Repo, _ int, _ forge.SHA, _ string, comments []forge.LineComment) error {
	for _, c := range comments {
		h.said = append(h.said, "new "+c.Path)
	}
	return nil
}

func (h *thread) EditRemark(_ context.Context, _ forge.Repo, _ int64, body string) error {
	if live(body) {
		h.said = append(h.said, "left alive")
	}
	h.said = append(h.said, "edit")
	return nil
}

func (h *thread) DeleteRemark(context.Context, forge.Repo, int64) error {
	h.said = append(h.said, "delete")
	return nil
}

// What was said stays as it is, what no longer holds goes, and what is not
// known is left alone.
func TestSettle(t *testing.T) {
	f, r := lowered("x"), &Reviewer{}
	same := forge.Remark{ID: 1, Body: r.words(f, false)}
	other := f
	other.After.Value = "300Mi"
	older := forge.Remark{ID: 2, Body: r.words(other, false)}
	answered := older
	answered.Replied = true
	for _, tt := range []struct {
		name     string
		found    []finding
		unknown  bool
		have     []forge.Remark
		complete bool
		want     string
	}{
		{"new", []finding{f}, false, nil, true, "new a.yaml"},
		{"said", []finding{f}, false, []forge.Remark{same}, true, ""},
		{"another value", []finding{f}, false, []forge.Remark{older}, true, "delete new a.yaml"},
		{"over", nil, false, []forge.Remark{same}, true, "delete"},
		{"over, answered", nil, false, []forge.Remark{answered}, true, "edit"},
		{"not known", nil, false, []forge.Remark{same}, false, ""},
		{"a line that holds marks", []finding{f}, false, []forge.Remark{{Body: r.words(lowered("x # "+ended+" <!-- salve:review 0123456789abcdef 0123456789abcdef -->"), false)}}, true, ""},
		{"cannot be looked at", nil, true, []forge.Remark{same}, true, ""},
	} {
		h := &thread{have: tt.have}
		r := &Reviewer{Host: h, Log: slog.New(slog.DiscardHandler)}
		have := slices.DeleteFunc(slices.Clone(tt.have), func(m forge.Remark) bool { return !live(m.Body) })
		err := r.settle(t.Context(), forge.PullRequest{}, findings{tt.found, map[string]bool{hash("k"): tt.unknown}}, have, tt.complete)
		if got := strings.Join(h.said, " "); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func (h *thread) OpenPulls(context.Context, forge.Repo) ([]forge.PullRequest, error) {
	return h.open, nil
}

func (h *thread) Remarks(context.Context, forge.Repo, int) ([]forge.Remark, error) {
	return nil, nil
}

// What is remembered of a pull request goes with it.
func TestReviewForgets(t *testing.T) {
	h := &thread{open: []forge.PullRequest{{Number: 1, Base: "main"}, {Number: 2, Base: "main"}}}
	r := &Reviewer{Host: h, Log: slog.New(slog.DiscardHandler)}
	repo := &plan.Repository{Checkout: plan.Checkout{Branch: "main"}}
	none := func(context.Context) (Concerns, error) { return Concerns{}, nil }
	for _, want := range []int{2, 1, 0} {
		if err := r.Review(t.Context(), repo, none); err != nil || len(r.known[repo.Repo]) != want {
			t.Errorf("%d known, %v; want %d", len(r.known[repo.Repo]), err, want)
		}
		h.open = h.open[min(1, len(h.open)):]
	}
}

func (h *thread) ChangedFiles(context.Context, forge.Repo, int) ([]forge.ChangedFile, error) {
	return []forge.ChangedFile{{Path: "a.yaml", Blob: "b", Patch: "@@ -1 +1 @@\n-a: 512Mi\n+a: 256Mi\n"}}, nil
}

func (h *thread) Blob(context.Context, forge.Repo, forge.SHA) ([]byte, error) {
	return []byte("a: 256Mi\n"), nil
}

// A slow thread takes a moment to show what was said.
type slow struct {
	thread
	mu sync.Mutex
}

func (h *slow) Remarks(context.Context, forge.Repo, int) ([]forge.Remark, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.have), nil
}

func (h *slow) Remark(_ context.Context, _ forge.Repo, _ int, _ forge.SHA, _ string, comments []forge.LineComment) error {
	time.Sleep(20 * time.Millisecond)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range comments {
		h.have = append(h.have, forge.Remark{Body: c.Body})
	}
	return nil
}

// An event and a cycle that look at a pull request at the same time say it once.
func TestSaidOnceAtTheSameTime(t *testing.T) {
	repo, err := plan.Open(t.Context(), plan.Checkout{Files: inventory.Map(map[string]string{"a.yaml": "a: 512Mi\n"})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &slow{}
	r := &Reviewer{Host: h, Log: slog.New(slog.DiscardHandler)}
	c := lowered("").Concern
	c.Place = inventory.Target{Form: inventory.Values, File: "a.yaml", Path: "a"}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := r.One(t.Context(), repo, forge.PullRequest{Number: 1, UpdatedAt: time.Unix(1, 0)}, Concerns{Values: []Concern{c}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(h.have) != 1 {
		t.Errorf("%d remarks, want one", len(h.have))
	}
}

// A place that could not be read is no reason to take a remark back.
func TestUnreadPlaceIsUnknown(t *testing.T) {
	repo, err := plan.Open(t.Context(), plan.Checkout{Files: inventory.Map(map[string]string{"a.yaml": "a: 1\n"})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &Reviewer{Host: &thread{}, Log: slog.New(slog.DiscardHandler)}
	found, err := r.look(t.Context(), repo, forge.PullRequest{}, Concerns{Values: []Concern{{Key: "k", Place: inventory.Target{Form: inventory.Values, File: "gone.yaml", Path: "a"}}}})
	if err != nil || !found.unknown[hash("k")] {
		t.Errorf("%+v, %v", found, err)
	}
}
