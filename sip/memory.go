package sip

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// memory remembers values for a fixed time after their last store, at most
// limit of them: the oldest goes first.
type memory[K comparable, V any] struct {
	keep  time.Duration
	limit int
	now   func() time.Time

	mu      sync.Mutex
	serial  uint64 // of the last store
	entries map[K]remembered[V]
	order   []aging[K] // in the order of expiry
}

type remembered[V any] struct {
	value  V
	serial uint64
}

type aging[K comparable] struct {
	key     K
	serial  uint64 // of the store this belongs to; a later store outdates it
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
	e := remembered[V]{value: v, serial: m.serial}
	m.entries[k] = e
	m.order = append(m.order, aging[K]{key: k, serial: e.serial, expires: m.now().Add(m.keep)})
	for len(m.order) > m.limit {
		m.dropLocked()
	}
}

func (m *memory[K, V]) expireLocked() {
	now := m.now()
	for len(m.order) > 0 && !m.order[0].expires.After(now) {
		m.dropLocked()
	}
}

func (m *memory[K, V]) dropLocked() {
	a := m.order[0]
	var none aging[K]
	m.order[0] = none
	m.order = m.order[1:]
	if e, ok := m.entries[a.key]; ok && e.serial == a.serial {
		delete(m.entries, a.key)
	}
}
