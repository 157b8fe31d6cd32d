package kubeedit

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/patch"
)

// A view is YAML text within a block scalar, such as a patch in a
// kustomization.yaml. Its lines are those of the file without the indentation.
type view struct {
	inner  *File
	starts []int  // for each line of inner: where it starts in the file
	begins []int  // and where it starts in inner
	indent string // of the lines of the file
	first  int    // line of the file that the text starts on
}

// view returns the text of the literal block scalar at p.
func (d *Document) view(p Path) (*view, error) {
	root, err := d.top()
	if err != nil {
		return nil, err
	}
	trail, rest, err := d.find(root, p)
	if err != nil {
		return nil, err
	}
	n := trail[len(trail)-1]
	if err := d.shared(trail, Options{}); err != nil {
		return nil, err
	}
	if len(rest) > 0 || n.Style&yaml.LiteralStyle == 0 {
		return nil, d.refusal(n, p.String()+" is not a literal block of text", "")
	}
	return d.open(n, trail)
}

// open cuts the lines of a literal block scalar out of the file.
func (d *Document) open(n *yaml.Node, trail []*yaml.Node) (*view, error) {
	src := d.file.Src[:d.End]
	start := d.valueStart(n)
	owner := n
	if key := parentKey(trail); key != nil {
		owner = key
	} else if len(trail) > 1 {
		owner = trail[len(trail)-2]
	}
	end := d.blockEnd(start, owner.Column-1, false)
	at := start + len(nextLine(src[start:]))
	v := &view{first: patch.Line(d.file.Src, at)}
	var text bytes.Buffer
	for at < end {
		line := nextLine(src[at:])
		body := bytes.TrimLeft(line, " ")
		if v.indent == "" && len(bytes.TrimSpace(body)) > 0 {
			v.indent = string(line[:len(line)-len(body)])
		}
		skip := len(v.indent)
		if !bytes.HasPrefix(line, []byte(v.indent)) {
			skip = len(line) - len(body)
		}
		v.begins = append(v.begins, text.Len())
		v.starts = append(v.starts, at+skip)
		text.Write(line[skip:])
		at += len(line)
	}
	inner, err := Read(d.file.Path, text.Bytes())
	if err != nil {
		return nil, v.move(err)
	}
	normal := strings.TrimRight(strings.ReplaceAll(text.String(), "\r\n", "\n"), "\n")
	if len(inner.Docs) != 1 || normal != strings.TrimRight(n.Value, "\n") {
		return nil, d.refusal(n, "text is not one YAML document", "")
	}
	inner.Docs[0].judge = d.judge
	v.inner = inner
	return v, nil
}

// line turns a line of the text into one of the file.
func (v *view) line(n int) int { return v.first + max(n, 1) - 1 }

// move makes an error point into the file.
func (v *view) move(err error) error { return asRefusal(err, v.line) }

// edits turns edits of the text into edits of the file. New lines get the
// indentation of the text; what is inserted behind its last line ends there.
func (v *view) edits(in []patch.Edit) []patch.Edit {
	out := make([]patch.Edit, len(in))
	for i, e := range in {
		text := strings.ReplaceAll(e.New, "\n", "\n"+v.indent)
		if e.Start == len(v.inner.Src) && strings.HasSuffix(e.New, "\n") {
			text = v.indent + strings.TrimSuffix(text, v.indent)
		}
		out[i] = patch.Edit{Start: v.offset(e.Start), End: v.offset(e.End), New: text}
	}
	return out
}

// offset turns an offset of the text into one of the file.
func (v *view) offset(off int) int {
	i, found := slices.BinarySearch(v.begins, off)
	if !found {
		i--
	}
	return v.starts[i] + off - v.begins[i]
}
