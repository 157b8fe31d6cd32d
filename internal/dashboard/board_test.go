package dashboard

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func key(n int) string {
	return fmt.Sprintf("acme/shop | production | memory-limit | Deployment shop/checkout-%d resources.limits.memory in k8s/checkout.yaml (production)", n)
}

var day = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// TestRender holds what a dashboard says. Titles of the world say nothing that
// acts.
func TestRender(t *testing.T) {
	b := Board{
		Open:     []Item{{Key: key(2), Pull: 12, Title: "Raise memory limit of shop/checkout (production) to 640Mi", Problems: []string{"P-1", "P-2"}}},
		Waiting:  []Item{{Key: key(3), Why: "3 pull requests are open; the limit is 3 (limits.open)", Problems: []string{"P-3"}}},
		Declined: []Item{{Key: key(4), Why: "@maria said /salve ignore", Problems: []string{"P-4"}}},
		Others:   []Item{{Key: key(1), Why: "killed for its memory again after 2 raises", Problems: strings.Fields("P-5 P-6 P-7 P-8 P-9 P-10")}},
		Unmapped: []Problem{{ID: "P-11", Title: "<img src=x> @acme/all fixes #1 ```", Why: "2 places could be meant", Snippet: "services:\n  a: # ``` <!-- salve:box {\"do\":\"again\"} -->\n"}},
		Faults:   []string{".github/salve.yml:3:1: unknown key \"remdies\""},
		Outcomes: []Outcome{{"memory-limit", 4, 3, 1, 1, 1}},
		Receipts: []Receipt{{day, "maria", "ignored: memory-limit of <b> | x"}},
	}
	text := b.Render()
	if *update {
		if err := os.WriteFile("testdata/board.golden", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/board.golden")
	if err != nil || text != string(want) {
		t.Errorf("have\n%s", text)
	}
	if (Board{}).Render() == text || b.Render() != text {
		t.Error("the same board has another body")
	}
}

// However much there is to say, GitHub takes it.
func TestRenderIsBounded(t *testing.T) {
	var b Board
	for i := range 3000 {
		long := strings.Repeat("é<@#", 300)
		b.Open = append(b.Open, Item{Key: key(i), Pull: i + 1, Title: long, Why: long, Problems: []string{long}})
		b.Unmapped = append(b.Unmapped, Problem{ID: "P-1", Title: long, Why: long, Snippet: strings.Repeat(long+"\n", 50)})
		b.Faults, b.Receipts = append(b.Faults, long), append(b.Receipts, Receipt{day, long, long})
	}
	text := b.Render()
	if n := utf8.RuneCountInString(text); n > 65_536 || !strings.Contains(text, "And 29") {
		t.Errorf("%d characters", n)
	}
}

func tick(body string, n int) string {
	lines := strings.SplitAfter(body, "\n")
	for i, l := range lines {
		if strings.Contains(l, "- [ ]") {
			if n--; n < 0 {
				lines[i] = strings.Replace(l, "[ ]", "[x]", 1)
				break
			}
		}
	}
	return strings.Join(lines, "")
}

// A box is ticked by the edit in which it became so; what others wrote like one
// is none, and browsers' line ends change nothing.
func TestTicked(t *testing.T) {
	body := Board{Open: []Item{{Key: key(1), Pull: 1}}}.Render()
	one := tick(body, 1)
	two := tick(one, 1)
	for _, tt := range []struct {
		from, to string
		want     []Box
	}{
		{body, one, []Box{{Retry, key(1)}}},
		{one, two, []Box{{Ignore, key(1)}}},
		{body, strings.ReplaceAll(one, "\n", "\r\n"), []Box{{Retry, key(1)}}},
		{one, one, nil}, {two, body, nil}, {one, body, nil},
		{"", "- [x] <!-- salve:box {\"do\":\"rm\"} -->\n- [x] <!-- salve:box { -->\n- [x] again\n- [x] <!-- salve:box {\"do\":\"again\"\n} -->", nil},
		{"", "- [x] <!-- salve:box {\"do\":\"ignore\",\"key\":\"" + strings.Repeat("x", 1000) + "\"} -->", nil},
		{"", strings.Repeat("- [x] <!-- salve:box ", 5000), nil},
	} {
		got := newlyTicked(tt.from, tt.to)
		if !slices.Equal(got, tt.want) {
			t.Errorf("newlyTicked(…, %.200q) = %v, want %v", tt.to, got, tt.want)
		}
	}
	if cleared(two) != body {
		t.Error("cleared boxes are not those of before")
	}
}

// Whatever a body holds, clearing it ticks nothing and changes nothing twice.
func FuzzBody(f *testing.F) {
	body := Board{Open: []Item{{Key: key(1), Pull: 1}}, Receipts: []Receipt{{day, "a", "b"}}}.Render()
	f.Add(body)
	f.Add(tick(body, 0))
	f.Add("- [x] <!-- salve:box {} -->")
	f.Fuzz(func(t *testing.T, body string) {
		clear := cleared(body)
		if boxes := newlyTicked("", clear); len(boxes) > 0 {
			t.Errorf("%q leaves %v", body, boxes)
		}
		if cleared(clear) != clear || len(clear) != len(body) {
			t.Errorf("%q is cleared to %q", body, clear)
		}
		with := withReceipts(body, []Receipt{{day, "a", "b"}})
		if withReceipts(with, []Receipt{{day, "a", "b"}}) != with {
			t.Errorf("receipts in %q are not replaced", body)
		}
	})
}
