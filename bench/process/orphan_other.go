//go:build !linux

package process

import "syscall"

// dieWithParent does nothing here: Stop has to be called.
func dieWithParent() *syscall.SysProcAttr { return nil }
