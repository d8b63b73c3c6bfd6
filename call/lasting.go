package call

import "context"

// errands are what is done for a call and would be in vain after its end: media
// that are loaded, others that are called. Guarded by the call's mu.
type errands map[*errand]struct{}

type errand struct{ end context.CancelCauseFunc }

// lasting is a context for an errand of c: it ends with ctx, and with c, by
// ErrEnded. done gives it back and says why it ends otherwise.
func (c *Call) lasting(ctx context.Context) (lasts context.Context, done context.CancelCauseFunc) {
	lasts, end := context.WithCancelCause(ctx)
	e := &errand{end}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hasEnded() {
		end(ErrEnded)
		return lasts, end
	}
	if c.errands == nil {
		c.errands = errands{}
	}
	c.errands[e] = struct{}{}
	return lasts, func(why error) {
		c.mu.Lock()
		delete(c.errands, e)
		c.mu.Unlock()
		end(why)
	}
}

// endErrands ends what is still done for a call that has ended.
func (c *Call) endErrands() {
	c.mu.Lock()
	left := c.errands
	c.errands = nil
	c.mu.Unlock()
	for e := range left {
		e.end(ErrEnded)
	}
}
