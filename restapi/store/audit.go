package store

import (
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"
)

// bucketAudit holds what was changed: key time in µs and a counter, 8 bytes
// each.
const bucketAudit = "audit"

// AuditEntry is a change as it is kept.
type AuditEntry struct {
	Key  []byte
	JSON []byte
}

// PutAudit adds a change.
func (s *Store) PutAudit(at time.Time, raw []byte) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucketAudit))
		if err != nil {
			return err
		}
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		key := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
		return b.Put(binary.BigEndian.AppendUint64(key, n), raw)
	})
}

// Audit is the latest changes before a key, the latest first; nil is from the
// end.
func (s *Store) Audit(before []byte, limit int) ([]AuditEntry, error) {
	var out []AuditEntry
	err := s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketAudit))
		if b == nil {
			return nil
		}
		for k, v := range backwards(b.Cursor(), before) {
			if len(out) == limit {
				return nil
			}
			out = append(out, AuditEntry{Key: append([]byte(nil), k...), JSON: append([]byte(nil), v...)})
		}
		return nil
	})
	return out, err
}

// PruneAudit deletes changes made before a time, limit at most.
func (s *Store) PruneAudit(before time.Time, limit int) (int, error) {
	n := 0
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketAudit))
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for k, _ := c.First(); k != nil && n < limit && recordOf(k, nil).End.Before(before); k, _ = c.First() {
			if err := c.Delete(); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// backwards yields what stands before a key, the last first; nil is from the
// end.
func backwards(c *bolt.Cursor, before []byte) func(yield func(k, v []byte) bool) {
	return func(yield func(k, v []byte) bool) {
		k, v := c.Last()
		if before != nil {
			if found, _ := c.Seek(before); found != nil {
				k, v = c.Prev()
			} else {
				k, v = c.Last()
			}
		}
		for ; k != nil && yield(k, v); k, v = c.Prev() {
		}
	}
}
