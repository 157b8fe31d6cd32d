package policy

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

const schemaFile = "../../docs/salve.schema.json"

// The JSON Schema that editors use says what the Go types and their comments
// say; -update writes it.
func TestSchema(t *testing.T) {
	b := builder{docs: comments(t), definitions: map[string]any{}}
	root := b.object(reflect.TypeFor[Config]())
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["$id"] = "https://github.com/salvehq/salve/raw/main/docs/salve.schema.json"
	root["title"] = File
	root["definitions"] = b.definitions
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s is not what the types say (%v); run go test ./internal/policy -update", schemaFile, err)
	}
}

// Schema and Parse agree: what an editor marks, Parse refuses, and the other
// way round as far as a schema can say it.
func TestSchemaAgrees(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(src []byte) error {
		var v any
		if err := yaml.Unmarshal(src, &v); err != nil {
			return err
		}
		return schema.Validate(v)
	}
	if err := valid(everything(t)); err != nil {
		t.Errorf("the schema refuses what Parse takes: %v", err)
	}
	// What a schema cannot know: what YAML did with the text before, and which
	// names the rest of the file defines.
	beyond := map[string]bool{"alias": true, "documents": true, "places": true, "recurrence": true}
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if err := valid(ar.Files[0].Data); (err == nil) && !beyond[name] {
			t.Errorf("%s: the schema takes what Parse refuses", file)
		}
	}
}

// The documented example leaves no setting out.
func TestExampleIsWhole(t *testing.T) {
	c, err := Parse("docs/salve.yml", everything(t))
	if err != nil {
		t.Fatal(err)
	}
	b := builder{docs: map[string]string{}, definitions: map[string]any{}}
	b.definitions["Config"] = b.object(reflect.TypeFor[Config]())
	for name, d := range b.definitions {
		for key := range d.(map[string]any)["properties"].(map[string]any) {
			said := false
			for at := range c.source.at {
				said = said || at == key || strings.HasSuffix(at, "."+key)
			}
			if !said {
				t.Errorf("%s: %s is not in the example", name, key)
			}
		}
	}
}

// A builder turns Go types into schemas.
type builder struct {
	docs        map[string]string // comments, by Type or Type.Field
	definitions map[string]any
}

// schema returns the schema of a type; structs become definitions.
func (b builder) schema(t reflect.Type) map[string]any {
	zero := reflect.New(t)
	if x, ok := zero.Interface().(text); ok {
		kinds := []string{"string"}
		if t == reflect.TypeFor[Amount]() || t == reflect.TypeFor[Factor]() {
			kinds = append(kinds, "number")
		}
		return map[string]any{"type": kinds, "pattern": x.form()}
	}
	if x, ok := zero.Elem().Interface().(word); ok {
		return map[string]any{"enum": x.words()}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.schema(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": b.schema(t.Elem())}
	case reflect.Map:
		names := map[string]any{"pattern": nameForm.String()}
		if x, ok := reflect.Zero(t.Key()).Interface().(word); ok {
			names = map[string]any{"enum": x.words()}
		}
		return map[string]any{"type": "object", "propertyNames": names, "additionalProperties": b.schema(t.Elem())}
	case reflect.Struct:
		if b.definitions[t.Name()] == nil {
			b.definitions[t.Name()] = b.object(t)
		}
		return map[string]any{"$ref": "#/definitions/" + t.Name()}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer", "minimum": 0, "maximum": 1_000_000}
	}
	return map[string]any{"type": "string", "minLength": 1, "maxLength": maxText}
}

// object returns the schema of a struct, with the comments of its fields.
func (b builder) object(t reflect.Type) map[string]any {
	fields := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		s := b.schema(f.Type)
		doc := b.docs[t.Name()+"."+f.Name]
		if s["$ref"] != nil { // draft-07 ignores what stands beside a reference
			s = map[string]any{"allOf": []any{s}}
		}
		s["description"] = doc
		if t.Name() == "Config" && f.Name == "Version" {
			s = map[string]any{"const": 1, "description": doc}
		}
		fields[name] = s
	}
	return map[string]any{"type": "object", "description": b.docs[t.Name()], "properties": fields, "additionalProperties": false}
}

// comments reads the comments of the types of this package and their fields,
// as one line each, without the Go name that they begin with.
func comments(t *testing.T) map[string]string {
	docs := map[string]string{}
	for _, file := range []string{"config.go", "window.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, spec := range decl.Specs {
				ts := spec.(*ast.TypeSpec)
				st, ok := ts.Type.(*ast.StructType)
				if !ok {
					continue
				}
				first, _, _ := strings.Cut(sentence(decl.Doc.Text()), ". ")
				docs[ts.Name.Name] = strings.TrimSuffix(first, ".") + "."
				for _, field := range st.Fields.List {
					if len(field.Names) == 0 || field.Tag == nil {
						continue
					}
					name := ts.Name.Name + "." + field.Names[0].Name
					if docs[name] = sentence(field.Doc.Text()); docs[name] == "" {
						t.Errorf("%s has no comment; editors show it", name)
					}
				}
			}
		}
	}
	return docs
}

func sentence(doc string) string {
	doc = strings.NewReplacer("[", "", "]", "").Replace(doc)
	return strings.Join(strings.Fields(doc), " ")
}
