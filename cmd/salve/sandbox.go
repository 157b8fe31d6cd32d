package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/testdata"
)

func sandboxCommand(env *environment) *cobra.Command {
	var world, keyDir string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a GitHub and a Dynatrace tenant on loopback, with the demo world in them",
		Long: `Serve both on free ports of loopback until interrupted, and print the variables that point salve at them.
The times of the records are moved so that the problems are open now.`,
		Example: `  salve sandbox > sandbox.env &
  env $(cat sandbox.env) salve run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := openWorld(world)
			if err != nil {
				return err
			}
			now := env.Now().UTC()
			s, err := sandbox.Start(sandbox.Options{World: w, Now: env.Now, Shift: now.Sub(sandbox.WorldTime)})
			if err != nil {
				return err
			}
			defer s.Close()
			return holdSandbox(cmd.Context(), env, s, keyDir)
		},
	}
	cmd.Flags().StringVar(&world, "world", "", "`directory` with repos/OWNER/NAME and *.jsonl, in place of the demo world")
	cmd.Flags().StringVar(&keyDir, "key-dir", "", "`directory` to write the App's key to (default: a temporary one)")
	return cmd
}

// openWorld returns the world in a directory, or the embedded one.
func openWorld(dir string) (fs.FS, error) {
	if dir == "" {
		return fs.Sub(testdata.FS, "demo")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &exitError{exitUsage, fmt.Errorf("--world %s: want a directory", dir)}
	}
	return os.DirFS(dir), nil
}

// holdSandbox prints how to reach the sandbox and waits for the end.
func holdSandbox(ctx context.Context, env *environment, s *sandbox.Sandbox, keyDir string) error {
	file, remove, err := writeKey(s, keyDir)
	if err != nil {
		return err
	}
	defer remove()
	for _, v := range s.Environ(file) {
		if _, err := fmt.Fprintln(env.Stdout, v); err != nil {
			return err
		}
	}
	fmt.Fprintf(env.Stderr, "GitHub API %s, Dynatrace %s; interrupt to stop\n", s.GitHubURL, s.DynatraceURL)
	<-ctx.Done()
	return nil
}

// writeKey writes the App's private key where only its owner can read it.
func writeKey(s *sandbox.Sandbox, dir string) (file string, remove func(), err error) {
	remove = func() {}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "salve-sandbox-"); err != nil {
			return "", remove, err
		}
		remove = func() { os.RemoveAll(dir) }
	}
	file = filepath.Join(dir, fmt.Sprintf("app-%d.pem", sandbox.AppID))
	if err := os.WriteFile(file, s.Key, 0o600); err != nil {
		remove()
		return "", func() {}, &exitError{exitUsage, fmt.Errorf("write the App's key: %w", err)}
	}
	return file, remove, nil
}

// frozen is a clock that stands still: the demo's.
func frozen() time.Time { return sandbox.WorldTime }
