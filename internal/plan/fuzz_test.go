package plan

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/templates"
)

// FuzzParse reads any text as a remedy of a repository: nothing panics, and one
// that is taken says what it answers, and what it does once.
func FuzzParse(f *testing.F) {
	files, err := fs.Glob(templates.FS, "remedies/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(templates.FS, file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.TrimSuffix(strings.TrimPrefix(file, "remedies/"), ".yaml"), text)
	}
	f.Add("x", []byte("name: x\nanswers: problem\nwhen: {title: [\"*\"]}\ncreate: {template: t, what: w, rule: '{{.Name}}', file: '{{.Name}}'}\n"))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		r, err := Parse(policy.RemedyPath+"/"+name+".yaml", text)
		if err != nil {
			return
		}
		if !nameForm.MatchString(r.Name) || r.Set != nil && r.Create != nil || r.Leave == "" && r.Set == nil && r.Create == nil {
			t.Errorf("taken: %+v", r)
		}
		if r.Create != nil {
			for _, text := range []string{r.Create.File, r.Create.Rule, r.Create.Note} {
				if out, err := fill(text, fresh{Name: "checkout", Kind: "Deployment"}); err == nil && len(out) > len(text)+1000 {
					t.Errorf("%q becomes %d bytes", text, len(out))
				}
			}
		}
		r.When.Matches(Row{Title: name, Tags: []string{name}, Entity: []string{name}})
	})
}
