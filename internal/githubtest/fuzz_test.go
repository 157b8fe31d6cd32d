package githubtest_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/githubtest"
)

// Whatever is asked, the answer is GitHub's: never a crash, never a 5xx, always
// JSON where there is a body.
func FuzzHandler(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/repos/acme/shop/git/trees", `{"base_tree":"main","tree":[{"path":"a/b","mode":"100644","content":"x"}]}`},
		{"POST", "/repos/acme/shop/git/refs", `{"ref":"refs/heads/x","sha":"1"}`},
		{"POST", "/repos/acme/shop/pulls", `{"title":"t","head":"x:y","base":"main"}`},
		{"POST", "/repos/acme/shop/pulls/1/reviews", `{"event":"COMMENT","comments":[{"path":"f","line":1,"position":-5,"body":"b"}]}`},
		{"PATCH", "/repos/acme/shop/issues/1", `{"labels":[{"name":"a"},5],"assignees":[null]}`},
		{"POST", "/repos/acme/shop/issues/1/labels", `["a"]`},
		{"GET", "/repos/acme/shop/compare/a...b?per_page=-1&page=99999999999", ""},
		{"GET", "/repos/acme/shop/contents/%2e%2e/x?ref=", ""},
		{"GET", "/search/issues?q=%22is:pr+label:", ""},
		{"POST", "/graphql", `{"query":"query($a:String!){repository(owner:$a,name:\"shop\"){b:object(expression:\"main:f\"){... on Blob{text}}}}","variables":{"a":"acme"}}`},
		{"POST", "/repos/acme/shop/check-runs", `{"name":"c","head_sha":"1","output":{"title":null}}`},
		{"POST", "/settings/apps/new?state=%zz", `manifest=%7B%7D`},
		{"PUT", "/repos/acme/shop/contents/a//b", `{"message":"m","content":""}`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	s := githubtest.New(githubtest.Options{})
	if err := s.AddRepo(githubtest.Repo{Name: "acme/shop", Files: map[string]githubtest.File{"f": {Content: "1\n2\n"}, "CODEOWNERS": {Content: "* @ @x\n"}}}); err != nil {
		f.Fatal(err)
	}
	token := s.AddUser("ada")
	if err := s.SetPermission("acme/shop", "ada", "admin"); err != nil {
		f.Fatal(err)
	}
	if _, err := s.PushCommit("acme/shop", "ada", "x", "m", map[string]*githubtest.File{"f": {Content: "1\n3\n"}}); err != nil {
		f.Fatal(err)
	}
	if _, err := s.OpenPull("acme/shop", "ada", githubtest.NewPull{Head: "x", Title: "t"}); err != nil {
		f.Fatal(err)
	}
	h := s.Handler()
	f.Fuzz(func(t *testing.T, method, path, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(method, " \t\r\n") || method == "" {
			return
		}
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL = method, u
		r.Header.Set("Authorization", "token "+token)
		r.Header.Set("User-Agent", "fuzz")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		s.ResetJournal()
		if w.Code >= 500 {
			t.Errorf("%s %s %s = %d %s", method, path, body, w.Code, w.Body)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s = %s", method, path, w.Body)
		}
	})
}
