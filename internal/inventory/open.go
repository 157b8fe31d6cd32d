package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/kubeedit"
	"github.com/salvehq/salve/internal/patch"
)

// Options of [Open].
type Options struct {
	// Environments by name. Without them, names of directories and files decide.
	Environments map[string]Environment
	// Shared permits to change a value that other places of the same file use
	// through an anchor. They are named in [Change.Affects].
	Shared bool
}

// A Repository is what stands in a repository at one commit. It may be used by
// one goroutine at a time.
type Repository struct {
	files   Files
	opts    Options
	list    []forge.File
	texts   map[string][]byte         // content of files that were read
	yaml    map[string]*kubeedit.File // files that may hold objects, values or kustomizations
	kust    map[string]*kustomization // by directory
	builds  []*instance               // objects as they are rendered, sorted by file and line
	objects map[string][]kubeedit.Object
	faults  []Finding
}

// Open reads a repository. Files that cannot matter are not parsed; a file that
// does not parse is one of [Repository.Problems]. An error means that the files
// could not be read.
func Open(ctx context.Context, files Files, opts Options) (*Repository, error) {
	list, err := files.List(ctx)
	if err != nil {
		return nil, err
	}
	r := &Repository{files: files, opts: opts, list: list, texts: map[string][]byte{}}
	for _, f := range list {
		if !f.Mode.Regular() || !isYAML(f.Path) || skipped(f.Path) {
			continue
		}
		if f.Size > kubeedit.MaxSize {
			continue
		}
		text, err := files.Read(ctx, f.Path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f.Path, err)
		}
		r.texts[f.Path] = text
	}
	r.index()
	return r, nil
}

// index builds everything that follows from the texts.
func (r *Repository) index() {
	r.yaml, r.kust, r.objects = map[string]*kubeedit.File{}, map[string]*kustomization{}, map[string][]kubeedit.Object{}
	r.faults, r.builds = nil, nil
	for _, f := range r.list {
		text, ok := r.texts[f.Path]
		if !ok || !matters(f.Path, text) {
			continue
		}
		file, err := kubeedit.Read(f.Path, text)
		if err != nil {
			r.fault(err)
			continue
		}
		r.yaml[f.Path] = file
	}
	for p, f := range r.yaml {
		if isKustomization(p) {
			r.kustomization(f)
		}
	}
	r.render()
	slices.SortFunc(r.faults, func(a, b Finding) int { return strings.Compare(a.String(), b.String()) })
	r.faults = slices.Compact(r.faults)
}

// Problems returns what is wrong with files of the repository, sorted.
func (r *Repository) Problems() []Finding { return r.faults }

// fault keeps an error about a file.
func (r *Repository) fault(err error) {
	var refusal *patch.Refusal
	var syntax *kubeedit.SyntaxError
	switch {
	case errors.As(err, &refusal):
		r.faults = append(r.faults, Finding{refusal.Path, refusal.Line, refusal.Why})
	case errors.As(err, &syntax):
		r.faults = append(r.faults, Finding{syntax.Path, syntax.Line, syntax.What})
	default:
		r.faults = append(r.faults, Finding{What: err.Error()})
	}
}

func isYAML(file string) bool {
	switch path.Ext(file) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return path.Base(file) == "Kustomization"
}

// skipped reports whether a file lies where nothing is deployed from.
func skipped(file string) bool {
	for _, part := range strings.Split(path.Dir(file), "/") {
		switch part {
		case "node_modules", ".github", ".git", ".terraform", "__pycache__":
			return true
		}
	}
	return false
}

// matters reports, by bytes alone, whether a file can hold an object.
func matters(file string, text []byte) bool {
	if isKustomization(file) {
		return true
	}
	return bytes.Contains(text, []byte("kind")) && !kubeedit.IsTemplate(file, text)
}

// objectsIn returns the objects of a file; what does not parse is a finding.
func (r *Repository) objectsIn(file string) []kubeedit.Object {
	if out, ok := r.objects[file]; ok {
		return out
	}
	var out []kubeedit.Object
	if f := r.yaml[file]; f != nil {
		for _, d := range f.Docs {
			if !d.HasKind() {
				continue
			}
			objects, err := d.Objects()
			if err != nil {
				r.fault(err)
			}
			out = append(out, objects...)
		}
	}
	r.objects[file] = out
	return out
}

// file returns a YAML file by path, also one that was not screened in.
func (r *Repository) file(name string) (*kubeedit.File, error) {
	if f := r.yaml[name]; f != nil {
		return f, nil
	}
	text, ok := r.texts[name]
	if !ok {
		return nil, r.missing(name)
	}
	if kubeedit.IsTemplate(name, text) {
		return nil, &patch.Refusal{Path: name, Why: "file is a template", Do: "change the value that fills it in"}
	}
	f, err := kubeedit.Read(name, text)
	if err != nil {
		return nil, err
	}
	r.yaml[name] = f
	return f, nil
}

// missing says why a file was not read.
func (r *Repository) missing(name string) error {
	i, ok := slices.BinarySearchFunc(r.list, name, func(f forge.File, p string) int { return strings.Compare(f.Path, p) })
	switch {
	case !ok:
		return &patch.Refusal{Path: name, Why: "file is not in the repository"}
	case !r.list[i].Mode.Regular():
		return &patch.Refusal{Path: name, Why: "path is a link or a submodule, which is not followed", Do: "name the file itself"}
	case r.list[i].Size > kubeedit.MaxSize:
		return &patch.Refusal{Path: name, Why: fmt.Sprintf("file has %d bytes, want at most %d", r.list[i].Size, kubeedit.MaxSize)}
	}
	return &patch.Refusal{Path: name, Why: "file is not YAML or JSON that this program reads"}
}
