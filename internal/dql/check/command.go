package check

import (
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/function"
	"github.com/salvehq/salve/internal/dql/syntax"
)

// command checks one command and carries the scope over it.
func (c *checker) command(cmd *syntax.Command) {
	sig := function.Command(cmd.Name)
	if sig == nil {
		e := c.q.Errorf("UNKNOWN_COMMAND", cmd.Named, "There's no command `%s`.", cmd.Name)
		c.refuse(e.With(function.Suggest(cmd.Name, function.Commands())))
		return
	}
	args, err := sig.Resolve(c.q, cmd.Named, cmd.Params)
	if err != nil {
		c.refuse(err)
		c.scope.open = true
		return
	}
	switch sig.Name {
	case "fetch":
		c.fetch(args)
	case "data":
		c.data(args)
	case "timeseries", "makeTimeseries":
		c.series(args)
	case "filter", "filterOut", "search":
		c.filter(args)
	case "fields", "fieldsAdd":
		c.fields(args)
	case "fieldsRename":
		c.rename(args)
	case "fieldsRemove", "fieldsKeep":
		c.remove(args)
	case "summarize":
		c.summarize(args)
	case "dedup":
		c.dedup(args)
	case "join", "joinNested", "lookup", "append":
		c.join(args)
	default:
		c.plain(args)
	}
}

// plain checks the arguments of a command that changes no field, or adds those
// that its arguments name.
func (c *checker) plain(args function.Args) {
	for _, p := range args.Signature.Params {
		for _, a := range args.All(p.Name) {
			c.value(a)
			if a.Alias != nil {
				c.scope.add(a.Alias.Name, dql.KindNull)
			}
		}
	}
	switch args.Signature.Name {
	case "parse", "fieldsFlatten":
		c.scope.open = true // the pattern or the record decides
	case "fieldsSummary":
		c.scope = c.scope.closed("fieldsSummary")
		for _, n := range []string{"field", "rawCount", "count", "values"} {
			c.scope.add(n, dql.KindNull)
		}
	}
}

// value checks the expression of an argument; a group is taken apart.
func (c *checker) value(a *syntax.Arg) dql.Kind {
	if g, ok := a.Value.(*syntax.Group); ok {
		for _, item := range g.Items {
			c.value(item)
		}
		return dql.KindNull
	}
	return c.expr(a.Value)
}

// refresh is how long an open problem may be silent.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
const refresh = "6 h"

func (c *checker) fetch(args function.Args) {
	f, ok := args.Get("dataObject").Value.(*syntax.Field)
	if !ok {
		c.refuse(c.q.Errorf("UNKNOWN_DATA_OBJECT", args.Get("dataObject"), "A data object is a name, such as events."))
		return
	}
	c.pipe.table = f.Name
	c.pipe.problems = f.Name == "events" || f.Name == "dt.davis.problems.snapshots"
	c.scope = newScope(true)
	for _, name := range []string{"from", "to"} {
		if a := args.Get(name); a != nil {
			c.time(a)
		}
	}
	if from := args.Get("from"); from != nil && c.pipe.problems {
		if hours, ok := c.reach(from.Value); ok && hours < 6 {
			c.warn("WINDOW_TOO_SHORT", from, "look back "+refresh+" or more and then filter on event.start, or fetch dt.davis.problems, whose window is that of lifetimes",
				"An open problem is written again every %s only: a shorter window misses those that are quiet.", refresh)
		}
	}
}

// time checks a parameter that is a point in time.
func (c *checker) time(a *syntax.Arg) {
	if b, ok := syntax.Strip(a.Value).(*syntax.Binary); ok {
		if p, ok := b.X.(*syntax.Placeholder); ok && !c.declared(p.Name) {
			c.warn("UNTYPED_TIME", p, `bind a timestamp, or write toTimestamp("${`+p.Name+`}")`,
				"A time pasted here as text isn't a timestamp.")
		}
	}
	if k := c.expr(a.Value); k == dql.KindBoolean || k == dql.KindArray || k == dql.KindDouble {
		c.refuse(c.q.Errorf("INVALID_TIMEFRAME", a, "`%s` isn't a point in time.", a.Name))
	}
}

// declared reports whether a comment says that a parameter is a timestamp, as
// the headers of the catalog's queries do.
func (c *checker) declared(name string) bool {
	return slices.ContainsFunc(c.q.Comments, func(comment syntax.Comment) bool {
		words := strings.Fields(comment.Text)
		return slices.Contains(words, name) && slices.Contains(words, "timestamp")
	})
}

// reach is how many hours before now x lies; ok is false if the text does not
// say.
func (c *checker) reach(x syntax.Expr) (hours float64, ok bool) {
	switch x := syntax.Strip(x).(type) {
	case *syntax.Unary:
		if d, ok := durationOf(x.X); ok && x.Op == "-" {
			return d, true
		}
	case *syntax.Binary:
		call, ok := x.X.(*syntax.Call)
		if ok && x.Op == "-" && strings.EqualFold(call.Name, "now") {
			return durationOf(x.Y)
		}
	case *syntax.Align:
		if x.X != nil {
			return c.reach(x.X)
		}
	}
	return 0, false
}

func durationOf(x syntax.Expr) (hours float64, ok bool) {
	lit, isLit := syntax.Strip(x).(*syntax.Literal)
	if !isLit {
		return 0, false
	}
	d, ok := lit.Value.AsDuration()
	return d.Hours(), ok
}

func (c *checker) data(args function.Args) {
	c.scope = newScope(true)
	for _, a := range args.All("expression") {
		call, ok := a.Value.(*syntax.Call)
		if !ok {
			continue
		}
		for _, f := range call.Params {
			k := c.value(f)
			if f.Alias != nil {
				c.scope.add(f.Alias.Name, k)
			}
		}
	}
	// Records may hold a field in different types.
	for _, n := range c.scope.names {
		c.scope.types[n] = dql.KindNull
	}
}

func (c *checker) series(args function.Args) {
	before := c.scope
	c.scope.open = c.scope.open || args.Signature.Name == "timeseries"
	after := newScope(false)
	after.add("timeframe", dql.KindTimeframe)
	after.add("interval", dql.KindDuration)
	for _, a := range args.All("by") {
		after.add(nameOf(a), c.value(a))
	}
	for _, name := range []string{"from", "to"} {
		if a := args.Get(name); a != nil {
			c.time(a)
		}
	}
	for _, name := range []string{"metric", "aggregation"} {
		for _, a := range args.All(name) {
			after.add(nameOf(a), dql.KindArray)
		}
	}
	for n, by := range before.closed(args.Signature.Name).gone {
		if !after.has(n) {
			after.gone[n] = by
		}
	}
	c.scope = after
}

func (c *checker) filter(args function.Args) {
	cond := args.Get("condition")
	k := c.value(cond)
	if k != dql.KindNull && k != dql.KindBoolean && args.Signature.Name != "search" {
		c.warn("NEVER_TRUE", cond, "", "The condition is a %s and so never true.", k)
	}
	syntax.Walk(cond, func(n syntax.Node) bool {
		f, ok := n.(*syntax.Field)
		if ok && (f.Name == "event.status" || f.Name == "problem.status" || f.Name == "event.status_transition") && c.pipe.status == nil && !c.pipe.deduped {
			c.pipe.status = cond
		}
		return true
	})
	if kind, ok := equals(cond.Value, "event.kind"); ok && kind != "DAVIS_PROBLEM" {
		c.pipe.problems = false
	}
}

// equals returns the string that x compares a field with.
func equals(x syntax.Expr, field string) (string, bool) {
	b, ok := syntax.Strip(x).(*syntax.Binary)
	if !ok || b.Op != "==" {
		return "", false
	}
	f, okF := b.X.(*syntax.Field)
	lit, okL := b.Y.(*syntax.Literal)
	if !okF || !okL || f.Name != field {
		return "", false
	}
	return lit.Value.AsString()
}

func (c *checker) fields(args function.Args) {
	after := c.scope
	if args.Signature.Name == "fields" {
		after = c.scope.closed("fields")
	}
	for _, a := range args.All("expression") {
		k := c.value(a)
		name := nameOf(a)
		if f, ok := a.Value.(*syntax.Field); ok && a.Alias == nil && !c.scope.open && !c.scope.has(f.Name) {
			k = dql.KindNull // reported; later uses are no news
		}
		after.add(name, k)
	}
	c.scope = after
}

func nameOf(a *syntax.Arg) string {
	if a.Alias != nil {
		return a.Alias.Name
	}
	return syntax.ColumnName(a.Value, function.Spelling)
}

func (c *checker) rename(args function.Args) {
	for _, a := range args.All("field") {
		k := c.value(a)
		if a.Alias == nil {
			c.refuse(c.q.Errorf("PARSE_ERROR", a, "`fieldsRename` takes new = old."))
			continue
		}
		if f, ok := a.Value.(*syntax.Field); ok {
			delete(c.scope.types, f.Name)
			c.scope.gone[f.Name] = "fieldsRename"
		}
		c.scope.add(a.Alias.Name, k)
	}
}

func (c *checker) remove(args function.Args) {
	keep := args.Signature.Name == "fieldsKeep"
	after := newScope(c.scope.open)
	if keep {
		after = c.scope.closed("fieldsKeep")
	}
	pattern := false
	for _, a := range args.All("field") {
		f, ok := a.Value.(*syntax.Field)
		pattern = pattern || !ok || f.Pattern
		if !ok || f.Pattern {
			continue
		}
		k := c.value(a)
		if keep {
			after.add(f.Name, k)
			continue
		}
		delete(c.scope.types, f.Name)
		c.scope.gone[f.Name] = "fieldsRemove"
	}
	if keep {
		after.open = pattern
		c.scope = after
	}
}

func (c *checker) summarize(args function.Args) {
	after := c.scope.closed("summarize")
	for _, a := range args.All("by") {
		after.add(nameOf(a), c.value(a))
	}
	for _, a := range args.All("aggregation") {
		k := c.aggregation(a)
		after.add(nameOf(a), k)
	}
	c.counted(args)
	c.resurrected()
	c.scope, c.pipe.joined = after, nil
	c.pipe.problems, c.pipe.deduped = false, true
}

// counted warns where count() counts something else than problems.
func (c *checker) counted(args function.Args) {
	for _, a := range args.All("aggregation") {
		call := countIn(a)
		if call == nil {
			continue
		}
		if c.pipe.joined != nil {
			c.warn("JOIN_MULTIPLIES", c.pipe.joined, "count each side for itself, or use countIf over both in one query",
				"After the join each pair of records counts, n×m, and an inner join drops what stands on one side only.")
			c.pipe.joined = nil
			return
		}
		if c.pipe.problems && !c.pipe.deduped {
			c.warn("COUNTS_UPDATES", call, "put dedup event.id, sort:{timestamp desc} before, or fetch dt.davis.problems",
				"A problem has a record for each of its updates; this counts updates.")
			return
		}
	}
}

// countIn returns the call of count in an argument.
func countIn(a *syntax.Arg) (found *syntax.Call) {
	syntax.Walk(a, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.Call); ok && found == nil && (function.Spelling(call.Name) == "count" || function.Spelling(call.Name) == "countIf") {
			found = call
		}
		return found == nil
	})
	return found
}

func (c *checker) dedup(args function.Args) {
	for _, a := range args.All("expression") {
		c.value(a)
		if f, ok := a.Value.(*syntax.Field); ok && f.Name == "display_id" {
			c.warn("NO_KEY", a, "the key of a problem is event.id", "display_id is not unique.")
		}
	}
	for _, a := range args.All("sort") {
		f, ok := a.Value.(*syntax.Field)
		if ok && !c.scope.open && !c.scope.has(f.Name) {
			c.refuse(c.unknown(f).With("move dedup before " + c.dropper(f.Name) + ", which drops " + f.Name))
			continue
		}
		c.value(a)
	}
	c.resurrected()
	c.pipe.deduped = true
}

// join checks a subquery and adds its fields.
func (c *checker) join(args function.Args) {
	sub := newScope(true)
	var at syntax.Node
	for _, name := range []string{"joinTable", "lookupTable", "source"} {
		a := args.Get(name)
		if a == nil {
			continue
		}
		at = a
		x, ok := syntax.Strip(a.Value).(*syntax.Subquery)
		if !ok {
			c.refuse(c.q.Errorf("PARSE_ERROR", a, "A [subquery] is expected here."))
			return
		}
		sub = c.query(x.Query)
		if a.Alias != nil {
			c.scope.add(a.Alias.Name, dql.KindArray)
		}
	}
	for _, a := range args.All("on") {
		if f, ok := a.Value.(*syntax.Field); ok {
			c.expr(f)
		}
	}
	if a := args.Get("sourceField"); a != nil {
		c.value(a)
	}
	switch args.Signature.Name {
	case "append":
		c.scope.open = c.scope.open || sub.open
		for n, k := range sub.types {
			c.scope.add(n, k)
		}
		return
	case "joinNested":
		return
	case "join":
		c.pipe.joined = at
	}
	c.merge(args, sub)
}

// merge adds the fields of a subquery under their prefix, or those of fields:.
func (c *checker) merge(args function.Args, sub *scope) {
	if args.Has("fields") {
		for _, a := range args.All("fields") {
			if f, ok := a.Value.(*syntax.Field); ok {
				c.scope.add(nameOf(a), sub.types[f.Name])
			}
		}
		return
	}
	prefix := map[string]string{"join": "right.", "lookup": "lookup."}[args.Signature.Name]
	if a := args.Get("prefix"); a != nil {
		if lit, ok := a.Value.(*syntax.Literal); ok {
			prefix, _ = lit.Value.AsString()
		}
	}
	for _, n := range sub.names {
		c.scope.add(prefix+n, sub.types[n])
	}
	c.scope.open = c.scope.open || sub.open
}
