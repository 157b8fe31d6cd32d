package githubtest

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// maxBlobText is how much of a blob GraphQL gives as text, in bytes.
const maxBlobText = 512_000

// A graphError is one entry of the errors of a GraphQL answer, which has status
// 200 all the same.
type graphError struct {
	message string
	kind    string // NOT_FOUND, FORBIDDEN
	code    string // of errors that keep a query from being run: undefinedField, …
	path    []string
}

func (e *graphError) json() object {
	o := object{"message": e.message, "locations": []object{{"line": 1, "column": 1}}}
	if e.path != nil {
		o["path"] = e.path
	}
	if e.kind != "" {
		o["type"] = e.kind
	}
	if e.code != "" {
		o["extensions"] = object{"code": e.code}
	}
	return o
}

// A graph answers one query.
type graph struct {
	*call
	errors []*graphError
	broken bool // the query as such is wrong, and nothing is answered
}

// graphql answers queries for a repository and its objects. Anything else is
// refused as a field that does not exist.
//
// https://docs.github.com/en/graphql/reference/queries#repository
func (c *call) graphql() (reply, error) {
	var in struct {
		Query     string
		Variables map[string]any
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if in.Query == "" {
		return reply{}, fail(http.StatusBadRequest, "A query attribute must be specified and must be a string.")
	}
	fields, err := parseQuery(in.Query, in.Variables)
	if err != nil {
		return ok(object{"errors": []object{(&graphError{message: err.Error()}).json()}})
	}
	g := &graph{call: c}
	data := g.object("Query", nil, fields, []string{})
	o := object{}
	if !g.broken {
		o["data"] = data
	}
	if g.errors != nil {
		var list []object
		for _, e := range g.errors {
			list = append(list, e.json())
		}
		o["errors"] = list
	}
	return ok(o)
}

// object answers a selection on a value of a type.
func (g *graph) object(kind string, v any, fields []field, path []string) any {
	out := object{}
	for _, f := range fields {
		if f.on != "" {
			if below, isObject := g.object(kind, v, f.fields, path).(object); isObject && (f.on == kind || f.on == "Node" || f.on == "GitObject") {
				for k, one := range below {
					out[k] = one
				}
			}
			continue
		}
		at := append(path[:len(path):len(path)], f.alias)
		below, value, known := g.field(kind, v, f, at)
		switch {
		case !known:
			g.broken = true
			g.errors = append(g.errors, &graphError{code: "undefinedField", path: append([]string{"query"}, at...),
				message: fmt.Sprintf("Field '%s' doesn't exist on type '%s'", f.name, kind)})
		case below == "" || value == nil:
			out[f.alias] = value
		case below == "[TreeEntry]":
			list := []any{}
			for _, e := range value.([]git.Entry) {
				list = append(list, g.object("TreeEntry", e, f.fields, at))
			}
			out[f.alias] = list
		default:
			out[f.alias] = g.object(below, value, f.fields, at)
		}
	}
	return out
}

// field returns the value of one field, and its type unless it is a scalar.
func (g *graph) field(kind string, v any, f field, path []string) (below string, value any, known bool) {
	if f.name == "__typename" {
		return "", kind, true
	}
	switch kind {
	case "Query":
		switch f.name {
		case "repository":
			return "Repository", g.repository(f, path), true
		case "rateLimit":
			return "RateLimit", g.usageOf(g.who), true
		}
	case "RateLimit":
		u := v.(*usage)
		value, known = object{"limit": g.limits.PerHour, "remaining": g.limits.PerHour - u.used, "used": u.used, "cost": 1}[f.name]
	case "Repository":
		return g.repositoryField(v.(*repo), f)
	case "Ref":
		name := v.(string)
		if f.name == "target" {
			return g.gitObject(g.repo, g.repo.git.Refs[name])
		}
		value, known = object{"name": strings.TrimPrefix(name, "refs/heads/"), "prefix": "refs/heads/", "id": "REF_" + name}[f.name]
	case "Blob":
		value, known = g.blob(v.(git.ID))[f.name]
	case "Commit":
		c := v.(git.Snapshot)
		if f.name == "tree" {
			return "Tree", c.Tree, true
		}
		value, known = object{"oid": c.ID, "id": "C_" + string(c.ID), "message": c.Message, "committedDate": stamp(c.Committer.When)}[f.name]
	case "Tree":
		if f.name == "entries" {
			entries, _ := g.repo.git.Entries(v.(git.ID))
			return "[TreeEntry]", entries, true
		}
		value, known = object{"oid": v, "id": fmt.Sprint("T_", v)}[f.name]
	case "TreeEntry":
		e := v.(git.Entry)
		if f.name == "object" {
			return g.gitObject(g.repo, e.ID)
		}
		value, known = object{"name": e.Path, "path": e.Path, "oid": e.ID, "type": e.Kind(), "mode": modeNumber(e.Mode)}[f.name]
	}
	return "", value, known || undecided(kind, f.name)
}

// undecided reports a field that the object at hand lacks because its type is
// known only when the query runs: fields of a Blob asked of a Tree come in a
// fragment and are left out.
func undecided(kind, name string) bool {
	fields := map[string]string{"Blob": " text byteSize isBinary isTruncated ", "Tree": " entries ", "Commit": " tree message committedDate "}
	if fields[kind] == "" {
		return false
	}
	for _, list := range fields {
		if strings.Contains(list, " "+name+" ") {
			return true
		}
	}
	return false
}

func modeNumber(mode string) int {
	n := 0
	fmt.Sscanf(mode, "%o", &n)
	return n
}

// repository finds the repository that a field asks for, nil with an error if
// the caller may not see it.
func (g *graph) repository(f field, path []string) any {
	name := fmt.Sprint(f.args["owner"], "/", f.args["name"])
	r := g.repos[strings.ToLower(name)]
	if r == nil {
		r = g.moved[strings.ToLower(name)]
	}
	if r == nil || !g.sees(r) {
		g.errors = append(g.errors, &graphError{kind: "NOT_FOUND", path: path,
			message: fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", name)})
		return nil
	}
	g.repo = r
	return r
}

func (g *graph) repositoryField(r *repo, f field) (below string, value any, known bool) {
	g.repo = r
	switch f.name {
	case "object":
		if g.who.token != nil && g.who.token.covers(r) && !g.who.token.has("contents", "read") {
			g.errors = append(g.errors, &graphError{kind: "FORBIDDEN", message: "Resource not accessible by integration"})
			return "", nil, true
		}
		if oid, given := f.args["oid"].(string); given {
			return g.gitObject(r, git.ID(oid))
		}
		expression, _ := f.args["expression"].(string)
		return g.gitObject(r, r.parse(expression))
	case "ref":
		name, _ := f.args["qualifiedName"].(string)
		if !strings.HasPrefix(name, "refs/") {
			name = "refs/heads/" + name
		}
		if r.git.Refs[name] == "" {
			return "Ref", nil, true
		}
		return "Ref", name, true
	case "defaultBranchRef":
		if r.empty() {
			return "Ref", nil, true
		}
		return "Ref", "refs/heads/" + r.branch, true
	}
	value, known = object{"id": fmt.Sprintf("R_%d", r.id), "databaseId": r.id, "name": r.name, "nameWithOwner": r.full(), "isArchived": r.Archived,
		"isDisabled": r.Disabled, "isEmpty": r.empty(), "isPrivate": r.Private, "isFork": false}[f.name]
	return "", value, known
}

// parse resolves an expression of git rev-parse, as far as REV, REV:PATH go.
func (r *repo) parse(expression string) git.ID {
	rev, path, hasPath := strings.Cut(expression, ":")
	if !hasPath {
		if r.git.Kind(git.ID(rev)) != "" {
			return git.ID(rev)
		}
		c, _ := r.commit(rev)
		return c.ID
	}
	c, _ := r.commit(rev)
	e, _ := r.git.Find(c.Tree, strings.Trim(path, "/"))
	return e.ID
}

// gitObject returns an object with its type, nil if there is none.
func (g *graph) gitObject(r *repo, id git.ID) (below string, value any, known bool) {
	switch r.git.Kind(id) {
	case git.Blob:
		return "Blob", id, true
	case git.Tree:
		return "Tree", id, true
	case git.Commit:
		c, err := r.git.Commit(id)
		return "Commit", c, err == nil
	}
	return "GitObject", nil, true
}

// blob has the fields of a blob. Text is GitHub's reading of the bytes, null
// for what it takes as binary.
func (g *graph) blob(id git.ID) object {
	data, _ := g.repo.git.Get(git.Blob, id)
	o := object{"oid": id, "id": "B_" + string(id), "byteSize": len(data), "isBinary": !text(data), "isTruncated": len(data) > maxBlobText, "text": nil}
	if text(data) {
		cut := data[:min(len(data), maxBlobText)]
		for len(cut) < len(data) && !utf8.Valid(cut) && len(cut) > maxBlobText-4 {
			cut = cut[:len(cut)-1]
		}
		o["text"] = strings.ToValidUTF8(string(cut), "\ufffd")
	}
	return o
}
