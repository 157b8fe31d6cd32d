package policy

import "testing"

func TestCulprit(t *testing.T) {
	near := func(name string, share float64) Usage {
		return Usage{Container: name, Peak: share, Limit: 100, Enough: true}
	}
	killed := func(u Usage) Usage { u.Kills = 1; return u }
	held := func(u Usage, percent float64) Usage { u.Throttled = percent; return u }
	for _, tt := range []struct {
		name  string
		cause Cause
		all   []Usage
		want  string // empty if nothing tells
	}{
		{"nobody", Saturation, nil, ""},
		{"one near its limit", Saturation, []Usage{near("a", 20), near("b", 90)}, "b"},
		{"two near their limits", Saturation, []Usage{near("a", 95), near("b", 90)}, ""},
		{"none near its limit", Saturation, []Usage{near("a", 84), near("b", 10)}, ""},
		{"exactly at the target", Saturation, []Usage{near("a", 85), near("b", 10)}, "a"},
		{"too little measured", Saturation, []Usage{{Container: "a", Peak: 95, Limit: 100}}, ""},
		{"without a limit", Saturation, []Usage{{Container: "a", Peak: 95, Enough: true}}, ""},
		{"killed, though another is nearer its limit", OOMKill, []Usage{killed(near("a", 40)), near("b", 99)}, "a"},
		{"two killed", OOMKill, []Usage{killed(near("a", 40)), killed(near("b", 99))}, ""},
		{"no kill counted", OOMKill, []Usage{near("a", 40), near("b", 99)}, "b"},
		{"throttled", Throttling, []Usage{held(near("a", 99), 10), held(near("b", 40), 60)}, "b"},
		{"hardly throttled", Throttling, []Usage{held(near("a", 99), 10), held(near("b", 40), 40)}, ""},
	} {
		got, ok := Culprit(tt.cause, tt.all)
		if got.Container != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", tt.name, got.Container, ok, tt.want)
		}
	}
}

func TestInForce(t *testing.T) {
	for _, tt := range []struct {
		kind    Kind
		limit   float64
		written string
		want    bool
	}{
		{Memory, 512 * mebi, "512Mi", true}, {Memory, 512 * mebi, "0.5Gi", true}, {Memory, 512 * mebi, "536870912", true},
		{Memory, 512 * mebi, "640Mi", false}, {Memory, 512 * mebi, "256Mi", false}, {Memory, 512 * mebi, "512M", false},
		{Memory, 0, "640Mi", true}, {Memory, 512 * mebi, "lots", true},
		{CPU, 500, "500m", true}, {CPU, 500, "0.5", true}, {CPU, 500, "1", false},
		{InstanceType, 5, "m5.large", true},
	} {
		if got := (Usage{Limit: tt.limit}).InForce(tt.kind, tt.written); got != tt.want {
			t.Errorf("%v of %s as %s: %v, want %v", tt.limit, tt.kind, tt.written, got, tt.want)
		}
	}
}
