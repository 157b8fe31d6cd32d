package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// maxSecret is more than any key or list of tokens has, in bytes.
const maxSecret = 1 << 20

// secret returns the value of variable name or, if that is empty, the content
// of the file that name_FILE names, without its final newline. Secrets have no
// flags: a flag shows in the process list. The notice says who else can have
// it, "" for nobody.
func (e *environment) secret(name string) (value, notice string, err error) {
	if v := e.Getenv(name); v != "" {
		return v, "", nil
	}
	file := e.Getenv(name + "_FILE")
	if file == "" {
		return "", "", nil
	}
	text, mode, err := readSecret(file)
	if err != nil {
		return "", "", &exitError{exitUsage, fmt.Errorf("%s_FILE: %w", name, err)}
	}
	switch {
	case mode.IsRegular() && mode&0o022 != 0:
		notice = fmt.Sprintf("%s_FILE: others can change %s (mode %04o); run chmod 600 on it", name, file, mode.Perm())
	case mode.IsRegular() && mode&0o004 != 0:
		notice = fmt.Sprintf("%s_FILE: every user of this machine can read %s (mode %04o); run chmod 600 on it", name, file, mode.Perm())
	}
	return strings.TrimRight(string(text), "\r\n"), notice, nil
}

// readSecret reads a small file, and says what kind of file it was.
func readSecret(file string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if len(text) > maxSecret {
		err = fmt.Errorf("%s has more than %d bytes, which no secret has", file, maxSecret)
	}
	return text, info.Mode(), err
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
