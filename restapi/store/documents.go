package store

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Bounds of documents.
const (
	maxKey      = 1024    // bytes
	maxDocument = 1 << 20 // bytes
)

// Documents are JSON values by key.
type Documents struct {
	store *Store
	name  string
}

// Documents is the set of that name; it comes into being with its first
// document.
func (s *Store) Documents(name string) *Documents {
	return &Documents{store: s, name: bucketDocument + name}
}

// Put keeps v as JSON; it replaces what the key had. It is durable when Put
// returns.
func (d *Documents) Put(key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: %s %q: %w", d.name, key, err)
	}
	if key == "" || len(key) > maxKey || len(value) > maxDocument {
		return fmt.Errorf("%w: %s %q of %d bytes", ErrSize, d.name, key, len(value))
	}
	return d.store.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(d.name))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), value)
	})
}

// Delete forgets a key; one that is not there is no error.
func (d *Documents) Delete(key string) error {
	return d.store.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(d.name))
		if b == nil {
			return nil
		}
		return b.Delete([]byte(key))
	})
}

// Each calls f with every document in the order of the keys until it returns
// an error. f may keep its arguments; it must not use the Store.
func (d *Documents) Each(f func(key string, value []byte) error) error {
	return d.store.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(d.name))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error { return f(string(k), append([]byte(nil), v...)) })
	})
}
