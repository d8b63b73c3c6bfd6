package call

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// watchInterval is how often the calls are looked over.
const watchInterval = time.Second

// watch looks after the media of all calls: whether RTP still comes, and whether
// it has been proven who called. One goroutine does that for all of them, while
// there are any, and wakes those of calls for which there is something to do: the
// stack and the state of a call have left the caches long before it is woken, so
// that a clock for each would cost more than all they have to say.
//
// It keeps for each call when there can be news at the earliest, mostly the
// timeout after the last packet that it knows of, and looks at the call then.
type watch struct {
	run   func(func()) // of a goroutine that is waited for
	begun time.Time

	mu     sync.Mutex
	places []place       // in no order
	gone   chan struct{} // closed when no call is left; nil: nobody watches
}

// place is a call and when to look at it next, since watch.begun. There are four
// in a line of memory.
type place struct {
	due  time.Duration
	call *Call
}

// watched is what a call has for the watch.
type watched struct {
	looks   chan struct{} // has the call's goroutine look, see Call.look; nil without a dialog
	overdue atomic.Bool   // the longest duration has run out
	place   int           // 1 + that in watch.places, 0: not there; under watch.mu
}

// never is due when no look is needed any more.
const never = time.Duration(math.MaxInt64)

// add begins the watch over a call that has a goroutine.
func (w *watch) add(c *Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places = append(w.places, place{call: c})
	c.watched.place = len(w.places)
	if w.gone == nil {
		gone := make(chan struct{})
		w.gone = gone
		w.run(func() { w.untilGone(gone) })
	}
}

// news has a call looked at the next time: its media are new.
func (w *watch) news(c *Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := c.watched.place - 1; i >= 0 {
		w.places[i].due = 0
	}
}

// remove ends the watch over a call.
func (w *watch) remove(c *Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, last := c.watched.place-1, len(w.places)-1
	w.places[i] = w.places[last]
	w.places[i].call.watched.place = i + 1
	w.places[last] = place{}
	w.places = w.places[:last]
	c.watched.place = 0
	if last == 0 {
		close(w.gone)
		w.gone, w.places = nil, nil
	}
}

// untilGone looks over the calls until there are none.
func (w *watch) untilGone(gone <-chan struct{}) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var due []*Call
	for {
		select {
		case <-gone:
			return
		case <-tick.C:
		}
		now := time.Since(w.begun)
		due = w.due(due[:0], now)
		for _, c := range due {
			w.again(c, now, c.glance())
		}
		clear(due)
	}
}

// due appends the calls whose time has come, which is now.
func (w *watch) due(calls []*Call, now time.Duration) []*Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.places {
		if p := &w.places[i]; p.due <= now {
			p.due = now
			calls = append(calls, p.call)
		}
	}
	return calls
}

// again says that a call that was due now need not be looked at for a while,
// unless there were news meanwhile.
func (w *watch) again(c *Call, now, rest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := c.watched.place - 1; i >= 0 && w.places[i].due == now {
		w.places[i].due = now + min(rest, never-now)
	}
}

// glance wakes the call's goroutine if the media want something of it, and tells
// for how long there can be no news.
func (c *Call) glance() time.Duration {
	rest, ask := never, false
	if m := c.audio(); m != nil {
		rest = c.mediaLeft(m)
		settled, changed := m.session.proof(c.isAnswered())
		ask = changed || rest < 0
		if ask || !settled {
			rest = 0
		}
	}
	if ask {
		c.lookAgain()
	}
	return rest
}

// lookAgain has the call looked at. It never waits.
func (c *Call) lookAgain() {
	looks := c.looks
	if c.dialog == nil {
		looks = c.primary.looks
	}
	select {
	case looks <- struct{}{}:
	default: // it has not come to the last one yet
	}
}

// look takes note of proofs of who called, and ends a call that has lasted for
// longer than it may, or without RTP for too long; and one without a far end that is
// to end. Of the actor.
func (c *Call) look() {
	if c.dialog == nil && c.hasWish() {
		c.endAsWished()
		return
	}
	if c.overdue.Swap(false) && (!c.isAnswered() || c.untilLimit() <= 0) {
		c.end(Dropped, 0)
		return
	}
	m := c.audio()
	if m == nil {
		return
	}
	m.session.lookForProof()
	if c.mediaLeft(m) < 0 {
		c.logger().Warn("no RTP for too long: hanging up", "limit", c.manager.cfg.MediaTimeout)
		c.end(Failed, 0)
	}
}

// mediaLeft is for how much longer RTP may stay away: never, where it need not
// come. A call on hold may be silent, and one whose far end has sent us to somebody
// else and gone.
func (c *Call) mediaLeft(m *media) time.Duration {
	limit := c.manager.cfg.MediaTimeout
	if limit == 0 {
		return never
	}
	if m.session.silent() || c.moves.gone.Load() {
		return limit // from the end of that at least
	}
	c.mu.Lock()
	since := c.life.answered
	c.mu.Unlock()
	if since.IsZero() {
		return limit
	}
	for _, t := range []time.Time{m.endpoint.LastReceived(), m.session.since()} {
		if t.After(since) {
			since = t
		}
	}
	return limit - max(0, time.Since(since))
}

func (c *Call) isAnswered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.life.answered.IsZero()
}
