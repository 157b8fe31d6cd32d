package githubtest

import (
	"net/http"
	"slices"
	"strings"
)

// searchIssues knows the words is:, repo:, org:, author:, head:, base:, label:
// and words of the title or body.
//
// https://docs.github.com/en/rest/search/search#search-issues-and-pull-requests
func (c *call) searchIssues() (reply, error) {
	query := c.query("q", "")
	if query == "" {
		return reply{}, invalid("Search", "q", "missing", "")
	}
	words := searchWords(query)
	var found []object
	for _, r := range c.visible() {
		for _, i := range slices.Backward(r.issues) {
			if !slices.ContainsFunc(words, func(w string) bool { return !r.matches(i, w) }) {
				o := c.issueJSON(r, i)
				o["score"] = 1
				if i.body == "" {
					delete(o, "body")
				}
				found = append(found, o)
			}
		}
	}
	items, h := page(c, found)
	return reply{status: http.StatusOK, header: h, body: object{"total_count": len(found), "incomplete_results": false, "search_type": "lexical", "items": append([]object{}, items...)}}, nil
}

// searchWords cuts a query at blanks, except within quotes.
func searchWords(query string) []string {
	quoted := false
	return strings.FieldsFunc(strings.ToLower(query), func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

// visible returns the repositories that the caller may see, by number.
func (c *call) visible() []*repo {
	var all []*repo
	for _, r := range c.repos {
		if c.sees(r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *repo) int { return int(a.id - b.id) })
	return all
}

// matches reports whether one word of a query is true of i.
func (r *repo) matches(i *issue, word string) bool {
	name, value, _ := strings.Cut(word, ":")
	value = strings.Trim(value, `"`)
	switch name {
	case "is", "type", "state":
		switch value {
		case "pr":
			return i.pull != nil
		case "issue":
			return i.pull == nil
		case "merged":
			return i.pull != nil && !i.pull.merged.IsZero()
		}
		return i.state == value
	case "repo":
		return strings.EqualFold(r.full(), value)
	case "org", "user":
		return strings.EqualFold(r.owner, value)
	case "author":
		if app, isApp := strings.CutPrefix(value, "app/"); isApp {
			value = app + "[bot]"
		}
		return strings.EqualFold(i.author.login, value)
	case "head":
		return i.pull != nil && strings.HasPrefix(strings.ToLower(i.pull.head), value)
	case "base":
		return i.pull != nil && strings.EqualFold(i.pull.base, value)
	case "label":
		return i.hasLabels(value)
	case "in", "sort":
		return true
	}
	return strings.Contains(strings.ToLower(i.title+"\n"+i.body), strings.Trim(word, `"`))
}
