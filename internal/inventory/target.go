package inventory

import (
	"strconv"
	"strings"
)

// ParseTarget reads what [Target.String] writes. Texts that could be read in
// two ways (a file with a space in its name) are not read.
func ParseTarget(text string) (Target, bool) {
	t := Target{ContainerIndex: -1}
	rest := text
	if i := strings.LastIndex(rest, " ("); i > 0 && strings.HasSuffix(rest, ")") {
		t.Environment, rest = rest[i+2:len(rest)-1], rest[:i]
	}
	words := strings.Split(rest, " ")
	if n := len(words); n >= 3 && words[n-2] == "in" {
		t.File, words = words[n-1], words[:n-2]
	}
	switch {
	case len(words) == 1:
		t.Form, t.Address = Terraform, words[0]
	case len(words) == 2 && t.File == "":
		t.Form, t.File, t.Path = ConfigFile, words[0], words[1]
	case len(words) == 3, len(words) == 5 && words[2] == "container":
		t.Form, t.Kind, t.Field = Kubernetes, words[0], words[len(words)-1]
		if namespace, name, ok := strings.Cut(words[1], "/"); ok {
			t.Namespace, t.Name = namespace, name
		} else {
			t.Name = words[1]
		}
		if len(words) == 5 {
			t.container(words[3])
		}
	default:
		return Target{}, false
	}
	return t, t.String() == text
}

// container takes a container by its index or its name. The index of the first
// one is not written.
func (t *Target) container(word string) {
	if n, err := strconv.Atoi(word); err == nil && n > 0 {
		t.ContainerIndex = n
		return
	}
	t.Container = word
}
