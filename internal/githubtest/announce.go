package githubtest

import (
	"fmt"
	"maps"
	"strings"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// Payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads

func (s *Server) announceInstallation(i *installation, action string) {
	var repos []object
	for _, r := range s.reach(i) {
		repos = append(repos, s.repoStubJSON(r))
	}
	s.emitTo(i, nil, "installation", action, s.user(i.Account), object{"installation": s.installationJSON(i), "repositories": repos})
}

func (s *Server) announceRepos(i *installation, verb, name string) {
	lists := object{"repositories_added": []object{}, "repositories_removed": []object{}}
	if r := s.repos[strings.ToLower(name)]; r != nil {
		lists["repositories_"+verb] = []object{s.repoStubJSON(r)}
	}
	lists["repository_selection"], lists["installation"] = "selected", s.installationJSON(i)
	s.emitTo(i, nil, "installation_repositories", verb, s.user(i.Account), lists)
}

func (s *Server) repoStubJSON(r *repo) object {
	return object{"id": r.id, "node_id": fmt.Sprintf("R_%d", r.id), "name": r.name, "full_name": r.full(), "private": r.Private}
}

// zeroID stands for no commit, before a creation and after a deletion.
var zeroID = strings.Repeat("0", 40)

func (s *Server) announcePush(r *repo, ref string, before, after git.ID, by *user) {
	if !s.heard(r, "push") {
		return
	}
	orZero := func(id git.ID) string {
		if id == "" {
			return zeroID
		}
		return string(id)
	}
	commits := []object{}
	if before != "" && after != "" {
		for _, c := range r.git.Log(before, after) {
			commits = append(commits, s.pushedJSON(r, c))
		}
	}
	payload := object{
		"ref": ref, "before": orZero(before), "after": orZero(after), "created": before == "", "deleted": after == "",
		"forced": before != "" && after != "" && !r.git.Ancestors(after)[before], "base_ref": nil, "commits": commits, "head_commit": nil,
		"compare": s.web(r.full() + "/compare"), "pusher": object{"name": by.login, "email": fmt.Sprintf("%s@users.noreply.github.com", by.login)},
	}
	if c, err := r.git.Commit(after); err == nil {
		payload["head_commit"] = s.pushedJSON(r, c)
	}
	s.emit(r, "push", "", by, payload)
}

// pushedJSON is a commit as pushes show it, with the paths that it touches.
func (s *Server) pushedJSON(r *repo, c git.Snapshot) object {
	paths := map[string][]string{git.Added: {}, git.Removed: {}, git.Modified: {}}
	diffs, _ := r.git.Diff(r.parentTree(c), c.Tree)
	for _, d := range diffs {
		paths[d.Status] = append(paths[d.Status], d.Path)
	}
	who := func(s git.Signature) object { return object{"name": s.Name, "email": s.Email} }
	return object{"id": c.ID, "tree_id": c.Tree, "message": c.Message, "timestamp": stamp(c.Committer.When), "distinct": true,
		"url": s.web(r.full() + "/commit/" + string(c.ID)), "author": who(c.Author), "committer": who(c.Committer),
		"added": paths[git.Added], "removed": paths[git.Removed], "modified": paths[git.Modified]}
}

func (s *Server) announcePull(r *repo, i *issue, action string, by *user, more object) {
	if !s.heard(r, "pull_request") {
		return
	}
	payload := object{"number": i.number, "pull_request": s.pullJSON(r, i)}
	maps.Copy(payload, more)
	s.emit(r, "pull_request", action, by, payload)
}

func (s *Server) announceIssue(r *repo, i *issue, action string, by *user, more object) {
	if !s.heard(r, "issues") {
		return
	}
	payload := object{"issue": s.issueJSON(r, i)}
	maps.Copy(payload, more)
	s.emit(r, "issues", action, by, payload)
}

// announceEither announces what pull requests and issues have in common.
func (s *Server) announceEither(r *repo, i *issue, action string, by *user, more object) {
	if i.pull != nil {
		s.announcePull(r, i, action, by, more)
		return
	}
	s.announceIssue(r, i, action, by, more)
}

func (s *Server) announceLabel(r *repo, i *issue, l *label, action string, by *user) {
	more := object{"label": s.labelJSON(r, l)}
	if i.pull != nil {
		s.announcePull(r, i, action, by, more)
		return
	}
	s.announceIssue(r, i, action, by, more)
}

func (s *Server) announceComment(r *repo, i *issue, m *comment, action string, by *user) {
	if !s.heard(r, "issue_comment") {
		return
	}
	s.emit(r, "issue_comment", action, by, object{"issue": s.issueJSON(r, i), "comment": s.commentJSON(r, i, m)})
}

func (s *Server) announceReview(r *repo, i *issue, v *review, by *user) {
	if !s.heard(r, "pull_request_review") {
		return
	}
	o := s.reviewJSON(r, i, v)
	o["state"] = strings.ToLower(v.state)
	s.emit(r, "pull_request_review", "submitted", by, object{"review": o, "pull_request": s.pullSimpleJSON(r, i)})
}

func (s *Server) announceStatus(r *repo, id git.ID, st *status) {
	if !s.heard(r, "status") {
		return
	}
	c, _ := r.git.Commit(id)
	in := []object{}
	for _, name := range r.branches() {
		if r.git.Ancestors(r.head(name))[id] && len(in) < 10 {
			in = append(in, object{"name": name, "commit": object{"sha": id}})
		}
	}
	s.emit(r, "status", "", st.by, object{"id": st.id, "sha": id, "name": r.full(), "context": st.context, "state": st.state,
		"description": orNil(st.description), "target_url": orNil(st.target), "avatar_url": s.web("avatars/" + st.by.login),
		"commit": s.commitJSON(r, c), "branches": in, "created_at": stamp(st.created), "updated_at": stamp(st.created)})
}
