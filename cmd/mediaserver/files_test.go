package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What delete_file takes away is a file, as for the web service file_delete.
func TestOnlyFilesAreRemoved(t *testing.T) {
	directory := t.TempDir()
	for _, err := range []error{
		os.Mkdir(filepath.Join(directory, "directory.wav"), 0o700),
		os.WriteFile(filepath.Join(directory, "file.wav"), []byte("x"), 0o600),
		os.Symlink("file.wav", filepath.Join(directory, "link.wav")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m := mediaFiles(directory)
	for _, name := range []string{"directory.wav", "link.wav", "nothing.wav"} {
		if err := m.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.Remove("file.wav"); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v are left: %v", entries, err)
	}
}
