//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

// Start starts c at low priority.
func Start(c *exec.Cmd) error {
	err := c.Start()
	if err == nil {
		// Without the right to lower it the child runs as it is.
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, c.Process.Pid, nice)
	}
	return err
}
