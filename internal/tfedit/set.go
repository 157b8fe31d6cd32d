package tfedit

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/patch"
)

// Set returns the change that gives a target another value. Where nothing is
// written yet in a block, or the value in force belongs to more than what was
// meant, it adds an attribute. The change is proven before it is returned: see
// the package comment. A value that is there already is a change without files.
func (r *Repository) Set(ctx context.Context, t Target, value string) (Change, error) {
	w, err := r.locate(ctx, t)
	if err != nil {
		return Change{}, err
	}
	c := Change{Affects: w.site.Affects, Edits: []Edit{{File: w.site.File, Line: w.site.Line, Old: w.site.Value, New: value}}}
	if w.site.Value == value && w.into.file == nil {
		return c, nil
	}
	if err := forge.ValidatePath(w.file.path); err != nil {
		return Change{}, &patch.Refusal{Path: w.file.path, Why: err.Error()}
	}
	if err := w.file.guard(); err != nil {
		return Change{}, err
	}
	e, err := w.edit(value)
	if err != nil {
		return Change{}, err
	}
	next, err := w.file.splice(e)
	if err != nil {
		return Change{}, err
	}
	c.Files = patch.ChangeSet{{Path: w.file.path, Before: w.file.src, After: next.src, Mode: w.file.mode}}
	site, err := r.confirm(ctx, t, value, next)
	r.leave(path.Dir(w.file.path))
	c.Edits[0].Line = site.Line
	return c, err
}

// confirm finds the value again in a changed file.
func (r *Repository) confirm(ctx context.Context, t Target, value string, changed *file) (Site, error) {
	site, err := r.with([]*file{changed}).Locate(ctx, t)
	switch {
	case err != nil:
		return site, &patch.Refusal{Path: changed.path, Why: fmt.Sprintf("after the edit the value could not be found again: %v", err), Do: "make this change by hand"}
	case site.Value != value || !site.Written || site.File != changed.path:
		return site, &patch.Refusal{Path: site.File, Line: site.Line, Why: fmt.Sprintf("after the edit %s would be %q", t, site.Value), Do: "make this change by hand"}
	}
	return site, nil
}

// An edit replaces bytes of a file by a text whose tokens are known, so that
// nothing else can come of it.
type edit struct {
	patch.Edit
	text string // the tokens, without white space around them
}

// edit returns the edit that writes a value at a located place.
func (w work) edit(value string) (edit, error) {
	if err := writable(value); err != nil {
		return edit{}, err
	}
	if w.into.file != nil {
		return w.insertion(value)
	}
	text := value
	switch {
	case w.leaf.quoted:
		text = escape(value, w.file.template())
	case w.leaf.null:
		text = literal(value, w.typ, w.file.template())
	case !isLiteral(value) || isNumberLiteral(value) != isNumberLiteral(w.leaf.value):
		want := "a number"
		if w.leaf.value == "true" || w.leaf.value == "false" {
			want = "true or false"
		}
		return edit{}, w.file.refusal(w.leaf.start, fmt.Sprintf("value %q: want %s, as %s is", value, want, w.leaf.value), "")
	}
	return edit{patch.Edit{Start: w.leaf.start, End: w.leaf.end, New: text}, text}, nil
}

// maxValue bounds what is written, in bytes.
const maxValue = 4096

var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func isNumberLiteral(s string) bool { return number.MatchString(s) }

// isLiteral reports whether a value is written without quotes.
func isLiteral(s string) bool { return s == "true" || s == "false" || isNumberLiteral(s) }

// writable refuses values that are more than one short line of text.
func writable(value string) error {
	if value == "" || len(value) > maxValue || strings.TrimSpace(value) != value {
		return &patch.Refusal{Why: fmt.Sprintf("value %.40q: want one line of text without space around it", value)}
	}
	if at := strings.IndexFunc(value, func(r rune) bool {
		return r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xFEFF || r == 0xFFFD
	}); at >= 0 {
		return &patch.Refusal{Why: fmt.Sprintf("value %.40q holds a control character", value)}
	}
	return nil
}

// template reports whether ${ in texts of a file begins an expression.
func (f *file) template() bool { return !f.json || f.kind == config }

// escape writes text within quotes so that it is read as itself.
func escape(value string, template bool) string {
	value = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	if template {
		value = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(value)
	}
	return value
}

// literal writes a value where nothing says how: without quotes if it is a
// number or a bool, and its variable is no string.
func literal(value, typ string, template bool) string {
	if isLiteral(value) && typ != "string" {
		return value
	}
	return `"` + escape(value, template) + `"`
}
