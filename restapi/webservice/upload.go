package webservice

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"mediaserver/call"
)

const (
	uploadedSuffix = ".upload" // of a file while it is being written; no valid name ends so
	uploadGivenUp  = time.Hour // after which such a file is nobody's: its process was killed
	maxSwept       = 1000      // directories that are remembered as swept
)

func (s *Services) fileWrite(q *request) (any, error) {
	a := s.area(q)
	if a.directory != "" && !a.writable {
		q.bad("filetype", "cannot be written")
	}
	name := q.filename(a)
	encrypted := q.boolean("encrypted")
	if err := q.fault(); err != nil {
		return nil, err
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	case <-q.r.Context().Done():
		return nil, statusFault(http.StatusServiceUnavailable, "the client has gone")
	}
	allowTime(http.NewResponseController(q.w).SetReadDeadline)
	allowTime(http.NewResponseController(q.w).SetWriteDeadline)
	check := encrypted == nil || !*encrypted
	if directory := path.Dir(name); s.swept.due(directory, time.Now()) {
		if err := a.sweep(directory, time.Now()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.cfg.Logger.Warn("what uploads have left cannot be removed", "directory", directory, "error", err)
		}
	}
	size, err := a.write(name, http.MaxBytesReader(q.w, q.r.Body, call.MaxMediaFile), check)
	if err != nil {
		return nil, err
	}
	return fileAnswer{Name: name, Size: size}, nil
}

// write puts a file into the area: under another name until it is complete
// and, if check, known to be playable.
func (a area) write(name string, body io.Reader, check bool) (size int64, err error) {
	if err := os.MkdirAll(a.directory, directoryMode); err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(a.directory)
	if err != nil {
		return 0, err
	}
	defer root.Close() //nolint:errcheck // nothing can be lost
	if err := root.MkdirAll(path.Dir(name), directoryMode); err != nil {
		return 0, unwritten(err)
	}
	if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return 0, malformed("filename", "is the name of something that is no file")
	}
	// Its own name may be as long as names can be.
	temporary := path.Join(path.Dir(name), strconv.FormatInt(time.Now().UnixNano(), 36)+uploadedSuffix)
	f, err := root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)
	if err != nil {
		return 0, unwritten(err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err == nil {
			err = root.Rename(temporary, name)
		}
		if err != nil {
			err = errors.Join(err, root.Remove(temporary))
		}
	}()
	size, err = io.Copy(f, body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return 0, malformed("file", "is larger than "+strconv.Itoa(call.MaxMediaFile)+" bytes")
	}
	if err != nil {
		return 0, unwritten(err)
	}
	if check {
		err = playable(f)
	}
	return size, err
}

// sweep removes from a directory what writes that came to no end have left.
func (a area) sweep(directory string, now time.Time) error {
	root, err := os.OpenRoot(a.directory)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing can be lost
	entries, err := fs.ReadDir(root.FS(), directory)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), uploadedSuffix) {
			continue
		}
		info, err := e.Info()
		if err == nil && now.Sub(info.ModTime()) > uploadGivenUp {
			err = root.Remove(path.Join(directory, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // else another write has removed it
			return err
		}
	}
	return nil
}

// sweeps remembers when directories were swept: one may hold a million files.
// Safe for concurrent use.
type sweeps struct {
	mu   sync.Mutex
	last map[string]time.Time // by directory
}

// due says whether a directory is to be swept now.
func (s *sweeps) due(directory string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.last[directory]; ok && now.Sub(at) < uploadGivenUp {
		return false
	}
	if s.last == nil || len(s.last) >= maxSwept {
		s.last = map[string]time.Time{}
	}
	s.last[directory] = now
	return true
}

// unwritten is why a file could not be written: its name, the disk, the
// client that broke off, or a fault of the server.
func unwritten(err error) error {
	_, ofFile := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return malformed("filename", "has a file where a directory should be")
	case ofFile && leadsNowhere(err):
		return malformed("filename", "leads nowhere")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return statusFault(http.StatusInsufficientStorage, "the disk is full")
	case !ofFile:
		return statusFault(http.StatusBadRequest, "the file broke off")
	}
	return err
}

// playable says whether a file can be played; one that ends too soon can.
func playable(f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := call.DecodeMedia(f, call.MediaItem{})
	if err != nil && !errors.Is(err, call.ErrTruncated) {
		return malformed("file", "cannot be played: "+strings.ReplaceAll(err.Error(), "call: ", ""))
	}
	return nil
}
