package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// receiver takes every delivery that is not forged, and counts them.
func receiver(log io.Writer, dropped func()) (h http.Handler, accepted *atomic.Int64) {
	accepted = new(atomic.Int64)
	return New(Config{
		Parse: parse, Log: slog.New(slog.NewJSONHandler(log, nil)), Dropped: dropped,
		Accept: func(context.Context, forge.Event) error { accepted.Add(1); return nil },
		Ready:  func(context.Context) error { return nil },
	}), accepted
}

// letters never end, and count how many were taken.
type letters struct{ taken atomic.Int64 }

func (l *letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	l.taken.Add(int64(len(p)))
	return len(p), nil
}

// Attack 9: a body that does not say how long it is and never ends is given up
// at the cap.
func TestEndlessBody(t *testing.T) {
	h, accepted := receiver(io.Discard, nil)
	srv := httptest.NewServer(h)
	defer srv.Close()
	body := new(letters)
	resp, err := http.Post(srv.URL+"/webhook", "application/json", body)
	if err == nil { // the server may end the connection before the client reads
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", resp.StatusCode)
		}
	}
	if taken := body.taken.Load(); taken < maxDelivery || taken > maxDelivery+(32<<20) {
		t.Errorf("%d bytes were taken, want little more than %d", taken, maxDelivery)
	}
	if accepted.Load() != 0 {
		t.Error("it was accepted")
	}
}

// pipes is a listener whose connections are made in memory, so that a test can
// turn the clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// Attack 10: who sends a body, or only headers, byte by byte gives up its place
// in bounded time, while others are answered.
func TestSlowBody(t *testing.T) {
	for name, tt := range map[string]struct {
		begin string
		most  time.Duration
	}{
		"body":    {"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", 20 * time.Second},
		"chunks":  {"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 20 * time.Second},
		"headers": {"POST /webhook HTTP/1.1\r\nX-A: ", 5 * time.Second},
		"nothing": {"", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, accepted := receiver(io.Discard, nil)
				ctx, stop := context.WithCancel(t.Context())
				l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
				served := make(chan error, 1)
				go func() { served <- Serve(ctx, l, h, time.Second) }()
				dial := func() net.Conn {
					ours, theirs := net.Pipe()
					l.conns <- theirs
					return ours
				}
				slow, began := dial(), time.Now()
				gone := make(chan time.Duration, 1)
				go func() { // whatever is answered, the end is what counts
					io.Copy(io.Discard, slow)
					gone <- time.Since(began)
				}()
				var writer sync.WaitGroup
				writer.Go(func() {
					if _, err := io.WriteString(slow, tt.begin); err != nil || tt.begin == "" {
						return
					}
					for {
						time.Sleep(500 * time.Millisecond)
						drop := "x"
						if name == "chunks" {
							drop = "1\r\nx\r\n"
						}
						if _, err := io.WriteString(slow, drop); err != nil {
							return
						}
					}
				})
				time.Sleep(3 * time.Second)
				other := dial()
				fmt.Fprint(other, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
				resp, err := http.ReadResponse(bufio.NewReader(other), nil)
				if err != nil || resp.StatusCode != http.StatusAccepted || time.Since(began) > 4*time.Second {
					t.Errorf("another sender: %v, %v after %v", resp, err, time.Since(began))
				}
				other.Close()
				if took := <-gone; took > tt.most+time.Second {
					t.Errorf("it kept its place for %v, want at most %v", took, tt.most)
				}
				slow.Close()
				writer.Wait()
				if n := accepted.Load(); n != 1 {
					t.Errorf("%d deliveries accepted, want that of the other sender", n)
				}
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Attack 17, the memory: before a signature is known, a flood of large bodies
// holds no more than the budget. What there is no room for is counted and is to
// be delivered again; small deliveries, which almost all are, always get in.
func TestFloodOfLargeBodies(t *testing.T) {
	var dropped atomic.Int64
	h, accepted := receiver(io.Discard, func() { dropped.Add(1) })
	srv := httptest.NewServer(h)
	defer srv.Close()
	const senders, each = 16, 20 << 20 // 320 MB
	release := make(chan struct{})
	var group sync.WaitGroup
	var refused atomic.Int64
	for range senders {
		group.Go(func() {
			// The last byte comes late, so that all bodies are held at once.
			body := io.MultiReader(io.LimitReader(new(letters), each), &late{release})
			resp, err := http.Post(srv.URL+"/webhook", "application/json", body)
			if err != nil {
				refused.Add(1) // the connection ended under the sender
				return
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusServiceUnavailable {
				refused.Add(1)
			}
		})
	}
	for end := time.Now().Add(30 * time.Second); dropped.Load() < senders/2 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		runtime.Gosched()
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 5*sharedRead {
		t.Errorf("%d MB on the heap while %d senders wait", m.HeapAlloc>>20, senders)
	}
	resp, err := http.Post(srv.URL+"/webhook", "application/json", strings.NewReader("{}"))
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Errorf("a small delivery in the flood: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	close(release)
	group.Wait()
	t.Logf("%d of %d large bodies dropped, %d MB on the heap at the height", dropped.Load(), senders, m.HeapAlloc>>20)
	if dropped.Load() == 0 || accepted.Load()+dropped.Load() != senders+1 || refused.Load() != dropped.Load() {
		t.Errorf("accepted %d, dropped %d, refused %d of %d", accepted.Load(), dropped.Load(), refused.Load(), senders+1)
	}
	resp, err = http.Post(srv.URL+"/webhook", "application/json", io.LimitReader(new(letters), each))
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Errorf("a large delivery after the flood: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
}

// late ends a body when it is told to.
type late struct{ now chan struct{} }

func (l *late) Read([]byte) (int, error) { <-l.now; return 0, io.EOF }

// Attack 72: whoever is not known cannot write lines into the log, nor fill it.
func TestLogOfStrangers(t *testing.T) {
	var log bytes.Buffer
	h, _ := receiver(&log, nil)
	req := httptest.NewRequest("POST", "/webhook", strings.NewReader("forged"))
	req.Header["X-Github-Delivery"] = []string{"1\n{\"level\":\"ERROR\",\"msg\":\"all is lost\"}"}
	req.Header["X-Github-Event"] = []string{strings.Repeat("y\x1b[2J", 10_000)}
	h.ServeHTTP(httptest.NewRecorder(), req)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], "delivery refused") || strings.Contains(lines[0], "\x1b") || len(lines[0]) > 2000 {
		t.Errorf("%d lines, the first of %d bytes: %.300s", len(lines), len(lines[0]), lines[0])
	}
}

// Whoever asks whether the program is ready, which needs no secret, costs the
// database one look in a second, however often they ask; a hang ends.
func TestReadyIsFoundOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		hang := true
		h := New(Config{Log: slog.New(slog.DiscardHandler), Ready: func(ctx context.Context) error {
			asked.Add(1)
			if hang {
				<-ctx.Done()
				return ctx.Err()
			}
			time.Sleep(100 * time.Millisecond)
			return nil
		}})
		ask := func() int {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
			return w.Code
		}
		began := time.Now()
		if got := ask(); got != http.StatusServiceUnavailable || time.Since(began) > 6*time.Second {
			t.Errorf("a database that hangs: %d after %v", got, time.Since(began))
		}
		hang = false
		time.Sleep(2 * readyFor)
		asked.Store(0)
		var group sync.WaitGroup
		for range 500 {
			group.Go(func() {
				if got := ask(); got != http.StatusOK {
					t.Errorf("%d, want 200", got)
				}
			})
		}
		group.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("found out %d times for 500 who asked", n)
		}
		time.Sleep(2 * readyFor)
		if ask(); asked.Load() != 2 {
			t.Errorf("an old answer is given")
		}
	})
}
