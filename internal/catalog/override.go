package catalog

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// The marks around the lines that every query shares: the mapping to
// problem.severity, and where entities come from.
const (
	severityMark = "@severity"
	entitiesMark = "@entities"
	endMark      = "@end"
	severityFile = "severity"
)

func blockMark(line string) bool {
	return strings.HasPrefix(line, severityMark) || strings.HasPrefix(line, entitiesMark) || line == endMark
}

// block finds shared lines in a text: the bytes between a mark and the end.
func block(text, mark string) (start, end int, ok bool) {
	_, rest, ok := strings.Cut(text, "\n// "+mark)
	if !ok {
		return 0, 0, false
	}
	_, rest, _ = strings.Cut(rest, "\n")
	inside, _, ok := strings.Cut(rest, "// "+endMark+"\n")
	start = len(text) - len(rest)
	return start, start + len(inside), ok
}

// override puts the files of over in place of those of c: the shared mapping
// first, then whole queries.
func (c *Catalog) override(over fs.FS) error {
	files, err := texts(over)
	if err != nil {
		return err
	}
	if mapping, ok := files[severityFile]; ok {
		delete(files, severityFile)
		if err := c.remap(mapping); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e, err := c.replacement(name, files[name])
		if err != nil {
			return err
		}
		c.entries[name] = e
	}
	return nil
}

// remap puts another mapping into every query that has the shared one.
func (c *Catalog) remap(mapping string) error {
	for _, e := range c.All() {
		start, end, ok := block(e.Text, severityMark)
		if !ok {
			continue
		}
		e.Text = e.Text[:start] + strings.TrimRight(mapping, "\n") + "\n" + e.Text[end:]
		if err := e.verify(); err != nil {
			return fmt.Errorf("%s.dql in %w", severityFile, err)
		}
		c.entries[e.Name] = e
	}
	return nil
}

// replacement reads a file that takes the place of the query with its name. It
// may declare its parameters and columns again, or leave that to the query
// that it replaces; either way it gives what that one declares.
func (c *Catalog) replacement(name, text string) (Entry, error) {
	base, ok := c.entries[name]
	if !ok {
		return parse(name, text)
	}
	h, err := readHeader(name+".dql", text)
	if err != nil {
		return Entry{}, err
	}
	e := base
	e.Text = text
	if h.doc != "" {
		e.Doc = h.doc
	}
	if len(h.columns) == 0 && len(h.params) == 0 {
		return e, e.verify()
	}
	own, err := parse(name, text)
	if err != nil {
		return Entry{}, err
	}
	return own, base.covers(own)
}

// covers refuses a replacement that callers of e would trip over.
func (e Entry) covers(own Entry) error {
	at := func(format string, args ...any) error {
		return fmt.Errorf("%s.dql:1:1: %s", e.Name, fmt.Sprintf(format, args...))
	}
	same := func(p, q Param) bool { return p.Name == q.Name && p.Type == q.Type }
	for _, p := range e.Params {
		if len(own.Params) != len(e.Params) || !slices.ContainsFunc(own.Params, func(q Param) bool { return same(p, q) }) {
			return at("want the parameters of the query that this one replaces, %v", e.names())
		}
	}
	for _, want := range e.Columns {
		i := slices.IndexFunc(own.Columns, func(c Column) bool { return c.Name == want.Name && c.Kind == want.Kind })
		if i < 0 {
			return at("column %s %s is missing: the query that this one replaces declares it", want.Name, want.Kind)
		}
		words := own.Columns[i].Words
		if len(want.Words) > 0 && (len(words) == 0 || !subset(words, want.Words)) {
			return at("column %s: want words out of %s", want.Name, strings.Join(want.Words, " | "))
		}
	}
	if own.Decision.Column != e.Decision.Column {
		return at("the decision is %s: want %s", own.Decision.Column, e.Decision.Column)
	}
	return nil
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}
