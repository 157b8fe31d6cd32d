// Package function is the table of DQL's commands and functions: names,
// parameters, types and meaning. The checker, the engine and the printed help
// all read it; what the functions do is in package scalar, what the commands
// do in package eval.
//
// The table is functions.txt and commands.txt, a signature a line, after
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language
package function

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/salvehq/salve/internal/dql"
)

// A Param is a parameter of a function or a command.
type Param struct {
	Name     string
	Named    bool       // has to be written name:value
	Optional bool       // may be left out
	Variadic bool       // takes any number of values, also as a {group}
	Kinds    []dql.Kind // allowed types; none means any
}

// A Signature is what a function or command takes and gives.
type Signature struct {
	Name     string // in Grail's spelling
	Category string // "string", "aggregation", …; "" for commands
	Params   []Param
	Result   []dql.Kind // none means any
	Doc      string     // one line, without a full stop
	text     string
}

// String writes s as the table does: name(parameters) result.
func (s *Signature) String() string { return s.text }

// Aggregation reports whether s takes the records of a group and gives one
// value.
func (s *Signature) Aggregation() bool { return s.Category == "aggregation" }

const reference = "https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/"

// URL is the page of Dynatrace's reference that describes s.
func (s *Signature) URL() string {
	if s.Category == "" {
		return reference + "commands"
	}
	return reference + "functions/" + s.Category + "-functions#" + strings.ToLower(s.Name)
}

//go:embed functions.txt
var functionText string

//go:embed commands.txt
var commandText string

var functions = sync.OnceValue(func() *table { return read(functionText) })

var commands = sync.OnceValue(func() *table { return read(commandText) })

// Lookup returns the function of a name, in any case; nil if there is none.
func Lookup(name string) *Signature { return functions().find(name) }

// Command returns the command of a name, in any case; nil if there is none.
func Command(name string) *Signature { return commands().find(name) }

// All returns every function, in the order of the table.
func All() []*Signature { return functions().rows }

// Commands returns every command, in the order of the table.
func Commands() []*Signature { return commands().rows }

type table struct {
	rows   []*Signature
	byName map[string]*Signature
}

func (t *table) find(name string) *Signature {
	if s := t.byName[name]; s != nil {
		return s
	}
	return t.byName[strings.ToLower(name)]
}

// read reads a table: "# category" lines and signatures, each with its doc
// after " -- ".
func read(text string) *table {
	t := &table{byName: map[string]*Signature{}}
	category := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if c, ok := strings.CutPrefix(line, "# "); ok {
			category = c
		} else if line != "" {
			s := signature(line)
			s.Category = category
			t.rows = append(t.rows, s)
			t.byName[s.Name] = s
			t.byName[strings.ToLower(s.Name)] = s
		}
	}
	return t
}

// signature reads name(a kinds, [b: kinds], c...) kinds -- doc.
func signature(line string) *Signature {
	line, doc, _ := strings.Cut(line, " -- ")
	name, rest, _ := strings.Cut(line, "(")
	params, result, _ := strings.Cut(rest, ")")
	s := &Signature{Name: name, Doc: doc, Result: kinds(result), text: strings.TrimSpace(line)}
	for p := range strings.SplitSeq(params, ", ") {
		if p != "" {
			s.Params = append(s.Params, param(p))
		}
	}
	return s
}

func param(text string) Param {
	var p Param
	text, p.Optional = strings.CutPrefix(text, "[")
	text = strings.TrimSuffix(text, "]")
	name, types, _ := strings.Cut(text, " ")
	name, p.Named = strings.CutSuffix(name, ":")
	p.Name, p.Variadic = strings.CutSuffix(name, "...")
	p.Kinds = kinds(types)
	return p
}

func kinds(text string) []dql.Kind {
	var out []dql.Kind
	for name := range strings.SplitSeq(strings.TrimSpace(text), "|") {
		for k := dql.KindNull; k <= dql.KindRecord; k++ {
			if k.String() == name {
				out = append(out, k)
			}
		}
	}
	return out
}

// Suggest returns a hint naming the signature whose name looks most like name,
// "" if none does.
func Suggest(name string, among []*Signature) string {
	best, distance := "", 3
	for _, s := range among {
		if d := edits(strings.ToLower(name), strings.ToLower(s.Name)); d < distance {
			best, distance = s.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// edits is the number of letters to insert, delete or change between a and b.
func edits(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Spelling returns the name of a function as the table spells it, or name
// itself if there is no such function.
func Spelling(name string) string {
	if s := Lookup(name); s != nil {
		return s.Name
	}
	return name
}
