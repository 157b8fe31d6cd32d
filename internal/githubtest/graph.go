package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/githubtest/git"
	"github.com/salvehq/salve/internal/githubtest/graphql"
)

// maxBlobText is how much of a blob GraphQL gives as text, in bytes.
const maxBlobText = 512_000

// A graphError is one entry of the errors of a GraphQL answer, which has status
// 200 all the same.
type graphError struct {
	message string
	kind    string // NOT_FOUND, FORBIDDEN, UNPROCESSABLE
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

// schema has the types that queries can reach, with the type of each field;
// scalars have none. A GitObject is a Blob, a Tree or a Commit.
func schema() map[string]map[string]string {
	return map[string]map[string]string{
		"Query": {"repository": "Repository", "rateLimit": "RateLimit"},
		"Mutation": {"enablePullRequestAutoMerge": "EnablePullRequestAutoMergePayload",
			"disablePullRequestAutoMerge": "DisablePullRequestAutoMergePayload"},
		"EnablePullRequestAutoMergePayload":  {"clientMutationId": "", "pullRequest": "PullRequest"},
		"DisablePullRequestAutoMergePayload": {"clientMutationId": "", "pullRequest": "PullRequest"},
		"PullRequest":                        {"id": "", "number": "", "state": "", "autoMergeRequest": "AutoMergeRequest"},
		"AutoMergeRequest":                   {"enabledAt": "", "mergeMethod": ""},
		"RateLimit":                          {"limit": "", "remaining": "", "used": "", "cost": ""},
		"Repository": {"id": "", "databaseId": "", "name": "", "nameWithOwner": "", "isArchived": "", "isDisabled": "", "isEmpty": "", "isPrivate": "",
			"isFork": "", "object": "GitObject", "ref": "Ref", "defaultBranchRef": "Ref"},
		"Ref":       {"id": "", "name": "", "prefix": "", "target": "GitObject"},
		"GitObject": {"id": "", "oid": ""},
		"Blob":      {"id": "", "oid": "", "text": "", "byteSize": "", "isBinary": "", "isTruncated": ""},
		"Commit":    {"id": "", "oid": "", "message": "", "committedDate": "", "tree": "Tree"},
		"Tree":      {"id": "", "oid": "", "entries": "TreeEntry"},
		"TreeEntry": {"name": "", "path": "", "oid": "", "type": "", "mode": "", "object": "GitObject"},
	}
}

// checkFields returns what is wrong with a selection on a type before it is
// answered.
func checkFields(kind string, fields []graphql.Field, path []string) []*graphError {
	var errs []*graphError
	types := schema()
	for _, f := range fields {
		at := append(path[:len(path):len(path)], f.Alias)
		if f.On != "" {
			at[len(path)] = "... on " + f.On
			if types[f.On] == nil {
				errs = append(errs, &graphError{code: "undefinedType", path: at, message: fmt.Sprintf("No such type %s, so it can't be a fragment condition", f.On)})
			}
			errs = append(errs, checkFields(f.On, f.Fields, at)...)
			continue
		}
		below, known := types[kind][f.Name]
		switch {
		case f.Name == "__typename":
		case !known && types[kind] != nil:
			errs = append(errs, &graphError{code: "undefinedField", path: at, message: fmt.Sprintf("Field '%s' doesn't exist on type '%s'", f.Name, kind)})
		case below != "" && f.Fields == nil:
			errs = append(errs, &graphError{code: "selectionMismatch", path: at, message: fmt.Sprintf("Field must have selections (field '%s' returns %s but has no selections. Did you mean '%s { ... }'?)", f.Name, below, f.Name)})
		case below == "" && f.Fields != nil:
			errs = append(errs, &graphError{code: "selectionMismatch", path: at, message: fmt.Sprintf("Selections can't be made on scalars (field '%s')", f.Name)})
		default:
			errs = append(errs, checkFields(below, f.Fields, at)...)
		}
	}
	return errs
}

// A graph answers one query.
type graph struct {
	*call
	errors []*graphError // of the answer
}

// graphql answers queries for a repository and its objects, as far as schema
// goes.
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
	root, fields, err := graphql.Parse(in.Query, in.Variables)
	if err != nil {
		return ok(object{"errors": graphErrors{{message: err.Error()}}.json()})
	}
	if errs := checkFields(root, fields, []string{strings.ToLower(root)}); errs != nil {
		return ok(object{"errors": graphErrors(errs).json()})
	}
	g := &graph{call: c}
	o := object{"data": g.object(root, nil, fields, nil)}
	if g.errors != nil {
		o["errors"] = graphErrors(g.errors).json()
	}
	return ok(o)
}

type graphErrors []*graphError

func (errs graphErrors) json() []object {
	var out []object
	for _, e := range errs {
		out = append(out, e.json())
	}
	return out
}

// object answers a selection on a value of a type.
func (g *graph) object(kind string, v any, fields []graphql.Field, path []string) object {
	out := object{}
	for _, f := range fields {
		at := append(path[:len(path):len(path)], f.Alias)
		switch {
		case f.On == kind || f.On == "GitObject":
			maps.Copy(out, g.object(kind, v, f.Fields, path))
		case f.On != "":
		case f.Name == "__typename":
			out[f.Alias] = kind
		default:
			out[f.Alias] = g.field(kind, v, f, at)
		}
	}
	return out
}

// field answers one field of a value.
func (g *graph) field(kind string, v any, f graphql.Field, path []string) any {
	switch v := v.(type) {
	case nil:
		if kind == graphql.Mutation {
			return g.mutate(f, path)
		}
		if f.Name == "repository" {
			return g.repository(f, path)
		}
		u := g.usageOf(g.who)
		limits := object{"limit": g.limits.PerHour, "remaining": g.limits.PerHour - u.used, "used": u.used, "cost": 1}
		return g.object("RateLimit", limits, f.Fields, path)
	case *repo:
		return g.repositoryField(v, f, path)
	case *issue:
		return g.pullField(v, f, path)
	case branchRef:
		if f.Name == "target" {
			return g.gitObject(g.repo.git.Refs[string(v)], f, path)
		}
		return object{"name": strings.TrimPrefix(string(v), "refs/heads/"), "prefix": "refs/heads/", "id": "REF_" + string(v)}[f.Name]
	case git.Snapshot:
		if f.Name == "tree" {
			return g.object("Tree", v.Tree, f.Fields, path)
		}
		return object{"oid": v.ID, "id": "C_" + string(v.ID), "message": v.Message, "committedDate": stamp(v.Committer.When)}[f.Name]
	case git.Entry:
		if f.Name == "object" {
			return g.gitObject(v.ID, f, path)
		}
		return object{"name": v.Path, "path": v.Path, "oid": v.ID, "type": v.Kind(), "mode": modeNumber(v.Mode)}[f.Name]
	case git.ID:
		if kind == "Blob" {
			return g.blob(v)[f.Name]
		}
		return g.treeField(v, f, path)
	case object:
		return v[f.Name]
	}
	return nil
}

// A branchRef is the full name of a reference.
type branchRef string

func (g *graph) treeField(id git.ID, f graphql.Field, path []string) any {
	if f.Name != "entries" {
		return object{"oid": id, "id": "T_" + string(id)}[f.Name]
	}
	entries, _ := g.repo.git.Entries(id)
	list := []object{}
	for _, e := range entries {
		list = append(list, g.object("TreeEntry", e, f.Fields, path))
	}
	return list
}

func modeNumber(mode string) int {
	n := 0
	fmt.Sscanf(mode, "%o", &n)
	return n
}

// repository finds the repository that a field asks for, nil with an error if
// the caller may not see it.
func (g *graph) repository(f graphql.Field, path []string) any {
	name := fmt.Sprint(f.Args["owner"], "/", f.Args["name"])
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
	return g.object("Repository", r, f.Fields, path)
}

func (g *graph) repositoryField(r *repo, f graphql.Field, path []string) any {
	g.repo = r
	ref := ""
	switch f.Name {
	case "object":
		if g.who.token != nil && g.who.token.covers(r) && !g.who.token.has("contents", "read") {
			g.errors = append(g.errors, &graphError{kind: "FORBIDDEN", path: path, message: "Resource not accessible by integration"})
			return nil
		}
		if oid, given := f.Args["oid"].(string); given {
			return g.gitObject(git.ID(oid), f, path)
		}
		expression, _ := f.Args["expression"].(string)
		return g.gitObject(r.parse(expression), f, path)
	case "ref":
		name, _ := f.Args["qualifiedName"].(string)
		ref = "refs/heads/" + strings.TrimPrefix(name, "refs/heads/")
	case "defaultBranchRef":
		ref = "refs/heads/" + r.branch
	default:
		return object{"id": fmt.Sprintf("R_%d", r.id), "databaseId": r.id, "name": r.name, "nameWithOwner": r.full(), "isArchived": r.Archived,
			"isDisabled": r.Disabled, "isEmpty": r.empty(), "isPrivate": r.Private, "isFork": false}[f.Name]
	}
	if r.git.Refs[ref] == "" {
		return nil
	}
	return g.object("Ref", branchRef(ref), f.Fields, path)
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

// gitObject answers a selection on an object, nil if there is none.
func (g *graph) gitObject(id git.ID, f graphql.Field, path []string) any {
	switch g.repo.git.Kind(id) {
	case git.Blob:
		return g.object("Blob", id, f.Fields, path)
	case git.Tree:
		return g.object("Tree", id, f.Fields, path)
	case git.Commit:
		c, _ := g.repo.git.Commit(id)
		return g.object("Commit", c, f.Fields, path)
	}
	return nil
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
