package process

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Start starts c at low priority, and not in real time. A child inherits the priority of the thread
// that starts it, so a thread of its own is lowered first, and thrown away
// after. Threads that the child starts inherit it in turn.
func Start(c *exec.Cmd) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		// Where that is forbidden the child runs as it is.
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: nice}, 0)
		done <- c.Start()
	}()
	return <-done
}
