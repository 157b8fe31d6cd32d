package kubeedit

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/patch"
)

// generated finds the headers of files that are written by programs.
var generated = regexp.MustCompile(`(?i)(code generated|auto-?generated|generated (by|from|with|using)|do not (edit|modify|change)|this file is generated|automatically generated|managed by terraform|rendered by)`)

// header is how many lines of comments are searched for such a header.
const header = 12

// Guard refuses a file that must not be edited where it stands: generated,
// encrypted, or a template. A nil error means that it is what people write.
func (f *File) Guard() error { return f.guard.get(f.look) }

func (f *File) look() error {
	if line, text := f.generatedBy(); line > 0 {
		return &patch.Refusal{Path: f.Path, Line: line, Why: "file is generated: " + text, Do: "change what it is generated from"}
	}
	for _, d := range f.Docs {
		if err := d.encrypted(); err != nil {
			return err
		}
	}
	return nil
}

// generatedBy returns the first comment at the top of the file that says so.
func (f *File) generatedBy() (int, string) {
	src := bytes.TrimPrefix(f.Src, bom)
	for i, line := range bytes.SplitN(src, []byte("\n"), header+1) {
		if i == header {
			break
		}
		text := strings.TrimSpace(string(line))
		if text == "" || text == "---" {
			continue
		}
		if !strings.HasPrefix(text, "#") {
			break
		}
		if generated.MatchString(text) {
			return i + 1, strings.TrimSpace(strings.TrimLeft(text, "#"))
		}
	}
	return 0, ""
}

// encrypted refuses documents that SOPS or Sealed Secrets wrote: they carry a
// signature over all of their values.
// https://github.com/getsops/sops, https://github.com/bitnami-labs/sealed-secrets
func (d *Document) encrypted() error {
	text := d.Text()
	if !bytes.Contains(text, []byte("sops")) && !bytes.Contains(text, []byte("SealedSecret")) {
		return nil
	}
	root, err := d.Root()
	if err != nil || root == nil {
		return nil
	}
	switch {
	case Lookup(root, "sops", "mac") != nil || Lookup(root, "sops", "lastmodified") != nil:
		return d.refusal(Lookup(root, "sops"), "file is encrypted with SOPS", "change it with sops edit")
	case Text(root, "kind") == "SealedSecret":
		return d.refusal(root, "values are sealed", "seal a new value with kubeseal")
	}
	return nil
}

// IsTemplate reports whether a file is a template of a Helm chart, by its path
// or by expressions that are not part of a text: values and ConfigMaps hold
// templates for others to fill in.
func IsTemplate(file string, src []byte) bool {
	if !bytes.Contains(src, []byte("{{")) {
		return false
	}
	return strings.Contains("/"+path.Dir(file)+"/", "/templates/") || templateLine.Match(src) && !textOnly(file, src)
}

// textOnly reports whether the braces of a file stand in its scalars: it parses,
// and no {{ … }} became a mapping.
func textOnly(file string, src []byte) bool {
	f, err := Read(file, src)
	if err != nil {
		return false
	}
	for _, d := range f.Docs {
		if root, err := d.Root(); err != nil || root != nil && doubled(root) {
			return false
		}
	}
	return true
}

// doubled reports whether a mapping is the key of a mapping, as YAML reads {{ }}.
func doubled(n *yaml.Node) bool {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.MappingNode || doubled(c) {
			return true
		}
	}
	return false
}

// templateLine is a line that only a template can have.
var templateLine = regexp.MustCompile(`(?m)^\s*\{\{-?\s*(if|else|end|range|with|define|include|template|toYaml|/\*|\$)`)
