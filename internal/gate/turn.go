package gate

import (
	"hash/maphash"
	"sync"
)

// Turns let one goroutine of a process at a time judge a case, since events, the
// schedule and people may all ask for it at once. Two processes may still do so
// at the same time: then the later one is heard, and the next tick sets right
// what it said. The zero value is ready.
type Turns struct{ of [256]sync.Mutex }

// seed is where hashes of this process begin.
var seed = maphash.MakeSeed()

// take waits for the turn of a case and returns what ends it. Who has a turn
// takes no other.
func (t *Turns) take(id string) (end func()) {
	if t == nil {
		return func() {}
	}
	m := &t.of[maphash.String(seed, id)%uint64(len(t.of))]
	m.Lock()
	return m.Unlock
}
