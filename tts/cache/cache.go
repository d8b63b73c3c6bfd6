package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mediaserver/audio"
)

// Defaults of Config.
const (
	DefaultMemory = 32 << 20
	DefaultDisk   = 256 << 20
)

// stale is the age at which a file that was never finished is removed.
const stale = time.Hour

// Config says how much is kept and where.
type Config struct {
	Directory string // on disk; "" keeps nothing there
	Memory    int64  // bytes; 0 means DefaultMemory, less than 0 none
	Disk      int64  // bytes; 0 means DefaultDisk
}

// Place says where a clip was found.
type Place uint8

// The places.
const (
	Nowhere Place = iota
	Memory
	Disk
)

// Key names what was spoken: a digest of parts, in order.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Cache keeps clips by key.
type Cache struct {
	dir string

	mu     sync.Mutex // never held while a file is used
	memory *index[audio.Clip]
	disk   *index[struct{}]
}

// New makes a cache and reads which clips the directory holds; it is made if
// it does not exist.
func New(cfg Config) (*Cache, error) {
	switch {
	case cfg.Memory == 0:
		cfg.Memory = DefaultMemory
	case cfg.Memory < 0:
		cfg.Memory = 0
	}
	if cfg.Disk <= 0 {
		cfg.Disk = DefaultDisk
	}
	c := &Cache{dir: cfg.Directory, memory: newIndex[audio.Clip](cfg.Memory), disk: newIndex[struct{}](cfg.Disk)}
	if c.dir == "" {
		return c, nil
	}
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return c, c.scan()
}

// scan fills the index of the disk, in the order in which files were used, and
// removes what is left of unfinished ones. It looks only where files of a cache
// are: others in the directory are not touched, whatever they are called.
func (c *Cache) scan() error {
	dirs, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	var files []found
	for _, d := range dirs {
		if d.IsDir() && len(d.Name()) == prefix {
			files = append(files, c.scanDir(d.Name())...)
		}
	}
	slices.SortFunc(files, func(a, b found) int { return a.used.Compare(b.used) })
	var gone []string
	for _, f := range files {
		gone = append(gone, c.disk.put(f.key, f.size, struct{}{})...)
	}
	_ = c.unlink(gone) // Put tells of a disk that cannot be written
	return nil
}

// found is a clip on the disk.
type found struct {
	key  string
	size int64
	used time.Time
}

// scanDir looks into one directory of files. What cannot be read is not there.
func (c *Cache) scanDir(sub string) (files []found) {
	entries, err := os.ReadDir(filepath.Join(c.dir, sub))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() { // removed meanwhile
			continue
		}
		name := filepath.Join(c.dir, sub, e.Name())
		key, ours := strings.CutSuffix(e.Name(), extension)
		unfinished, _ := filepath.Match(temporary, e.Name())
		switch {
		case ours && name == c.file(key):
			files = append(files, found{key, info.Size(), info.ModTime()})
		case unfinished && time.Since(info.ModTime()) > stale:
			_ = os.Remove(name) // it takes room, and does no harm
		}
	}
	return files
}

// prefix is the length of the names of directories: of a key, its beginning.
const prefix = 2

// file is the name of the file of a key.
func (c *Cache) file(key string) string {
	return filepath.Join(c.dir, key[:min(prefix, len(key))], key+extension)
}

// Get returns a clip and where it was. What it finds on disk is in memory
// afterwards.
func (c *Cache) Get(key string) (audio.Clip, Place) {
	c.mu.Lock()
	clip, inMemory := c.memory.get(key)
	_, onDisk := c.disk.get(key)
	c.mu.Unlock()
	switch {
	case inMemory:
		return clip, Memory
	case !onDisk:
		return audio.Clip{}, Nowhere
	}
	name := c.file(key)
	b, err := os.ReadFile(name)
	if err == nil {
		clip, err = decode(key, b)
	}
	if err != nil {
		c.mu.Lock()
		c.disk.remove(key)
		c.mu.Unlock()
		_ = os.Remove(name) // nothing is lost: it cannot be read
		return audio.Clip{}, Nowhere
	}
	now := time.Now()
	_ = os.Chtimes(name, now, now) // only the order after the next start depends on it
	c.remember(key, clip)
	return clip, Disk
}

// Put keeps a clip, in memory only if it is private. The error is about the
// disk; memory has it in any case.
func (c *Cache) Put(key string, clip audio.Clip, private bool) error {
	c.remember(key, clip)
	if c.dir == "" || private {
		return nil
	}
	content := encode(key, clip)
	if err := write(c.file(key), content); err != nil {
		return err
	}
	c.mu.Lock()
	gone := c.disk.put(key, int64(len(content)), struct{}{})
	c.mu.Unlock()
	return c.unlink(gone)
}

func (c *Cache) remember(key string, clip audio.Clip) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.put(key, 2*int64(len(clip.Samples)), clip)
}

// unlink removes the files of keys.
func (c *Cache) unlink(keys []string) error {
	var errs []error
	for _, k := range keys {
		if err := os.Remove(c.file(k)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("cache: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Size is what is kept in memory and on disk [bytes].
func (c *Cache) Size() (memory, disk int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.memory.size, c.disk.size
}
