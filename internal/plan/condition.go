package plan

import (
	"fmt"
	"slices"
	"strings"
)

// A Condition says which rows a remedy answers. A list that is empty asks
// nothing; of a list that is not, one entry must match.
type Condition struct {
	Action   []string `yaml:"action"`   // git_action, or optimization_action of an alert
	Type     []string `yaml:"type"`     // remediation_type
	Category []string `yaml:"category"` // event.category
	Title    []string `yaml:"title"`    // patterns of event.name: * is any text, case does not matter
	NotTitle []string `yaml:"not-title"`
	Entity   []string `yaml:"entity"` // workload, host, or a type as Dynatrace spells it
	Tag      []string `yaml:"tag"`    // patterns of entity tags
}

// A Row is what a condition looks at.
type Row struct {
	Action, Type, Category, Title string
	Entity                        []string // every word that holds: workload, cloud_application
	Tags                          []string
}

// Matches reports whether c answers the row.
func (c Condition) Matches(r Row) bool {
	return word(c.Action, r.Action) && word(c.Type, r.Type) && word(c.Category, r.Category) &&
		(len(c.Title) == 0 || Like(c.Title, r.Title)) &&
		!Like(c.NotTitle, r.Title) &&
		(len(c.Entity) == 0 || slices.ContainsFunc(r.Entity, func(e string) bool { return word(c.Entity, e) })) &&
		(len(c.Tag) == 0 || slices.ContainsFunc(r.Tags, func(t string) bool { return Like(c.Tag, t) }))
}

// word reports whether want is empty or holds have, whatever the case.
func word(want []string, have string) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, have) })
}

// Like reports whether text matches one of the patterns: * stands for any
// text, everything else for itself, whatever the case. Time is linear in the
// text for each * of a pattern.
func Like(patterns []string, text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(patterns, func(p string) bool {
		return like(strings.ToLower(p), text)
	})
}

func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = rest
	}
	return strings.HasSuffix(text, last)
}

// maxCondition bounds the words of a condition, in bytes: all problems are met
// with it, those of other repositories as well.
const maxCondition = 4 << 10

// validate reports a condition that answers everything, since a remedy without
// one is a mistake and not a wish, and one that costs too much.
func (c Condition) validate(fault func(string, ...any) error) error {
	if fmt.Sprint(c) == fmt.Sprint(Condition{}) {
		return fault("when: want at least one condition")
	}
	words := slices.Concat(c.Action, c.Type, c.Category, c.Title, c.NotTitle, c.Entity, c.Tag)
	if n := len(strings.Join(words, " ")); n > maxCondition {
		return fault("when: has %d bytes, at most %d are taken", n, maxCondition)
	}
	return nil
}
