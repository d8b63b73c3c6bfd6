package call

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/sip"
)

// moves are the changes of a call's far end.
type moves struct {
	under   atomic.Bool // the far end has sent us to somebody else, who has not answered; or we it
	gone    atomic.Bool // … and has hung up meanwhile
	counted bool        // among the calls by SIP, whatever the far end is now
}

// farEnd is the far end of a call that was exchanged for the first one;
// guarded by mu, written by the actor.
type farEnd struct {
	dialog Dialog // nil: none was
	party  string // as the pages would see it
	room   bool   // party is the name of a room, by which nobody calls
	link   bool   // it leads to another call of this server
}

// far is the signalling of the far end there is now.
func (c *Call) far() Dialog {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.far.dialog != nil {
		return c.life.far.dialog
	}
	return c.dialog
}

// isLink: the far end of c is a transfer's path to another call of this server,
// where there may be nobody any more.
func (c *Call) isLink() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life.far.link
}

// left ends what is a mere link to another call when it is alone in the room:
// two rooms that are linked would otherwise keep each other in use.
func (f *Conference) left() {
	f.mu.Lock()
	var last *Participant
	if len(f.participants) == 1 {
		last = f.participants[0]
	}
	f.mu.Unlock()
	if last != nil && last.call.primary != nil && last.call.primary.isLink() {
		last.call.primary.requestEnd(HungUp)
	}
}

// endIfAlone ends a mere link that nobody is in the room with.
func (c *Call) endIfAlone() {
	if s := c.secondary(); s != nil {
		if p, ok := s.seat.(*Participant); ok {
			p.focus.left()
		}
	}
}

// errExchange: the media path did not take the new far end.
var errExchange = errors.New("call: the audio of the far end cannot be exchanged")

// exchangeTimeout is how long the media path may take for it.
const exchangeTimeout = 2 * time.Second

// departed is the far end that a call had before.
type departed struct {
	call     *Call
	dialog   Dialog
	sockets  Sockets
	endpoint *rtp.Endpoint
}

// newcomer is a call that is never told of and gives nobody a turn: with what it
// gets of signalling and media, c is to go on.
func (c *Call) newcomer(d Dialog) *Call {
	x := newCall(c.manager, c.base, d)
	x.logLike(c)
	return x
}

// takeOver has c go on with the far end of x, see goOnWith.
func (c *Call) takeOver(ctx context.Context, x *Call, party, by string) (was *departed, err error) {
	err = c.ask(ctx, func() (err error) {
		was, err = c.goOnWith(x, farEnd{party: party}, by)
		return err
	})
	return was, err
}

// goOnWith puts the far end of x, which has audio, in the place of that of c:
// the room, the recordings and the running action go on. who is the new far
// end for the pages, by who wanted it. The far end that was is for the caller to
// leave. Of the actor.
func (c *Call) goOnWith(x *Call, who farEnd, by string) (*departed, error) {
	now, next := c.audio(), x.audio()
	if c.Info().State != Answered || now == nil || next == nil {
		return nil, ErrNotAnswered
	}
	<-next.home.Remove()
	next.room.Close()
	now.session.resign()
	if !now.port.exchange(next.port) {
		now.session.resume()
		return nil, errExchange
	}
	was := &departed{call: c, dialog: c.far(), sockets: now.sockets, endpoint: now.endpoint}
	c.mu.Lock()
	c.life.far = farEnd{dialog: x.dialog, party: who.party, room: who.room, link: !x.bySIP()}
	c.media = &media{
		sockets: next.sockets, endpoint: next.endpoint, session: next.session,
		port: now.port, room: now.room, home: now.home,
	}
	c.mu.Unlock()
	c.seen = nil // another dialog counts CSeq anew
	next.session.moveTo(c)
	c.emitTransferred(by, who.party)
	if x.hasWish() {
		c.requestEnd(x.wished()) // it came before
	}
	c.manager.watch.news(c)
	c.moves.gone.Store(false)
	c.moves.under.Store(false)
	c.lookAgain() // whether the new far end is there
	return was, nil
}

// leave hangs up on the far end that was and gives back what it had.
func (d *departed) leave() {
	d.release()
	if stream, ok := streamOf(d.dialog); ok {
		stream.HangUp()
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), byeTimeout)
		defer cancel()
		if err := d.dialog.Bye(ctx); err != nil {
			d.call.logger().Debug("hang up", "error", err)
		}
	}
}

// release gives back media and trunk of the far end that was.
func (d *departed) release() {
	if out, ours := d.dialog.(*outgoing); ours && out.release != nil {
		out.release()
	}
	if err := errors.Join(d.endpoint.Close(), d.sockets.Close()); err != nil {
		d.call.logger().Debug("close media", "error", err)
	}
}

// discard ends a newcomer that nobody took.
func (c *Call) discard() {
	if c.reached() {
		c.closeDialog(Answered, 0)
	}
	c.leaveTrunk()
	c.closeMedia()
}

// portExchange puts the endpoint of another port in the place of one's own.
type portExchange struct {
	from  *port // served by nobody
	state atomic.Int32
	done  chan struct{} // closed after the slot in which it was taken
}

// The states of a portExchange: the worker takes it, or who waits for that
// withdraws it, whoever is first.
const (
	exchangeWaits int32 = iota
	exchangeTaken
	exchangeWithdrawn
)

// becomes decides what becomes of the exchange; false: that was decided before.
func (x *portExchange) becomes(state int32) bool {
	return x.state.CompareAndSwap(exchangeWaits, state)
}

// exchange has the port go on with the endpoint of another, which no worker
// serves, from the next frame on. It waits until the old endpoint is free. false:
// no worker has come for it in time, and none will. One at a time.
func (p *port) exchange(from *port) bool {
	x := &portExchange{from: from, done: make(chan struct{})}
	p.swap.Store(x)
	limit := time.NewTimer(exchangeTimeout)
	defer limit.Stop()
	select {
	case <-x.done:
	case <-limit.C:
		if x.becomes(exchangeWithdrawn) {
			p.swap.Store(nil)
			return false
		}
		<-x.done // the slot is under way
	}
	return true
}

// adopt takes what the exchange brings; of the worker, before it receives.
func (p *port) adopt(x *portExchange) {
	p.endpoint, p.receiver, p.detector, p.lookAhead = x.from.endpoint, x.from.receiver, x.from.detector, 0
	p.events = x.from.events
	p.events.port = p
	p.put(x.from.params.Load())
}

// eventTap leads the telephone events of an endpoint to the port it has.
type eventTap struct{ port *port }

func (e *eventTap) event(ts uint32, marker bool, payload []byte, now time.Time) {
	e.port.event(ts, marker, payload, now)
}

// streamOf is the WebSocket at the far end of a dialog.
func streamOf(d Dialog) (Stream, bool) {
	out, ok := d.(*outgoing)
	if !ok {
		return nil, false
	}
	end, ok := out.ender.(streamEnd)
	return end.stream, ok
}

// answeredDialog is the dialog by SIP with the far end of a call that is answered.
// Before its answer a call we place gets its dialog at any time, unguarded.
func (c *Call) answeredDialog() (*sip.Dialog, bool) {
	if c.Info().State != Answered {
		return nil, false
	}
	return sipDialog(c.far())
}

// sipDialog is the dialog by SIP of a far end: that of a call to us, or of one
// we placed.
func sipDialog(d Dialog) (*sip.Dialog, bool) {
	if out, ours := d.(*outgoing); ours {
		dialog, ok := out.ender.(*sip.Dialog)
		return dialog, ok
	}
	dialog, ok := d.(*sip.Dialog)
	return dialog, ok
}

var _ mixer.Port = (*port)(nil)
