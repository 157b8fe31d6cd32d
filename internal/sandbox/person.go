package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/patch"
)

// Person is who opens the pull request of the world.
const Person = "maria"

// A Pull is the pull request that a person opened.
type Pull struct {
	Repo   string // owner/name
	Number int
	Head   string // SHA
	Branch string
	Title  string
	Author string
	Diff   string
}

// Protect makes a status required on the default branches of all repositories,
// as their owners would in the settings of the repository.
func (s *Sandbox) Protect(context string) error {
	for _, repo := range s.Repos {
		err := s.GitHub.Protect(repo, "main", githubtest.Protection{
			Checks: []githubtest.RequiredCheck{{Context: context, App: AppID}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// PersonalChange lets a person open the pull request of the world, and delivers
// the webhooks to hook. A world without one opens none: the number is zero.
func (s *Sandbox) PersonalChange(hook string) (Pull, error) {
	repos, err := fs.Glob(s.world, "person/*/*")
	if err != nil || len(repos) == 0 {
		return Pull{}, err
	}
	title, err := fs.ReadFile(s.world, "person/title.txt")
	if err != nil {
		return Pull{}, err
	}
	p := Pull{
		Repo: path.Base(path.Dir(repos[0])) + "/" + path.Base(repos[0]), Branch: "deploy",
		Title: strings.TrimSpace(string(title)), Author: Person,
	}
	changed, err := s.changed(repos[0], &p)
	if err != nil {
		return Pull{}, err
	}
	if p.Head, err = s.GitHub.PushCommit(p.Repo, Person, p.Branch, p.Title, changed); err != nil {
		return Pull{}, err
	}
	if err := s.GitHub.SetWebhook(AppID, hook, s.Secret); err != nil {
		return Pull{}, err
	}
	p.Number, err = s.GitHub.OpenPull(p.Repo, Person, githubtest.NewPull{Head: p.Branch, Title: p.Title})
	s.GitHub.Settle()
	return p, err
}

// changed reads the files that the person changes, and their diff.
func (s *Sandbox) changed(dir string, p *Pull) (map[string]*githubtest.File, error) {
	sub, err := fs.Sub(s.world, dir)
	if err != nil {
		return nil, err
	}
	files, err := githubtest.Files(sub)
	if err != nil {
		return nil, err
	}
	out := map[string]*githubtest.File{}
	var cs patch.ChangeSet
	for name, f := range files {
		out[name] = &f
		before, err := fs.ReadFile(s.world, path.Join("repos", p.Repo, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		cs = cs.With(patch.FileChange{Path: name, Before: before, After: []byte(f.Content)})
	}
	p.Diff = cs.Unified()
	return out, nil
}

// TryMerge asks GitHub to merge p as the person who opened it, and returns in
// GitHub's words why it does not. A merge that goes through is an error.
//
// GitHub: PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge, by the person.
func (s *Sandbox) TryMerge(p Pull) (refused string, err error) {
	req, err := http.NewRequest("PUT", fmt.Sprintf("%srepos/%s/pulls/%d/merge", s.GitHubURL, p.Repo, p.Number), strings.NewReader("{}"))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+s.PersonToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", err
	}
	var answer struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("merge %s#%d: status %d without JSON", p.Repo, p.Number, resp.StatusCode)
	}
	if resp.StatusCode != http.StatusMethodNotAllowed {
		return "", fmt.Errorf("merge %s#%d: status %d %s, want it refused with 405", p.Repo, p.Number, resp.StatusCode, answer.Message)
	}
	return answer.Message, nil
}
