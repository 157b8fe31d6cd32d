package policy

import "testing"

func TestSum(t *testing.T) {
	for _, tt := range []struct {
		kind  Kind
		parts []Part
		want  string
		ok    bool
	}{
		{Memory, []Part{{"512Mi", 2}, {"1Gi", 1}}, "2048Mi", true},
		{Memory, []Part{{"512Mi", 3}, {"1Gi", 1}, {"1500M", 0}}, "2560Mi", true},
		{Memory, []Part{{"1Gi", 1}, {"1M", 1}}, "1074741824", true},
		{CPU, []Part{{"500m", 3}}, "1500m", true},
		{CPU, []Part{{"1", 2}, {"250m", 1}}, "2.25", true},
		{Memory, []Part{{"512Mi", 2}, {"lots", 1}}, "", false},
		{Memory, []Part{{"1Gi", -1}}, "", false},
		{Memory, []Part{{"1Gi", 1 << 40}}, "", false},
		{Memory, []Part{{"1Pi", maxTimes}}, "", false},
		{Memory, nil, "", false},
		{InstanceType, []Part{{"m5.large", 1}}, "", false},
	} {
		if got, ok := Sum(tt.kind, tt.parts); got != tt.want || ok != tt.ok {
			t.Errorf("Sum(%s, %v) = %q, %v; want %q, %v", tt.kind, tt.parts, got, ok, tt.want, tt.ok)
		}
	}
}
