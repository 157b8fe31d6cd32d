package kubeedit

import "testing"

func TestIsTemplate(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             bool
	}{
		{"plain", "app.yaml", "a: 1\n", false},
		{"condition", "app.yaml", "a: 1\n{{- if .Values.b }}\nb: 2\n{{- end }}\n", true},
		{"alone", "app.yaml", "{{ toYaml .Values }}\n", true},
		{"value that is a mapping", "app.yaml", "a:\n  {{ $x }}\n", true},
		{"of a chart", "chart/templates/app.yaml", "a: '{{ .Values.a }}'\n", true},
		{"text for another to fill in", "values.yaml", "config: |\n  {{- if .Values.b }}\n  b: 2\n  {{- end }}\nc: 3\n", false},
		{"quoted", "app.yaml", "a: '{{ $labels.pod }}'\n", false},
	} {
		if got := IsTemplate(c.file, []byte(c.text)); got != c.want {
			t.Errorf("%s: IsTemplate = %t, want %t", c.name, got, c.want)
		}
	}
}
