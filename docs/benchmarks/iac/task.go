package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/tfedit"
)

// A took is what a task says about itself: wall time and processor time without
// the start of the process, and without reading and writing files.
type took struct{ Wall, CPU time.Duration }

// task runs in a process of its own: NAME DIR OUT TARGETS.
func task(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("task: want NAME DIR OUT TARGETS, got %q", args)
	}
	name, dir, out := args[0], args[1], args[2]
	targets, err := readTargets(args[3])
	if err != nil {
		return err
	}
	do, err := prepare(name, dir, targets)
	if err != nil {
		return err
	}
	begin, used := time.Now(), processor()
	r, err := do()
	if err != nil {
		return err
	}
	what := took{time.Since(begin), processor() - used}
	if err := r.write(out); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(what)
}

// processor is the processor time of this process so far.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// prepare does what a task needs before its time counts.
func prepare(name, dir string, targets []target) (func() (result, error), error) {
	ctx := context.Background()
	files := inventory.Dir(dir)
	switch name {
	case "inventory":
		r, err := inventory.Open(ctx, files, inventory.Options{})
		return func() (result, error) { return viaInventory(r, targets) }, err
	case "tfedit":
		list, err := files.List(ctx)
		if err != nil {
			return nil, err
		}
		r, err := tfedit.Open(ctx, list, files)
		return func() (result, error) { return viaTfedit(r, targets) }, err
	case "again":
		return again(ctx, dir, targets)
	}
	edit := editors[name]
	if edit == nil {
		return nil, fmt.Errorf("no task %q", name)
	}
	in, err := texts(dir, targets)
	return func() (result, error) { return editAll(in, targets, edit) }, err
}

// again takes stock of a repository, changes ten files of it, and is what it
// takes to take stock again.
func again(ctx context.Context, dir string, targets []target) (func() (result, error), error) {
	r, err := inventory.Open(ctx, inventory.Dir(dir), inventory.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := r.Facts(ctx); err != nil {
		return nil, err
	}
	for _, t := range targets[:min(changed, len(targets))] {
		file := filepath.Join(dir, filepath.FromSlash(t.File))
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, append(text, "# changed\n"...), 0o644); err != nil {
			return nil, err
		}
	}
	return func() (result, error) {
		r, err := inventory.Open(ctx, inventory.Dir(dir), inventory.Options{})
		if err != nil {
			return nil, err
		}
		_, err = r.Facts(ctx)
		return nil, err
	}, nil
}

// changed is how many files change between two inventories.
const changed = 10
