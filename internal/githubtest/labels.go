package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A label is a label of a repository. Names differ by more than case.
type label struct {
	id          int64
	name        string
	color       string // six hexadecimal digits
	description string
}

// Lengths of labels in characters, and how many an issue can have.
const (
	maxLabel       = 50
	maxLabelText   = 100
	maxIssueLabels = 100
)

var colour = regexp.MustCompile(`^[0-9a-fA-F]{6}$`)

// label returns the label of a name, nil if there is none.
func (r *repo) label(name string) *label {
	for _, l := range r.labels {
		if strings.EqualFold(l.name, name) {
			return l
		}
	}
	return nil
}

func (s *Server) newLabel(r *repo, name, color, description string) (*label, error) {
	switch {
	case strings.TrimSpace(name) == "":
		return nil, invalid("Label", "name", "missing_field", "")
	case len([]rune(name)) > maxLabel:
		return nil, checkText("Label", "name", name, maxLabel)
	case strings.ContainsAny(name, "\n\x00"):
		return nil, invalid("Label", "name", "invalid", "")
	case !colour.MatchString(color):
		return nil, invalid("Label", "color", "invalid", "")
	case len([]rune(description)) > maxLabelText:
		return nil, checkText("Label", "description", description, maxLabelText)
	case r.label(name) != nil:
		return nil, invalid("Label", "name", "already_exists", "")
	}
	l := &label{s.id(), name, strings.ToLower(color), description}
	r.labels = append(r.labels, l)
	return l, nil
}

// https://docs.github.com/en/rest/issues/labels#list-labels-for-a-repository
func (c *call) listLabels() (reply, error) {
	return list(c, c.repo.labels, func(l *label) object { return c.labelJSON(c.repo, l) })
}

// https://docs.github.com/en/rest/issues/labels#get-a-label
func (c *call) getLabel() (reply, error) {
	l := c.repo.label(c.params["name"])
	if l == nil {
		return reply{}, notFound()
	}
	return ok(c.labelJSON(c.repo, l))
}

// https://docs.github.com/en/rest/issues/labels#create-a-label
func (c *call) createLabel() (reply, error) {
	var in struct{ Name, Color, Description string }
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.Name == "" {
		return reply{}, missing("name")
	}
	if in.Color == "" {
		in.Color = "ededed"
	}
	l, err := c.newLabel(c.repo, in.Name, in.Color, in.Description)
	if err != nil {
		return reply{}, err
	}
	return created(c.labelJSON(c.repo, l))
}

// labelsOf returns labels by name, as texts or as objects with a name, and
// makes those that the repository does not have.
func (c *call) labelsOf(raw []json.RawMessage) ([]*label, error) {
	var out []*label
	for _, m := range raw {
		var named struct{ Name string }
		if json.Unmarshal(m, &named.Name) != nil && json.Unmarshal(m, &named) != nil {
			return nil, invalid("Label", "name", "invalid", "")
		}
		l := c.repo.label(named.Name)
		if l == nil {
			var err error
			if l, err = c.newLabel(c.repo, named.Name, "ededed", ""); err != nil {
				return nil, err
			}
		}
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if len(out) > maxIssueLabels {
		return nil, unprocessable("An issue can have at most %d labels.", maxIssueLabels)
	}
	return out, nil
}

// labelInput reads {"labels": […]} or a bare array.
func (c *call) labelInput() ([]*label, error) {
	var in struct{ Labels []json.RawMessage }
	if strings.HasPrefix(strings.TrimSpace(string(c.body)), "[") {
		if json.Unmarshal(c.body, &in.Labels) != nil {
			return nil, fail(http.StatusBadRequest, "Problems parsing JSON")
		}
	} else if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.labelsOf(in.Labels)
}

// https://docs.github.com/en/rest/issues/labels#list-labels-for-an-issue
func (c *call) listIssueLabels() (reply, error) {
	i, err := c.issue("issue_number")
	if err != nil {
		return reply{}, err
	}
	return list(c, i.labels, func(l *label) object { return c.labelJSON(c.repo, l) })
}

// https://docs.github.com/en/rest/issues/labels#add-labels-to-an-issue
func (c *call) addIssueLabels() (reply, error) {
	i, err := c.talk()
	if err != nil {
		return reply{}, err
	}
	add, err := c.labelInput()
	if err != nil {
		return reply{}, err
	}
	if len(i.labels)+len(add) > maxIssueLabels {
		return reply{}, unprocessable("An issue can have at most %d labels.", maxIssueLabels)
	}
	for _, l := range add {
		c.setLabel(c.repo, i, l, c.who.actor(c.Server), true)
	}
	return ok(c.labelsJSON(c.repo, i.labels))
}

// setLabel puts a label on an issue or takes it off.
func (s *Server) setLabel(r *repo, i *issue, l *label, by *user, on bool) {
	at := slices.Index(i.labels, l)
	switch {
	case on && at < 0:
		i.labels = append(i.labels, l)
		s.announceLabel(r, i, l, "labeled", by)
	case !on && at >= 0:
		i.labels = slices.Delete(i.labels, at, at+1)
		s.announceLabel(r, i, l, "unlabeled", by)
	}
}

// setLabels makes the labels of an issue those of a set.
func (c *call) setLabels(i *issue, set []*label) {
	by := c.who.actor(c.Server)
	for _, l := range slices.Clone(i.labels) {
		c.setLabel(c.repo, i, l, by, slices.Contains(set, l))
	}
	for _, l := range set {
		c.setLabel(c.repo, i, l, by, true)
	}
}

// https://docs.github.com/en/rest/issues/labels#set-labels-for-an-issue
func (c *call) setIssueLabels() (reply, error) {
	i, err := c.talk()
	if err != nil {
		return reply{}, err
	}
	set, err := c.labelInput()
	if err != nil {
		return reply{}, err
	}
	c.setLabels(i, set)
	return ok(c.labelsJSON(c.repo, i.labels))
}

// https://docs.github.com/en/rest/issues/labels#remove-a-label-from-an-issue
func (c *call) removeIssueLabel() (reply, error) {
	i, err := c.talk()
	if err != nil {
		return reply{}, err
	}
	l := c.repo.label(c.params["name"])
	if l == nil || !slices.Contains(i.labels, l) {
		return reply{}, fail(http.StatusNotFound, "Label does not exist")
	}
	c.setLabel(c.repo, i, l, c.who.actor(c.Server), false)
	return ok(c.labelsJSON(c.repo, i.labels))
}

func (s *Server) labelsJSON(r *repo, labels []*label) []object {
	out := []object{}
	for _, l := range labels {
		out = append(out, s.labelJSON(r, l))
	}
	return out
}

func (s *Server) labelJSON(r *repo, l *label) object {
	return object{"id": l.id, "node_id": fmt.Sprintf("LA_%d", l.id), "name": l.name, "color": l.color, "default": false,
		"description": orNil(l.description), "url": s.api("repos/" + r.full() + "/labels/" + url.PathEscape(l.name))}
}
