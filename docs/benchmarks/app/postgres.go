package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/salvehq/salve/internal/postgrestest"
)

// startPostgres starts a PostgreSQL as the tests do.
func startPostgres() (url string, end func(), err error) {
	t := &bench{}
	defer func() {
		if p := recover(); p != nil {
			failed, ok := p.(error)
			if !ok {
				panic(p)
			}
			err = failed
		}
	}()
	s := postgrestest.Start(t)
	return s.Database(t), t.end, nil
}

// bench is as much of a test as it takes to start a server for one.
type bench struct {
	testing.TB
	cleanups []func()
}

func (b *bench) Helper()                           {}
func (b *bench) Cleanup(f func())                  { b.cleanups = append(b.cleanups, f) }
func (b *bench) Skip(args ...any)                  { panic(errors.New(fmt.Sprint(args...))) }
func (b *bench) Fatal(args ...any)                 { panic(errors.New(fmt.Sprint(args...))) }
func (b *bench) Fatalf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

func (b *bench) end() {
	for i := len(b.cleanups) - 1; i >= 0; i-- {
		b.cleanups[i]()
	}
}
