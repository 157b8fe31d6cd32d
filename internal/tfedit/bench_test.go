package tfedit

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/salvehq/salve/testdata"
)

// detectors is a file of ten resources, 6.8 kB.
func detectors(b testing.TB, team int) string {
	seed, err := testdata.FS.ReadFile("demo/repos/acme/platform/alerts.tf")
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	for n := range 5 {
		text := seed
		for _, name := range []string{"checkout_latency", "queue_depth"} {
			text = bytes.ReplaceAll(text, []byte(name+`"`), fmt.Appendf(nil, `%s_%d_%d"`, name, team, n))
		}
		out.Write(text)
	}
	return out.String()
}

func BenchmarkParse(b *testing.B) {
	src := []byte(detectors(b, 0))
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			readPlain("main.tf", src)
		}
	})
	b.Run("hclsyntax", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			hclsyntax.ParseConfig(src, "main.tf", hcl.InitialPos)
		}
	})
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			screenNative(src)
		}
	})
}

// BenchmarkEdit locates and sets values of a thousand directories, each asked
// for once, by address and file: what is known of a file is not known before.
func BenchmarkEdit(b *testing.B) {
	const teams = 1000
	files := texts{}
	for n := range teams {
		files[fmt.Sprintf("team-%d/alerts.tf", n)] = detectors(b, n)
	}
	target := func(n int) Target {
		return Target{File: fmt.Sprintf("team-%d/alerts.tf", n), Address: fmt.Sprintf("dynatrace_metric_events.checkout_latency_%d_4.model_properties.samples", n)}
	}
	b.Run("locate", func(b *testing.B) {
		var r *Repository
		for n := 0; b.Loop(); n++ {
			if n%teams == 0 {
				b.StopTimer()
				r = files.open(b)
				b.StartTimer()
			}
			if _, err := r.Locate(b.Context(), target(n%teams)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("set", func(b *testing.B) {
		var r *Repository
		for n := 0; b.Loop(); n++ {
			if n%teams == 0 {
				b.StopTimer()
				r = files.open(b)
				b.StartTimer()
			}
			if _, err := r.Set(b.Context(), target(n%teams), "97"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse and splice", func(b *testing.B) { // as most would do it, without proof
		for n := 0; b.Loop(); n++ {
			parsed, _ := hclsyntax.ParseConfig([]byte(files[target(n%teams).File]), "main.tf", hcl.InitialPos)
			if len(parsed.Body.(*hclsyntax.Body).Blocks) == 0 {
				b.Fatal("no blocks")
			}
		}
	})
}
