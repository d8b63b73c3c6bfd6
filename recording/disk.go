package recording

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// file is what a recording needs of an open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// disk is where files are. Names are those of the media directory, with
// slashes. Errors for what is there already match fs.ErrExist.
type disk interface {
	// create makes a file that was not there, its directories too, and locks it.
	create(name string) (file, error)
	// exists reports whether there is something of that name.
	exists(name string) (bool, error)
	// rename gives a file a name that is not taken.
	rename(from, to string) error
	remove(name string) error
}

// media is the media directory. No name leads out of it.
type media struct{ root *os.Root }

// probe is a file that is made and removed to see whether that is possible.
const probe = directory + "/.probe"

// tryOut makes the directory of recordings and reports why no file can be made in
// it. A full disk is not a reason: it may have room when a call comes.
func (m media) tryOut() error {
	_ = m.remove(probe) // of a process that was killed
	f, err := m.create(probe)
	if err == nil {
		if err = m.remove(probe); errors.Is(err, fs.ErrNotExist) {
			err = nil // another server, which begins too, has removed it
		}
		err = errors.Join(err, f.Close())
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	}
	return err
}

// openMedia opens the directory, which it makes if need be.
func openMedia(dir string) (media, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return media{}, fmt.Errorf("make the media directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return media{}, fmt.Errorf("open the media directory: %w", err)
	}
	return media{root}, nil
}

func (m media) create(name string) (file, error) {
	if err := m.root.MkdirAll(path.Dir(name), 0o750); err != nil {
		return nil, err
	}
	for range maxFound {
		f, err := m.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		if m.hold(f, name, true) {
			return f, nil
		}
		_ = f.Close() // a repair has found it first, and removed it
	}
	return nil, fs.ErrExist
}

// maxFound bounds how often a new file may be found by a repair before it is
// locked: by one of our own, and one of each other server.
const maxFound = 10

// hold locks a file and reports whether it still has its name: who holds it is
// the only one to rename or remove it. It waits for others to let go, or not.
func (m media) hold(f *os.File, name string, wait bool) bool {
	if !lock(f, wait) {
		return false
	}
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := m.root.Lstat(name)
	return err == nil && os.SameFile(mine, there)
}

func (m media) exists(name string) (bool, error) {
	_, err := m.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// rename goes by way of a second link, which never replaces a file. Where
// there are no links it looks before it renames.
func (m media) rename(from, to string) error {
	err := m.root.Link(from, to)
	switch {
	case err == nil:
		return m.root.Remove(from)
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return err
	}
	taken, err := m.exists(to)
	if err != nil {
		return err
	}
	if taken {
		return fs.ErrExist
	}
	return m.root.Rename(from, to)
}

func (m media) remove(name string) error { return m.root.Remove(name) }

// settle gives a complete file the first name of its own that is not taken,
// from the n-th choice on, and returns it.
func settle(d disk, part, name string, n int) (string, error) {
	for ; n <= maxTries; n++ {
		err := d.rename(part, nth(name, n))
		if err == nil {
			return nth(name, n), nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("rename %s: %w", part, err)
		}
	}
	return "", fmt.Errorf("rename %s: %w", part, fs.ErrExist)
}
