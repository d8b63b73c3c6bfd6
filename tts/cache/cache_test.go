package cache

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
)

func clip(n int, v int16) audio.Clip {
	s := make([]int16, n)
	for i := range s {
		s[i] = v + int16(i)
	}
	return audio.Clip{Rate: 8000, Samples: s}
}

func open(t *testing.T, cfg Config) *Cache {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t *testing.T, c *Cache, key string, v audio.Clip, private bool) {
	t.Helper()
	if err := c.Put(key, v, private); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// expect checks where a clip is.
func expect(t *testing.T, c *Cache, key string, want Place, samples []int16) {
	t.Helper()
	got, place := c.Get(key)
	if place != want || !slices.Equal(got.Samples, samples) || samples != nil && got.Rate != 8000 {
		t.Errorf("%.8s: %d samples from place %d, want %d from %d", key, len(got.Samples), place, len(samples), want)
	}
}

func TestKeysDoNotRunTogether(t *testing.T) {
	keys := []string{Key(), Key(""), Key("", ""), Key("a", "b"), Key("ab", ""), Key("ab"), Key("1:a"), Key("a")}
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 8 {
		t.Error("two keys are equal")
	}
}

func TestClipIsInMemoryAndOutlivesTheProcessOnDisk(t *testing.T) {
	dir, k, v := filepath.Join(t.TempDir(), "new", "directory"), Key("a"), clip(800, 7)
	c := open(t, Config{Directory: dir})
	expect(t, c, k, Nowhere, nil)
	put(t, c, k, v, false)
	expect(t, c, k, Memory, v.Samples)
	c = open(t, Config{Directory: dir})
	expect(t, c, k, Disk, v.Samples)
	expect(t, c, k, Memory, v.Samples)
	if m, d := c.Size(); m != 1600 || d != 1600+int64(headerSize) {
		t.Errorf("sizes %d and %d", m, d)
	}
}

func TestWithoutDirectoryNothingIsWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	c := open(t, Config{})
	put(t, c, Key("a"), clip(8, 1), false)
	if list, err := os.ReadDir("."); err != nil || len(list) > 0 {
		t.Errorf("%v, error %v", list, err)
	}
}

func TestPrivateClipsStayOffTheDisk(t *testing.T) {
	dir := t.TempDir()
	c := open(t, Config{Directory: dir})
	put(t, c, Key("a"), clip(8, 1), true)
	expect(t, c, Key("a"), Memory, clip(8, 1).Samples)
	if list := files(t, dir); len(list) > 0 {
		t.Errorf("on disk: %v", list)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := open(t, Config{Memory: 4000})
	put(t, c, Key("a"), clip(900, 1), false)
	put(t, c, Key("b"), clip(900, 2), false)
	expect(t, c, Key("a"), Memory, clip(900, 1).Samples) // now b was used longest ago
	put(t, c, Key("c"), clip(900, 3), false)
	expect(t, c, Key("b"), Nowhere, nil)
	expect(t, c, Key("a"), Memory, clip(900, 1).Samples)
	put(t, c, Key("d"), clip(3000, 4), false) // larger than all
	expect(t, c, Key("d"), Nowhere, nil)
	if m, _ := c.Size(); m > 4000 {
		t.Errorf("%d bytes in memory", m)
	}
	none := open(t, Config{Memory: -1})
	put(t, none, Key("a"), clip(8, 1), false)
	expect(t, none, Key("a"), Nowhere, nil)
}

func TestDiskIsBoundedAlsoAtTheStart(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Directory: dir, Memory: -1, Disk: 6000}
	c := open(t, cfg)
	for i, name := range []string{"a", "b", "c", "d"} {
		put(t, c, Key(name), clip(900, int16(i)), false)
		at := time.Now().Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(c.file(Key(name)), at, at); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, c, Key("a"), Nowhere, nil)
	if n := len(files(t, dir)); n != 3 {
		t.Errorf("%d files, want 3", n)
	}
	cfg.Disk = 4000
	c = open(t, cfg)
	expect(t, c, Key("b"), Nowhere, nil)
	expect(t, c, Key("d"), Disk, clip(900, 3).Samples)
	if n := len(files(t, dir)); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
}

func TestCorruptFilesAreRemoved(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"cut off":          func(b []byte) []byte { return b[:len(b)-1] },
		"empty":            func([]byte) []byte { return nil },
		"longer":           func(b []byte) []byte { return append(b, 0, 0) },
		"a bit is wrong":   func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"no rate":          func(b []byte) []byte { copy(b[8:], "\x00\x00\x00\x00"); return b },
		"of another key":   func([]byte) []byte { return encode(Key("other"), clip(100, 1)) },
		"of another world": func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, Config{Directory: dir, Memory: -1})
			put(t, c, Key("a"), clip(100, 1), false)
			file := c.file(Key("a"))
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, spoil(b), 0o600); err != nil {
				t.Fatal(err)
			}
			expect(t, c, Key("a"), Nowhere, nil)
			if list := files(t, dir); len(list) > 0 {
				t.Errorf("left: %v", list)
			}
			put(t, c, Key("a"), clip(100, 1), false)
			expect(t, c, Key("a"), Disk, clip(100, 1).Samples)
		})
	}
}

func TestForeignFilesAreLeftAloneAndOldUnfinishedOnesRemoved(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * stale)
	for _, name := range []string{"notes.txt", "aa.speech", "mine.tmp", "project/mine.tmp", "aa/1.tmp", "aa/2.tmp", "aa/notes.txt"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) == "2.tmp" {
			continue
		}
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	open(t, Config{Directory: dir, Disk: 1})
	var left []string
	if err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"aa/2.tmp", "aa/notes.txt", "aa.speech", "mine.tmp", "notes.txt", "project/mine.tmp"}; !slices.Equal(left, want) {
		t.Errorf("left: %q, want %q", left, want)
	}
}

// TestDirectoryOfAnotherUserIsNoHindrance, as lost+found is on a disk of its own.
func TestDirectoryOfAnotherUserIsNoHindrance(t *testing.T) {
	dir := t.TempDir()
	c := open(t, Config{Directory: dir})
	put(t, c, Key("a"), clip(8, 1), false)
	for _, name := range []string{"lost+found", "zz"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, open(t, Config{Directory: dir}), Key("a"), Disk, clip(8, 1).Samples)
}

func TestUnusableDirectoryIsAnErrorButMemoryWorks(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Directory: filepath.Join(file, "below")}); err == nil {
		t.Error("New: no error")
	}
	c := open(t, Config{Directory: filepath.Join(dir, "x")})
	if err := os.Remove(c.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(Key("a"), clip(8, 1), false); err == nil {
		t.Error("Put: no error")
	}
	expect(t, c, Key("a"), Memory, clip(8, 1).Samples)
}

func TestManyAtOnce(t *testing.T) {
	c := open(t, Config{Directory: t.TempDir(), Memory: 4000, Disk: 20000})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				n := (g + i) % 20
				k, v := Key(strconv.Itoa(n)), clip(500, int16(n))
				if got, place := c.Get(k); place != Nowhere && !slices.Equal(got.Samples, v.Samples) {
					t.Errorf("%d: wrong samples from place %d", n, place)
				}
				if err := c.Put(k, v, false); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if m, d := c.Size(); m > 4000 || d > 20000 {
		t.Errorf("sizes %d and %d", m, d)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("key", encode("key", clip(3, 1)))
	f.Add("key", []byte(magic))
	f.Fuzz(func(t *testing.T, key string, b []byte) {
		c, err := decode(key, b)
		if err == nil && !bytes.Equal(encode(key, c), b) {
			t.Errorf("%d samples at %d Hz are not what was written", len(c.Samples), c.Rate)
		}
	})
}

func BenchmarkGet(b *testing.B) {
	for name, cfg := range map[string]Config{"memory": {}, "disk": {Directory: b.TempDir(), Memory: -1}} {
		b.Run(name, func(b *testing.B) {
			c, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			if err := c.Put(Key("a"), clip(24000, 1), false); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Get(Key("a"))
			}
		})
	}
}
