package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mediaserver/call"
	"mediaserver/restapi/store"
)

const (
	pruneInterval = time.Minute
	pruneBatch    = 5000 // events in one write
)

// published is what readers may see.
type published struct {
	mu      sync.Mutex
	memory  int
	forgets bool      // what is not in memory is nowhere
	recent  []Message // the latest; without holes up to latest
	oldest  uint64    // in the history
	latest  uint64
	changed chan struct{} // closed when latest grows
}

func (p *published) init(memory int) {
	p.memory, p.oldest, p.changed = memory, 1, make(chan struct{})
}

// publish shows messages to readers.
func (p *published) publish(m []Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent = append(p.recent, m...)
	if len(p.recent) > 2*p.memory {
		p.recent = slices.Clone(p.recent[len(p.recent)-p.memory:])
		if p.forgets {
			p.oldest = p.recent[0].Sequence
		}
	}
	p.latest = m[len(m)-1].Sequence
	close(p.changed)
	p.changed = make(chan struct{})
}

// RangeError says that a place in the history cannot be gone on from: what
// came after it has been forgotten, or it has not come to pass yet.
type RangeError struct {
	After, Oldest, Latest uint64
}

// Error says which places there are.
func (e *RangeError) Error() string {
	return fmt.Sprintf("events: cannot go on after %d: the history has %d to %d", e.After, e.Oldest, e.Latest)
}

// Range is the sequence numbers of the oldest and the latest event that can be
// read. Without any, latest is oldest - 1.
func (l *Log) Range() (oldest, latest uint64) {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	return l.out.oldest, l.out.latest
}

// Read is the events after a sequence number, limit at most, none when there
// are none yet. A *RangeError says that events are missing in between.
func (l *Log) Read(after uint64, limit int) ([]Message, error) {
	l.out.mu.Lock()
	if after+1 < l.out.oldest || after > l.out.latest {
		err := &RangeError{After: after, Oldest: l.out.oldest, Latest: l.out.latest}
		l.out.mu.Unlock()
		return nil, err
	}
	if after == l.out.latest {
		l.out.mu.Unlock()
		return nil, nil
	}
	if first := len(l.out.recent); first > 0 && l.out.recent[0].Sequence <= after+1 {
		i := int(after + 1 - l.out.recent[0].Sequence)
		m := slices.Clone(l.out.recent[i:min(i+limit, len(l.out.recent))])
		l.out.mu.Unlock()
		return m, nil
	}
	latest, remembered := l.out.latest, l.out.latest+1
	if len(l.out.recent) > 0 {
		remembered = l.out.recent[0].Sequence
	}
	l.out.mu.Unlock()
	// What is in the store beyond it is not out yet.
	m, err := l.readStore(after, int(min(uint64(limit), latest-after)), latest)
	if err != nil {
		return nil, err
	}
	switch {
	case len(m) > 0 && m[0].Sequence == after+1:
		return unbroken(m), nil
	case len(m) > 0:
		remembered = m[0].Sequence
	}
	return nil, &RangeError{After: after, Oldest: remembered, Latest: latest}
}

// unbroken is what comes before the first hole that a full disk has left.
func unbroken(m []Message) []Message {
	for i := 1; i < len(m); i++ {
		if m[i].Sequence != m[i-1].Sequence+1 {
			return m[:i]
		}
	}
	return m
}

func (l *Log) readStore(after uint64, limit int, latest uint64) ([]Message, error) {
	if l.cfg.Store == nil {
		return nil, errNoStore
	}
	entries, err := l.cfg.Store.Events(after, limit)
	if err != nil {
		return nil, fmt.Errorf("events: read the history: %w", err)
	}
	m := make([]Message, 0, len(entries))
	for _, e := range entries {
		if e.Sequence <= latest {
			m = append(m, Message{Sequence: e.Sequence, Type: typeOf(e.JSON), JSON: e.JSON})
		}
	}
	return m, nil
}

func typeOf(raw []byte) call.EventType {
	var e struct {
		Type call.EventType `json:"type"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return ""
	}
	return e.Type
}

// changed is closed when there is something after a sequence number.
func (l *Log) changed(after uint64) <-chan struct{} {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	if l.out.latest > after {
		done := make(chan struct{})
		close(done)
		return done
	}
	return l.out.changed
}

// prune forgets what is too old or too much.
func (l *Log) prune() {
	if l.cfg.Store == nil {
		return
	}
	_, last, err := l.cfg.Store.Range()
	if err != nil {
		l.pruneFailed(err)
		return
	}
	_, latest := l.Range()
	stale := func(e store.Entry) bool {
		if e.Sequence >= last { // numbers go on from it after the next start
			return false
		}
		if latest-e.Sequence >= uint64(l.cfg.MaxEvents) {
			return true
		}
		return l.cfg.Retention > 0 && time.Since(timeOf(e.JSON)) > l.cfg.Retention
	}
	for {
		n, err := l.cfg.Store.Prune(pruneBatch, stale)
		oldest, _, rangeErr := l.cfg.Store.Range()
		if err := errors.Join(err, rangeErr); err != nil {
			l.pruneFailed(err)
			return
		}
		if n > 0 { // there may be a hole behind what went: then it is the end of the hole
			l.out.mu.Lock()
			l.out.oldest = oldest
			l.out.mu.Unlock()
		}
		if n < pruneBatch {
			return
		}
	}
}

func (l *Log) pruneFailed(err error) {
	l.cfg.Metrics.storeErrors.Inc()
	l.cfg.Logger.Error("old events cannot be deleted", "error", err)
}

func timeOf(raw []byte) time.Time {
	var e struct {
		Time time.Time `json:"time"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return time.Time{}
	}
	return e.Time
}
