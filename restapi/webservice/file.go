package webservice

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"mediaserver/restapi"
)

// Bounds of the file services.
const (
	maxListed     = 1000
	maxFilename   = 256             // with a leading /
	maxDepth      = maxFilename / 2 // of directories
	transferTime  = 10 * time.Minute
	directoryMode = 0o750
	fileMode      = 0o640
)

// area is one of the two places of files. All access goes through an os.Root:
// neither names nor symbolic links lead out of the directory.
type area struct {
	directory string
	valid     func(name string) bool
	writable  bool
}

// area is the one that filetype names.
func (s *Services) area(q *request) area {
	switch v := q.required("filetype", maxParameter); v {
	case "media":
		return area{directory: s.cfg.MediaDirectory, valid: restapi.ValidMediaName, writable: true}
	case "rest":
		return area{directory: s.cfg.LogDirectory, valid: validLogName}
	case "":
	default:
		q.bad("filetype", "is neither media nor rest")
	}
	return area{valid: func(string) bool { return true }}
}

// validLogName says whether s may be the name of an instance's log.
func validLogName(s string) bool {
	name := strings.TrimPrefix(s, "/")
	return strings.HasSuffix(name, ".log") && len(name) < maxFilename && fs.ValidPath(name) &&
		strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-") == ""
}

// filename is the mandatory name of a file, without a leading slash.
func (q *request) filename(a area) string {
	v := q.required("filename", maxFilename)
	if v != "" && !a.valid(v) {
		q.bad("filename", "is not a name of such a file")
	}
	return strings.TrimPrefix(v, "/")
}

// errNoFile is a file that is not there, or is no ordinary one.
var errNoFile = notFound("file", "filename")

// open opens an ordinary file of an area.
func (a area) open(name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(a.directory)
	if err != nil {
		return nil, nil, missing(err)
	}
	defer root.Close() //nolint:errcheck // nothing can be lost
	info, err := root.Lstat(name)
	if err != nil {
		return nil, nil, missing(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errNoFile
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, nil, missing(err)
	}
	return f, info, nil
}

// missing makes the error of a name that leads nowhere, or out of the area, a
// 404.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || leadsNowhere(err) {
		return errNoFile
	}
	return err
}

// leadsNowhere says whether a name is at fault: a part of it is no directory,
// is too long, goes round in circles, or leads out of the area, which os.Root
// refuses by itself. Every other error of the system is no fault of the name.
func leadsNowhere(err error) bool {
	for _, e := range []error{syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP} {
		if errors.Is(err, e) {
			return true
		}
	}
	broken, ok := errors.AsType[*fs.PathError](err)
	if !ok || errors.Is(err, fs.ErrPermission) {
		return false
	}
	_, ofSystem := errors.AsType[syscall.Errno](broken.Err)
	return !ofSystem
}

// fileAnswer is a file in file_list.
type fileAnswer struct {
	Name     string `json:"filename"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified,omitempty"`
}

func (s *Services) fileList(q *request) (any, error) {
	a := s.area(q)
	l := lister{area: a, prefix: strings.TrimPrefix(q.optional("prefix", maxFilename), "/"), most: maxListed}
	l.after = strings.TrimPrefix(q.optional("start_after", maxFilename), "/")
	if v := q.optional("limit", maxParameter); q.has("limit") {
		l.most = q.parse("limit", v, maxListed)
	}
	if err := q.fault(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(a.directory)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		defer root.Close() //nolint:errcheck // nothing can be lost
		if err := l.walk(root.FS(), ".", 0); err != nil {
			return nil, err
		}
	}
	more := len(l.found) > l.most
	return map[string]any{"files": append([]fileAnswer{}, l.found[:min(len(l.found), l.most)]...), "more": more}, nil
}

// lister collects the ordinary files of an area in the order of their names,
// one more than wanted.
type lister struct {
	area          area
	prefix, after string
	most          int
	found         []fileAnswer
}

func (l *lister) full() bool { return len(l.found) > l.most }

// walk visits a directory. Its entries are ordered as the names of the files
// below them are, which is not the order of the entries' own names.
func (l *lister) walk(root fs.FS, directory string, depth int) error {
	entries, err := fs.ReadDir(root, directory)
	if errors.Is(err, fs.ErrNotExist) || depth > maxDepth {
		return nil // it has just been removed
	}
	if err != nil {
		return err
	}
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(key(a), key(b)) })
	for _, e := range entries {
		if l.full() {
			return nil
		}
		name := path.Join(directory, e.Name())
		switch {
		case e.IsDir():
			if below := name + "/"; l.mayHold(below) {
				if err := l.walk(root, name, depth+1); err != nil {
					return err
				}
			}
		case e.Type().IsRegular() && name > l.after && strings.HasPrefix(name, l.prefix) && l.area.valid(name):
			if info, err := e.Info(); err == nil { // else it has just been removed
				l.found = append(l.found, fileAnswer{Name: name, Size: info.Size(), Modified: info.ModTime().Unix()})
			}
		}
	}
	return nil
}

// mayHold says whether a directory, given with its slash, can hold a file
// that is looked for.
func (l *lister) mayHold(below string) bool {
	fits := strings.HasPrefix(below, l.prefix) || strings.HasPrefix(l.prefix, below)
	return fits && (below > l.after || strings.HasPrefix(l.after, below))
}

func (s *Services) fileRead(q *request) (any, error) {
	a := s.area(q)
	name := q.filename(a)
	if err := q.fault(); err != nil {
		return nil, err
	}
	f, info, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	h := q.w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", path.Base(name)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	allowTime(http.NewResponseController(q.w).SetWriteDeadline)
	http.ServeContent(q.w, q.r, "", info.ModTime(), f)
	return nil, nil
}

// allowTime extends a deadline of a connection; tests have none.
func allowTime(set func(time.Time) error) {
	if err := set(time.Now().Add(transferTime)); err != nil {
		return
	}
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".wav", ".wave":
		return "audio/wav"
	case ".tif", ".tiff":
		return "image/tiff"
	default:
		return "text/plain; charset=utf-8"
	}
}

func (s *Services) fileDelete(q *request) (any, error) {
	a := s.area(q)
	name := q.filename(a)
	if err := q.fault(); err != nil {
		return nil, err
	}
	f, _, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	root, err := os.OpenRoot(a.directory)
	if err != nil {
		return nil, missing(err)
	}
	defer root.Close() //nolint:errcheck // nothing can be lost
	if err := root.Remove(name); err != nil {
		return nil, missing(err)
	}
	return map[string]string{"filename": name, "result": "deleted"}, nil
}
