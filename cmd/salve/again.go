package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/salvehq/salve/internal/sandbox"
)

// again runs a cycle in a new process, and returns how many pull requests that
// opened. It starts this very binary, so what it shows holds for a restart.
func (s *stage) again(ctx context.Context) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, "run", "--format", "json", "--now", sandbox.WorldTime.Format("2006-01-02T15:04:05Z"))
	cmd.Env = append(os.Environ(), s.environ...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("second process: %w: %s", err, firstLine(stderr.String()))
	}
	var v runView
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
		return 0, fmt.Errorf("second process printed no JSON: %w", err)
	}
	if len(v.Pulls) == 0 {
		return 0, fmt.Errorf("second process found nothing to propose, so it proves nothing")
	}
	return v.Opened, nil
}
