package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 20 * time.Second
	pollInterval = 20 * time.Millisecond
)

// ErrNotReady means that a program did not begin to serve.
var ErrNotReady = errors.New("bench: the program did not become ready")

// Program is what is started.
type Program struct {
	Path string    // the mediaserver binary
	Env  []string  // added to our own
	Log  io.Writer // gets what it prints; nil = nowhere
}

// Own is this program.
func Own(log io.Writer) (Program, error) {
	path, err := os.Executable()
	if err != nil {
		return Program{}, fmt.Errorf("bench: find the program: %w", err)
	}
	return Program{Path: path, Log: log}, nil
}

// Child is a program at work.
type Child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser // closed to end a baseline
	ended chan struct{}
	err   error // after ended
}

// PID is the process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// start runs the program; ctx ends it by force.
func (p Program) start(ctx context.Context, stdout io.Writer, args ...string) (*Child, error) {
	c := &Child{cmd: exec.CommandContext(ctx, p.Path, args...), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), p.Env...)
	c.cmd.Stdout, c.cmd.Stderr = stdout, p.Log
	c.cmd.SysProcAttr = dieWithParent()
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("bench: start %s: %w", p.Path, err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("bench: start %s: %w", p.Path, err)
	}
	go func() { // ends with the process, for which Stop waits
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// Stop ends the program in good order, or by force after a while, and waits
// for it.
func (c *Child) Stop() error {
	c.stdin.Close() //nolint:errcheck // a baseline ends with its input
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("bench: stop the program: %w", err)
	}
	select {
	case <-c.ended:
	case <-time.After(stopTimeout):
		c.cmd.Process.Kill() //nolint:errcheck // it may have ended just now
		<-c.ended
		return fmt.Errorf("bench: the program did not end within %v", stopTimeout)
	}
	var exit *exec.ExitError
	if errors.As(c.err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return nil // by our signal
	}
	if c.err != nil {
		return fmt.Errorf("bench: the program failed: %w", c.err)
	}
	return nil
}

// StartBaseline runs a baseline. It is told something, as a line of JSON, and
// prints one when it is ready; that is read into ready.
func (p Program) StartBaseline(ctx context.Context, told, ready any, args ...string) (*Child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("bench: start a baseline: %w", err)
	}
	defer r.Close() //nolint:errcheck // read only
	c, err := p.start(ctx, w, args...)
	w.Close() //nolint:errcheck // the child's now
	if err != nil {
		return nil, err
	}
	if err := r.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	err = json.NewEncoder(c.stdin).Encode(told)
	if err == nil {
		err = json.NewDecoder(r).Decode(ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrNotReady, err), c.Stop())
	}
	return c, nil
}
