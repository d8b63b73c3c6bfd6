//go:build unix

package recording

import (
	"os"
	"syscall"
)

// lock takes the lock of a file that is being written. It is gone when the
// file is closed, or the process dead. It reports false when another has it.
func lock(f *os.File) bool {
	locked := false
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	err = conn.Control(func(fd uintptr) {
		err := syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
		// Where there are no locks we do without.
		locked = err == nil || err != syscall.EWOULDBLOCK && err != syscall.EINTR
	})
	return err == nil && locked
}
