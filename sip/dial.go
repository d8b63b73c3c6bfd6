package sip

import (
	"context"
	"fmt"
	"time"
)

// opening is a connection on its way. Who wants one to the same hop waits for it:
// many calls at once would open as many connections, and all would stay.
type opening struct {
	done chan struct{} // closed when it is there, or will not be
	err  error         // why not; nil also where only who opened it had no more time
}

// claim gives the connection to a hop, else that which is being opened. mine: there
// is neither, and it is for the caller to open one and say so by opened.
func (t *streamTable) claim(h hop) (c *streamConn, o *opening, mine bool) {
	h = h.identity()
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.ways[h]; c != nil && !c.closed() {
		return c, nil, false
	}
	if o := t.opening[h]; o != nil {
		return nil, o, false
	}
	o = &opening{done: make(chan struct{})}
	t.opening[h] = o
	return nil, o, true
}

// opened tells who waits what became of an opening.
func (t *streamTable) opened(h hop, o *opening, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.opening, h.identity())
	o.err = err
	close(o.done)
}

// dial gives the connection to a hop, opening one if need be.
func (u *UA) dial(ctx context.Context, h hop, patience time.Duration) (*streamConn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c, o, mine := u.streams.claim(h)
		if c != nil {
			return c, nil
		}
		if mine {
			return u.dialNow(ctx, h, o)
		}
		select {
		case <-o.done:
			if o.err != nil {
				return nil, o.err
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrTransport, ctx.Err())
		}
	}
}

// dialNow opens the connection that o stands for.
func (u *UA) dialNow(ctx context.Context, h hop, o *opening) (c *streamConn, err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			u.streams.opened(h, o, nil)
			return
		}
		u.streams.opened(h, o, err)
	}()
	c, serve, err := u.connect(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	if err := u.adopt(c, serve); err != nil {
		c.close()
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	u.streams.enter(c)
	return c, nil
}
