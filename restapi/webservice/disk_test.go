package webservice

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the disk does is no fault of the client: neither of the file that it
// sends nor of the name that it asks for.
func TestFaultsOfTheDiskAreNotThoseOfTheClient(t *testing.T) {
	of := func(err error) error { return &fs.PathError{Op: "write", Path: "a.wav", Err: err} }
	for _, tt := range []struct {
		err             error
		written, opened int // status
	}{
		{of(syscall.ENOSPC), 507, 500},
		{of(syscall.EDQUOT), 507, 500},
		{of(syscall.EIO), 500, 500},
		{of(syscall.EMFILE), 500, 500},
		{of(syscall.EROFS), 500, 500},
		{of(syscall.EACCES), 500, 500},
		{of(syscall.ENOTDIR), 400, 404},
		{of(syscall.ENAMETOOLONG), 400, 404},
		{of(syscall.ELOOP), 400, 404},
		{of(errors.New("path escapes from parent")), 400, 404},
		{io.ErrUnexpectedEOF, 400, 500},
	} {
		if got := faultOf(unwritten(tt.err)).status; got != tt.written {
			t.Errorf("writing, %v: %d, want %d", tt.err, got, tt.written)
		}
		if got := faultOf(missing(tt.err)).status; got != tt.opened {
			t.Errorf("opening, %v: %d, want %d", tt.err, got, tt.opened)
		}
	}
}

func TestNamesThatLeadNowhere(t *testing.T) {
	directory := t.TempDir()
	for name, to := range map[string]string{"out": "/etc", "circle": "circle"} {
		if err := os.Symlink(to, filepath.Join(directory, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(directory, "file"), []byte("x"), fileMode); err != nil {
		t.Fatal(err)
	}
	a := area{directory: directory}
	for _, parent := range []string{"out", "circle", "file", "absent"} {
		if _, _, err := a.open(parent + "/a.wav"); !errors.Is(err, errNoFile) {
			t.Errorf("opening below %s: %v", parent, err)
		}
		if parent == "absent" {
			continue
		}
		if _, err := a.write(parent+"/a.wav", strings.NewReader("x"), false); faultOf(err).status != 400 {
			t.Errorf("writing below %s: %v", parent, err)
		}
	}
}

// A directory may hold a million files.
func TestADirectoryIsSweptOnceAnHour(t *testing.T) {
	var s sweeps
	now := time.Now()
	for _, tt := range []struct {
		directory string
		after     time.Duration
		due       bool
	}{{"a", 0, true}, {"a", time.Minute, false}, {"b", time.Minute, true}, {"a", 59 * time.Minute, false}, {"a", time.Hour, true}} {
		if got := s.due(tt.directory, now.Add(tt.after)); got != tt.due {
			t.Errorf("%s after %v: %t", tt.directory, tt.after, got)
		}
	}
	for i := range 2 * maxSwept {
		s.due(strconv.Itoa(i), now)
	}
	if len(s.last) > maxSwept {
		t.Errorf("%d directories are remembered", len(s.last))
	}
}
