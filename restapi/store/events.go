package store

import (
	"encoding/binary"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// maxEvent bounds an event [bytes].
const maxEvent = 64 << 10

// Entry is an event as it is kept.
type Entry struct {
	Sequence uint64
	JSON     []byte
}

// Change of what is open: Opens with the event that opened it, or with a record
// that is not complete, or none for what has been closed.
type Change struct {
	Key   string // OpenKey of the event that opened it, RecordOpenKey, or as Unclosed gave it
	Opens []byte // nil: closed
}

// OpenKey is the key of what an event opens. Keys are in the order of events.
func OpenKey(sequence uint64) string { return string(sequenceKey(sequence)) }

// RecordOpenKey is the key of the record of a call that is not complete. Such
// keys are behind those of events.
func RecordOpenKey(call string) string { return openRecord + call }

// openRecord begins the keys of records; those of events have other lengths or
// begin otherwise.
const openRecord = "record of "

// IsRecord says whether a key that Unclosed gave is one of RecordOpenKey.
func IsRecord(openKey string) bool { return strings.HasPrefix(openKey, openRecord) }

func sequenceKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Batch is what is kept together, all or nothing.
type Batch struct {
	Events  []Entry // in the order of their sequence numbers
	Changes []Change
	Records []Record
}

// Append adds a batch.
func (s *Store) Append(b Batch) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if err := putEvents(tx, b.Events); err != nil {
			return err
		}
		open := tx.Bucket([]byte(bucketOpen))
		open.FillPercent = fillPercent
		for _, c := range b.Changes {
			if err := change(open, c); err != nil {
				return err
			}
		}
		for _, r := range b.Records {
			if err := putRecord(tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func putEvents(tx *bolt.Tx, events []Entry) error {
	b := tx.Bucket([]byte(bucketEvents))
	b.FillPercent = fillPercent
	for _, e := range events {
		if len(e.JSON) > maxEvent {
			return fmt.Errorf("%w: event %d of %d bytes", ErrSize, e.Sequence, len(e.JSON))
		}
		if err := b.Put(sequenceKey(e.Sequence), e.JSON); err != nil {
			return err
		}
	}
	return nil
}

func change(b *bolt.Bucket, c Change) error {
	if c.Opens == nil {
		return b.Delete([]byte(c.Key))
	}
	return b.Put([]byte(c.Key), c.Opens)
}

// Unclosed yields what was opened and not closed, by its key: events, and
// records (IsRecord).
func (s *Store) Unclosed() (map[string][]byte, error) {
	open := map[string][]byte{}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketOpen)).ForEach(func(k, v []byte) error {
			open[string(k)] = append([]byte(nil), v...)
			return nil
		})
	})
	return open, err
}

// Range is the sequence numbers of the oldest and the latest event; 0, 0
// without any.
func (s *Store) Range() (oldest, latest uint64, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(bucketEvents)).Cursor()
		if k, _ := c.First(); k != nil {
			oldest = binary.BigEndian.Uint64(k)
		}
		if k, _ := c.Last(); k != nil {
			latest = binary.BigEndian.Uint64(k)
		}
		return nil
	})
	return oldest, latest, err
}

// Events are the events after a sequence number, limit at most.
func (s *Store) Events(after uint64, limit int) ([]Entry, error) {
	var out []Entry
	err := s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(bucketEvents)).Cursor()
		for k, v := c.Seek(sequenceKey(after + 1)); k != nil && len(out) < limit; k, v = c.Next() {
			out = append(out, Entry{Sequence: binary.BigEndian.Uint64(k), JSON: append([]byte(nil), v...)})
		}
		return nil
	})
	return out, err
}

// Prune deletes the oldest events as long as stale says so, limit at most, and
// returns how many went.
func (s *Store) Prune(limit int, stale func(e Entry) bool) (int, error) {
	n := 0
	err := s.db.Update(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(bucketEvents)).Cursor()
		for k, v := c.First(); k != nil && n < limit; k, v = c.First() {
			if !stale(Entry{Sequence: binary.BigEndian.Uint64(k), JSON: v}) {
				return nil
			}
			if err := c.Delete(); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
