package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/salvehq/salve/internal/githubtest"
)

// A process ends within ten seconds of being asked to, whatever its jobs wait
// for: here for a GitHub that answers nothing any more.
func TestStopsInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	box, environ := live(t, demoWorld(t, nil))
	p := start(t, append(environ, "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db")), "--tune", "0 0 29 2 *", "--remediate", "@every 1s")
	eventually(t, p.log, "a pull request", func() bool { return len(openPulls(t, box)) > 0 })
	defer box.GitHub.Inject(githubtest.Fault{Hang: true})()
	time.Sleep(2 * time.Second) // so that the next cycle hangs
	began := time.Now()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := p.cmd.Wait()
	took := time.Since(began)
	t.Logf("ended after %v: %v", took.Round(time.Millisecond), err)
	if took > 10*time.Second {
		t.Errorf("ended after %v\n%s", took, p.log)
	}
}
