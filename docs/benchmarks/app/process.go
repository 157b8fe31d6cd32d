package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/salvehq/salve/internal/sandbox"
)

// A process is a salve serve.
type process struct {
	cmd *exec.Cmd
	url string

	mu      sync.Mutex
	handled map[string]time.Time // deliveries, by GUID
	others  map[string]int       // messages of warnings and errors
	tail    []string             // of the log
	ended   chan struct{}        // closed when the log has ended
}

// never is a cron line that does not come during a run.
const never = "0 0 29 2 *"

// environ points a process at box, and gives it a database.
func (o *options) environ(box *sandbox.Sandbox, database string) ([]string, error) {
	key := filepath.Join(o.dir, "app.pem")
	if err := os.WriteFile(key, box.Key, 0o600); err != nil {
		return nil, err
	}
	return append(os.Environ(), append(box.Environ(key), "SALVE_DATABASE="+database)...), nil
}

// serve starts a process and waits until it listens.
func (o *options) serve(ctx context.Context, environ []string, args ...string) (*process, error) {
	p := &process{handled: map[string]time.Time{}, others: map[string]int{}, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, o.salve, append([]string{"serve", "--listen", "127.0.0.1:0", "--tune", never}, args...)...)
	p.cmd.Env = environ
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	listening := make(chan string, 1)
	go p.read(stderr, listening)
	select {
	case address := <-listening:
		p.url = "http://" + address
	case <-p.ended:
		return nil, fmt.Errorf("salve serve ended: %s", strings.Join(p.tail, "\n"))
	case <-time.After(time.Minute):
		return nil, errors.New("salve serve does not listen after a minute")
	}
	return p, p.ready(ctx)
}

// ready waits until the process can take work.
func (p *process) ready(ctx context.Context) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("not ready after a minute: %w", err)
		}
	}
}

// read follows the log.
func (p *process) read(r io.Reader, listening chan<- string) {
	defer close(p.ended)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct {
			Time                               time.Time
			Level, Msg, Address, Delivery, Err string
		}
		if json.Unmarshal(lines.Bytes(), &entry) != nil {
			entry.Msg = lines.Text()
		}
		p.mu.Lock()
		switch {
		case entry.Msg == "listening":
			select {
			case listening <- entry.Address:
			default:
			}
		case entry.Msg == "event handled":
			p.handled[entry.Delivery] = entry.Time
		case entry.Level != "INFO":
			p.others[entry.Msg+": "+digits.ReplaceAllString(entry.Err, "n")]++
			p.tail = append(p.tail[max(0, len(p.tail)-20):], lines.Text())
		}
		p.mu.Unlock()
	}
}

var digits = regexp.MustCompile(`[0-9a-f-]*[0-9][0-9a-f-]*`)

// done returns when a delivery was handled, and whether it was.
func (p *process) done(guid string) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.handled[guid]
	return at, ok
}

// trouble is what the process warned of, with how often.
func (p *process) trouble() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for text, n := range p.others {
		fmt.Fprintf(&b, "\n  %d × %.300s", n, text)
	}
	return b.String()
}

// memory is the most memory that the process ever had, in MB, and cpu the time
// that it computed.
func (p *process) memory() (mb int, cpu time.Duration) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, _ := strconv.Atoi(strings.Fields(string(rest))[0])
			mb = kb >> 10
		}
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if _, rest, ok := bytes.Cut(stat, []byte(") ")); ok {
		f := strings.Fields(string(rest))
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		cpu = time.Duration(user+system) * (time.Second / 100) // USER_HZ
	}
	return mb, cpu
}

// stop asks the process to end, and returns how long it took.
func (p *process) stop() (time.Duration, error) {
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	kill := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	<-p.ended
	err := p.cmd.Wait()
	return time.Since(start), err
}
