//go:build !linux

package realtime

import "errors"

// Begin does nothing here.
func Begin(...int) error { return errors.ErrUnsupported }

// Thread does nothing here.
func Thread() {}
