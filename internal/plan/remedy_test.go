package plan

import (
	"strings"
	"testing"

	"github.com/salvehq/salve/templates"
)

func TestEmbeddedRemediesLoad(t *testing.T) {
	rs, err := Load(templates.FS, "remedies")
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) < 10 {
		t.Errorf("%d remedies", len(rs))
	}
}

func TestParseRefuses(t *testing.T) {
	const ok = `name: x
summary: s
answers: problem
when: {title: ["*a*"]}
`
	const text = "text: {change: c, why: w, rollback: r}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", ok + "leave: no\nwhem: {}\n", "x.yaml:6:1: "},
		{"wrong type", "name: [x]\n", "x.yaml:1:7: "},
		{"not YAML", "name: [x\n", "x.yaml:"},
		{"other name", strings.Replace(ok, "name: x", "name: y", 1) + "leave: no\n", `name is "y", want "x"`},
		{"no answer", ok, "exactly one of leave, set and create"},
		{"two answers", ok + "leave: no\nset: {place: owned, kind: count}\n", "exactly one of"},
		{"no condition", "name: x\nanswers: problem\nleave: no\n", "at least one condition"},
		{"many conditions", "name: x\nanswers: problem\nwhen: {title: [" + strings.Repeat("\"*a*b*\", ", 1000) + "x]}\nleave: no\n", "when: has 60"},
		{"no subject", "name: x\nwhen: {title: [a]}\nleave: no\n", `answers is ""`},
		{"no text", ok + "set: {place: owned, kind: count}\n", "text: want change, why and rollback"},
		{"unknown place", ok + text + "set: {place: moon, kind: count}\n", `set.place is "moon"`},
		{"unknown kind", ok + text + "set: {place: owned, kind: colour}\n", `"colour" is not known`},
		{"no field", ok + text + "set: {place: workload, kind: count}\n", "set.field"},
		{"kind and to", ok + text + "set: {place: owned, kind: count, to: '3'}\n", "either kind or to"},
		{"unknown cause", ok + text + "set: {place: owned, kind: count, causes: [{cause: moon}]}\n", `"moon" is not known`},
		{"bad duration", ok + text + "set: {place: owned, kind: count, cooldown: soon}\n", "x.yaml:"},
		{"two documents", ok + "leave: no\n---\na: b\n", "document"},
		{"too large", ok + "leave: " + strings.Repeat("x", 1<<20), "bytes"},
		{"create in a directory", ok + text + "create: {template: t, what: w, rule: r, file: '../{{.Name}}.yaml'}\n", "without a directory"},
		{"create with a loop", ok + text + "create: {template: t, what: w, rule: r, file: '{{range 1000000000}}x{{end}}'}\n", "nothing but fields"},
		{"create with a function", ok + text + "create: {template: t, what: w, rule: '{{printf \"%900000d\" 1}}', file: f}\n", "nothing but fields"},
		{"create with a recursion", ok + text + "create: {template: t, what: w, rule: r, note: '{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}', file: f}\n", "nothing but fields"},
		{"create without file", ok + text + "create: {template: t}\n", "create: want template, what and rule"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
