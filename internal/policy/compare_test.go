package policy

import "testing"

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		kind Kind
		a, b string
		want int // 2: not comparable
	}{
		{Memory, "512Mi", "640Mi", -1}, {Memory, "1Gi", "1024Mi", 0}, {Memory, "1G", "1Gi", -1}, {Memory, "x", "1Gi", 2}, {Memory, "", "1Gi", 2},
		{CPU, "500m", "0.5", 0}, {CPU, "1", "500m", 1}, {Count, "4", "3", 1}, {Count, "", "3", 2},
		{InstanceType, "m5.large", "m5.2xlarge", -1}, {InstanceType, "m5.large", "t3.large", 2}, {InstanceType, "m9.large", "m9.xlarge", 2},
		{Threshold, "0.85", ".9", -1}, {Threshold, "1e3", "1000", 0}, {Threshold, "${x}", "1", 2}, {Kind("colour"), "1", "2", 2},
	} {
		got, err := Compare(tt.kind, tt.a, tt.b)
		if err != nil {
			got = 2
		}
		if got != tt.want {
			t.Errorf("Compare(%s, %q, %q) = %d, %v; want %d", tt.kind, tt.a, tt.b, got, err, tt.want)
		}
	}
}
