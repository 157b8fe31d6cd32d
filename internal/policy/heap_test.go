package policy

import (
	"strings"
	"testing"
)

func TestHeapNotes(t *testing.T) {
	limit := Adjustment{From: "512Mi", To: "640Mi"}
	for _, tt := range []struct {
		settings []string
		want     []string // parts of the notes, in order
	}{
		{nil, nil},
		{[]string{"--port=80", "LOG=info"}, nil},
		{[]string{"JAVA_OPTS=-Xms256m -Xmx512m"}, []string{"-Xmx512m stays: 80 % of the new limit. The heap does not grow"}},
		{[]string{"-Xmx600m"}, []string{"94 % of the new limit"}},
		{[]string{"-Xmx600m"}, []string{"above 80 % there is little room"}},
		{[]string{"-Xmx1g"}, []string{"160 %"}},
		{[]string{"-Xmx524288k"}, []string{": 80 %"}},
		{[]string{"-Xmx536870912"}, []string{": 80 %"}},
		{[]string{"-XX:MaxRAMPercentage=75.0"}, []string{"the heap grows with the limit, to 480Mi"}},
		{[]string{"-Xmx512m -XX:MaxRAMPercentage=75"}, []string{"-Xmx512m stays"}},
		{[]string{"GOMEMLIMIT=320MiB"}, []string{"GOMEMLIMIT=320MiB stays: 50 %"}},
		{[]string{"GOMEMLIMIT=335544320B"}, []string{"50 %"}},
		{[]string{"node", "--max-old-space-size=480", "GOMEMLIMIT=320MiB"}, []string{"GOMEMLIMIT", "--max-old-space-size=480 stays: 75 %"}},
		{[]string{"-Xmx0", "-Xmx999999999999t", "-XX:MaxRAMPercentage=900"}, nil},
	} {
		got := HeapNotes(tt.settings, limit)
		ok := len(got) == len(tt.want)
		for i := range got {
			ok = ok && strings.Contains(got[i], tt.want[i])
		}
		if !ok {
			t.Errorf("HeapNotes(%q) = %q, want %q", tt.settings, got, tt.want)
		}
	}
	if got := HeapNotes([]string{"-Xmx512m"}, Adjustment{To: "{{ x }}"}); got != nil {
		t.Errorf("unreadable limit: %q", got)
	}
}
