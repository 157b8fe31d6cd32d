package tfedit

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

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

// A file is one file of the repository. What follows from its text is worked out
// when it is first asked for. Several repositories, and so several goroutines,
// may have it in common.
type file struct {
	path string
	mode string
	src  []byte     // nil for a data file that was not asked for
	load sync.Mutex // for src of a data file
	kind kind
	json bool

	read    lazy[parsed]
	called  lazy[[]moduleCall]
	starts  lazy[[]int]           // of lines
	words   lazy[map[string]bool] // that its blocks begin with
	guarded lazy[error]
	sized   lazy[[]Resource]
}

// A lazy is a value that is worked out when it is first asked for.
type lazy[T any] struct{ known atomic.Pointer[T] }

func (l *lazy[T]) get(work func() T) T {
	if v := l.known.Load(); v != nil {
		return *v
	}
	v := work()
	if l.known.CompareAndSwap(nil, &v) {
		return v
	}
	return l.get(work)
}

// A parsed is what the text of a file says.
type parsed struct {
	body  *hclsyntax.Body      // empty for data, and where there is a fault
	root  hclsyntax.Expression // of JSON
	fault *Fault
	inner *sync.Map // JSON within heredocs, by where it starts
}

// parse returns the body of a file; one with a fault has an empty one.
func (f *file) parse() *hclsyntax.Body { return f.tree().body }

// fault returns why a file could not be parsed, nil if it could.
func (f *file) fault() *Fault { return f.tree().fault }

// broken is fault for a file that was looked at; nil for others.
func (f *file) broken() *Fault {
	if p := f.read.known.Load(); p != nil {
		return p.fault
	}
	return nil
}

func (f *file) tree() parsed {
	return f.read.get(func() parsed {
		at, what := screen(f.src)
		out := parsed{inner: new(sync.Map)}
		switch {
		case what != "":
		case f.json:
			at, what = f.parseJSON(&out)
		default:
			out.body, at, what = f.parseNative()
		}
		if what != "" {
			line, col := f.position(at)
			out.root, out.fault = nil, &Fault{f.path, line, col, what}
		}
		if out.body == nil || what != "" {
			out.body = &hclsyntax.Body{}
		}
		return out
	})
}

// parseNative reads HCL; what is not plain by the parser of HCL.
func (f *file) parseNative() (body *hclsyntax.Body, at int, what string) {
	if body = readPlain(f.path, f.src); body != nil {
		return body, 0, ""
	}
	return f.parseHCL()
}

// judged reports whether the parser of HCL reads a file, however plain it is.
func (f *file) judged() bool {
	_, _, what := f.parseHCL()
	return what == ""
}

// parseHCL gives a file to the parser of HCL, screened for what is known to be
// too much for that parser; what is not known yet must not end the program.
func (f *file) parseHCL() (body *hclsyntax.Body, at int, what string) {
	if at, what = screenNative(f.src); what != "" {
		return nil, at, what
	}
	defer func() {
		if r := recover(); r != nil {
			body, at, what = nil, 0, fmt.Sprintf("parser gave up: %v", r)
		}
	}()
	parsed, diags := hclsyntax.ParseConfig(f.src, f.path, hcl.InitialPos)
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			if d.Subject != nil {
				at = d.Subject.Start.Byte
			}
			return nil, at, d.Summary + ": " + d.Detail
		}
	}
	return parsed.Body.(*hclsyntax.Body), 0, ""
}

func (f *file) parseJSON(out *parsed) (at int, what string) {
	start := len(f.src) - len(bytes.TrimPrefix(f.src, bom))
	root, err := readJSON(f.path, f.src, start, len(f.src), f.kind == config)
	var bad *jsonError
	if errors.As(err, &bad) {
		return bad.at, bad.what
	}
	out.root = root
	if f.kind == config {
		out.body = configOf(root)
	} else if f.kind == vars {
		out.body = bodyOf(root)
	}
	return 0, ""
}

// position returns line and column of a byte, both from 1.
func (f *file) position(at int) (line, col int) {
	starts := f.starts.get(func() []int {
		out := make([]int, 1, 1+bytes.Count(f.src, []byte("\n")))
		for at := lineEnd(f.src); at < len(f.src); at += lineEnd(f.src[at:]) {
			out = append(out, at)
		}
		if len(f.src) > 0 && f.src[len(f.src)-1] == '\n' {
			out = append(out, len(f.src))
		}
		return out
	})
	at = min(at, len(f.src))
	line, ok := slices.BinarySearch(starts, at)
	if ok {
		line++
	}
	return line, at - starts[line-1] + 1
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
func (f *file) guard() error { return f.guarded.get(f.look) }

func (f *file) look() error {
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
