package gate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/salvehq/salve/internal/dql"
)

// A transformation is a change that must not change any verdict. Its zero value
// changes nothing.
type transformation struct {
	name    string
	records func([]dql.Record) []dql.Record
	line    func(string) string // of the script
	back    func(string) string // what was said, as it would have been without the change
}

// The order of the records, records that have nothing to do with it, the names
// of problems, a refresh of what is known.
var transformations = []transformation{
	{name: "rows permuted", records: permuted},
	{name: "irrelevant records added", records: withIrrelevant},
	{
		name: "ids renamed", records: renamedIDs,
		line: func(s string) string { return strings.ReplaceAll(s, "P-", "P-90000") },
		back: func(s string) string { return strings.ReplaceAll(s, "P-90000", "P-") },
	},
	{name: "refreshed", records: refreshed},
}

// Each world says the same over records that differ in nothing that matters.
func TestWorldsMetamorphic(t *testing.T) {
	worlds(t, func(t *testing.T, _ string, _, whole *txtar.Archive) {
		want := play(t, whole, transformation{})
		for _, tt := range transformations {
			got := play(t, whole, tt)
			if tt.back != nil {
				got = tt.back(got)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", tt.name, diff)
			}
		}
	})
}

func permuted(records []dql.Record) []dql.Record {
	out := slices.Clone(records)
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// with returns a record with some of its values changed.
func with(r dql.Record, change func(name string, v dql.Value) dql.Value) dql.Record {
	var names []string
	var values []dql.Value
	for name, v := range r.All() {
		names, values = append(names, name), append(values, change(name, v))
	}
	return dql.NewRecord(names, values)
}

// withIrrelevant adds, for each problem, the same of a workload elsewhere whose
// name holds that of the real one. A world without records stays without: there,
// their absence is the matter.
func withIrrelevant(records []dql.Record) []dql.Record {
	out := slices.Clone(records)
	for _, r := range records {
		out = append(out, with(r, func(name string, v dql.Value) dql.Value {
			switch name {
			case "event.id", "display_id":
				text, _ := v.AsString()
				return dql.String(strings.Replace(strings.Replace(text, "P-", "P-777", 1), "_V2", "_other_V2", 1))
			case "k8s.workload.name", "k8s.namespace.name", "affected_entity_ids", "affected_entity_names":
				var texts []string
				for _, text := range v.Texts() {
					texts = append(texts, text+"db")
				}
				return dql.Strings(texts...)
			}
			return v
		}))
	}
	return out
}

// renamedIDs gives every problem another id, in the same order.
func renamedIDs(records []dql.Record) []dql.Record {
	var out []dql.Record
	for _, r := range records {
		out = append(out, with(r, func(name string, v dql.Value) dql.Value {
			text, _ := v.AsString()
			switch name {
			case "event.id":
				return dql.String("-900" + text)
			case "display_id":
				return dql.String("P-90000" + strings.TrimPrefix(text, "P-"))
			}
			return v
		}))
	}
	return out
}

// refreshed repeats every record a second later, as Davis does for a problem
// about which there is nothing new.
func refreshed(records []dql.Record) []dql.Record {
	var out []dql.Record
	for _, r := range records {
		out = append(out, r, with(r, func(name string, v dql.Value) dql.Value {
			if at, ok := v.AsTime(); ok && name == "timestamp" {
				return dql.Time(at.Add(time.Second))
			}
			return v
		}))
	}
	return out
}

// Without the transformation of records into others, the test above would hold
// for nothing.
func TestTransformationsChange(t *testing.T) {
	w := blocked(t, config, "x")
	records := append(w.tenant.records, with(w.tenant.records[0], func(name string, v dql.Value) dql.Value {
		if name == "event.id" {
			return dql.String("2_V2")
		}
		return v
	}))
	show := func(records []dql.Record) string {
		var b strings.Builder
		for _, r := range records {
			for name, v := range r.All() {
				fmt.Fprintf(&b, "%s=%s ", name, dql.AppendJSON(nil, v))
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
	for _, tt := range transformations {
		if show(tt.records(records)) == show(records) {
			t.Errorf("%s changes nothing", tt.name)
		}
	}
}
