package policy

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

func TestNext(t *testing.T) {
	oom := Evidence{Cause: OOMKill}
	near := Evidence{Cause: Saturation}
	for _, tt := range []struct {
		kind     Kind
		from     string
		evidence Evidence
		rule     Rule
		bounds   Bounds
		want     string // the new value, or the code of the reason
		says     string // in the rule or in the reason
	}{
		// Memory near its limit: ×1.25, in the unit that was written.
		{Memory, "512Mi", near, Rule{}, Bounds{}, "640Mi", "×1.25 (memory saturation, no usage data)"},
		{Memory, "500Mi", near, Rule{}, Bounds{}, "640Mi", ", rounded up to the next 64Mi"},
		{Memory, "200Mi", near, Rule{}, Bounds{}, "256Mi", "32Mi"},
		{Memory, "128Mi", near, Rule{}, Bounds{}, "160Mi", "×1.25"},
		{Memory, "1Gi", near, Rule{}, Bounds{}, "1280Mi", "×1.25"},
		{Memory, "1.5Gi", near, Rule{}, Bounds{}, "2Gi", "256Mi"},
		{Memory, "2Gi", near, Rule{}, Bounds{}, "2.5Gi", "×1.25"},
		{Memory, "2048Mi", near, Rule{}, Bounds{}, "2560Mi", "×1.25"},
		{Memory, "8Gi", near, Rule{}, Bounds{}, "10Gi", "×1.25"},
		{Memory, "30Gi", near, Rule{}, Bounds{}, "38Gi", "1Gi"},
		{Memory, "512M", near, Rule{}, Bounds{}, "640M", "×1.25"},
		{Memory, "1G", near, Rule{}, Bounds{}, "1250M", "×1.25"},
		{Memory, "2G", near, Rule{}, Bounds{}, "2.5G", "×1.25"},
		{Memory, "524288Ki", near, Rule{}, Bounds{}, "655360Ki", "×1.25"},
		{Memory, "536870912", near, Rule{}, Bounds{}, "671088640", "×1.25"},
		{Memory, "512Mi", near, Rule{Step: 1.5}, Bounds{}, "768Mi", "×1.5"},
		{Memory, "512Mi", near, Rule{Step: 9}, Bounds{}, "1024Mi", "×2"},

		// Killed: at least 100Mi more; ×1.5 when it came back; then no more.
		{Memory, "512Mi", oom, Rule{}, Bounds{}, "640Mi", "×1.25 (OOM kill"},
		{Memory, "256Mi", oom, Rule{}, Bounds{}, "384Mi", "+100Mi"},
		{Memory, "64Mi", oom, Rule{}, Bounds{}, "128Mi", "at most ×2 in one pull request"},
		{Memory, "640Mi", Evidence{Cause: OOMKill, Again: 1}, Rule{}, Bounds{}, "960Mi", "×1.5 (second OOM kill within 7d of a raise"},
		{Memory, "960Mi", Evidence{Cause: OOMKill, Again: 2}, Rule{}, Bounds{}, "probable-leak", "2 raises"},
		{Memory, "512Mi", Evidence{Cause: OOMKill, Peak: 700 * mebi, Window: 72 * time.Hour}, Rule{}, Bounds{}, "832Mi", "peak of 700Mi over 3d / 0.85 (OOM kill)"},

		// Use was measured: the peak fills 85 %.
		{Memory, "512Mi", Evidence{Peak: 480 * mebi}, Rule{}, Bounds{}, "576Mi", "peak of 480Mi / 0.85"},
		{Memory, "512Mi", Evidence{Peak: 300 * mebi}, Rule{}, Bounds{}, "usage-is-low", "59 % of 512Mi"},
		{Memory, "512Mi", Evidence{Peak: 4096 * mebi}, Rule{}, Bounds{}, "1024Mi", "at most ×2"},

		// Bounds.
		{Memory, "512Mi", near, Rule{Ceiling: "600Mi"}, Bounds{}, "600Mi", "held at 600Mi by ceiling of the configuration"},
		{Memory, "512Mi", near, Rule{Ceiling: "512Mi"}, Bounds{}, "at-ceiling", "the rule wants 640Mi"},
		{Memory, "512Mi", near, Rule{Ceiling: "520Mi"}, Bounds{}, "at-ceiling", "520Mi"},
		{Memory, "512Mi", near, Rule{}, Bounds{Caps: []Cap{{"1Gi", "LimitRange a"}, {"600M", "LimitRange b"}}}, "572Mi", "LimitRange b"},
		{Memory, "512Mi", near, Rule{Ceiling: "lots"}, Bounds{}, "not-parseable", "ceiling"},
		{Memory, "2Gi", near, Rule{Ceiling: "1Gi"}, Bounds{}, "at-ceiling", "2Gi stays"},
		{Memory, "512Mi", Evidence{Saw: "384Mi"}, Rule{}, Bounds{}, "already-changed", "saw 384Mi"},
		{Memory, "1Gi", Evidence{Saw: "1024Mi"}, Rule{}, Bounds{}, "1280Mi", ""},

		// What is not a quantity is not guessed.
		{Memory, "512m", near, Rule{}, Bounds{}, "not-parseable", "512Mi"},
		{Memory, "512 Mi", near, Rule{}, Bounds{}, "not-parseable", "512 Mi"},
		{Memory, "1e9", near, Rule{}, Bounds{}, "not-parseable", ""},
		{Memory, "0", near, Rule{}, Bounds{}, "not-parseable", ""},
		{Memory, "-1Gi", near, Rule{}, Bounds{}, "not-parseable", ""},
		{Memory, "", near, Rule{}, Bounds{}, "not-parseable", ""},
		{Memory, "999999999999999Pi", near, Rule{}, Bounds{}, "not-parseable", "1Pi"},
		{"height", "1", near, Rule{}, Bounds{}, "not-parseable", "height"},

		{CPU, "500m", near, Rule{}, Bounds{}, "750m", "×1.5"},
		{CPU, "250m", near, Rule{}, Bounds{}, "400m", "rounded up to the next 50m"},
		{CPU, "1", near, Rule{}, Bounds{}, "1.5", "×1.5"},
		{CPU, "0.5", near, Rule{}, Bounds{}, "0.75", "×1.5"},
		{CPU, "2", near, Rule{}, Bounds{}, "3", "×1.5"},
		{CPU, "500m", Evidence{Cause: Throttling, Throttled: 60}, Rule{}, Bounds{}, "750m", "×1.5 (CPU throttling)"},
		{CPU, "500m", Evidence{Cause: Throttling, Throttled: 140}, Rule{}, Bounds{}, "1000m", "×2 (CPU throttling at 140 %"},
		{CPU, "1", Evidence{Peak: 980}, Rule{}, Bounds{}, "1.2", "peak of 980m / 0.85"},
		{CPU, "1", near, Rule{Ceiling: "1250m"}, Bounds{}, "1.25", "1250m"},
		{CPU, "512Mi", near, Rule{}, Bounds{}, "not-parseable", "CPU"},

		{Count, "1", near, Rule{}, Bounds{}, "2", "+1"},
		{Count, "4", near, Rule{}, Bounds{}, "5", "+1"},
		{Count, "6", near, Rule{}, Bounds{}, "8", "×1.25"},
		{Count, "20", near, Rule{}, Bounds{}, "25", "×1.25"},
		{Count, "20", near, Rule{Ceiling: "22"}, Bounds{}, "22", "held at 22"},
		{Count, "20", near, Rule{Ceiling: "20"}, Bounds{}, "at-ceiling", "20 stays"},
		{Count, "0", near, Rule{}, Bounds{}, "nothing-to-start-from", "switched off"},
		{Count, "four", near, Rule{}, Bounds{}, "not-parseable", "four"},

		{Storage, "100", near, Rule{}, Bounds{}, "120", "×1.2"},
		{Storage, "5", near, Rule{}, Bounds{}, "6", "×1.2"},
		{Storage, "10Gi", near, Rule{}, Bounds{}, "12Gi", "×1.2"},
		{Storage, "100", near, Rule{Step: 1.05}, Bounds{}, "110", "×1.1"},
		{Storage, "100", near, Rule{Ceiling: "105"}, Bounds{}, "at-ceiling", "105"},

		{LambdaMemory, "512", near, Rule{}, Bounds{}, "768", "×1.5"},
		{LambdaMemory, "128", near, Rule{}, Bounds{}, "192", "×1.5"},
		{LambdaMemory, "1000", near, Rule{}, Bounds{}, "1536", "next 64"},
		{LambdaMemory, "9000", near, Rule{}, Bounds{}, "10240", "10240 MB"},
		{LambdaMemory, "10240", near, Rule{}, Bounds{}, "at-ceiling", "AWS Lambda"},

		{Samples, "3", near, Rule{}, Bounds{Caps: []Cap{{"5", "window of the rule"}}}, "4", "+1 sample"},
		{Samples, "5", near, Rule{}, Bounds{Caps: []Cap{{"5", "window of the rule"}}}, "at-ceiling", "window of the rule"},
		{Percent, "70%", near, Rule{}, Bounds{}, "80%", "+10 points"},
		{Percent, "95", near, Rule{}, Bounds{}, "100", "+10 points"},

		{InstanceType, "t3.medium", near, Rule{}, Bounds{}, "t3.large", "next size of t3"},
		{InstanceType, "m5.large", near, Rule{}, Bounds{}, "m5.xlarge", "m5"},
		{InstanceType, "m5.xlarge", Evidence{Saw: "m5.large"}, Rule{}, Bounds{}, "already-changed", "saw m5.large"},
		{InstanceType, "m5.8xlarge", near, Rule{}, Bounds{}, "m5.12xlarge", "m5"},
		{InstanceType, "db.r6g.large", near, Rule{}, Bounds{}, "db.r6g.xlarge", "db.r6g"},
		{InstanceType, "e2-standard-4", near, Rule{}, Bounds{}, "e2-standard-8", ""},
		{InstanceType, "Standard_D4s_v5", near, Rule{}, Bounds{}, "Standard_D8s_v5", ""},
		{InstanceType, "c5.4xlarge", near, Rule{}, Bounds{}, "step-too-large", "c5.9xlarge"},
		{InstanceType, "m5.24xlarge", near, Rule{}, Bounds{}, "largest-size", "m5"},
		{InstanceType, "x99.large", near, Rule{}, Bounds{}, "unknown-family", "x99.large"},
		{InstanceType, "m5.3xlarge", near, Rule{}, Bounds{}, "unknown-family", "3xlarge"},
		{InstanceType, "m5.large", near, Rule{Ceiling: "m5.2xlarge"}, Bounds{}, "m5.xlarge", ""},
		{InstanceType, "m5.2xlarge", near, Rule{Ceiling: "m5.2xlarge"}, Bounds{}, "at-ceiling", "m5.4xlarge"},
		{InstanceType, "m5.large", near, Rule{Ceiling: "r5.2xlarge"}, Bounds{}, "not-parseable", "r5.2xlarge"},
	} {
		got, why := Next(Value{tt.kind, tt.from}, tt.evidence, tt.rule, tt.bounds)
		answer, text := got.To, got.Rule
		if !why.None() {
			answer, text = string(why.Code), why.Text
		}
		if answer != tt.want || !strings.Contains(text, tt.says) {
			t.Errorf("Next(%s %q, %+v, %+v, %+v)\n got %s: %s\nwant %s: …%s…", tt.kind, tt.from, tt.evidence, tt.rule, tt.bounds, answer, text, tt.want, tt.says)
		}
	}
}

func TestNextPair(t *testing.T) {
	oom, near := Evidence{Cause: OOMKill}, Evidence{Cause: Saturation}
	for _, tt := range []struct {
		name     string
		pair     Pair
		evidence Evidence
		rule     Rule
		bounds   Bounds
		request  string
		limit    string // or the code of the reason
		says     string
	}{
		{"equal stay equal", Pair{"512Mi", "512Mi"}, near, Rule{}, Bounds{}, "640Mi", "640Mi", "Guaranteed"},
		{"equal in another unit", Pair{"1024Mi", "1Gi"}, near, Rule{}, Bounds{}, "1280Mi", "1280Mi", "Guaranteed"},
		{"request stays", Pair{"256Mi", "512Mi"}, near, Rule{}, Bounds{}, "", "640Mi", ""},
		{"no request", Pair{"", "512Mi"}, near, Rule{}, Bounds{}, "", "640Mi", ""},
		{"ratio", Pair{"256Mi", "512Mi"}, near, Rule{}, Bounds{Ratio: 2}, "320Mi", "640Mi", "maxLimitRequestRatio"},
		{"request above limit", Pair{"2Gi", "512Mi"}, near, Rule{}, Bounds{}, "", "request-above-limit", "2Gi"},
		{"ratio far away", Pair{"64Mi", "512Mi"}, near, Rule{}, Bounds{Ratio: 1}, "", "step-too-large", "maxLimitRequestRatio"},
		{"scaled by request", Pair{"512Mi", "512Mi"}, near, Rule{}, Bounds{Horizontal: "HPA checkout"}, "", "autoscaled", "HPA checkout"},
		{"scaled, request stays", Pair{"256Mi", "512Mi"}, near, Rule{}, Bounds{Horizontal: "HPA checkout"}, "", "640Mi", ""},
		{"VPA", Pair{"256Mi", "512Mi"}, near, Rule{}, Bounds{Vertical: "VPA checkout"}, "", "autoscaled", "VPA checkout"},
		{"nothing known", Pair{}, near, Rule{}, Bounds{}, "", "nothing-to-start-from", "initial"},
		{"initial", Pair{}, near, Rule{Initial: "512Mi"}, Bounds{}, "", "512Mi", "configured initial"},
		{"initial below request", Pair{"1Gi", ""}, near, Rule{Initial: "512Mi"}, Bounds{}, "", "1024Mi", "not below the request"},
		{"measured", Pair{}, Evidence{Peak: 400 * mebi}, Rule{Initial: "1Gi"}, Bounds{}, "", "512Mi", "peak of 400Mi"},
		{"LimitRange default", Pair{}, near, Rule{}, Bounds{Default: Cap{"512Mi", "LimitRange a"}}, "", "640Mi", "of 512Mi by LimitRange a"},
		{"node out of memory", Pair{"512Mi", ""}, oom, Rule{}, Bounds{}, "640Mi", "", "request is raised"},
		{"unreadable request", Pair{"{{ x }}", "512Mi"}, near, Rule{}, Bounds{}, "", "not-parseable", "{{ x }}"},
		{"ceiling below request", Pair{"1Gi", ""}, near, Rule{Initial: "512Mi", Ceiling: "512Mi"}, Bounds{}, "", "at-ceiling", "1Gi"},
	} {
		got, why := NextPair(Memory, tt.pair, tt.evidence, tt.rule, tt.bounds)
		limit, text := got.Limit.To, got.Limit.Rule+got.Request.Rule
		if !why.None() {
			limit, text = string(why.Code), why.Text
		}
		if got.Request.To != tt.request || limit != tt.limit || !strings.Contains(text, tt.says) {
			t.Errorf("%s: request %q limit %q: %s\nwant request %q limit %q: …%s…", tt.name, got.Request.To, limit, text, tt.request, tt.limit, tt.says)
		}
	}
}

// What a quota leaves for requests holds a request that has to follow.
func TestRequestCaps(t *testing.T) {
	near := Evidence{Cause: Saturation}
	for _, tt := range []struct {
		name           string
		pair           Pair
		bounds         Bounds
		request, limit string // or the code of the reason
		says           string
	}{
		{"room enough", Pair{"512Mi", "512Mi"}, Bounds{RequestCaps: []Cap{{"1Gi", "quota"}}}, "640Mi", "640Mi", ""},
		{"some room", Pair{"512Mi", "512Mi"}, Bounds{RequestCaps: []Cap{{"600Mi", "quota"}}}, "", "at-ceiling", "more than quota leaves"},
		{"no room", Pair{"512Mi", "512Mi"}, Bounds{RequestCaps: []Cap{{"512Mi", "quota"}}}, "", "at-ceiling", "quota is 512Mi"},
		{"the least counts", Pair{"512Mi", "512Mi"}, Bounds{RequestCaps: []Cap{{"1Gi", "a"}, {"600Mi", "b"}}}, "", "at-ceiling", "b leaves"},
		{"a request that stays needs none", Pair{"256Mi", "512Mi"}, Bounds{RequestCaps: []Cap{{"256Mi", "quota"}}}, "", "640Mi", ""},
		{"ratio", Pair{"256Mi", "512Mi"}, Bounds{Ratio: 2, RequestCaps: []Cap{{"300Mi", "quota"}}}, "", "at-ceiling", "maxLimitRequestRatio"},
	} {
		got, why := NextPair(Memory, tt.pair, near, Rule{}, tt.bounds)
		limit, text := got.Limit.To, got.Limit.Rule+got.Request.Rule
		if !why.None() {
			limit, text = string(why.Code), why.Text
		}
		if got.Request.To != tt.request || limit != tt.limit || !strings.Contains(text, tt.says) {
			t.Errorf("%s: request %q limit %q: %s\nwant request %q limit %q: …%s…", tt.name, got.Request.To, limit, text, tt.request, tt.limit, tt.says)
		}
	}
	got, why := NextPair(Memory, Pair{"512Mi", ""}, Evidence{Cause: OOMKill}, Rule{}, Bounds{RequestCaps: []Cap{{"600Mi", "quota"}}})
	if got.Request.To != "600Mi" || !why.None() {
		t.Errorf("without a limit: %+v, %s; want 600Mi", got, why)
	}
}

// Tasks on Fargate take the amounts that go with their CPU.
func TestTaskMemory(t *testing.T) {
	for _, tt := range []struct {
		from, cpu string
		rule      Rule
		want      string // or the code of the reason
	}{
		{"512", "256", Rule{}, "1024"},
		{"1024", "256", Rule{}, "2048"},
		{"2048", "256", Rule{}, "largest-size"},
		{"2048", "512", Rule{}, "3072"},
		{"4096", "512", Rule{}, "largest-size"},
		{"2048", "1024", Rule{}, "3072"},
		{"8192", "1024", Rule{}, "largest-size"},
		{"7168", "1024", Rule{}, "8192"},
		{"4096", "2048", Rule{}, "5120"},
		{"8192", "4096", Rule{}, "10240"},
		{"16384", "8192", Rule{}, "20480"},
		{"32768", "16384", Rule{}, "40960"},
		{"4096", "1024", Rule{Step: 2}, "8192"},
		{"4096", "1024", Rule{Ceiling: "5000"}, "at-ceiling"},
		{"4096", "1024", Rule{Ceiling: "4096"}, "at-ceiling"},
		{"512", "1024", Rule{}, "step-too-large"},
		{"2048", "300", Rule{}, "not-parseable"},
		{"2048", "", Rule{}, "not-parseable"},
		{"2GB", "1024", Rule{}, "not-parseable"},
	} {
		got, why := Next(Value{TaskMemory, tt.from}, Evidence{}, tt.rule, Bounds{Beside: Cap{tt.cpu, "cpu (main.tf:3)"}})
		if answer := cmp.Or(string(why.Code), got.To); answer != tt.want {
			t.Errorf("%s MiB with %s: %s (%s%s), want %s", tt.from, tt.cpu, answer, got.Rule, why, tt.want)
		}
	}
}

// CPU pairs follow the same rules as memory, in their own units.
func TestNextPairCPU(t *testing.T) {
	for _, tt := range []struct {
		name           string
		pair           Pair
		evidence       Evidence
		bounds         Bounds
		request, limit string
	}{
		{"equal stay equal", Pair{"500m", "0.5"}, Evidence{Cause: Throttling}, Bounds{}, "750m", "0.75"},
		{"request stays", Pair{"100m", "500m"}, Evidence{Cause: Throttling}, Bounds{}, "", "750m"},
		{"percentile", Pair{"", "1"}, Evidence{Cause: Saturation, Peak: 990, High: 950}, Bounds{}, "", "1.2"},
		{"percentile low, peak high", Pair{"", "1"}, Evidence{Cause: Saturation, Peak: 980, High: 300}, Bounds{}, "", "1.2"},
		{"both low", Pair{"", "1"}, Evidence{Cause: Saturation, Peak: 600, High: 300}, Bounds{}, "", "usage-is-low"},
		{"no limit: what is nearly always used", Pair{}, Evidence{Cause: Saturation, Peak: 410, High: 400}, Bounds{}, "", "500m"},
		{"no limit: room for the peak", Pair{}, Evidence{Cause: Saturation, Peak: 900, High: 400}, Bounds{}, "", "900m"},
		{"no limit, not below the request", Pair{"1", ""}, Evidence{Cause: Saturation, Peak: 410, High: 400}, Bounds{}, "", "1000m"},
		{"LimitRange", Pair{"", "1"}, Evidence{Cause: Throttling}, Bounds{Caps: []Cap{{"1200m", "LimitRange a"}}}, "", "1.2"},
	} {
		got, why := NextPair(CPU, tt.pair, tt.evidence, Rule{}, tt.bounds)
		if answer := cmp.Or(string(why.Code), got.Limit.To); answer != tt.limit || got.Request.To != tt.request {
			t.Errorf("%s: request %q limit %s (%s%s), want %q %s", tt.name, got.Request.To, answer, got.Limit.Rule, why, tt.request, tt.limit)
		}
	}
}

func TestQuotaCap(t *testing.T) {
	got, err := QuotaCap(Value{Memory, "512Mi"}, "4Gi", "3584Mi", 4, "ResourceQuota q")
	if want := (Cap{"640Mi", "ResourceQuota q"}); err != nil || got != want {
		t.Errorf("QuotaCap = %v, %v; want %v", got, err, want)
	}
	if got, err := QuotaCap(Value{Memory, "512Mi"}, "1Gi", "2Gi", 4, "q"); err != nil || got.Value != "512Mi" {
		t.Errorf("full quota: cap %v, %v; want the value itself", got, err)
	}
	if _, err := QuotaCap(Value{Memory, "512Mi"}, "4Gi", "a lot", 1, "q"); err == nil {
		t.Error("unreadable quota: no error")
	}
}

// Each size that the tables name must have its place in the order.
func TestLaddersAscend(t *testing.T) {
	for _, families := range []map[string]string{awsFamilies, gcpFamilies, azureFamilies} {
		for family, list := range families {
			last := 0
			for _, size := range strings.Fields(list) {
				if w := weight(size); w <= last {
					t.Errorf("%s: %s does not follow a smaller size", family, size)
				} else {
					last = w
				}
			}
		}
	}
}

func TestRest(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
	merged := func(days ...int) (out []Change) {
		for _, d := range days {
			out = append(out, Change{From: "512Mi", To: "640Mi", Merged: day(d)})
		}
		return out
	}
	for _, tt := range []struct {
		history []Change
		want    int
	}{
		{nil, 0}, {merged(20), 1}, {merged(10), 0}, {merged(20, 15), 2}, {merged(15, 20, 2), 2}, {merged(30), 0},
		{[]Change{{Declined: day(20)}}, 0},
	} {
		if got := Recurrences(tt.history, RecurrenceWindow, day(22)); got != tt.want {
			t.Errorf("Recurrences(%v) = %d, want %d", tt.history, got, tt.want)
		}
	}
	for _, tt := range []struct {
		history []Change
		want    Code
	}{
		{nil, ""}, {merged(21), ""}, {merged(22), CoolingDown}, {[]Change{{}}, ""},
		{[]Change{{Declined: day(10)}}, Declined}, {[]Change{{Declined: day(1)}}, ""},
	} {
		if got := Rest(tt.history, 24*time.Hour, 14*24*time.Hour, day(22)); got.Code != tt.want {
			t.Errorf("Rest(%v) = %v, want %s", tt.history, got, tt.want)
		}
	}
}

// FuzzNext holds what every answer must keep: up, at most twice, read back as
// the same amount, and read by Kubernetes as we read it.
func FuzzNext(f *testing.F) {
	for _, s := range []string{"512Mi", "1.5Gi", "1G", "999M", "0.1Gi", "500m", "0.25", "7", "1023Ki", "4194304"} {
		f.Add(s, 0.0, 0, "3Gi")
	}
	f.Add("1Gi", 9e8, 1, "")
	f.Fuzz(func(t *testing.T, from string, peak float64, again int, ceiling string) {
		for _, k := range []Kind{Memory, CPU, Count, Storage, LambdaMemory, Samples, Percent, InstanceType} {
			got, why := Next(Value{k, from}, Evidence{Cause: OOMKill, Peak: peak, Again: again}, Rule{Ceiling: ceiling}, Bounds{})
			if !why.None() {
				if why.Text == "" {
					t.Errorf("%s %q: reason %s says nothing", k, from, why.Code)
				}
				continue
			}
			if got.Rule == "" {
				t.Errorf("%s %q → %q without a rule", k, from, got.To)
			}
			m, ok := measureOf(k)
			if !ok {
				continue
			}
			a, errA := m.parse(got.From)
			b, errB := m.parse(got.To)
			if errA != nil || errB != nil || b <= a || b > MaxFactor*a {
				t.Errorf("%s %q → %q: %d → %d, %v %v", k, got.From, got.To, a, b, errA, errB)
			}
			if q, err := resource.ParseQuantity(got.To); k == Memory && (err != nil || q.Value() != b) {
				t.Errorf("Kubernetes reads %q as %v, %v; we as %d", got.To, q.Value(), err, b)
			}
		}
	})
}

// FuzzNextPair holds what every pair must keep: the request is never above the
// limit nor lower than it was, and equal where it was equal.
func FuzzNextPair(f *testing.F) {
	f.Add("256Mi", "512Mi", 0.0, 2.0, "")
	f.Add("512Mi", "512Mi", 1e9, 0.0, "600Mi")
	f.Add("", "", 4e8, 0.0, "")
	f.Add("1Gi", "", 0.0, 1.5, "")
	f.Fuzz(func(t *testing.T, request, limit string, peak, ratio float64, initial string) {
		p := Pair{request, limit}
		got, why := NextPair(Memory, p, Evidence{Cause: OOMKill, Peak: peak}, Rule{Initial: initial}, Bounds{Ratio: ratio})
		if !why.None() {
			return
		}
		amount := func(now, next string) int64 {
			if next == "" {
				next = now
			}
			n, err := parseMemory(next)
			if err != nil && next != "" {
				t.Fatalf("%+v → %+v: %v", p, got, err)
			}
			return n
		}
		req, lim := amount(request, got.Request.To), amount(limit, got.Limit.To)
		if lim != 0 && req > lim {
			t.Errorf("%+v → %+v: request above limit", p, got)
		}
		if req < amount(request, "") || lim < amount(limit, "") {
			t.Errorf("%+v → %+v: lowered", p, got)
		}
		if limit != "" && amount(request, "") == amount(limit, "") && req != lim {
			t.Errorf("%+v → %+v: no longer equal", p, got)
		}
		if got.Limit.To == "" && got.Request.To == "" {
			t.Errorf("%+v: neither a change nor a reason", p)
		}
	})
}
