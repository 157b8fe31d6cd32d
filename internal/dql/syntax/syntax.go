// Package syntax turns DQL text into a tree and back.
//
// [Parse] reads a text, [Bind] puts values in place of its ${NAME}
// placeholders, [Print] writes the canonical form. The tree knows the grammar
// only: which commands and functions exist is in package function, what they
// do in package eval.
//
// The grammar follows
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/dql-reference
// and the grammar that Dynatrace's plugin for IntelliJ publishes.
package syntax

// Limits of a text. They keep a hostile query from costing more than a line of
// error.
const (
	MaxLength = 1 << 20 // bytes of a text
	MaxDepth  = 250     // nested brackets, calls and operators
)

// A Span is a range of bytes in a text, half open.
type Span struct{ Start, End int }

// Bounds returns s; it makes every node that embeds a Span a [Node].
func (s Span) Bounds() Span { return s }

// A Node is a part of the tree.
type Node interface{ Bounds() Span }

// A Query is the tree of a text: commands, in the order of the pipe.
type Query struct {
	Span
	Name     string // of the file, for errors; may be empty
	Text     string // the whole text, that of the outermost query
	Commands []*Command
	Comments []Comment // in the order of the text; only on the outermost query
	Errors   []*Error  // mistakes after which the tree is still whole; Parse returns the first
}

// A Comment is a comment as it stands in the text, with its // or /* */.
type Comment struct {
	Span
	Text string
}

// A Command is one step of a pipe: its name and its arguments. Whether a
// command has that argument is for package function to say.
type Command struct {
	Span
	Name   string // as written
	Named  Span   // where the name stands
	Params []*Arg
}

// An Arg is an argument of a command, a function or a group:
//
//	value        Value
//	name: value  Name
//	alias = value Alias
//	value desc   Direction
type Arg struct {
	Span
	Name      string // of a named parameter, as written
	Alias     *Field
	Value     Expr
	Direction string // "", "asc" or "desc"
}

// An Expr is an expression.
type Expr interface {
	Node
	expr()
}

// Expressions.
type (
	// A Field is the name of a field; dots are part of it.
	Field struct {
		Span
		Name    string
		Pattern bool // fieldsKeep and fieldsRemove: Name has * wildcards
	}

	// A Literal is null, a boolean, a number, a string or a duration of fixed
	// length.
	Literal struct {
		Span
		Value Value
		Raw   bool   // a """string"""
		Unit  string // the unit a duration was written in
	}

	// A Template is a string literal with placeholders in it.
	Template struct {
		Span
		Parts []Part
		Raw   bool
	}

	// A Placeholder is ${NAME} in place of a value.
	Placeholder struct {
		Span
		Name string
	}

	// A Call is a function and its arguments.
	Call struct {
		Span
		Name   string // as written
		Named  Span
		Params []*Arg
	}

	// A Unary is -x or not x.
	Unary struct {
		Span
		Op string
		X  Expr
	}

	// A Binary is x op y; Op is in lower case. y of "in" is a Subquery.
	Binary struct {
		Span
		Op   string
		At   Span // of the operator
		X, Y Expr
	}

	// An Align is x@unit; X is nil for now().
	Align struct {
		Span
		X    Expr
		Unit string // "h", "15m", "w1"
	}

	// An Index is x[i], or x[] if I is nil.
	Index struct {
		Span
		X, I Expr
	}

	// A Paren is (x).
	Paren struct {
		Span
		X Expr
	}

	// A Group is {a, b}, a list of arguments that is not a value.
	Group struct {
		Span
		Items []*Arg
	}

	// A Subquery is [query].
	Subquery struct {
		Span
		Query *Query
	}
)

// A Part is a piece of a [Template]: a placeholder or, if Name is empty, text.
type Part struct {
	Span
	Text string // unquoted
	Name string
}

func (*Field) expr()       {}
func (*Literal) expr()     {}
func (*Template) expr()    {}
func (*Placeholder) expr() {}
func (*Call) expr()        {}
func (*Unary) expr()       {}
func (*Binary) expr()      {}
func (*Align) expr()       {}
func (*Index) expr()       {}
func (*Paren) expr()       {}
func (*Group) expr()       {}
func (*Subquery) expr()    {}

// Strip returns x without the parentheses around it.
func Strip(x Expr) Expr {
	for {
		p, ok := x.(*Paren)
		if !ok {
			return x
		}
		x = p.X
	}
}
