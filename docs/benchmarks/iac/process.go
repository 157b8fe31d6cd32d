package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// A run is what one process took.
type run struct {
	Wall   time.Duration
	CPU    time.Duration
	Memory int64 // bytes, the most that was resident
	Out    []byte
}

// measure runs a command several times, on a warm cache, and returns the run
// with the median time.
func measure(times int, command ...string) (run, error) {
	var all []run
	for range times {
		r, err := once(command...)
		if err != nil {
			return r, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b run) int { return int(a.Wall - b.Wall) })
	return all[len(all)/2], nil
}

func once(command ...string) (run, error) {
	cmd := exec.Command(command[0], command[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	begin := time.Now()
	err := cmd.Run()
	r := run{Wall: time.Since(begin), Out: out.Bytes()}
	if err != nil {
		return r, fmt.Errorf("%s: %w: %.500s", command[0], err, errs.String())
	}
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.Memory = usage.Maxrss << 10
	}
	return r, nil
}

// self is the command that runs a task of this program in a process of its own.
func self(args ...string) ([]string, error) {
	me, err := os.Executable()
	return append([]string{me, "task"}, args...), err
}
