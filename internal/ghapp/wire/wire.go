// Package wire holds what stands between the GitHub App and the network: round
// trippers that keep tokens on one host, refuse answers that are not whole,
// remember answers that have not changed, and keep to GitHub's limits.
//
// It knows HTTP and GitHub's headers, and nothing of GitHub's API. From the
// caller to the network they stand in this order:
//
//	Paced → (authentication) → Cache → Whole → Pin → http.Transport
package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ParseRoot reads the root of an API, such as https://api.github.com/ or
// https://github.example.com/api/v3/. Nothing is appended but the final slash.
// Plain HTTP is taken on loopback only: tokens go over this connection.
func ParseRoot(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("API root %q: %w", s, err)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("API root %q: want a URL such as https://api.github.com/", u.Redacted())
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("API root %q: want https; plain http is for this machine only", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("API root %q: want no user, query or fragment", u.Redacted())
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// NewTransport returns a transport whose every step has a time limit.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSHandshakeTimeout = 10 * time.Second
	t.ResponseHeaderTimeout = 30 * time.Second
	t.MaxIdleConnsPerHost = 16
	t.MaxResponseHeaderBytes = 256 << 10
	return t
}

// A Pin lets requests pass to one host only. It stands under the round tripper
// that adds the token, because that one adds it to every request, also to one
// that a redirect sent elsewhere.
type Pin struct {
	Root *url.URL
	Next http.RoundTripper
}

func (p *Pin) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != p.Root.Scheme || req.URL.Host != p.Root.Host || req.Host != "" && req.Host != p.Root.Host {
		closeBody(req)
		return nil, fmt.Errorf("refused to send a token to %s://%s: this App talks to %s only", req.URL.Scheme, req.URL.Host, p.Root.Host)
	}
	return p.Next.RoundTrip(req)
}

// SameHost is the redirect policy of a client: reads may be sent on within
// their host, as after the rename of a repository. A write is never sent on:
// the answer that asks for it is returned instead, since net/http would turn a
// POST into a GET.
func SameHost(req *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

// Again returns req with its body from the start, to be sent once more.
// ok is false if the body cannot be had again.
func Again(req *http.Request) (again *http.Request, ok bool) {
	again = req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return again, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	again.Body = body
	return again, err == nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// peek reads the body of resp and puts it back.
func peek(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return b, err
}

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
