//go:build unix

package recording

import (
	"os"
	"syscall"
)

// lock takes the lock of a file that is being written. It is gone when the
// file is closed, or the process dead. When another has it, it waits, or reports
// false.
func lock(f *os.File, wait bool) bool {
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	locked := false
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	err = conn.Control(func(fd uintptr) {
		err := syscall.Flock(int(fd), how)
		for wait && err == syscall.EINTR {
			err = syscall.Flock(int(fd), how)
		}
		// Where there are no locks we do without.
		locked = err == nil || err != syscall.EWOULDBLOCK && err != syscall.EINTR
	})
	return err == nil && locked
}
