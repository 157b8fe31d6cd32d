package helm

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	values := map[string]string{"web.name": "front", "nameOverride": ""}
	n := Naming{Release: "shop", Chart: "web", Value: func(p string) string { return values[p] }}
	for _, tt := range []struct{ expression, want string }{
		{"web", "web"},
		{`"web"`, "web"},
		{"{{ .Release.Name }}", "shop"},
		{"{{ .Release.Name }}-web", "shop-web"},
		{"{{- $.Release.Name | quote -}}", "shop"},
		{"{{ .Chart.Name }}", "web"},
		{`{{ include "web.fullname" . }}`, "shop-web"},
		{`{{ template "common.names.fullname" . }}-api`, "shop-web-api"},
		{`{{ printf "%s-api" (include "common.names.fullname" .) }}`, "shop-web-api"},
		{`{{ include "web.name" $ }}`, "web"},
		{"{{ .Values.web.name }}", "front"},
		{"{{ .Values.none }}", ""},
		{`{{ include "web.api.fullname" . }}`, ""},
		{`{{ printf "%s-%s" .Release.Name .Chart.Name }}`, ""},
		{"{{ if .Values.x }}a{{ end }}", ""},
	} {
		if got := n.Name(tt.expression); got != tt.want {
			t.Errorf("%s = %q, want %q", tt.expression, got, tt.want)
		}
	}
	contained := Naming{Release: "my-web", Chart: "web", Value: n.Value}
	if got := contained.Name(`{{ include "web.fullname" . }}`); got != "my-web" {
		t.Errorf("a release that holds the name of the chart = %q, want my-web", got)
	}
}

// TestReadTemplate reads the forms in which charts pass resources on.
func TestReadTemplate(t *testing.T) {
	const head = "kind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n"
	for _, tt := range []struct{ name, body, want string }{
		{"one line", "        - name: a\n          resources: {{- toYaml .Values.resources | nindent 12 }}\n", "resources.limits.memory"},
		{"next line", "        - name: a\n          resources:\n            {{- toYaml .Values.web.resources | nindent 12 }}\n", "web.resources.limits.memory"},
		{"with", "        - name: a\n          {{- with .Values.resources }}\n          resources:\n            {{- toYaml . | nindent 12 }}\n          {{- end }}\n", "resources.limits.memory"},
		{"preset", "        - name: a\n          {{- if .Values.a.resources }}\n          resources: {{- toYaml .Values.a.resources | nindent 12 }}\n          {{- else }}\n          resources: {{- include \"preset\" . | nindent 12 }}\n          {{- end }}\n          probe: {{- toYaml .Values.a.probe | nindent 12 }}\n", "a.resources.limits.memory"},
		{"values", "        - name: a\n          resources:\n            limits:\n              memory: {{ .Values.memory }}\n", "memory"},
		{"quoted values", "        - name: a\n          resources:\n            limits:\n              memory: {{ .Values.m.x | quote }}\n            requests:\n              memory: {{ .Values.m.y }}\n", "m.x"},
		{"no indentation", "      - name: a\n        env:\n        - name: X\n          value: {{ .Values.x }}\n        resources: {{ toYaml .Values.resources | nindent 10 }}\n      volumes:\n      - name: v\n", "resources.limits.memory"},
		{"written out", "        - name: a\n          resources:\n            limits:\n              memory: 128Mi\n", ""},
		{"two", "        - name: a\n        - name: b\n          resources: {{ toYaml .Values.b }}\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Chart{Name: "web"}
			c.ReadTemplate("templates/web.yaml", []byte(head+tt.body))
			if len(c.Templates) != 1 {
				t.Fatalf("%d workloads, want 1", len(c.Templates))
			}
			p, _ := c.Templates[0].Field("", "resources.limits.memory", func(s string) string { return s })
			if got := p.String(); got != tt.want {
				t.Errorf("have %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzReadTemplate(f *testing.F) {
	f.Add([]byte("kind: Deployment\nmetadata:\n  name: {{ include \"web.fullname\" . }}\nspec:\n  replicas: {{ .Values.n }}\n      containers:\n        - name: a\n          resources: {{ toYaml .Values.b }}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := Chart{Name: "web"}
		c.ReadTemplate("templates/web.yaml", text)
		n := Naming{Release: "r", Chart: "web", Value: func(string) string { return "v" }}
		for _, x := range c.Templates {
			if name := n.Name(x.Name); strings.ContainsAny(name, "{}") {
				t.Errorf("name %q", name)
			}
			x.Field("", "resources.limits.memory", n.Name)
			x.Field("", "spec.replicas", n.Name)
		}
	})
}
