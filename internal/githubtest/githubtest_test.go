package githubtest_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// What Salve does on a good day.
func TestProposal(t *testing.T) {
	w := newWorld(t)
	n, head := w.propose("salve/memory/checkout-1a2b3c4d", "Raise memory limit", map[string]string{
		"k8s/deploy.yaml": "kind: Deployment\nmemory: 640Mi # raised\ncpu: 1\na: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\n"})
	pull := fmt.Sprintf("/repos/acme/shop/pulls/%d", n)
	labels := w.want(200, "POST", fmt.Sprintf("/repos/acme/shop/issues/%d/labels", n), `["salve","remediation"]`)
	if labels.len() != 2 {
		t.Errorf("labels: %s", labels.raw)
	}
	w.want(201, "POST", "/repos/acme/shop/statuses/"+head, map[string]any{"state": "success", "context": "salve/remediation", "description": "1 file"})
	w.want(200, "POST", pull+"/reviews", map[string]any{"event": "COMMENT", "body": "", "comments": []map[string]any{
		{"path": "k8s/deploy.yaml", "line": 2, "side": "RIGHT", "body": "x1.25"}}})
	if first := w.want(200, "GET", pull, nil); first.at("mergeable") != nil {
		t.Error("mergeable before GitHub could have tried")
	}
	got := w.want(200, "GET", pull, nil)
	if got.text("head", "sha") != head || got.text("user", "login") != "salve[bot]" || got.at("mergeable") != true {
		t.Errorf("pull: %s", got.raw)
	}
	files := w.want(200, "GET", pull+"/files", nil)
	if want := "@@ -1,5 +1,5 @@\n kind: Deployment\n-memory: 512Mi # raised\n+memory: 640Mi # raised\n cpu: 1\n a: 1\n b: 2"; files.text(0, "patch") != want {
		t.Errorf("patch: %s", files.text(0, "patch"))
	}
	commits := w.want(200, "GET", pull+"/commits", nil)
	if commits.at(0, "commit", "verification", "verified") != true {
		t.Errorf("commit is not verified: %s", commits.raw)
	}
	merged := w.want(200, "PUT", pull+"/merge", map[string]any{"merge_method": "squash"})
	if main := w.want(200, "GET", "/repos/acme/shop/git/ref/heads/main", nil); main.text("object", "sha") != merged.text("sha") {
		t.Errorf("main is %s, want %s", main.text("object", "sha"), merged.text("sha"))
	}
}

func TestGraphQL(t *testing.T) {
	w := newWorld(t)
	g := w.want(200, "POST", "/graphql", map[string]any{
		"query": `query($owner:String!,$name:String!){repository(owner:$owner,name:$name){
			a:object(expression:"main:README.md"){... on Blob{oid text}} b:object(expression:"main:nope"){oid}
			t:object(expression:"main:k8s"){__typename ... on Tree{entries{name mode type}} ... on Blob{text}}
			defaultBranchRef{name target{oid ... on Commit{tree{oid}}}}}}`,
		"variables": map[string]any{"owner": "acme", "name": "shop"}})
	r := []any{"data", "repository"}
	if g.text(append(r, "a", "text")...) != "# Shop\n" || g.at(append(r, "b")...) != nil || g.text(append(r, "t", "entries", 0, "name")...) != "deploy.yaml" ||
		g.text(append(r, "defaultBranchRef", "name")...) != "main" {
		t.Error(g.raw)
	}
	for query, want := range map[string]string{
		`{repository(owner:"acme",name:"shop"){price}}`:                    "Field 'price' doesn't exist on type 'Repository'",
		`{repository(owner:"acme",name:"shop"){object(oid:"1"){text}}}`:    "Field 'text' doesn't exist on type 'GitObject'",
		`{repository(owner:"acme",name:"shop")}`:                           "Field must have selections (field 'repository' returns Repository but has no selections. Did you mean 'repository { ... }'?)",
		`{repository(owner:"acme",name:"none"){id}}`:                       "Could not resolve to a Repository with the name 'acme/none'.",
		`{repository(owner:"acme",name:"shop"){id}`:                        `Parse error on "" at [1, 42]`,
		`mutation{createRef{clientMutationId}}`:                            "Field 'createRef' doesn't exist on type 'Mutation'",
		`query($o:String!){repository(owner:$o,name:"shop"){id}}`:          "Variable $o of type String! was provided invalid value",
		`{repository(owner:"acme",name:"shop"){object(oid:"x"){... on }}}`: `Parse error on "}" at [1, 63]`,
	} {
		if g := w.want(200, "POST", "/graphql", map[string]any{"query": query}); g.text("errors", 0, "message") != want {
			t.Errorf("%s\n got %s\nwant %s", query, g.raw, want)
		}
	}
}

// A reference is a lock: of many who make it at once, one succeeds.
func TestRefIsLock(t *testing.T) {
	w := newWorld(t)
	tree, main := w.tree("f", "x"), w.head()
	body := func(i int) map[string]any {
		c := w.ask("POST", "/repos/acme/shop/git/commits", map[string]any{"message": fmt.Sprint(i), "tree": tree, "parents": []string{main}})
		return map[string]any{"ref": "refs/heads/lock", "sha": c.text("sha")}
	}
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			if w.ask("POST", "/repos/acme/shop/git/refs", body(i)).status == 201 {
				won.Add(1)
			}
			w.ask("POST", "/repos/acme/shop/pulls", map[string]any{"title": "t", "head": "lock", "base": "main"})
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d made the branch", won.Load())
	}
	if g := w.want(200, "GET", "/repos/acme/shop/pulls?state=all", nil); g.len() != 1 {
		t.Errorf("%d pull requests", g.len())
	}
}
