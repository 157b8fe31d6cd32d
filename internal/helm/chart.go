package helm

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salvehq/salve/internal/kubeedit"
)

// A Chart is one chart of the repository.
type Chart struct {
	Dir       string
	Name      string
	Templates []Template
	Subcharts []Subchart
}

// A Subchart is a dependency of an umbrella chart. Its values stand below Key
// in the values of the umbrella.
type Subchart struct {
	Key string
	Dir string // in the repository; empty if it comes from elsewhere
}

// A Template is one workload of a chart.
type Template struct {
	File       string
	Line       int
	Kind       string
	Name       string // with expressions
	Containers []TemplateContainer
	Replicas   kubeedit.Path // of the value; nil if it is not one value
}

// A TemplateContainer is one container of a workload.
type TemplateContainer struct {
	Name      string                   // with expressions
	Resources kubeedit.Path            // of the values that are its resources; nil if not known
	Fields    map[string]kubeedit.Path // "limits.memory": a value of its own
}

// ReadChart reads Chart.yaml; nil if it is none.
func ReadChart(f *kubeedit.File) (*Chart, error) {
	if len(f.Docs) == 0 {
		return nil, nil
	}
	root, err := f.Docs[0].Root()
	if err != nil || kubeedit.Text(root, "name") == "" {
		return nil, err
	}
	c := &Chart{Dir: path.Dir(f.Path), Name: kubeedit.Text(root, "name")}
	for _, n := range kubeedit.Items(root, "dependencies") {
		s := Subchart{Key: kubeedit.Text(n, "alias")}
		if s.Key == "" {
			s.Key = kubeedit.Text(n, "name")
		}
		if rel, ok := strings.CutPrefix(kubeedit.Text(n, "repository"), "file://"); ok {
			s.Dir = path.Join(c.Dir, rel)
		} else {
			s.Dir = path.Join(c.Dir, "charts", kubeedit.Text(n, "name"))
		}
		c.Subcharts = append(c.Subcharts, s)
	}
	return c, nil
}

// The forms in which templates pass values on.
var (
	kindLine     = regexp.MustCompile(`^kind:\s*["']?([A-Za-z]+)`)
	nameLine     = regexp.MustCompile(`^(\s*)name:\s*(.+?)\s*$`)
	itemName     = regexp.MustCompile(`^\s*-\s+name:\s*(.+?)\s*$`)
	valuesRef    = regexp.MustCompile(`\$?\.Values((?:\.[A-Za-z0-9_-]+)+)`)
	resourceLine = regexp.MustCompile(`^\s*(?:-\s+)?resources:\s*(.*)$`)
	quantityLine = regexp.MustCompile(`^\s*(cpu|memory):\s*\{\{-?\s*\$?\.Values((?:\.[A-Za-z0-9_-]+)+)`)
	sectionLine  = regexp.MustCompile(`^\s*(limits|requests):\s*$`)
	replicaLine  = regexp.MustCompile(`^\s*replicas:\s*\{\{-?\s*(?:int\s+)?\$?\.Values((?:\.[A-Za-z0-9_-]+)+)[^}]*\}\}\s*$`)
	withLine     = regexp.MustCompile(`\{\{-?\s*with\s+\$?\.Values((?:\.[A-Za-z0-9_-]+)+)`)
	toYAML       = regexp.MustCompile(`toYaml\s+(?:\(\s*)?(\$?\.Values(?:\.[A-Za-z0-9_-]+)+|\.)`)
)

// ReadTemplate adds the workloads of one template file.
func (c *Chart) ReadTemplate(file string, text []byte) {
	if !bytes.Contains(text, []byte("containers:")) {
		return
	}
	s := scan{file: file}
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimRight(line, "\r")
		if strings.HasPrefix(line, "---") {
			c.finish(&s)
			s = scan{file: file}
			continue
		}
		s.line(n+1, line)
	}
	c.finish(&s)
}

// scan reads one document of a template line by line.
type scan struct {
	file       string
	t          Template
	metadata   bool
	listed     bool // below "containers:"
	containers int  // indentation of that key
	items      int  // indentation of its dashes, -1 before the first
	section    string
	with       kubeedit.Path
	resources  bool // the last line began resources
}

func (c *Chart) finish(s *scan) {
	if s.t.Kind != "" && s.t.Name != "" && len(s.t.Containers) > 0 {
		s.t.File = s.file
		c.Templates = append(c.Templates, s.t)
	}
}

func (s *scan) line(n int, line string) {
	if m := kindLine.FindStringSubmatch(line); m != nil && s.t.Kind == "" {
		s.t.Kind, s.t.Line = m[1], n
	}
	switch {
	case strings.HasPrefix(line, "metadata:"):
		s.metadata = true
		return
	case line != "" && line[0] != ' ' && line[0] != '{' && line[0] != '#':
		s.metadata = false
	}
	if m := nameLine.FindStringSubmatch(line); m != nil && s.metadata && s.t.Name == "" && len(m[1]) > 0 && len(m[1]) <= 4 {
		s.t.Name = m[2]
		return
	}
	if m := replicaLine.FindStringSubmatch(line); m != nil && !s.listed {
		s.t.Replicas = valuesPath(m[1])
	}
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	switch {
	case strings.TrimSpace(text) == "containers:":
		s.listed, s.containers, s.items = true, indent, -1
	case s.listed && text != "" && indent <= s.containers && !strings.HasPrefix(text, "- ") && text[0] != '{' && text[0] != '#':
		s.listed = false
	case s.listed:
		s.inContainers(line, indent)
	}
}

// inContainers reads a line below "containers:".
func (s *scan) inContainers(line string, indent int) {
	if s.items < 0 && strings.HasPrefix(line[indent:], "- ") {
		s.items = indent
	}
	if m := itemName.FindStringSubmatch(line); m != nil && indent == s.items {
		s.t.Containers = append(s.t.Containers, TemplateContainer{Name: m[1], Fields: map[string]kubeedit.Path{}})
		s.resources, s.section, s.with = false, "", nil
		return
	}
	if len(s.t.Containers) == 0 {
		return
	}
	c := &s.t.Containers[len(s.t.Containers)-1]
	if m := withLine.FindStringSubmatch(line); m != nil {
		s.with = valuesPath(m[1])
	}
	begins := resourceLine.FindStringSubmatch(line)
	if begins != nil {
		line, s.resources = begins[1], c.Resources == nil
	}
	if m := toYAML.FindStringSubmatch(line); m != nil && s.resources {
		c.Resources, s.resources = s.with, false
		if ref := valuesRef.FindStringSubmatch(m[1]); ref != nil {
			c.Resources = valuesPath(ref[1])
		}
	}
	if begins != nil && strings.TrimSpace(line) != "" {
		s.resources = false // something else than values of its own
	}
	if m := sectionLine.FindStringSubmatch(line); m != nil {
		s.section, s.resources = m[1], false
	}
	if m := quantityLine.FindStringSubmatch(line); m != nil && s.section != "" {
		c.Fields[s.section+"."+m[1]] = valuesPath(m[2])
	}
}

// valuesPath turns ".a.b" into a path.
func valuesPath(ref string) kubeedit.Path {
	return kubeedit.Keys(strings.Split(strings.TrimPrefix(ref, "."), ".")...)
}

// Field returns the path of the value that fills in a field of a workload:
// "resources.limits.memory" of a container, "spec.replicas" of the workload. It
// is nil if the template does not pass one value on.
func (t Template) Field(container, field string, names func(expression string) string) (kubeedit.Path, int) {
	if field == "spec.replicas" {
		return t.Replicas, 1
	}
	rest, ok := strings.CutPrefix(field, "resources.")
	if !ok {
		return nil, 0
	}
	var fit []TemplateContainer
	for _, c := range t.Containers {
		if container == "" || names(c.Name) == container {
			fit = append(fit, c)
		}
	}
	if len(fit) != 1 {
		return nil, len(fit)
	}
	if p := fit[0].Fields[rest]; p != nil {
		return p, 1
	}
	if fit[0].Resources == nil {
		return nil, 1
	}
	return fit[0].Resources.Append(kubeedit.Keys(strings.Split(rest, ".")...)), 1
}

// ResourcePaths returns the paths of all mappings below a node that hold limits
// or requests.
func ResourcePaths(root *yaml.Node) []kubeedit.Path {
	var out []kubeedit.Path
	walk(root, nil, func(n *yaml.Node, at kubeedit.Path) bool {
		found := kubeedit.Lookup(n, "limits") != nil || kubeedit.Lookup(n, "requests") != nil
		if found {
			out = append(out, at)
		}
		return !found
	})
	return out
}

// Named returns the paths of all values below a node that have one of the
// names.
func Named(root *yaml.Node, names []string) []kubeedit.Path {
	var out []kubeedit.Path
	walk(root, nil, func(n *yaml.Node, at kubeedit.Path) bool {
		if n.Kind == yaml.ScalarNode && slices.Contains(names, at.Last()) {
			out = append(out, at)
		}
		return true
	})
	return out
}

// maxPath bounds how deep values are searched.
const maxPath = 24

// walk visits the nodes below n, not through aliases, as long as visit says to
// go on.
func walk(n *yaml.Node, at kubeedit.Path, visit func(*yaml.Node, kubeedit.Path) bool) {
	if n == nil || n.Kind == yaml.AliasNode || len(at) > maxPath || !visit(n, at) {
		return
	}
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 1:
			walk(c, at.Join(kubeedit.Key(n.Content[i-1].Value)), visit)
		case n.Kind == yaml.SequenceNode:
			walk(c, at.Join(kubeedit.Index(i)), visit)
		}
	}
}
