package recording

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
)

var errFull = errors.New("no space left on device")

// memFile is a file in memory that can fail and hang.
type memFile struct {
	mu        sync.Mutex
	data      []byte
	limit     int           // bytes it may have; 0: no limit
	failAfter int           // calls of ReadAt and WriteAt before they fail; 0: never
	hang      chan struct{} // WriteAt waits until it is closed; nil: does not
	closed    bool
}

func (f *memFile) count() error {
	if f.failAfter > 0 {
		f.failAfter--
		if f.failAfter == 0 {
			f.failAfter = -1
		}
	} else if f.failAfter < 0 {
		return errFull
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, at int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.count(); err != nil {
		return 0, err
	}
	if at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, at int64) (int, error) {
	f.mu.Lock()
	hang := f.hang
	f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.count(); err != nil {
		return 0, err
	}
	room := len(p)
	if f.limit > 0 {
		room = max(0, min(room, f.limit-int(at)))
	}
	if grow := int(at) + room - len(f.data); grow > 0 {
		f.data = append(f.data, make([]byte, grow)...)
	}
	copy(f.data[at:], p[:room])
	if room < len(p) {
		return room, errFull
	}
	return room, nil
}

func (f *memFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if grow := int(size) - len(f.data); grow > 0 {
		f.data = append(f.data, make([]byte, grow)...)
	}
	f.data = f.data[:size]
	return nil
}

func (f *memFile) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.data)
}

func (f *memFile) content() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.data)
}

func (f *memFile) Sync() error { return nil }

func (f *memFile) Close() error { f.closed = true; return nil }

func (f *memFile) set(limit int, hang chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit, f.hang = limit, hang
}

// memDisk is a disk in memory whose files are made as told.
type memDisk struct {
	mu    sync.Mutex
	files map[string]*memFile
	limit int           // of new files
	hang  chan struct{} // create waits for it
	fail  error         // of create
}

func newMemDisk() *memDisk { return &memDisk{files: map[string]*memFile{}} }

func (d *memDisk) create(name string) (file, error) {
	if d.hang != nil {
		<-d.hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return nil, d.fail
	}
	if d.files[name] != nil {
		return nil, fs.ErrExist
	}
	f := &memFile{limit: d.limit}
	d.files[name] = f
	return f, nil
}

func (d *memDisk) exists(name string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name] != nil, nil
}

func (d *memDisk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[to] != nil {
		return fs.ErrExist
	}
	d.files[to] = d.files[from]
	delete(d.files, from)
	return nil
}

func (d *memDisk) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
	return nil
}

func (d *memDisk) file(name string) *memFile {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name]
}
