package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// An environment is everything outside that a command touches, so that a test
// can run any command without globals.
type environment struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer // data goes to Stdout, everything else to Stderr
	Getenv         func(string) string
	Now            func() time.Time
}

// secret returns the value of variable name or, if that is empty, the content
// of the file that name_FILE names, without its final newline. Secrets have no
// flags: a flag shows in the process list.
func (e *environment) secret(name string) (string, error) {
	if v := e.Getenv(name); v != "" {
		return v, nil
	}
	file := e.Getenv(name + "_FILE")
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", &exitError{exitUsage, fmt.Errorf("%s_FILE: %w", name, err)}
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// now is the time that a command decides by: --now if it was given.
func (e *environment) now(flag string) (time.Time, error) {
	if flag == "" {
		return e.Now().UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, flag)
	if err != nil {
		return time.Time{}, &exitError{exitUsage, fmt.Errorf("--now %q: want a time such as 2026-03-01T10:00:00Z", flag)}
	}
	return t.UTC(), nil
}

// The exit codes of every command; salve vet has its own use of 1.
const (
	exitFailure  = 1 // unexpected failure
	exitUsage    = 2 // usage, parse or configuration
	exitRefused  = 3 // query failed, edit refused
	exitAuth     = 4 // authentication or permission
	exitPartial  = 5 // partial, or empty and not to be trusted
	exitTimedOut = 6
)

// An exitError is an error with the exit code that it means. A nil err says
// that the command has printed what there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitCode returns the code that err means, 0 for none.
func exitCode(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return exitFailure
}
