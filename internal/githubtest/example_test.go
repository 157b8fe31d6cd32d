package githubtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/salvehq/salve/internal/githubtest"
)

// A person's pull request, read by anybody.
func Example() {
	gh := githubtest.New(githubtest.Options{})
	srv := httptest.NewServer(gh.Handler())
	defer srv.Close()

	gh.AddRepo(githubtest.Repo{Name: "acme/shop", Files: map[string]githubtest.File{"limits.yaml": {Content: "memory: 512Mi\n"}}})
	gh.PushCommit("acme/shop", "ada", "more-memory", "Raise the limit", map[string]*githubtest.File{"limits.yaml": {Content: "memory: 1Gi\n"}})
	n, _ := gh.OpenPull("acme/shop", "ada", githubtest.NewPull{Head: "more-memory", Title: "Raise the limit"})

	resp, err := http.Get(fmt.Sprintf("%s/acme/shop/pull/%d", srv.URL, n))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	fmt.Printf("%s", page)
	// Output:
	// acme/shop #1  Raise the limit  (open)
	// ada wants to merge more-memory into main
	//
	// diff --git a/limits.yaml b/limits.yaml
	// --- a/limits.yaml
	// +++ b/limits.yaml
	// @@ -1 +1 @@
	// -memory: 512Mi
	// +memory: 1Gi
}
