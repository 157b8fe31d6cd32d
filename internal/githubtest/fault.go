package githubtest

import (
	"net"
	"net/http"
	"path"
	"strings"
)

// A Fault spoils answers. It picks requests by Method and Path, leaves out the
// first Skip of them, and spoils the next Count with probability Chance.
type Fault struct {
	Method string  // any if empty
	Path   string  // pattern of path.Match over the path below the API root; any if empty; a final /** covers all below
	Skip   int     // requests that pass first
	Count  int     // requests that are spoiled; all if zero
	Chance float64 // of each, by the server's seed; always if zero

	Status  int         // of the answer instead of GitHub's
	Header  http.Header // of it
	Body    string      // of it
	Applied bool        // what was asked for is done before the answer is spoiled
	Cut     int         // the answer breaks off after so many bytes of its body
	Reset   bool        // the connection is reset without an answer
	Hang    bool        // no answer until the client gives up or the fault is taken back, and then none either
}

type fault struct {
	Fault
	seen  int
	spent int
	gone  chan struct{} // closed when it is taken back
}

// Inject adds a fault. The function that it returns takes it back.
func (s *Server) Inject(f Fault) (remove func()) {
	one := &fault{Fault: f, gone: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, one)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, other := range s.faults {
			if other == one {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
				close(one.gone)
				return
			}
		}
	}
}

// fault returns the first fault that strikes a request, nil for none.
func (s *Server) fault(r *http.Request) *fault {
	for _, f := range s.faults {
		if !f.picks(r) {
			continue
		}
		f.seen++
		if f.seen <= f.Skip || f.Count > 0 && f.spent >= f.Count || f.Chance > 0 && s.random.Float64() >= f.Chance {
			continue
		}
		f.spent++
		return f
	}
	return nil
}

func (f *fault) picks(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Path == "" {
		return true
	}
	at := trimRoot(r.URL.Path)
	below, tree := strings.CutSuffix(f.Path, "/**")
	matched, err := path.Match(f.Path, at)
	return err == nil && matched || tree && strings.HasPrefix(at, below+"/")
}

// answer is the one that stands for GitHub's.
func (f *fault) answer(who identity) answer {
	a := answer{status: f.Status, header: f.Header.Clone(), body: []byte(f.Body), who: who}
	if a.header == nil {
		a.header = http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	}
	if a.status == 0 {
		a.status = http.StatusBadGateway
	}
	return a
}

// spoil gives the client what the fault says, where a is GitHub's own answer
// or its stand-in.
func (f *fault) spoil(w http.ResponseWriter, r *http.Request, a answer) {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-f.gone:
			reset(w)
		}
	case f.Reset:
		reset(w)
	case f.Cut > 0 && f.Cut < len(a.body):
		a.header.Set("Content-Length", "1000000")
		for k, v := range a.header {
			w.Header()[k] = v
		}
		w.WriteHeader(a.status)
		w.Write(a.body[:f.Cut])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // breaks the connection off
	default:
		a.write(w)
	}
}

// reset ends the connection of w as a crash of the other side does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, isTCP := conn.(*net.TCPConn); isTCP {
		tcp.SetLinger(0)
	}
	conn.Close()
}
