package githubtest

import (
	"encoding/base64"
	"errors"
	"time"

	"github.com/salvehq/salve/internal/githubtest/git"
)

// A person is an author or committer in a request.
type person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Date  string `json:"date"`
}

// https://docs.github.com/en/rest/git/commits#create-a-commit
func (c *call) createCommit() (reply, error) {
	var in struct {
		Message   *string  `json:"message"`
		Tree      string   `json:"tree"`
		Parents   []string `json:"parents"`
		Author    *person  `json:"author"`
		Committer *person  `json:"committer"`
		Signature string   `json:"signature"`
	}
	if err := errors.Join(c.errEmpty(), c.decode(&in)); err != nil {
		return reply{}, err
	}
	switch {
	case in.Message == nil:
		return reply{}, missing("message")
	case in.Tree == "":
		return reply{}, missing("tree")
	case c.repo.git.Kind(git.ID(in.Tree)) != git.Tree:
		return reply{}, unprocessable("Tree SHA does not exist")
	}
	commit := git.Snapshot{Tree: git.ID(in.Tree), Message: *in.Message, GPG: in.Signature}
	for _, p := range in.Parents {
		if c.repo.git.Kind(git.ID(p)) != git.Commit {
			return reply{}, unprocessable("Parent SHA does not exist or is not a commit object")
		}
		commit.Parents = append(commit.Parents, git.ID(p))
	}
	if err := c.sign(&commit, in.Author, in.Committer); err != nil {
		return reply{}, err
	}
	id := c.repo.git.PutCommit(commit)
	made, _ := c.repo.git.Commit(id)
	return created(c.gitCommitJSON(made))
}

// sign fills in who made a commit. One that an App makes in its own name,
// without author, committer or signature, is signed by GitHub and thereby
// verified.
// https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
func (c *call) sign(commit *git.Snapshot, author, committer *person) error {
	self := c.signature(c.who.actor(c.Server))
	commit.Author, commit.Committer = self, self
	if author == nil && committer == nil && commit.GPG == "" && c.who.token != nil {
		commit.Committer = git.Signature{Name: "GitHub", Email: "noreply@github.com", When: self.When}
		commit.GPG = seal(commit.Payload())
		return nil
	}
	var err error
	if author != nil {
		commit.Author, err = author.signature("author", self.When)
		commit.Committer = commit.Author
	}
	if committer != nil && err == nil {
		commit.Committer, err = committer.signature("committer", self.When)
	}
	return err
}

func (p person) signature(field string, now time.Time) (git.Signature, error) {
	if p.Name == "" || p.Email == "" {
		return git.Signature{}, missing(field + ".name and " + field + ".email")
	}
	if p.Date != "" {
		when, err := time.Parse(time.RFC3339, p.Date)
		if err != nil {
			return git.Signature{}, unprocessable("Invalid request.\n\n%q is not a valid date.", p.Date)
		}
		now = when
	}
	return git.Signature{Name: p.Name, Email: p.Email, When: now}, nil
}

// sealMark is in the signatures that this server makes. They look like GitHub's
// and prove nothing.
const sealMark = "\n\nZ2l0aHVidGVzdCBzaWduYXR1cmU="

func seal(payload string) string {
	sum := git.Hash(git.Blob, []byte(payload))
	return "-----BEGIN PGP SIGNATURE-----" + sealMark + "\n" + base64.StdEncoding.EncodeToString([]byte(sum)) + "\n-----END PGP SIGNATURE-----\n"
}

func verification(commit git.Snapshot) object {
	switch {
	case commit.GPG == "":
		return object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
	case commit.GPG != seal(commit.Payload()):
		return object{"verified": false, "reason": "unknown_key", "signature": commit.GPG, "payload": commit.Payload(), "verified_at": nil}
	}
	return object{"verified": true, "reason": "valid", "signature": commit.GPG, "payload": commit.Payload(), "verified_at": stamp(commit.Committer.When)}
}

// https://docs.github.com/en/rest/git/commits#get-a-commit-object
func (c *call) getGitCommit() (reply, error) {
	if err := c.wantSHA(c.params["commit_sha"]); err != nil {
		return reply{}, err
	}
	commit, err := c.repo.git.Commit(git.ID(c.params["commit_sha"]))
	if err != nil {
		return reply{}, notFound()
	}
	return ok(c.gitCommitJSON(commit))
}

func (c *call) gitCommitJSON(commit git.Snapshot) object {
	web := c.web(c.repo.full() + "/commit/")
	parents := []object{}
	for _, p := range commit.Parents {
		parents = append(parents, object{"sha": p, "url": c.objectURL("commits", p), "html_url": web + string(p)})
	}
	return object{
		"sha": commit.ID, "node_id": "C_" + string(commit.ID), "url": c.objectURL("commits", commit.ID), "html_url": web + string(commit.ID),
		"author": personJSON(commit.Author), "committer": personJSON(commit.Committer), "message": commit.Message,
		"tree":    object{"sha": commit.Tree, "url": c.objectURL("trees", commit.Tree)},
		"parents": parents, "verification": verification(commit),
	}
}

func personJSON(s git.Signature) object {
	return object{"name": s.Name, "email": s.Email, "date": stamp(s.When)}
}
