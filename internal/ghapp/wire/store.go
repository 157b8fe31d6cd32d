package wire

import (
	"container/list"
	"sync"
)

// A Store remembers values up to a total size and forgets those first that were
// not asked for the longest. It is safe for concurrent use; the zero Store
// remembers nothing.
type Store[K comparable, V any] struct {
	mu     sync.Mutex
	limit  int64
	size   int64
	recent *list.List // of *entry[K, V], latest first
	byKey  map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
	size  int64
}

// NewStore returns a Store for values of limit bytes together.
func NewStore[K comparable, V any](limit int64) *Store[K, V] {
	return &Store[K, V]{limit: limit, recent: list.New(), byKey: map[K]*list.Element{}}
}

// Get returns the value of key.
func (s *Store[K, V]) Get(key K) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byKey[key]
	if !ok {
		return value, false
	}
	s.recent.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// Put remembers a value of size bytes. One that is larger than half of the
// limit is not taken: it would push out too much else.
func (s *Store[K, V]) Put(key K, value V, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byKey[key]; ok {
		s.drop(e)
	}
	if size > s.limit/2 {
		return
	}
	s.byKey[key] = s.recent.PushFront(&entry[K, V]{key, value, size})
	s.size += size
	for s.size > s.limit {
		s.drop(s.recent.Back())
	}
}

func (s *Store[K, V]) drop(e *list.Element) {
	old := s.recent.Remove(e).(*entry[K, V])
	delete(s.byKey, old.key)
	s.size -= old.size
}
