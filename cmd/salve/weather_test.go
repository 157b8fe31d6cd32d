package main

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Weather spoils some of the requests of a process, by its seed.
type weather struct {
	mu     sync.Mutex
	random *rand.Rand
	expire func() // ends every token
	met    map[string]int
}

// chance is that of each request to be spoiled, in percent: about every second
// cycle is cut short.
const chance = 2

func (w *weather) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.random.IntN(100) >= chance {
		return http.DefaultTransport.RoundTrip(r)
	}
	faults := []struct {
		name   string
		answer func() (*http.Response, error)
	}{
		{"500", func() (*http.Response, error) { return spoiled(r, 500, `{"message":"Server Error"}`) }},
		{"502 page", func() (*http.Response, error) { return spoiled(r, 502, "<html>Unicorn!</html>") }},
		{"429", func() (*http.Response, error) {
			return spoiled(r, 429, `{"message":"API rate limit exceeded"}`, "Retry-After", "3600")
		}},
		{"secondary limit", func() (*http.Response, error) {
			return spoiled(r, 403, `{"message":"You have exceeded a secondary rate limit."}`)
		}},
		{"reset", func() (*http.Response, error) { return nil, syscall.ECONNRESET }},
		{"reset after it was done", func() (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				resp.Body.Close()
			}
			return nil, syscall.ECONNRESET
		}},
		{"half an answer", func() (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(text[:len(text)/2])), broken{}))
			return resp, err
		}},
		{"expired tokens", func() (*http.Response, error) { w.expire(); return http.DefaultTransport.RoundTrip(r) }},
	}
	f := faults[w.random.IntN(len(faults))]
	w.met[f.name]++
	return f.answer()
}

// broken is the end of a connection in the middle of a body.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func spoiled(r *http.Request, status int, body string, header ...string) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

// Cycle after cycle in bad weather, each in a process of its own: the first
// good one leaves what an undisturbed one leaves, and nothing twice.
func TestRandomFaults(t *testing.T) {
	calm := newTown(t)
	calm.cycle(nil, later)
	want := calm.state()
	cycles, failed := 0, 0
	met := map[string]int{}
	for seed := range uint64(6) {
		w := newTown(t)
		sky := &weather{random: rand.New(rand.NewPCG(seed, 0)), expire: w.box.GitHub.ExpireTokens, met: met}
		for range 12 {
			cycles++
			if _, err := w.app(sky).remediate(t.Context(), later); err != nil {
				failed++
			}
		}
		w.cycle(nil, later)
		if diff := cmp.Diff(want, w.state()); diff != "" {
			t.Errorf("seed %d:\n%s", seed, diff)
		}
		w.box.Close()
	}
	t.Logf("%d cycles, %d of them failed, faults met: %v", cycles, failed, met)
	if failed < cycles/5 || failed > cycles*4/5 || len(met) < 8 {
		t.Errorf("%d of %d cycles failed with %d kinds of faults: not the weather that was meant", failed, cycles, len(met))
	}
}
