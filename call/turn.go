package call

import (
	"context"
	"sync/atomic"
	"time"

	"mediaserver/internal/apart"
)

// turn lets one goroutine at a time work on a call: the one that has the turn is
// the call's actor. What the application asks for it does itself in its turn (ask,
// HangUp), as a function that is called, so that nobody has to wake up for it and
// say when it is done; a processor woken costs more than most of what is asked.
// What comes from elsewhere (the far end, digits, clocks, wishes of those who cannot
// wait) is done by a goroutine that the call has for that, see run. A secondary call
// to a room of this process, to which nothing comes but such wishes and its clock,
// has none of its own: that of its primary does it, once it knows of it (adopt).
//
// Turns are given in the order of asking. Who ends a primary call in its turn waits
// for a turn of its secondary call, and who puts two calls through to each other in
// the turn of the one waits a moment for that of the other; nobody waits the other
// way round, nor for a turn with a lock held.
//
// Either way it is done on a stack that is given back, see package apart: these
// goroutines wait for hours afterwards, in the little memory that a new one has.
type turn struct {
	taken chan struct{} // one place, full while somebody has the turn; at first who sets the call up, until open

	hangUps chan struct{} // there is a wish; for run, or for the attempt to reach the far end
	wish    atomic.Int32  // to end the call: 1 + the Cause that was asked for first; 0: none

	longest  time.Duration // the call may last; of the actor
	deadline *time.Timer   // of longest; of the actor
}

// init makes the turn of a new call. It is taken: by who sets the call up.
func (t *turn) init() {
	t.taken, t.hangUps = make(chan struct{}, 1), make(chan struct{}, 1)
	t.taken <- struct{}{}
}

// open gives everybody a turn. The call may last as long as limit.
func (c *Call) open(limit time.Duration) {
	c.longest = limit
	c.deadline = time.AfterFunc(c.untilLimit(), func() { c.overdue.Store(true); c.lookAgain() })
	<-c.taken
}

// work does f in a turn that has been taken, unless the call has ended, and gives
// the turn back. It says whether f was done.
func (c *Call) work(f func()) bool {
	defer func() {
		if c.hasEnded() {
			c.deadline.Stop()
		} else {
			c.deadline.Reset(c.untilLimit())
		}
		<-c.taken
	}()
	if c.hasEnded() {
		return false
	}
	apart.Run(f)
	return true
}

// ask does f in a turn and returns its error, or ErrEnded. The end of ctx
// withdraws the wish while others have the turn.
func (c *Call) ask(ctx context.Context, f func() error) (err error) {
	select {
	case c.taken <- struct{}{}:
	case <-c.done:
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !c.work(func() { err = f() }) {
		return ErrEnded
	}
	return err
}

// SetMaxDuration bounds the call, counted from its answer; it then ends with
// Dropped, and so does one without an answer to which nothing happens for as long.
// Without it the bound is 240 minutes.
func (c *Call) SetMaxDuration(d time.Duration) {
	_ = c.ask(context.Background(), func() error { c.longest = d; return nil }) // one that has ended needs none
}

// HangUp ends the call and returns when it has ended. An inbound call that
// was not answered is rejected with 603. The first end counts; later ones
// change nothing.
func (c *Call) HangUp(cause Cause) {
	c.wish.CompareAndSwap(0, 1+int32(cause))
	select {
	case c.taken <- struct{}{}:
		c.work(c.endAsWished)
	default:
		c.tellWish() // who has the turn may be waiting for the far end's answer
		c.take(c.endAsWished)
	}
}

// requestEnd has the call ended; it never waits.
func (c *Call) requestEnd(cause Cause) {
	c.wish.CompareAndSwap(0, 1+int32(cause))
	c.tellWish()
}

// tellWish has somebody take a turn for the wish.
func (c *Call) tellWish() {
	if c.dialog == nil {
		c.lookAgain()
		return
	}
	select {
	case c.hangUps <- struct{}{}:
	default: // it has been told
	}
}

// hasWish tells whether the call is to end, and wished why.
func (c *Call) hasWish() bool { return c.wish.Load() != 0 }

func (c *Call) wished() Cause { return Cause(c.wish.Load() - 1) }

func (c *Call) endAsWished() { c.end(c.wished(), 0) }

// run waits for what comes from elsewhere and takes a turn for it, until the call
// has ended.
func (c *Call) run() {
	for c.next() {
	}
}

// next waits for something to do, does it, and tells whether the call goes on.
func (c *Call) next() bool {
	select {
	case p := <-c.presses:
		c.take(func() { c.pressed(p) })
	case <-c.looks:
		c.take(c.look)
		if s := c.secondary(); s != nil && s.dialog == nil {
			s.take(s.look)
		}
	case <-c.hangUps:
		c.take(c.endAsWished)
	case <-c.remoteEnd():
		c.take(c.farEnded)
	case <-c.done:
	}
	return !c.hasEnded()
}

// take does f in a turn, unless the call ends before it comes to that.
func (c *Call) take(f func()) {
	select {
	case c.taken <- struct{}{}:
		c.work(f)
	case <-c.done:
	}
}

func (c *Call) hasEnded() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// untilLimit is what is left of the longest duration, which counts from the
// answer; before that all of it, in each turn anew.
func (c *Call) untilLimit() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.answered.IsZero() {
		return c.longest
	}
	return time.Until(c.life.answered.Add(c.longest))
}
