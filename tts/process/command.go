package process

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// nice is the priority of the children; the media run at 0.
const nice = 10

// closing is how long the output of a child may stay open after its end.
const closing = time.Second

// private is the beginning of the names of our variables.
const private = "MEDIASERVER_"

// Command prepares a program. The end of ctx kills it and its children.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.WaitDelay = closing
	c.Env = environment()
	group(c)
	return c
}

// environment is ours without our own variables.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, private) {
			env = append(env, v)
		}
	}
	return env
}

// Run starts c at low priority and waits for its end.
func Run(c *exec.Cmd) error {
	if err := Start(c); err != nil {
		return err
	}
	return wait(c)
}

// wait waits for the end of c. Children that c leaves behind when it fails, or
// that keep its output open, are killed.
func wait(c *exec.Cmd) error {
	err := c.Wait()
	if err != nil {
		_ = c.Cancel() // there may be none
	}
	return err
}
