package flite

import (
	"io/fs"

	"github.com/tetratelabs/wazero/experimental/sys"
	wasi "github.com/tetratelabs/wazero/sys"
)

// memory is a file system of one file, which keeps what is written to it.
type memory struct {
	sys.UnimplementedFS

	limit   int
	written []byte
}

// OpenFile opens the file, whatever its name, to be written anew.
func (m *memory) OpenFile(path string, flag sys.Oflag, _ fs.FileMode) (sys.File, sys.Errno) {
	switch {
	case path == "" || path == "." || path == "/":
		return root{}, 0
	case flag&(sys.O_WRONLY|sys.O_RDWR) == 0:
		return nil, sys.ENOENT
	}
	m.written = m.written[:0]
	return &file{m: m}, 0
}

// Stat knows the directory only.
func (m *memory) Stat(path string) (wasi.Stat_t, sys.Errno) {
	if path == "" || path == "." || path == "/" {
		return root{}.Stat()
	}
	return wasi.Stat_t{}, sys.ENOENT
}

// root is the directory.
type root struct{ sys.UnimplementedFile }

// IsDir says that it is one.
func (root) IsDir() (bool, sys.Errno) { return true, 0 }

// Stat says that it is a directory.
func (root) Stat() (wasi.Stat_t, sys.Errno) { return wasi.Stat_t{Mode: fs.ModeDir | 0o755}, 0 }

// file is the file, open for writing.
type file struct {
	sys.UnimplementedFile

	m *memory
}

// IsDir says that it is none.
func (*file) IsDir() (bool, sys.Errno) { return false, 0 }

// IsAppend says that it is written from its beginning.
func (*file) IsAppend() bool { return false }

// Stat gives its size.
func (f *file) Stat() (wasi.Stat_t, sys.Errno) {
	return wasi.Stat_t{Mode: 0o644, Size: int64(len(f.m.written)), Nlink: 1}, 0
}

// Write adds to the file.
func (f *file) Write(b []byte) (int, sys.Errno) {
	if len(f.m.written)+len(b) > f.m.limit {
		return 0, sys.EIO
	}
	f.m.written = append(f.m.written, b...)
	return len(b), 0
}

// Close leaves it as it is.
func (*file) Close() sys.Errno { return 0 }
