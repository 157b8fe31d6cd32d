package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/dql/syntax"
)

// Another span changes the from: of the fetch and nothing else.
func TestOver(t *testing.T) {
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Get(InfrastructureRemediation)
	if err != nil {
		t.Fatal(err)
	}
	week, err := e.Over(7 * 24 * time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(e.Text, "now() - 12h", "now() - 604800s", 1); week.Text != want || want == e.Text {
		t.Errorf("got\n%s", week.Text)
	}
	if _, err := syntax.Parse("x.dql", week.Text); err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		"fetch dt.davis.problems | fields display_id",
		"fetch dt.davis.problems, from: now() - 2h, to: now() - 1h | fields display_id",
		"data record(a = 1) | fields a",
	} {
		if _, err := (Entry{Name: "x", Text: text}).Over(time.Hour); err == nil || !strings.HasPrefix(err.Error(), "x.dql:1:") {
			t.Errorf("%s: %v, want a place", text, err)
		}
	}
}
