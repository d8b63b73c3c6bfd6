package process

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Start starts c at low priority. A child inherits the priority of the thread
// that starts it, so a thread of its own is lowered first, and thrown away
// after. Threads that the child starts inherit it in turn.
func Start(c *exec.Cmd) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		// Without the right to lower it the child runs as it is.
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice)
		done <- c.Start()
	}()
	return <-done
}
