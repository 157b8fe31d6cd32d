package main

import (
	"bytes"
	"encoding/gob"
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
	First  time.Duration // CPU of a first inventory, see took
	Memory int64         // bytes, the most that was resident
	Out    []byte
}

// measure runs a command several times, on a warm cache, and returns the run
// with the median processor time.
func measure(times int, command ...string) (run, error) {
	var all []run
	for range times {
		r, err := once(command...)
		if err != nil {
			return r, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b run) int { return int(a.CPU - b.CPU) })
	return all[len(all)/2], nil
}

// once runs a command from a small process in between: a child counts the
// memory of the process that starts it as its own.
func once(command ...string) (run, error) {
	me, err := os.Executable()
	if err != nil {
		return run{}, err
	}
	cmd := exec.Command(me, append([]string{"measure"}, command...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return run{}, fmt.Errorf("%s: %w: %.500s", command[0], err, errs.String())
	}
	var r run
	return r, gob.NewDecoder(&out).Decode(&r)
}

// direct runs a command and writes to standard output what it took.
func direct(command []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	r := run{Wall: time.Since(begin), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), Out: out.Bytes()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.Memory = usage.Maxrss << 10
	}
	return gob.NewEncoder(os.Stdout).Encode(r)
}

// self is the command that runs a task of this program in a process of its own.
func self(args ...string) ([]string, error) {
	me, err := os.Executable()
	return append([]string{me, "task"}, args...), err
}
