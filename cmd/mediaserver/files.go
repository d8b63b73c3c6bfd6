package main

import (
	"errors"
	"os"
)

// mediaFiles is the media directory for those who remove files of it. What
// lies outside it, also by way of links, is out of reach.
type mediaFiles string

// Remove fails with fs.ErrNotExist if there is no such file.
func (m mediaFiles) Remove(name string) error {
	root, err := os.OpenRoot(string(m))
	if err != nil {
		return err
	}
	return errors.Join(root.Remove(name), root.Close())
}
