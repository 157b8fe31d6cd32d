package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPack(t *testing.T) {
	for _, body := range []string{"", "x", strings.Repeat(`{"url":"https://api.github.com/repos/acme/shop"},`, 1000), "\x00\xff"} {
		if got := pack([]byte(body)).bytes(); !bytes.Equal(got, []byte(body)) {
			t.Errorf("%d bytes come back as %d", len(body), len(got))
		}
	}
}

// listed is about what GitHub says of one pull request in a list: twenty
// kilobytes, most of them URLs of two repositories and four users.
func listed(repo string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `[{"number":%d,"title":"Change %x"`, n, n*7919)
	for _, of := range []string{"head", "base"} {
		for i := range 80 {
			fmt.Fprintf(&b, `,"%s_field_%d_url":"https://api.github.com/repos/acme/%s/%x{/field_%d}"`, of, i, repo, n*31, i)
		}
	}
	return b.String() + "}]"
}

// A round of reads that is larger than the store in full is still remembered
// whole, so that the next one costs nothing.
func TestCacheHoldsARound(t *testing.T) {
	sent, total := 0, 0
	rt := roundTrip(func(r *http.Request) *http.Response {
		rec := httptest.NewRecorder()
		body := listed(strings.TrimPrefix(r.URL.Path, "/"), len(r.URL.Path))
		tagged(body)(rec, r)
		if rec.Code == http.StatusOK {
			sent++
			total += len(body)
		}
		return rec.Result()
	})
	const limit = 8 << 20
	c := &Cache{Store: NewStore[string, Answer](limit), Next: rt}
	const urls = 1000
	for range 2 {
		for i := range urls {
			req, _ := http.NewRequest(http.MethodGet, fmt.Sprintf("https://api.example/app-%d", i), nil)
			resp, err := c.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := io.ReadAll(resp.Body); !bytes.HasPrefix(b, []byte(`[{"number"`)) {
				t.Fatalf("body of %d bytes", len(b))
			}
		}
	}
	t.Logf("%d answers of %d KB together kept in %d KB", urls, total>>10, c.Store.size>>10)
	if total <= limit || sent != urls {
		t.Errorf("%d of %d answers sent in two rounds, %d bytes; want each once, and more bytes than %d", sent, urls, total, limit)
	}
}

type roundTrip func(*http.Request) *http.Response

func (r roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return r(req), nil }
