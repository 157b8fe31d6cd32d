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
		{CPU, []Part{{"500m", 3}}, "1500m", true},
		{Memory, []Part{{"512Mi", 2}, {"lots", 1}}, "", false},
		{Memory, nil, "", false},
		{InstanceType, []Part{{"m5.large", 1}}, "", false},
	} {
		if got, ok := Sum(tt.kind, tt.parts); got != tt.want || ok != tt.ok {
			t.Errorf("Sum(%s, %v) = %q, %v; want %q, %v", tt.kind, tt.parts, got, ok, tt.want, tt.ok)
		}
	}
}
