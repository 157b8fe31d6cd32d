package inventory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/kustomize"
	"github.com/salvehq/salve/internal/patch"
)

// Set returns the change that gives t another value. It is proven: the files
// parse again, only the planned lines differ, [Repository.Locate] on the result
// returns the value, built-in kinds still decode, and no request is above its
// limit.
func (r *Repository) Set(ctx context.Context, t Target, value string) (Change, error) {
	return r.SetAll(ctx, []Assignment{{t, value}})
}

// SetAll returns one change that sets several values, for instance a limit and
// the request that follows it. Its Edits are in the order of the assignments; a
// value that is there already is an Edit that changes no file.
func (r *Repository) SetAll(ctx context.Context, edits []Assignment) (Change, error) {
	var c Change
	now := r
	for _, a := range edits {
		if err := ctx.Err(); err != nil {
			return Change{}, err
		}
		w, err := now.locate(ctx, a.Target)
		if err != nil {
			return Change{}, err
		}
		files, err := now.write(ctx, w, a.Value)
		if err != nil {
			return Change{}, err
		}
		for _, f := range files {
			c.Files = c.Files.With(f)
		}
		if len(files) > 0 {
			now = now.with(files)
		}
		c.Edits = append(c.Edits, Edit{File: w.site.File, Old: w.site.Value, New: a.Value})
		for _, s := range w.site.Affects {
			if !slices.Contains(c.Affects, s) {
				c.Affects = append(c.Affects, s)
			}
		}
	}
	for i, a := range edits {
		w, err := now.confirm(ctx, a)
		if err != nil {
			return Change{}, err
		}
		c.Edits[i].Line = w.site.Line
	}
	return c, r.decodes(now, c.Files)
}

// write makes the change of one located target.
func (r *Repository) write(ctx context.Context, w work, value string) ([]patch.FileChange, error) {
	if err := w.target.fits(value); err != nil {
		return nil, err
	}
	switch {
	case w.create != nil:
		return r.writePatch(w, value)
	case w.target.Form == Terraform && w.site.Value == value:
		return nil, nil
	case w.target.Form == Terraform:
		return r.writeTerraform(ctx, w.target, value)
	}
	if w.site.Written && w.site.From == "" && w.site.Value == value {
		return nil, nil // nothing to do
	}
	f, err := r.file(w.site.File)
	if err != nil {
		return nil, err
	}
	edits, err := f.Set(w.at, value, kubeedit.Options{Style: w.style, Append: w.merge, Shared: r.opts.Shared})
	if err != nil {
		return nil, err
	}
	return r.apply(f, edits)
}

func (r *Repository) apply(f *kubeedit.File, edits []patch.Edit) ([]patch.FileChange, error) {
	after, err := patch.Apply(f.Src, edits...)
	if err != nil {
		return nil, err
	}
	return []patch.FileChange{{Path: f.Path, Before: f.Src, After: after, Mode: r.mode(f.Path)}}, nil
}

// mode is git's mode of a file.
func (r *Repository) mode(file string) string {
	if i, ok := r.entry(file); ok {
		return string(r.list[i].Mode)
	}
	return string(forge.ModeFile)
}

// entry returns where a path stands in the list of files, or would.
func (r *Repository) entry(file string) (int, bool) {
	return slices.BinarySearchFunc(r.list, file, byPath)
}

func byPath(f forge.File, p string) int { return strings.Compare(f.Path, p) }

// writePatch adds a patch file and its entry in the kustomization.
func (r *Repository) writePatch(w work, value string) ([]patch.FileChange, error) {
	n := w.create
	if err := forge.ValidatePath(n.file); err != nil {
		return nil, &patch.Refusal{Path: n.file, Why: err.Error()}
	}
	start, err := kubeedit.Read(n.file, []byte(n.text))
	if err != nil {
		return nil, err
	}
	edits, err := start.Set(kubeedit.Address{Path: n.path}, value, kubeedit.Options{Style: w.style, Append: true})
	if err != nil {
		return nil, err
	}
	text, err := patch.Apply(start.Src, edits...)
	if err != nil {
		return nil, err
	}
	f, err := r.file(n.by.Path)
	if err != nil {
		return nil, err
	}
	list, key := n.by.PatchList(f)
	wired, err := r.wire(f, list, key, path.Base(n.file))
	return append(wired, patch.FileChange{Path: n.file, After: text, Mode: string(forge.ModeFile)}), err
}

// wire adds an entry to a list of a kustomization.
func (r *Repository) wire(f *kubeedit.File, list kubeedit.Path, key, value string) ([]patch.FileChange, error) {
	if err := f.Guard(); err != nil {
		return nil, err
	}
	edits, err := f.Append(0, list, key, value)
	if err != nil {
		return nil, err
	}
	return r.apply(f, edits)
}

// Create returns the change that adds a file, and lists it among the resources
// of the kustomization of its directory if there is one. It is refused if the
// file exists.
func (r *Repository) Create(ctx context.Context, file string, content []byte) (Change, error) {
	if err := ctx.Err(); err != nil {
		return Change{}, err
	}
	if err := forge.ValidatePath(file); err != nil {
		return Change{}, &patch.Refusal{Path: file, Why: err.Error()}
	}
	if r.exists(file) {
		return Change{}, &patch.Refusal{Path: file, Why: "file exists already"}
	}
	for dir := range r.charts {
		if strings.HasPrefix(file, path.Join(dir, "templates")+"/") {
			return Change{}, &patch.Refusal{Path: file, Why: "file would become a template of the chart in " + dir, Do: "add it to the chart by hand"}
		}
	}
	c := Change{Files: patch.ChangeSet{{Path: file, After: content, Mode: string(forge.ModeFile)}}, Edits: []Edit{{File: file, Line: 1}}}
	f, err := kubeedit.Read(file, content)
	if err != nil {
		return Change{}, err
	}
	for _, d := range f.Docs {
		if _, err := d.Objects(); err != nil {
			return Change{}, err
		}
	}
	if k := r.graph[path.Dir(file)]; k != nil {
		f, err := r.file(k.Path)
		if err != nil {
			return Change{}, err
		}
		files, err := r.wire(f, kubeedit.Keys("resources"), "", path.Base(file))
		if err != nil {
			return Change{}, err
		}
		c.Files = c.Files.With(files[0])
	}
	return c, r.decodes(r.with(c.Files), c.Files)
}

// exists reports whether a path is taken, also by a file of another case or by
// a directory.
func (r *Repository) exists(file string) bool {
	return slices.ContainsFunc(r.list, func(f forge.File) bool {
		return strings.EqualFold(f.Path, file) || strings.HasPrefix(f.Path, file+"/")
	})
}

// with returns the repository as it is after a change. What an earlier with
// returned is used up by the next.
func (r *Repository) with(files []patch.FileChange) *Repository {
	out := *r
	out.known, out.memos = Known{}, nil
	if r.parent == nil {
		out.parent, out.texts, out.yaml, out.faults = r, map[string][]byte{}, map[string]*kubeedit.File{}, map[Finding]bool{}
	}
	if r.tf != nil {
		out.tf = r.tf.With(files)
	}
	again := false // kustomizations have to be read again
	for _, f := range files {
		again = out.swap(f) || again
	}
	if !again {
		return &out
	}
	out.list, out.texts, out.yaml, out.parent = slices.Clone(r.list), out.allTexts(), out.allFiles(), nil
	for _, f := range files {
		if i, ok := out.entry(f.Path); !ok {
			out.list = slices.Insert(out.list, i, forge.File{Path: f.Path, Mode: forge.ModeFile, Size: int64(len(f.After))})
		}
	}
	out.render()
	return &out
}

// swap puts the new text of a file in the place of the old one. It reports
// whether other objects may be built than before.
func (r *Repository) swap(f patch.FileChange) bool {
	var was []kubeedit.Object
	if isYAML(f.Path) && !f.New() {
		was = r.objectsIn(f.Path)
	}
	r.texts[f.Path] = f.After
	delete(r.yaml, f.Path)
	return f.New() || kustomize.Is(f.Path) || isYAML(f.Path) && !sameHeads(was, r.objectsIn(f.Path))
}

// sameHeads reports whether a file has the same objects as before.
func sameHeads(was, is []kubeedit.Object) bool {
	return slices.EqualFunc(was, is, func(a, b kubeedit.Object) bool {
		return a.Doc.Index == b.Doc.Index && a.At.String() == b.At.String() &&
			a.APIVersion == b.APIVersion && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
	})
}

// allTexts is the content of all files, those of changes before included.
func (r *Repository) allTexts() map[string][]byte {
	if r.parent == nil {
		return r.texts
	}
	out := maps.Clone(r.parent.allTexts())
	maps.Copy(out, r.texts)
	return out
}

// allFiles is the files that were looked into and did not change since.
func (r *Repository) allFiles() map[string]*kubeedit.File {
	if r.parent == nil {
		return maps.Clone(r.yaml)
	}
	out := r.parent.allFiles()
	maps.DeleteFunc(out, func(name string, _ *kubeedit.File) bool { return r.texts[name] != nil })
	maps.Copy(out, r.yaml)
	return out
}

// confirm finds an assignment again in the changed repository.
func (r *Repository) confirm(ctx context.Context, a Assignment) (work, error) {
	w, err := r.locate(ctx, a.Target)
	if err != nil {
		return w, &patch.Refusal{Path: w.site.File, Why: fmt.Sprintf("after the edit the value could not be found again: %v", err), Do: "make this change by hand"}
	}
	if !w.site.Written || w.site.Value != a.Value {
		return w, &patch.Refusal{Path: w.site.File, Line: w.site.Line, Why: fmt.Sprintf("after the edit %s would still be %q", a.Target, w.site.Value), Do: "make this change by hand"}
	}
	return w, r.ordered(ctx, a.Target)
}

// ordered refuses a request above its limit.
func (r *Repository) ordered(ctx context.Context, t Target) error {
	at := t.Field
	switch t.Form {
	case Terraform:
		return nil
	case Values, ConfigFile:
		at = t.Path
	}
	parts := strings.Split(at, ".")
	if len(parts) < 2 {
		return nil
	}
	pair := map[string]string{"limits": "requests", "requests": "limits"}
	kind, what := parts[len(parts)-2], parts[len(parts)-1]
	other, ok := pair[kind]
	if !ok {
		return nil
	}
	sib := t.Sibling(kind+"."+what, other+"."+what)
	if t.Form == Kubernetes {
		sib.Field = strings.Join(append(slices.Clone(parts[:len(parts)-2]), other, what), ".")
	}
	a, errA := r.locate(ctx, t)
	b, errB := r.locate(ctx, sib)
	if errA != nil || errB != nil {
		return nil
	}
	request, limit := a.site, b.site
	if kind == "limits" {
		request, limit = limit, request
	}
	if kubeedit.Above(request.Value, limit.Value) {
		return &patch.Refusal{Path: request.File, Line: request.Line, Why: fmt.Sprintf("request %s would be above limit %s", request.Value, limit.Value), Do: "change both"}
	}
	return nil
}

// decodes refuses a change after which an object of a built-in kind does not
// decode, if it did before.
func (r *Repository) decodes(after *Repository, files []patch.FileChange) error {
	for _, f := range files {
		if !isYAML(f.Path) {
			continue
		}
		before := r.objectsIn(f.Path)
		for n, o := range after.objectsIn(f.Path) {
			old := n < len(before)
			if old && bytes.Equal(before[n].Doc.Text(), o.Doc.Text()) {
				continue
			}
			if err := o.Decode(); err != nil && !(old && before[n].Decode() != nil) {
				return &patch.Refusal{Path: f.Path, Line: o.Line, Why: fmt.Sprintf("%s %s would not be valid: %s", o.Kind, o.Name, strings.TrimPrefix(err.Error(), "error unmarshaling JSON: while decoding JSON: json: "))}
			}
		}
	}
	return nil
}

// fits refuses values that the addressed field cannot have.
func (t Target) fits(value string) error {
	at := t.Field
	if t.Form == Values || t.Form == ConfigFile {
		at = t.Path
	}
	parts := strings.Split(at, ".")
	last, above := parts[len(parts)-1], ""
	if len(parts) > 1 {
		above = parts[len(parts)-2]
	}
	switch {
	case above == "limits" || above == "requests":
		if err := kubeedit.CheckQuantity(last, value); err != nil {
			return &patch.Refusal{Why: err.Error()}
		}
	case t.Form == Kubernetes && slices.Contains([]string{"replicas", "minReplicas", "maxReplicas", "minReplicaCount", "maxReplicaCount"}, last):
		if n, err := strconv.Atoi(value); err != nil || n < 0 || strconv.Itoa(n) != value {
			return &patch.Refusal{Why: fmt.Sprintf("%s %q: want a whole number", last, value)}
		}
	}
	return nil
}
