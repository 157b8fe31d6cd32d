package syntax

import (
	"strconv"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// Print returns the canonical text of q: one command a line, an argument a line
// where a command has several long ones, comments where they stood. Parsing it
// gives the same tree again.
func Print(q *Query) string {
	p := &printer{comments: q.Comments}
	p.query(q, 0)
	p.commentsBefore(len(q.Text)+1, 0)
	return strings.TrimRight(p.b.String(), "\n") + "\n"
}

// ColumnName is the name that Grail gives to the column of an expression
// without an alias: its canonical text, in which named arguments have no space
// and constants are in upper case. spell returns Grail's spelling of a function.
func ColumnName(x Expr, spell func(string) string) string {
	if f, ok := x.(*Field); ok {
		return f.Name
	}
	p := &printer{column: true, spell: spell}
	p.expr(x, 0, 0)
	return p.b.String()
}

// wide is the length from which the arguments of a command go on lines of their
// own.
const wide = 100

type printer struct {
	b        strings.Builder
	column   bool // the name of a column, not a text
	spell    func(string) string
	comments []Comment
}

func (p *printer) write(ss ...string) {
	for _, s := range ss {
		p.b.WriteString(s)
	}
}

func (p *printer) newline(indent int) { p.write("\n", strings.Repeat("  ", indent)) }

// commentsBefore writes the comments that stand before offset, each on a line.
func (p *printer) commentsBefore(offset, indent int) {
	for len(p.comments) > 0 && p.comments[0].Start < offset {
		if p.b.Len() > 0 && !strings.HasSuffix(p.b.String(), "\n"+strings.Repeat("  ", indent)) {
			p.newline(indent)
		}
		p.write(p.comments[0].Text)
		p.newline(indent)
		p.comments = p.comments[1:]
	}
}

func (p *printer) query(q *Query, indent int) {
	for i, c := range q.Commands {
		p.commentsBefore(c.Start, indent)
		if i > 0 {
			if !strings.HasSuffix(p.b.String(), "\n"+strings.Repeat("  ", indent)) {
				p.newline(indent)
			}
			p.write("| ")
		}
		p.command(c, indent)
	}
}

func (p *printer) command(c *Command, indent int) {
	p.write(c.Name)
	if len(c.Params) == 0 {
		return
	}
	inside := len(p.comments) > 0 && p.comments[0].Start < c.Params[len(c.Params)-1].Start
	if !inside && !containsSubquery(c.Params) {
		line := &printer{}
		line.args(c.Params, 0)
		if line.b.Len()+len(c.Name) < wide || len(c.Params) == 1 {
			p.write(" ", line.b.String())
			return
		}
	}
	for i, a := range c.Params {
		if i > 0 {
			p.write(",")
		}
		if _, sub := Strip(a.Value).(*Subquery); sub && a.Alias == nil && i == 0 && a.Name == "" {
			p.write(" ")
		} else {
			p.newline(indent + 2)
			p.commentsBefore(a.Start, indent+2)
		}
		p.arg(a, indent+2)
	}
}

func containsSubquery(args []*Arg) bool {
	for _, a := range args {
		if _, ok := Strip(a.Value).(*Subquery); ok {
			return true
		}
	}
	return false
}

func (p *printer) args(args []*Arg, indent int) {
	for i, a := range args {
		if i > 0 {
			p.write(", ")
		}
		p.arg(a, indent)
	}
}

func (p *printer) arg(a *Arg, indent int) {
	if a.Name != "" {
		p.write(a.Name, ":")
		if !p.column {
			p.write(" ")
		}
	}
	if a.Alias != nil {
		p.write(fieldName(a.Alias), " = ")
	}
	p.expr(a.Value, 0, indent)
	if a.Direction != "" {
		p.write(" ", a.Direction)
	}
}

// expr writes x; prec is the precedence around it, which decides whether it
// needs parentheses that the author did not have to write.
func (p *printer) expr(x Expr, prec, indent int) {
	own := precedence(x)
	if own < prec {
		p.write("(")
		defer p.write(")")
	}
	switch x := x.(type) {
	case *Field:
		p.write(fieldName(x))
	case *Literal:
		p.literal(x)
	case *Template:
		p.template(x)
	case *Placeholder:
		p.write("${", x.Name, "}")
	case *Call:
		if p.column {
			p.write(p.spell(x.Name), "(")
		} else {
			p.write(x.Name, "(")
		}
		p.args(x.Params, indent)
		p.write(")")
	case *Unary:
		p.write(x.Op)
		if x.Op == "not" {
			p.write(" ")
		}
		p.expr(x.X, own, indent)
	case *Binary:
		p.expr(x.X, own, indent)
		p.write(" ", x.Op, " ")
		p.expr(x.Y, own+1, indent)
	case *Align:
		if x.X != nil {
			p.expr(x.X, own, indent)
		}
		p.write("@", x.Unit)
	case *Index:
		p.expr(x.X, own, indent)
		p.write("[")
		if x.I != nil {
			p.expr(x.I, 0, indent)
		}
		p.write("]")
	case *Paren:
		p.write("(")
		p.expr(x.X, 0, indent)
		p.write(")")
	case *Group:
		p.write("{")
		p.args(x.Items, indent)
		p.write("}")
	case *Subquery:
		p.subquery(x, indent)
	}
}

func (p *printer) subquery(x *Subquery, indent int) {
	p.write("[")
	if p.column {
		for i, c := range x.Query.Commands {
			if i > 0 {
				p.write(" | ")
			}
			p.write(c.Name, " ")
			p.args(c.Params, indent)
		}
	} else {
		p.newline(indent + 1)
		p.query(x.Query, indent+1)
		p.newline(indent)
	}
	p.write("]")
}

// precedence returns how strongly x holds together.
func precedence(x Expr) int {
	switch x := x.(type) {
	case *Binary:
		return precedences[x.Op]
	case *Unary:
		if x.Op == "not" {
			return precNot
		}
		return precUnary
	case *Align:
		return precAlign
	}
	return precIndex
}

func fieldName(f *Field) string {
	if f.Pattern || plainName(f.Name) {
		return f.Name
	}
	return "`" + escape(f.Name, '`') + "`"
}

// plainName reports whether a name needs no backticks.
func plainName(s string) bool {
	switch strings.ToLower(s) {
	case "true", "false", "null", "not", "and", "or", "xor", "mod", "in", "asc", "desc":
		return false
	}
	if s == "" || !isLetter(s[0]) {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || word(part) < len(part) {
			return false
		}
	}
	return true
}

func (p *printer) literal(x *Literal) {
	switch {
	case x.Unit != "":
		p.write(durationText(x))
	case x.Value.Kind() == dql.KindString && x.Raw:
		s, _ := x.Value.AsString()
		p.write(`"""`, s, `"""`)
	case x.Value.Kind() == dql.KindString:
		s, _ := x.Value.AsString()
		p.write(quotePlain(s))
	case p.column:
		p.write(strings.ToUpper(Spell(x.Value)))
	default:
		p.write(Spell(x.Value))
	}
}

// durationText writes a duration in the unit it was written in.
func durationText(x *Literal) string {
	months, d, _ := x.Value.AsCalendar()
	if u := units[x.Unit]; u.months > 0 {
		return strconv.FormatInt(months/u.months, 10) + x.Unit
	} else if u.length > 0 {
		return strconv.FormatInt(int64(d/u.length), 10) + x.Unit
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}

// Spell writes null, a boolean or a number as DQL does.
func Spell(v dql.Value) string {
	switch v.Kind() {
	case dql.KindBoolean:
		b, _ := v.AsBool()
		return strconv.FormatBool(b)
	case dql.KindLong:
		i, _ := v.AsLong()
		return strconv.FormatInt(i, 10)
	case dql.KindDouble:
		f, _ := v.AsDouble()
		s := strconv.FormatFloat(f, 'g', -1, 64)
		if strings.ContainsRune(s, 'e') {
			return strings.Replace(s, "e+", "e", 1)
		}
		if !strings.ContainsAny(s, ".IN") {
			s += ".0"
		}
		return s
	}
	return "null"
}

func (p *printer) template(x *Template) {
	quote := `"`
	if x.Raw {
		quote = `"""`
	}
	p.write(quote)
	for _, part := range x.Parts {
		switch {
		case part.Name != "":
			p.write("${", part.Name, "}")
		case x.Raw:
			p.write(part.Text)
		default:
			p.write(escape(part.Text, '"'))
		}
	}
	p.write(quote)
}

// quotePlain writes a string literal.
func quotePlain(s string) string { return `"` + escape(s, '"') + `"` }

// escape escapes what cannot stand in quotes, and a ${ that would read as a
// placeholder.
func escape(s string, quote byte) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '$' && placeholderLen(s[i:]) > 0:
			b.WriteString(`\u0024`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
