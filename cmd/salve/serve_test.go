package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
	"github.com/salvehq/salve/internal/sandbox"
)

// A process is a salve serve of its own.
type process struct {
	cmd *exec.Cmd
	url string
	log *lines
}

// lines keeps what a process writes; it is safe for concurrent use.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// live starts a sandbox whose problems are open now.
func live(t *testing.T, world fs.FS) (*sandbox.Sandbox, []string) {
	t.Helper()
	now := time.Now().UTC()
	box, err := sandbox.Start(sandbox.Options{World: world, Now: time.Now, Shift: now.Sub(sandbox.WorldTime)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	file, remove, err := writeKey(box, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	return box, box.Environ(file)
}

// start starts the real binary and waits until it listens.
func start(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...), log: &lines{}}
	p.cmd.Env = append(os.Environ(), environ...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	address := regexp.MustCompile(`"msg":"listening","address":"([^"]+)"`)
	eventually(t, p.log, "the address", func() bool {
		m := address.FindStringSubmatch(p.log.String())
		if m != nil {
			p.url = "http://" + m[1]
		}
		return m != nil
	})
	return p
}

// eventually fails the test if something does not become true within a minute.
func eventually(t *testing.T, log fmt.Stringer, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute\n%s", what, log)
		}
	}
}

// deliver sends one delivery as GitHub does, and returns the status.
func (p *process) deliver(t *testing.T, secret, event, guid, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/webhook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", guid)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// pulls lists the open pull requests of the App, as repository and title.
func openPulls(t *testing.T, box *sandbox.Sandbox) []string {
	t.Helper()
	var out []string
	for _, repo := range box.Repos {
		state, err := box.GitHub.State(repo)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range state.Issues {
			if i.Pull && i.State == "open" && i.Author == sandbox.Bot {
				out = append(out, repo+": "+i.Title)
			}
		}
	}
	slices.Sort(out)
	return out
}

// A delivery is in the database before it is answered: killed at once, the
// next process handles it. The tick that was under way goes on as well, and
// nothing is opened twice.
func TestKilledProcessLosesNothing(t *testing.T) {
	box, environ := live(t, demoWorld(t, nil))
	environ = append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db"))
	never := []string{"--tune", "0 0 29 2 *"}

	// The first process hangs in the middle of its cycle: GitHub stops
	// answering writes after a while.
	release := box.GitHub.Inject(githubtest.Fault{Method: "POST", Path: "/repos/*/*/pulls", Skip: 2, Hang: true})
	first := start(t, environ, append(never, "--remediate", "@every 1s")...)
	eventually(t, first.log, "two pull requests", func() bool { return len(openPulls(t, box)) >= 2 })
	body := fmt.Sprintf(`{"action":"suspend","installation":{"id":99,"app_id":%d,"account":{"login":"acme"}},"repositories":[],"sender":{"login":"maria"}}`, sandbox.AppID)
	if got := first.deliver(t, box.Secret, "installation", "11111111-2222-3333-4444-555555555555", body); got != http.StatusAccepted {
		t.Fatalf("delivery answered with %d", got)
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.cmd.Wait()
	release()

	killed := time.Now()
	second := start(t, environ, append(never, "--remediate", "0 0 29 2 *")...) // no tick of its own
	if got := second.deliver(t, box.Secret, "installation", "11111111-2222-3333-4444-555555555555", body); got != http.StatusOK {
		t.Errorf("the same delivery again is answered with %d, want 200", got)
	}
	eventually(t, second.log, "all pull requests", func() bool { return len(openPulls(t, box)) == 7 })
	t.Logf("work went on after %v", time.Since(killed).Round(time.Millisecond))
	if err := second.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := second.cmd.Wait(); err != nil {
		t.Errorf("stop: %v\n%s", err, second.log)
	}
	pulls := openPulls(t, box)
	if once := slices.Compact(slices.Clone(pulls)); len(once) != len(pulls) {
		t.Errorf("opened twice: %v", pulls)
	}
}

// A push that changes the configuration is answered at once: mistakes show on
// the commit.
func TestPushedConfigurationIsReadAtOnce(t *testing.T) {
	box, environ := live(t, demoWorld(t, nil))
	p := start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")), "--tune", "0 0 29 2 *", "--remediate", "0 0 29 2 *")
	if err := box.GitHub.SetWebhook(sandbox.AppID, p.url+"/webhook", box.Secret); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	broken := githubtest.File{Content: "version: 1\nremdies: {}\n"}
	if _, err := box.GitHub.PushCommit("acme/shop", "maria", "main", "configure", map[string]*githubtest.File{".github/salve.yml": &broken}); err != nil {
		t.Fatal(err)
	}
	eventually(t, p.log, "a status on the commit", func() bool {
		state, err := box.GitHub.State("acme/shop")
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(state.Branches["main"].Status, func(s githubtest.Status) bool {
			return s.Context == "salve/configuration" && s.State == "failure" && strings.Contains(s.Description, "salve.yml:2:1")
		})
	})
	t.Logf("shown after %v", time.Since(began).Round(time.Millisecond))
}

// Deliveries that nobody took while the process was down are asked for when it
// starts.
func TestMissedDeliveriesAreAskedForAtStart(t *testing.T) {
	box, environ := live(t, demoWorld(t, nil))
	environ = append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db"))
	args := []string{"--tune", "0 0 29 2 *", "--remediate", "0 0 29 2 *"}
	down := start(t, environ, args...)
	if err := box.GitHub.SetWebhook(sandbox.AppID, down.url+"/webhook", box.Secret); err != nil {
		t.Fatal(err)
	}
	down.cmd.Process.Kill()
	down.cmd.Wait()
	broken := githubtest.File{Content: "version: 1\nremdies: {}\n"}
	if _, err := box.GitHub.PushCommit("acme/shop", "maria", "main", "configure", map[string]*githubtest.File{".github/salve.yml": &broken}); err != nil {
		t.Fatal(err)
	}
	box.GitHub.Settle()

	args = append(args, "--listen", strings.TrimPrefix(down.url, "http://"))
	p := start(t, environ, args...)
	eventually(t, p.log, "the push", func() bool {
		state, err := box.GitHub.State("acme/shop")
		return err == nil && len(state.Branches["main"].Status) > 0
	})
}

// Metrics have an address of their own, and the log no secrets.
func TestMetricsAreShownApart(t *testing.T) {
	box, environ := live(t, demoWorld(t, nil))
	metrics := freeAddress(t)
	p := start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")), "--tune", "0 0 29 2 *", "--remediate", "0 0 29 2 *", "--metrics-listen", metrics)
	if got := p.deliver(t, "wrong", "ping", "22222222-2222-3333-4444-555555555555", "{}"); got != http.StatusUnauthorized {
		t.Errorf("delivery with a wrong signature: %d", got)
	}
	if got := get(t, p.url+"/metrics"); strings.Contains(got, "salve_") {
		t.Error("metrics stand where webhooks come in")
	}
	text := get(t, "http://"+metrics+"/metrics")
	for _, want := range []string{`salve_deliveries_total{outcome="refused"} 1`, "salve_queue_up 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s\n%.2000s", want, text)
		}
	}
	if strings.Contains(p.log.String(), box.Secret) {
		t.Error("the log holds the webhook secret")
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A tick that was accepted becomes pull requests at once, each by a job of its
// own.
func TestPullRequestsSoonAfterTheTick(t *testing.T) {
	box, environ := live(t, demoWorld(t, nil))
	p := start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")), "--tune", "0 0 29 2 *", "--remediate", "0 0 29 2 *")
	body := fmt.Sprintf(`{"action":"unsuspend","installation":{"id":101,"app_id":%d,"account":{"login":"acme"}},"repositories":[],"sender":{"login":"maria"}}`, sandbox.AppID)
	accepted := time.Now()
	if got := p.deliver(t, box.Secret, "installation", "33333333-2222-3333-4444-555555555555", body); got != http.StatusAccepted {
		t.Fatalf("delivery answered with %d", got)
	}
	var first time.Duration
	eventually(t, p.log, "all pull requests", func() bool {
		n := len(openPulls(t, box))
		if n > 0 && first == 0 {
			first = time.Since(accepted)
		}
		return n == 7
	})
	t.Logf("the first of 7 was open after %v, the last after %v", first.Round(time.Millisecond), time.Since(accepted).Round(time.Millisecond))
}

// A process that is asked to stop while it starts stops, and says nothing is
// wrong.
func TestStoppedWhileItStarts(t *testing.T) {
	_, environ := live(t, demoWorld(t, nil))
	for range 5 {
		p := start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")))
		p.end(t) // it listens, and opens the database
	}
}
