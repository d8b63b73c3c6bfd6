package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
)

// mediaFiles is the media directory for those who remove files of it. What
// lies outside it, also by way of links, is out of reach.
type mediaFiles string

// Remove fails with fs.ErrNotExist if there is no such file: directories and links
// are none.
func (m mediaFiles) Remove(name string) error {
	root, err := os.OpenRoot(string(m))
	if err != nil {
		return err
	}
	info, err := root.Lstat(name)
	switch {
	case err != nil:
	case info.Mode().IsRegular():
		err = root.Remove(name)
	default:
		err = &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	return errors.Join(err, root.Close())
}

// logDirectoryMode is for what is made of media.log_directory: logs are for the server
// and its group.
const logDirectoryMode = 0o750

// tryLogDirectory warns where the instances' logs could not be written: calls go on
// without them, so that nothing else would tell.
func tryLogDirectory(directory string, log *slog.Logger) {
	err := os.MkdirAll(directory, logDirectoryMode)
	if err == nil {
		err = tryToWrite(directory)
	}
	if err != nil {
		log.Warn("applications are without logs of their own", "key", "media.log_directory", "error", err)
	}
}

// tryToWrite makes a file in a directory and removes it.
func tryToWrite(directory string) error {
	f, err := os.CreateTemp(directory, ".try-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
