package server

import (
	"errors"
	"io"
	"sync/atomic"
)

// errFull says that there is no room for a body now.
var errFull = errors.New("too many large bodies at the same time")

// A budget is what all requests together hold of their bodies, in bytes.
type budget struct{ held atomic.Int64 }

// A share reads a body as long as the budget lasts. Only what was read counts:
// whoever announces much and sends little takes nothing from others, and the
// first bytes of a body always have room.
type share struct {
	io.Reader
	of   *budget
	read int64
}

func (s *share) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.read += int64(n)
	if s.of.held.Add(int64(n)) > sharedRead && s.read > freeRead {
		return n, errFull
	}
	return n, err
}

// giveBack ends what the body holds.
func (s *share) giveBack() { s.of.held.Add(-s.read) }
