package tfedit

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/salvehq/salve/internal/patch"
)

// A kind says what a file is to Terraform.
type kind int

const (
	none   kind = iota
	config      // .tf, .tf.json: resources, variables, modules
	vars        // .tfvars, .tfvars.json: values of variables
	grunt       // .hcl of Terragrunt: inputs
	data        // other .json, read by jsondecode(file())
)

// kindOf tells by its name what a file is.
func kindOf(name string) (k kind, isJSON bool) {
	isJSON = strings.HasSuffix(name, ".json")
	switch ext := path.Ext(strings.TrimSuffix(name, ".json")); {
	case path.Base(name) == ".terraform.lock.hcl":
		return none, false
	case ext == ".tf" || ext == ".tofu":
		return config, isJSON
	case ext == ".tfvars":
		return vars, isJSON
	case ext == ".hcl" && !isJSON:
		return grunt, false
	case isJSON:
		return data, true
	}
	return none, false
}

// A file is one file of the repository. It is parsed when it is asked for.
type file struct {
	path   string
	mode   string
	src    []byte
	kind   kind
	json   bool
	parsed bool
	body   *hclsyntax.Body              // nil for data
	root   hclsyntax.Expression         // of JSON
	fault  *Fault                       // why there is no body
	inner  map[int]hclsyntax.Expression // JSON within heredocs, by where it starts
	called []moduleCall                 // nil until it is asked for
	lines  []int                        // where they start; nil until it is asked for
	words  map[string]bool              // that its blocks begin with; nil until it is asked for
}

// parse reads f once. A file with a fault has an empty body.
func (f *file) parse() *hclsyntax.Body {
	if f.parsed {
		return f.body
	}
	f.parsed = true
	f.body = &hclsyntax.Body{}
	at, what := screen(f.src)
	switch {
	case what != "":
	case f.json:
		at, what = f.parseJSON()
	default:
		at, what = f.parseNative()
	}
	if what != "" {
		f.body, f.root = &hclsyntax.Body{}, nil
		line, col := f.position(at)
		f.fault = &Fault{f.path, line, col, what}
	}
	return f.body
}

// parseNative reads HCL. What is not plain goes to the parser of HCL, screened
// for what is known to be too much for that parser; what is not known yet must
// not end the program.
func (f *file) parseNative() (at int, what string) {
	if f.body = readPlain(f.path, f.src); f.body != nil {
		return 0, ""
	}
	if at, what = screenNative(f.src); what != "" {
		return at, what
	}
	defer func() {
		if r := recover(); r != nil {
			at, what = 0, fmt.Sprintf("parser gave up: %v", r)
		}
	}()
	parsed, diags := hclsyntax.ParseConfig(f.src, f.path, hcl.InitialPos)
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			if d.Subject != nil {
				at = d.Subject.Start.Byte
			}
			return at, d.Summary + ": " + d.Detail
		}
	}
	f.body = parsed.Body.(*hclsyntax.Body)
	return 0, ""
}

func (f *file) parseJSON() (at int, what string) {
	start := len(f.src) - len(bytes.TrimPrefix(f.src, bom))
	root, err := readJSON(f.path, f.src, start, len(f.src), f.kind == config)
	var bad *jsonError
	if errors.As(err, &bad) {
		return bad.at, bad.what
	}
	f.root = root
	if f.kind == config {
		f.body = configOf(root)
	} else if f.kind == vars {
		f.body = bodyOf(root)
	}
	return 0, ""
}

// position returns line and column of a byte, both from 1.
func (f *file) position(at int) (line, col int) {
	if f.lines == nil {
		f.lines = []int{0}
		for i, c := range f.src {
			if c == '\n' {
				f.lines = append(f.lines, i+1)
			}
		}
	}
	at = min(at, len(f.src))
	line, ok := slices.BinarySearch(f.lines, at)
	if ok {
		line++
	}
	return line, at - f.lines[line-1] + 1
}

// refusal says that something at a byte of f cannot be changed.
func (f *file) refusal(at int, why, do string) *patch.Refusal {
	line, col := f.position(at)
	return &patch.Refusal{Path: f.path, Line: line, Col: col, Why: why, Do: do}
}

// labels is how many names stand between the type of a block and its body.
var labels = map[string]int{
	"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1, "provider": 1,
	"locals": 0, "terraform": 0, "ephemeral": 2,
}

// configOf turns the JSON form of a configuration into the blocks it stands for.
// https://developer.hashicorp.com/terraform/language/syntax/json
func configOf(root hclsyntax.Expression) *hclsyntax.Body {
	out := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: root.Range()}
	for _, m := range members(root) {
		if n, ok := labels[m.key]; ok {
			addBlocks(out, m.key, nil, n, m.value)
		}
	}
	return out
}

func addBlocks(out *hclsyntax.Body, typ string, names []string, missing int, e hclsyntax.Expression) {
	if tuple, ok := e.(*hclsyntax.TupleConsExpr); ok {
		for _, e := range tuple.Exprs {
			addBlocks(out, typ, names, missing, e)
		}
		return
	}
	if missing > 0 {
		for _, m := range members(e) {
			addBlocks(out, typ, append(names[:len(names):len(names)], m.key), missing-1, m.value)
		}
		return
	}
	body := bodyOf(e)
	out.Blocks = append(out.Blocks, &hclsyntax.Block{Type: typ, Labels: names, Body: body, TypeRange: body.SrcRange})
}

// bodyOf turns an object into a body of attributes.
func bodyOf(e hclsyntax.Expression) *hclsyntax.Body {
	out := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: e.Range()}
	for _, m := range members(e) {
		out.Attributes[m.key] = &hclsyntax.Attribute{Name: m.key, Expr: m.value, SrcRange: m.value.Range(), NameRange: m.at}
	}
	return out
}

// A member is an item of an object whose key is written out.
type member struct {
	key   string
	at    hcl.Range
	value hclsyntax.Expression
}

// members returns the items of an object with a constant key, in order.
func members(e hclsyntax.Expression) []member {
	object, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil
	}
	var out []member
	for _, item := range object.Items {
		if key, ok := constantKey(item.KeyExpr); ok {
			out = append(out, member{key, item.KeyExpr.Range(), item.ValueExpr})
		}
	}
	return out
}

// constantKey returns the key of an object's item if it is written out.
func constantKey(e hclsyntax.Expression) (string, bool) {
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
			return word, true
		}
		e = k.Wrapped
	}
	return constant(e)
}

// constant returns the text of a literal.
func constant(e hclsyntax.Expression) (string, bool) {
	var v cty.Value
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return constant(e.Expression)
	case *hclsyntax.LiteralValueExpr:
		v = e.Val
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) == 0 {
			return "", true
		}
		part, ok := e.Parts[0].(*hclsyntax.LiteralValueExpr)
		if len(e.Parts) > 1 || !ok {
			return "", false
		}
		v = part.Val
	default:
		return "", false
	}
	switch {
	case v.IsNull() || !v.IsKnown():
		return "", false
	case v.Type() == cty.String:
		return v.AsString(), true
	case v.Type() == cty.Number:
		n := v.AsBigFloat()
		return n.Text('f', -1), n.MantExp(nil) < 1024 && n.MantExp(nil) > -1024 // 1e999999999 has a billion digits
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True()), true
	}
	return "", false
}

var generated = regexp.MustCompile(`(?i)(code|file|this is|automatically|auto-?) ?generated|generated (by|from)|do not (edit|modify|change)|managed by (terragrunt|pulumi|cdk)`)

// guard refuses files that are written by a program, or sealed by one.
func (f *file) guard() error {
	if f.kind == config && f.json && bytes.Contains(f.src[:min(len(f.src), 2048)], []byte(`"stackName"`)) {
		return f.refusal(0, "file is generated by CDK for Terraform", "change the program that writes it")
	}
	if f.json && bytes.Contains(f.src, []byte(`"sops"`)) && bytes.Contains(f.src, []byte("ENC[")) {
		return f.refusal(0, "file is encrypted by SOPS", "change it with sops")
	}
	at := 0
	for line := range bytes.Lines(f.src[:min(len(f.src), 4096)]) {
		text := bytes.TrimSpace(bytes.TrimPrefix(line, bom))
		comment := bytes.HasPrefix(text, []byte("#")) || bytes.HasPrefix(text, []byte("//")) || bytes.HasPrefix(text, []byte("/*")) || bytes.HasPrefix(text, []byte("*"))
		switch {
		case len(text) > 0 && !comment:
			return nil
		case comment && generated.Match(text):
			return f.refusal(at, fmt.Sprintf("file says that it is generated: %.80q", text), "change what it is generated from")
		}
		at += len(line)
	}
	return nil
}
