package store

import (
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// MaxRecord bounds a call record [bytes].
const MaxRecord = 1 << 20

// Record is a call record as it is kept.
type Record struct {
	ID   string    // of the call
	End  time.Time // orders records
	JSON []byte
}

// RecordKey is the key of a record: when the call ended, 1970 at the earliest,
// then its id.
func RecordKey(end time.Time, id string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(max(end.UnixMicro(), 0))), id...)
}

// timeBytes is the part of a key that is the time.
const timeBytes = 8

func recordOf(key, value []byte) Record {
	if len(key) < timeBytes {
		return Record{}
	}
	return Record{
		ID:   string(key[timeBytes:]),
		End:  time.UnixMicro(int64(binary.BigEndian.Uint64(key))),
		JSON: append([]byte(nil), value...),
	}
}

func putRecord(tx *bolt.Tx, r Record) error {
	if len(r.JSON) > MaxRecord || len(r.ID) > maxKey || r.ID == "" {
		return fmt.Errorf("%w: record %q of %d bytes", ErrSize, r.ID, len(r.JSON))
	}
	key := RecordKey(r.End, r.ID)
	if err := tx.Bucket([]byte(bucketRecords)).Put(key, r.JSON); err != nil {
		return err
	}
	return tx.Bucket([]byte(bucketRecordIDs)).Put([]byte(r.ID), key)
}

// Record is the record of a call; ok is false when there is none.
func (s *Store) Record(id string) (r Record, ok bool, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		key := tx.Bucket([]byte(bucketRecordIDs)).Get([]byte(id))
		if key == nil {
			return nil
		}
		r, ok = recordOf(key, tx.Bucket([]byte(bucketRecords)).Get(key)), true
		return nil
	})
	return r, ok, err
}

// Records walks back from the record before a key, the latest first for nil,
// and calls visit until it returns false.
func (s *Store) Records(before []byte, visit func(r Record) bool) error {
	return s.db.View(func(tx *bolt.Tx) error {
		for k, v := range backwards(tx.Bucket([]byte(bucketRecords)).Cursor(), before) {
			if !visit(recordOf(k, v)) {
				return nil
			}
		}
		return nil
	})
}

// PruneRecords deletes records of calls that ended before a time, limit at
// most, and returns how many went.
func (s *Store) PruneRecords(before time.Time, limit int) (int, error) {
	n := 0
	err := s.db.Update(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(bucketRecords)).Cursor()
		for k, _ := c.First(); k != nil && n < limit; k, _ = c.First() {
			r := recordOf(k, nil)
			if !r.End.Before(before) {
				return nil
			}
			if err := c.Delete(); err != nil {
				return err
			}
			if err := tx.Bucket([]byte(bucketRecordIDs)).Delete([]byte(r.ID)); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
