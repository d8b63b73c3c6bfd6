package events

import (
	"context"
	"errors"
)

// ErrSlow: a reader that was up to date has fallen too far behind.
var ErrSlow = errors.New("events: the reader is too slow")

// readBatch is how many events a reader gets at once.
const readBatch = 256

// Reader is a place in the stream. For one goroutine.
type Reader struct {
	log   *Log
	after uint64
	live  bool // has been up to date
}

// ReadFrom makes a Reader of what comes after a sequence number. A
// *RangeError says that this cannot be had.
func (l *Log) ReadFrom(after uint64) (*Reader, error) {
	if _, err := l.Read(after, 1); err != nil {
		return nil, err
	}
	return &Reader{log: l, after: after}, nil
}

// After is the sequence number of the event that Next returned last.
func (r *Reader) After() uint64 { return r.after }

// Next waits for the next events, one at least. Errors: ErrSlow, *RangeError
// when what comes next is not in the history any more, and why ctx ended.
func (r *Reader) Next(ctx context.Context) ([]Message, error) {
	for {
		_, latest := r.log.Range()
		if r.live && latest-r.after > uint64(r.log.cfg.ClientBuffer) {
			return nil, ErrSlow
		}
		m, err := r.log.Read(r.after, readBatch)
		if err != nil {
			return nil, err
		}
		if n := len(m); n > 0 {
			r.after = m[n-1].Sequence
			return m, nil
		}
		r.live = true
		select {
		case <-r.log.changed(r.after):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
