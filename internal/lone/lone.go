package lone

import "sync/atomic"

// Uint64 is a number that only grows.
type Uint64 struct{ v atomic.Uint64 }

// Add adds n. One writer at a time.
func (x *Uint64) Add(n uint64) { store(&x.v, x.v.Load()+n) }

// Load is the number. Any goroutine.
func (x *Uint64) Load() uint64 { return x.v.Load() }

// Uint32 is a number that only grows, and wraps.
type Uint32 struct{ v atomic.Uint32 }

// Add adds n. One writer at a time.
func (x *Uint32) Add(n uint32) { store32(&x.v, x.v.Load()+n) }

// Load is the number. Any goroutine.
func (x *Uint32) Load() uint32 { return x.v.Load() }

// Int64 is a value of the moment.
type Int64 struct{ v atomic.Uint64 }

// Store sets the value. One writer at a time.
func (x *Int64) Store(v int64) { store(&x.v, uint64(v)) }

// Load is the value. Any goroutine.
func (x *Int64) Load() int64 { return int64(x.v.Load()) }
