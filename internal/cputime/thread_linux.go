package cputime

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Thread is the processor time that the calling thread has used, in steps of
// 1 ns; 0 where the system does not tell. It does not wait, so the runtime is not
// told of the call.
func Thread() time.Duration {
	var ts unix.Timespec
	if _, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_THREAD_CPUTIME_ID, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0
	}
	return time.Duration(ts.Nano())
}
