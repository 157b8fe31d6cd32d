package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/salvehq/salve/internal/inventory"
	"github.com/salvehq/salve/internal/tfedit"
)

// A took is what a task says about itself: wall time and processor time without
// the start of the process, and without reading and writing files. First is the
// processor time of a first inventory that another follows.
type took struct{ Wall, CPU, First time.Duration }

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
	if name == "again" {
		what, err := again(context.Background(), dir, targets)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(what)
	}
	do, err := prepare(name, dir, targets)
	if err != nil {
		return err
	}
	var r result
	what, err := timed(func() (err error) {
		r, err = do()
		return err
	})
	if err != nil {
		return err
	}
	if err := r.write(out); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(what)
}

// timed measures work, on a heap without garbage.
func timed(work func() error) (took, error) {
	runtime.GC()
	begin, used := time.Now(), processor()
	err := work()
	return took{Wall: time.Since(begin), CPU: processor() - used}, err
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
		if err != nil {
			return nil, err
		}
		if _, err := r.AlertRules(ctx); err != nil { // so that the Terraform is open as well
			return nil, err
		}
		return func() (result, error) { return viaInventory(r, targets) }, nil
	case "tfedit":
		list, err := files.List(ctx)
		if err != nil {
			return nil, err
		}
		r, err := tfedit.Open(ctx, list, files)
		return func() (result, error) { return viaTfedit(r, targets) }, err
	}
	edit := editors[name]
	if edit == nil {
		return nil, fmt.Errorf("no task %q", name)
	}
	in, err := texts(dir, targets)
	return func() (result, error) { return editAll(in, targets, edit) }, err
}

// again takes stock of a repository, changes ten files of it, and takes stock
// again with what is known.
func again(ctx context.Context, dir string, targets []target) (took, error) {
	var r *inventory.Repository
	stock := func(known inventory.Known) func() error {
		return func() (err error) {
			if r, err = inventory.Open(ctx, inventory.Dir(dir), inventory.Options{Known: known, Remember: true}); err != nil {
				return err
			}
			_, err = r.Facts(ctx)
			return err
		}
	}
	first, err := timed(stock(inventory.Known{}))
	if err != nil {
		return first, err
	}
	for i := range changed {
		file := filepath.Join(dir, filepath.FromSlash(targets[i*(len(targets)-1)/(changed-1)].File))
		text, err := os.ReadFile(file)
		if err != nil {
			return first, err
		}
		if err := os.WriteFile(file, append(text, "# changed\n"...), 0o644); err != nil {
			return first, err
		}
	}
	second, err := timed(stock(r.Known()))
	second.First = first.CPU
	return second, err
}

// changed is how many files change between two inventories: manifests and files
// of detectors, from all over the repository.
const changed = 10
