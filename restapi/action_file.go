package restapi

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// Remover removes files of the media store: *os.Root.
type Remover interface {
	// Remove fails with fs.ErrNotExist if there is no such file.
	Remove(name string) error
}

// deleteFile removes a file of the media store.
type deleteFile struct{ filename string }

var deleteFileProperties = properties[deleteFile]{
	property[deleteFile]{name: "filename", read: func(r *reader, n *node, a *deleteFile) {
		s, ok := r.string(n)
		if !ok {
			return
		}
		if fault := mediaNameFault(s); fault != "" {
			r.fault(n.pos, CodeInvalidValue, "%q %s", clip(s), fault)
			return
		}
		a.filename = strings.Clone(s)
	}}.must(both),
}

func readDeleteFile(r *reader, n *node) action {
	a := &deleteFile{}
	readObject(r, n, deleteFileProperties, a)
	return a
}

// run removes the file. One that is not there is none the less removed.
func (a *deleteFile) run(_ context.Context, s *step) (turn, error) {
	if err := s.in.remove(a.filename); err != nil {
		return turn{}, failure(CodeInternal, err, "%s: %s cannot be removed", s.action.path, a.filename)
	}
	return turn{}, nil
}

// errNoFiles: this server was not given a media store to remove files of.
var errNoFiles = errors.New("restapi: no media store to remove files of")

// remove removes a file of the media store.
func (in *instance) remove(filename string) error {
	if in.files == nil {
		return errNoFiles
	}
	err := in.files.Remove(strings.TrimPrefix(filename, "/"))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // ENOTDIR: what leads to it is a file
		in.log.Warn("delete_file", "code", CodeFileNotFound, "filename", filename)
		return nil
	case err != nil:
		return err
	}
	in.log.Info("file deleted", "filename", filename)
	return nil
}
