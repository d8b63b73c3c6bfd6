package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// fileName is the name of the file in Config.Directory.
const fileName = "state.db"

const (
	lockTimeout   = 2 * time.Second // for another process to let go of the file
	fileMode      = 0o640
	directoryMode = 0o750
	fillPercent   = 0.95 // of pages of keys that only grow
)

// Errors of a Store; test with errors.Is.
var (
	// ErrCorrupt: the file is damaged. It is left as it is.
	ErrCorrupt = errors.New("store: the file is damaged")
	// ErrInUse: another process has the file.
	ErrInUse = errors.New("store: the file is in use by another process")
	// ErrSize: a document, event or key is larger than is kept.
	ErrSize = errors.New("store: too large")
)

// Config says where and how state is kept.
type Config struct {
	Directory string // is made if it does not exist; required
	NoSync    bool   // do not wait for the disk
}

// Store is an open file of state.
type Store struct {
	db   *bolt.DB
	path string
}

var buckets = [...]string{bucketEvents, bucketOpen, bucketRecords, bucketRecordIDs}

// Names of buckets.
const (
	bucketEvents    = "events"
	bucketOpen      = "open"
	bucketRecords   = "records"
	bucketRecordIDs = "record_ids"
	bucketDocument  = "doc." // and a name
)

// Open opens the state of a directory, and makes it if there is none. The
// whole file is checked: ErrCorrupt with the place of the file and what to do
// says that it is damaged. ErrInUse says that another process has it.
func Open(cfg Config) (*Store, error) {
	if err := os.MkdirAll(cfg.Directory, directoryMode); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	path := filepath.Join(cfg.Directory, fileName)
	s := &Store{path: path}
	if err := s.open(cfg); err != nil {
		return nil, err
	}
	return s, nil
}

// open opens and checks the file. A damaged one can lead the library anywhere,
// also out of its memory map: a fault is an error here.
func (s *Store) open(cfg Config) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = s.corrupt(fmt.Errorf("%v", fault))
		}
	}()
	if info, err := os.Stat(s.path); err == nil && info.Size() > 0 && info.Size() < int64(4*os.Getpagesize()) {
		return s.corrupt(fmt.Errorf("it has %d bytes only", info.Size()))
	}
	db, err := bolt.Open(s.path, fileMode, &bolt.Options{
		Timeout: lockTimeout, NoSync: cfg.NoSync, FreelistType: bolt.FreelistMapType,
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrInUse, s.path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return s.corrupt(err)
	case err != nil:
		return fmt.Errorf("store: %s: %w", s.path, err)
	}
	s.db = db
	if err := s.check(); err != nil {
		return errors.Join(s.corrupt(err), db.Close())
	}
	return db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// check walks through all that is kept; 350 MB take 60 ms from memory. (The
// library's own check panics in a goroutine of its own when it is led astray.)
func (s *Store) check() (err error) {
	tx, err := s.db.Begin(false)
	if err != nil {
		return err
	}
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%v", fault)
		}
		err = errors.Join(err, tx.Rollback())
	}()
	return tx.ForEach(func(name []byte, b *bolt.Bucket) error { return checkBucket(name, b) })
}

// checkBucket reads every key and value of a bucket.
func checkBucket(name []byte, b *bolt.Bucket) error {
	if b == nil {
		return fmt.Errorf("%q is no bucket", name)
	}
	var last []byte
	sum := byte(0)
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if last != nil && bytes.Compare(last, k) >= 0 {
			return fmt.Errorf("keys of bucket %q are out of order", name)
		}
		last = k
		if len(v) > 0 { // touch the last page of it
			sum ^= v[len(v)-1]
		}
	}
	_ = sum
	return nil
}

// corrupt says which file is damaged and what to do.
func (s *Store) corrupt(why error) error {
	return fmt.Errorf("%w: %s: %w; move it away to start with empty state, or put back a copy", ErrCorrupt, s.path, why)
}

// Path is the file.
func (s *Store) Path() string { return s.path }

// Size is the size of the file [bytes]; space that became free in it is used
// again and not given back.
func (s *Store) Size() int64 {
	var n int64
	err := s.db.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil })
	if err != nil {
		return 0
	}
	return n
}

// Close waits for the writes under way and closes the file. Nothing may be
// asked afterwards but errors.
func (s *Store) Close() error {
	err := s.db.Sync() // with NoSync, what the system still holds
	return errors.Join(err, s.db.Close())
}
