//go:build !unix

package process

import "os/exec"

// Start starts c.
func Start(c *exec.Cmd) error { return c.Start() }

func group(*exec.Cmd) {}
