package shortage

import (
	"errors"
	"syscall"
)

// Is reports whether an error is, or wraps, one for want of files or memory.
func Is(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
