package githubtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
	"github.com/salvehq/salve/internal/githubtest/graphql"
)

// An autoMerge is that GitHub is to merge a pull request once nothing stands
// against it.
type autoMerge struct {
	by     *user
	at     time.Time
	method string // MERGE, SQUASH, REBASE
}

// mutate answers one field of a mutation. Its only argument is input.
// https://docs.github.com/en/graphql/reference/mutations#enablepullrequestautomerge
// https://docs.github.com/en/graphql/reference/mutations#disablepullrequestautomerge
func (g *graph) mutate(f graphql.Field, path []string) any {
	takes := []string{"pullRequestId", "clientMutationId"}
	payload := "DisablePullRequestAutoMergePayload"
	if f.Name == "enablePullRequestAutoMerge" {
		takes = append(takes, "authorEmail", "commitBody", "commitHeadline", "expectedHeadOid", "mergeMethod")
		payload = "EnablePullRequestAutoMergePayload"
	}
	refuse := func(kind, format string, args ...any) any {
		g.errors = append(g.errors, &graphError{kind: kind, path: path, message: fmt.Sprintf(format, args...)})
		return nil
	}
	in, given := f.Args["input"].(map[string]any)
	for name := range in {
		if !slices.Contains(takes, name) {
			return refuse("", "Variable $input was provided invalid value for %s (Field is not defined on %sInput)", name, strings.TrimSuffix(payload, "Payload"))
		}
	}
	id, _ := in["pullRequestId"].(string)
	if !given || id == "" {
		return refuse("", "Variable $input was provided invalid value for pullRequestId (Expected value to not be null)")
	}
	r, i := g.node(id)
	if i == nil || !g.sees(r) {
		return refuse("NOT_FOUND", "Could not resolve to a node with the global id of '%s'", id)
	}
	if t := g.who.token; t != nil && !(t.covers(r) && t.has("contents", "write") && t.has("pull_requests", "write")) ||
		g.who.user != nil && !r.writable(g.who.user, "contents:write") {
		return refuse("FORBIDDEN", "Resource not accessible by integration")
	}
	g.repo = r
	why := ""
	if f.Name == "enablePullRequestAutoMerge" {
		why = g.enableAuto(r, i, in)
	} else {
		why = g.disableAuto(r, i)
	}
	if why != "" {
		return refuse("UNPROCESSABLE", "%s", why)
	}
	return g.object(payload, i, f.Fields, path)
}

// node finds a pull request by its global id.
func (s *Server) node(id string) (*repo, *issue) {
	for _, r := range s.repos {
		for _, i := range r.issues {
			if i.pull != nil && id == fmt.Sprintf("PR_%d", i.id) {
				return r, i
			}
		}
	}
	return nil, nil
}

// enableAuto lets a pull request merge by itself, or says in GitHub's words why
// not.
func (g *graph) enableAuto(r *repo, i *issue, in map[string]any) string {
	method, _ := in["mergeMethod"].(string)
	head, _ := in["expectedHeadOid"].(string)
	if method == "" {
		method = "MERGE"
	}
	switch {
	case i.state != "open":
		return "Pull request Can't enable auto-merge for this pull request"
	case !r.AutoMerge:
		return "Pull request Auto merge is not allowed for this repository"
	case i.pull.draft:
		return "Pull request Pull request is in draft status"
	case head != "" && git.ID(head) != i.pull.headSHA:
		return "Head sha didn't match expected head sha."
	case method == "REBASE":
		return "Merge method rebase merging is not allowed on this repository"
	case method != "MERGE" && method != "SQUASH":
		return "Variable $input was provided invalid value for mergeMethod (Expected \"" + method + "\" to be one of: MERGE, SQUASH, REBASE)"
	}
	i.pull.tested = r.tips(i.pull)
	switch state, _ := g.mergeability(r, i); state {
	case "clean", "unstable", "dirty":
		return "Pull request Pull request is in " + state + " status"
	}
	by := g.who.actor(g.Server)
	i.pull.auto = &autoMerge{by, g.now(), method}
	g.announcePull(r, i, "auto_merge_enabled", by, nil)
	return ""
}

func (g *graph) disableAuto(r *repo, i *issue) string {
	if i.pull.auto == nil {
		return "Can't disable auto-merge for this pull request"
	}
	i.pull.auto = nil
	g.announcePull(r, i, "auto_merge_disabled", g.who.actor(g.Server), object{"reason": "Auto-merge was disabled manually"})
	return ""
}

// mergeWaiting merges the pull requests that wait for nothing any more.
func (s *Server) mergeWaiting(r *repo, head git.ID) {
	for _, i := range r.issues {
		if i.pull == nil || i.pull.auto == nil || i.state != "open" || i.pull.headSHA != head {
			continue
		}
		// What is still missing is waited for.
		_, _ = s.merge(r, i, strings.ToLower(i.pull.auto.method), "", identity{user: i.pull.auto.by})
	}
}

// pullField answers a field of a pull request, or of what a mutation says of it.
func (g *graph) pullField(i *issue, f graphql.Field, path []string) any {
	switch f.Name {
	case "pullRequest":
		return g.object("PullRequest", i, f.Fields, path)
	case "autoMergeRequest":
		if i.pull.auto == nil {
			return nil
		}
		return g.object("AutoMergeRequest", object{"enabledAt": stamp(i.pull.auto.at), "mergeMethod": i.pull.auto.method}, f.Fields, path)
	}
	return object{"id": fmt.Sprintf("PR_%d", i.id), "number": i.number, "state": strings.ToUpper(g.repo.stateOf(i))}[f.Name]
}

func (s *Server) autoMergeJSON(a *autoMerge) any {
	if a == nil {
		return nil
	}
	return object{"enabled_by": s.userJSON(a.by), "merge_method": strings.ToLower(a.method), "commit_title": "", "commit_message": ""}
}
