package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// A webhook is a delivery as GitHub made it.
type webhook struct {
	event, action string
	body          []byte
	head          string // of a pull request
	account       string
}

// collect records the webhooks of what people do while do runs.
func collect(box *sandbox.Sandbox, do func() error) ([]webhook, error) {
	var mu sync.Mutex
	var out []webhook
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var v struct {
			Action string
			Pull   struct{ Head struct{ SHA string } }    `json:"pull_request"`
			Repo   struct{ Owner struct{ Login string } } `json:"repository"`
		}
		json.Unmarshal(body, &v) //nolint:errcheck // what is no JSON has no head
		mu.Lock()
		defer mu.Unlock()
		out = append(out, webhook{r.Header.Get("X-GitHub-Event"), v.Action, body, v.Pull.Head.SHA, v.Repo.Owner.Login})
	})}
	go srv.Serve(l) //nolint:errcheck // ends with Close
	defer srv.Close()
	if err := box.GitHub.SetWebhook(sandbox.AppID, "http://"+l.Addr().String(), box.Secret); err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	box.GitHub.Settle()
	mu.Lock()
	defer mu.Unlock()
	return out, box.GitHub.SetWebhook(sandbox.AppID, "", "")
}

// pull opens the pull request of a person that changes a workload.
func pull(box *sandbox.Sandbox, repo string, n int) error {
	text, err := box.GitHub.ReadFile(repo, "main", "k8s/app-0.yaml")
	if err != nil {
		return err
	}
	branch := fmt.Sprintf("change-%d", n)
	changed := githubtest.File{Content: text + fmt.Sprintf("# change %d\n", n)}
	if _, err := box.GitHub.PushCommit(repo, "maria", branch, "Change", map[string]*githubtest.File{"k8s/app-0.yaml": &changed}); err != nil {
		return err
	}
	_, err = box.GitHub.OpenPull(repo, "maria", githubtest.NewPull{Head: branch, Title: "Change"})
	return err
}

// A sent delivery.
type sent struct {
	webhook
	guid   string
	due    time.Time // when it was to be sent
	took   time.Duration
	status int // 0: no answer
}

// sender sends deliveries as GitHub does.
type sender struct {
	url, secret string
	client      *http.Client
}

func newSender(url, secret string) *sender {
	return &sender{url, secret, &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 200}}}
}

// send sends a delivery. How long it took counts from when it was due, so that
// an answer that holds up others counts for them as well.
func (s *sender) send(ctx context.Context, d *sent) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/webhook", bytes.NewReader(d.body))
	if err != nil {
		return
	}
	mac := hmac.New(sha256.New, []byte(s.secret))
	mac.Write(d.body)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	req.Header.Set("X-GitHub-Event", d.event)
	req.Header.Set("X-GitHub-Delivery", d.guid)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	d.took = time.Since(d.due)
	if err != nil {
		return
	}
	io.Copy(io.Discard, resp.Body) //nolint:errcheck // the status is what counts
	resp.Body.Close()
	d.status = resp.StatusCode
}

// storming sends n deliveries at a rate, whether they are answered or not, and
// returns when all are.
func (s *sender) storming(ctx context.Context, rate, n int, next func(i int) webhook) []*sent {
	out := make([]*sent, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		d := &sent{webhook: next(i), guid: fmt.Sprintf("%08x-0000-4000-8000-%012x", start.Unix(), i), due: start.Add(time.Duration(i) * time.Second / time.Duration(rate))}
		out[i] = d
		select {
		case <-time.After(time.Until(d.due)):
		case <-ctx.Done():
			wg.Wait()
			return out[:i]
		}
		wg.Go(func() { s.send(ctx, d) })
	}
	wg.Wait()
	return out
}

// quantiles are of durations.
func quantiles(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	at := func(q float64) time.Duration {
		return all[min(int(q*float64(len(all))), len(all)-1)].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %v, p99 %v, most %v", at(.5), at(.99), at(1))
}
