package lifecycle

import (
	"context"
	"errors"
	"fmt"
)

// ErrStopped is the cause of the end of a component's context.
var ErrStopped = errors.New("lifecycle: stopped")

// errEnded is the failure of a component that returned nil before it was
// stopped.
var errEnded = errors.New("ended unexpectedly")

// Group is a list of running components.
type Group struct {
	parts  []*part
	failed chan error
}

// part is one running component.
type part struct {
	name string
	stop context.CancelCauseFunc
	done chan struct{} // closed when run has returned
	err  error         // of run; valid once done is closed
}

// New makes an empty group. It starts nothing.
func New() *Group { return &Group{failed: make(chan error, 1)} }

// Start runs a component in a goroutine of its own. run must return soon after
// its context has ended, with nil or with an error that wraps the cause of
// that end. The values of ctx are seen by run, its end is not: components end
// by Stop alone.
func (g *Group) Start(ctx context.Context, name string, run func(context.Context) error) {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	p := &part{name: name, stop: stop, done: make(chan struct{})}
	g.parts = append(g.parts, p)
	go func() {
		defer close(p.done)
		err := run(ctx)
		if ctx.Err() != nil {
			p.err = unexpected(err)
			return
		}
		if err == nil {
			err = errEnded
		}
		select {
		case g.failed <- fmt.Errorf("%s: %w", name, err):
		default: // the first failure is enough
		}
	}()
}

// unexpected is err, unless it only says that the component was stopped.
func unexpected(err error) error {
	if errors.Is(err, ErrStopped) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Failed yields the error of the first component that ended by itself.
func (g *Group) Failed() <-chan error { return g.failed }

// Stop ends the components, the one started last first, each when the one
// after it has ended. It joins what they return. When ctx ends first, the rest
// is told to end at once and not waited for, and the cause is returned too.
func (g *Group) Stop(ctx context.Context) error {
	var errs []error
	for len(g.parts) > 0 {
		p := g.parts[len(g.parts)-1]
		p.stop(ErrStopped)
		select {
		case <-p.done:
			if p.err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", p.name, p.err))
			}
			g.parts = g.parts[:len(g.parts)-1]
		case <-ctx.Done():
			for _, left := range g.parts {
				left.stop(ErrStopped)
			}
			return errors.Join(append(errs, fmt.Errorf("stop %s: %w", p.name, context.Cause(ctx)))...)
		}
	}
	return errors.Join(errs...)
}
