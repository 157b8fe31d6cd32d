package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func testFacts(t *testing.T, w world) {
	q, ctx := openQueue(t, w.url(t)), t.Context()
	soon, gone := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond), time.Now().Add(-time.Second)
	put := func(name, value string, expires time.Time) {
		if err := q.Put(ctx, "gate", name, []byte(value), expires); err != nil {
			t.Fatal(err)
		}
	}
	put("b", "1", soon)
	put("b", "2\x00\xff", soon)
	put("a", "", time.Time{})
	put("old", "x", gone)
	if err := q.Put(ctx, "other", "b", nil, soon); err != nil {
		t.Fatal(err)
	}
	var got []Fact
	for f, err := range q.List(ctx, "gate") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	want := []Fact{{"a", []byte{}, time.Time{}}, {"b", []byte("2\x00\xff"), soon}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if _, found, err := q.Get(ctx, "gate", "old"); found || err != nil {
		t.Errorf("expired fact: %v %v", found, err)
	}
	if v, err := q.First(ctx, "gate", "old", []byte("new"), soon); string(v) != "new" || err != nil {
		t.Errorf("First over an expired fact = %q %v", v, err)
	}
	if v, err := q.First(ctx, "gate", "old", []byte("newer"), soon); string(v) != "new" || err != nil {
		t.Errorf("second First = %q %v", v, err)
	}
	if err := q.Delete(ctx, "gate", "b"); err != nil {
		t.Fatal(err)
	}
	if _, found, err := q.Get(ctx, "gate", "b"); found || err != nil {
		t.Errorf("deleted fact: %v %v", found, err)
	}
	put("late", "x", gone)
	if err := q.expire(ctx); err != nil || count(t, q, "salve_fact") != 3 {
		t.Errorf("%d facts left after expire, want 3: %v", count(t, q, "salve_fact"), err)
	}
	for i := range factsPerPage + 1 {
		if err := q.Put(ctx, "many", fmt.Sprintf("%06d", i), nil, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for f, err := range q.List(ctx, "many") {
		if err != nil || f.Name != fmt.Sprintf("%06d", n) {
			t.Fatal(f.Name, err)
		}
		n++
	}
	if n != factsPerPage+1 {
		t.Errorf("listed %d", n)
	}
}
