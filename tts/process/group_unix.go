//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// group makes c the first of a process group, which its end by ctx kills.
func group(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
