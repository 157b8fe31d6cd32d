package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
)

// A Cache remembers the answers to reads and asks whether they still hold: an
// answer "304 Not Modified" costs nothing of GitHub's hourly limit. It stands
// under authentication, and its Store outlives tokens.
//
// GitHub makes the ETag from the Authorization header too, so that the one that
// came with an answer is worth nothing after the token is renewed. The ETag
// that belongs to the new token is computed: SHA-256 over the values of Accept
// and Authorization, each with a colon, and the body. This is not documented,
// was found by https://github.com/bored-engineer/github-conditional-http-transport,
// and if it is ever wrong the answer is sent again, which costs one request.
//
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
type Cache struct {
	Scope string // what may share answers: an installation
	Store *Store[string, Answer]
	Skip  func(*http.Request) bool // answers that are not worth remembering; nil means none
	Next  http.RoundTripper
}

// An Answer is a remembered answer to a GET.
type Answer struct {
	header http.Header
	etag   string
	auth   [sha256.Size]byte // digest of the Authorization header that it was given to
	body   packed
}

func (c *Cache) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.Header.Get("If-None-Match") != "" || c.Skip != nil && c.Skip(req) {
		return c.Next.RoundTrip(req)
	}
	auth := sha256.Sum256([]byte(req.Header.Get("Authorization")))
	key := c.Scope + " " + req.Header.Get("Accept") + " " + req.URL.String()
	known, ok := c.Store.Get(key)
	if ok {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", known.tagFor(req, auth))
	}
	resp, err := c.Next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch etag := resp.Header.Get("ETag"); {
	case ok && resp.StatusCode == http.StatusNotModified:
		return known.restore(resp), nil
	case resp.StatusCode == http.StatusOK && etag != "":
		body, err := peek(resp)
		if err != nil {
			return nil, err
		}
		small := pack(body)
		c.Store.Put(key, Answer{resp.Header.Clone(), etag, auth, small}, int64(len(key)+len(small)+1024))
	}
	return resp, nil
}

// tagFor returns the ETag under which GitHub knows a for the token of req.
func (a Answer) tagFor(req *http.Request, auth [sha256.Size]byte) string {
	if auth == a.auth {
		return a.etag
	}
	h := sha256.New()
	for _, name := range []string{"Accept", "Authorization"} {
		for _, v := range req.Header.Values(name) {
			io.WriteString(h, v+":")
		}
	}
	h.Write(a.body.bytes())
	return `"` + hex.EncodeToString(h.Sum(nil)) + `"`
}

// restore turns an answer that says "as before" into the one before, with the
// headers of now where both have one (limits, date).
func (a Answer) restore(resp *http.Response) *http.Response {
	resp.Body.Close()
	header := a.header.Clone()
	for name, values := range resp.Header {
		if name != "Content-Length" && name != "Content-Type" {
			header[name] = values
		}
	}
	resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
	resp.Header = header
	body := a.body.bytes()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp
}
