package githubtest

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A State is what a repository has come to, without what differs from run to
// run: ids and times. Two runs that did the same have equal States.
type State struct {
	Branches map[string]Branch
	Issues   []Issue // with pull requests, by number
	Labels   []string
}

// A Branch is a branch of a State.
type Branch struct {
	Tree    string   // id
	Commits []string // messages of what the default branch does not have, oldest first
	Status  []Status // of its head, the newest per context, by context
	Checks  []Status // check runs of its head, the newest per name, by name
}

// A Status is a commit status or a check run of a State.
type Status struct {
	Context     string
	State       string // of a check run its conclusion, or its status while it has none
	Description string // of a check run its title
	By          string // login
}

// An Issue is an issue or a pull request of a State.
type Issue struct {
	Number    int
	Pull      bool
	State     string // open, closed, merged
	Title     string
	Body      string
	Author    string
	Head      string // branch of a pull request
	Base      string
	Draft     bool
	Auto      bool     // GitHub merges it by itself
	Labels    []string // sorted
	Assignees []string
	Reviewers []string // teams as organisation/slug
	Comments  []Comment
	Lines     []Comment // of reviews
	Diff      string
}

// A Comment is a comment of a State.
type Comment struct {
	Author    string
	Body      string
	Path      string // of a line
	Line      int
	Reactions []string
}

// State returns what a repository has come to.
func (s *Server) State(name string) (State, error) {
	st := State{Branches: map[string]Branch{}}
	err := s.withRepo(name, func(r *repo) error {
		for _, b := range r.branches() {
			st.Branches[b] = r.branchState(b)
		}
		for _, i := range r.issues {
			st.Issues = append(st.Issues, r.issueState(i))
		}
		for _, l := range r.labels {
			st.Labels = append(st.Labels, l.name)
		}
		slices.Sort(st.Labels)
		return nil
	})
	return st, err
}

func (r *repo) branchState(name string) Branch {
	id := r.head(name)
	c, _ := r.git.Commit(id)
	b := Branch{Tree: string(c.Tree)}
	for _, one := range r.git.Log(r.head(r.branch), id) {
		b.Commits = append(b.Commits, one.Message)
	}
	for _, st := range r.latest(id) {
		b.Status = append(b.Status, Status{st.context, st.state, st.description, st.by.login})
	}
	runs := map[string]Status{}
	for _, k := range r.runs {
		if k.head == id {
			title := ""
			if k.output.Title != nil {
				title = *k.output.Title
			}
			runs[k.name] = Status{k.name, cmp.Or(k.conclusion, k.status), title, k.app.Slug + "[bot]"}
		}
	}
	b.Checks = slices.Collect(maps.Values(runs))
	for _, list := range [][]Status{b.Status, b.Checks} {
		slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Context, b.Context) })
	}
	return b
}

func (r *repo) issueState(i *issue) Issue {
	out := Issue{Number: i.number, State: r.stateOf(i), Title: i.title, Body: i.body, Author: i.author.login, Assignees: logins(i.assignees)}
	for _, l := range i.labels {
		out.Labels = append(out.Labels, l.name)
	}
	slices.Sort(out.Labels)
	for _, m := range i.comments {
		c := Comment{Author: m.author.login, Body: m.body}
		for _, x := range m.reactions {
			c.Reactions = append(c.Reactions, x.content)
		}
		out.Comments = append(out.Comments, c)
	}
	if p := i.pull; p != nil {
		out.Pull, out.Head, out.Base, out.Draft, out.Auto, out.Reviewers = true, p.head, p.base, p.draft, p.auto != nil, logins(p.reviewers)
		for _, t := range p.teams {
			out.Reviewers = append(out.Reviewers, t.org+"/"+t.slug)
		}
		out.Diff = string(unified(r.changes(p)))
		for _, m := range p.lineComments() {
			out.Lines = append(out.Lines, Comment{Author: m.author.login, Body: m.body, Path: m.path, Line: m.line})
		}
	}
	return out
}

func logins(users []*user) []string {
	var out []string
	for _, u := range users {
		out = append(out, u.login)
	}
	return out
}

// ReadFile returns the content of a file at a branch or commit.
func (s *Server) ReadFile(name, ref, path string) (content string, err error) {
	err = s.withRepo(name, func(r *repo) error {
		c, _ := r.commit(ref)
		e, _ := r.git.Find(c.Tree, path)
		data, err := r.git.Get(git.Blob, e.ID)
		content = string(data)
		return err
	})
	return content, err
}
