package catalog

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dynatrace"
	"github.com/salvehq/salve/internal/dynatracetest"
)

// Over the wire, with parameters bound into the text and values encoded as
// Grail does, every query answers what it answers here.
func TestWorldsOverTheWire(t *testing.T) {
	const token = "dt0s16.SALVE123.S3CRET"
	c := load(t)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			w := readWorld(t, file)
			tenant, err := dynatracetest.New(dynatracetest.Options{
				Source: eval.Records(w.records), Now: func() time.Time { return w.now },
				Tokens: []dynatracetest.Token{{Secret: token, Scopes: dynatracetest.Scopes()}},
			})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(tenant.Handler())
			t.Cleanup(server.Close)
			client, err := dynatrace.New(dynatrace.Config{URL: server.URL, Token: token, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range nine(t, c) {
				res, err := client.Query(t.Context(), w.bind(t, e))
				if err != nil {
					t.Fatal(err)
				}
				if err := e.Check(res); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(w.part("want/"+e.Name+".jsonl"), lines(res.Records)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", e.Name, diff)
				}
				want := dql.OK
				if len(w.records) == 0 {
					want = dql.UnverifiedEmpty // an empty tenant shows nothing at all
				}
				if res.Quality != want {
					t.Errorf("%s: quality %v, want %v: %v", e.Name, res.Quality, want, res.Notices)
				}
			}
		})
	}
}
