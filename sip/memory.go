package sip

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// memory remembers values for a fixed time after their last store, at most
// limit of them: the oldest goes first. Each access lets go of what has expired, and
// of the room that a flood has taken once it is over.
type memory[K comparable, V any] struct {
	keep  time.Duration
	limit int
	weigh func(V) int // what a value counts for in limit; nil: 1
	now   func() time.Time

	mu      sync.Mutex
	serial  uint64 // of the last store
	entries map[K]remembered[V]
	order   []aging[K] // in the order of expiry
	weight  int        // of order
	most    int        // entries that there is room for
}

// roomy is from how many entries on room is given back [entries]; spare is how many
// times more room than is used is kept.
const (
	roomy = 1024
	spare = 4
)

type remembered[V any] struct {
	value  V
	serial uint64
}

type aging[K comparable] struct {
	key     K
	serial  uint64 // of the store this belongs to; a later store outdates it
	weight  int
	expires time.Time
}

func newMemory[K comparable, V any](keep time.Duration, limit int, now func() time.Time) *memory[K, V] {
	return &memory[K, V]{keep: keep, limit: limit, now: now, entries: make(map[K]remembered[V])}
}

// get is the value last stored under k.
func (m *memory[K, V]) get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expireLocked()
	e, ok := m.entries[k]
	return e.value, ok
}

// put stores v under k and begins its time anew.
func (m *memory[K, V]) put(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expireLocked()
	m.putLocked(k, v)
}

// keys are those of the values that are there.
func (m *memory[K, V]) keys() []K {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expireLocked()
	return slices.Collect(maps.Keys(m.entries))
}

// claim stores v under k unless something is there, which it then returns.
func (m *memory[K, V]) claim(k K, v V) (old V, taken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expireLocked()
	if e, ok := m.entries[k]; ok {
		return e.value, true
	}
	m.putLocked(k, v)
	return old, false
}

// forget drops what is stored under k.
func (m *memory[K, V]) forget(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, k)
}

func (m *memory[K, V]) putLocked(k K, v V) {
	m.serial++
	e, weight := remembered[V]{value: v, serial: m.serial}, 1
	if m.weigh != nil {
		weight = m.weigh(v)
	}
	m.entries[k] = e
	m.order = append(m.order, aging[K]{key: k, serial: e.serial, weight: weight, expires: m.now().Add(m.keep)})
	m.weight += weight
	for m.weight > m.limit {
		m.dropLocked()
	}
	m.most = max(m.most, len(m.order))
}

func (m *memory[K, V]) expireLocked() {
	now, n := m.now(), len(m.order)
	if n > 0 && !m.order[n-1].expires.After(now) { // all of it, at once
		m.entries, m.order, m.weight, m.most = make(map[K]remembered[V]), nil, 0, 0
		return
	}
	for len(m.order) > 0 && !m.order[0].expires.After(now) {
		m.dropLocked()
	}
	if m.most > roomy && len(m.order) < m.most/spare {
		entries := make(map[K]remembered[V], len(m.entries)) // a map never shrinks
		maps.Copy(entries, m.entries)
		m.entries, m.order, m.most = entries, slices.Clone(m.order), len(m.order)
	}
}

func (m *memory[K, V]) dropLocked() {
	a := m.order[0]
	var none aging[K]
	m.order[0] = none
	m.order, m.weight = m.order[1:], m.weight-a.weight
	if e, ok := m.entries[a.key]; ok && e.serial == a.serial {
		delete(m.entries, a.key)
	}
}
