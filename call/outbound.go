package call

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"mediaserver/sip"
)

// Outbound says where calls go that are more than SIP addresses. The zero
// value is nowhere.
type Outbound struct {
	Trunks    Trunks       // ways out by SIP; nil: SIP addresses only
	Streams   StreamDialer // to WebSockets; nil: none can be called
	Transfers Transfers
	Redirects Redirects
	Local     func(*Call) // runs the application of a call to one of our services; nil: there are none
}

// way is how the signalling and the audio of an outbound call go.
type way interface {
	// sockets opens the media, with our address for the offer.
	sockets(ctx context.Context) (Sockets, netip.Addr, error)
	// dial sends the offer and waits for the answer; s hears what happens
	// before it.
	dial(ctx context.Context, offer []byte, s sip.Session, onProgress func(sip.Progress)) (OutboundDialog, error)
}

// outgoing is the signalling of a call that we place. It has a far end once
// that has answered.
type outgoing struct {
	ender
	bySIP   bool                   // not within the process, nor over a WebSocket
	depth   int                    // calls within the process before it, see maxLocalDepth
	release func()                 // gives back what Route.Take booked; nil: nothing
	callID  atomic.Pointer[string] // of the INVITE sent last, then of the one that was answered; nil: of none
}

// named takes note of the Call-ID of an INVITE, "" for a call that has none.
func (o *outgoing) named(callID string) { o.callID.Store(&callID) }

// sipCallID is the Call-ID of the SIP dialog with the far end there is now, "" for
// none.
func (c *Call) sipCallID() string {
	switch d := c.far().(type) {
	case nil, *localEnd:
		return ""
	case *outgoing:
		if id := d.callID.Load(); id != nil {
			return *id
		}
		return ""
	default:
		return d.Invitation().CallID
	}
}

// Progress is for inbound calls.
func (*outgoing) Progress(int, string, []byte) error { return ErrNotInbound }

// Answer is for inbound calls.
func (*outgoing) Answer([]byte, ...sip.Header) error { return ErrNotInbound }

// Reject is for inbound calls.
func (*outgoing) Reject(int, string, ...sip.Header) error { return ErrNotInbound }

// SetSession does nothing: what has the far end is told when it answers.
func (*outgoing) SetSession(sip.Session) {}

// Invitation is for inbound calls.
func (*outgoing) Invitation() sip.Invitation { return sip.Invitation{} }

// bySIP says whether c is reached by SIP, not within the process nor over a
// WebSocket.
func (c *Call) bySIP() bool {
	switch d := c.far().(type) {
	case nil, *localEnd:
		return false
	case *outgoing:
		return d.bySIP
	default:
		return true
	}
}

// reached says whether there is a far end to hang up.
func (c *Call) reached() bool {
	far := c.far()
	d, ours := far.(*outgoing)
	return far != nil && (!ours || d.ender != nil)
}

// depth is how many calls within the process led to c.
func (c *Call) depth() int {
	switch d := c.far().(type) {
	case *localEnd:
		return d.depth
	case *outgoing:
		return d.depth
	default:
		return 0
	}
}

// attempt is an outbound call on its way to an answer.
type attempt struct {
	call    *Call
	to      Destination
	id      string             // of the application's instance
	early   func(*Call)        // called once the callee's early media can be heard; nil: not wanted
	called  bool               // a service or room by its SIP address, not by its name
	headers []sip.Header       // of the INVITE
	told    func(sip.Progress) // of provisional answers, in place of an event; nil: the event
	heard   atomic.Bool        // the far end has given a sign of life
	rang    bool               // it has been told that it rings; of who dials
	cancel  context.CancelCauseFunc
}

// newAttempt makes an outbound call; primary is nil for a primary call.
func (m *Manager) newAttempt(d Destination, from string, primary *Call) *attempt {
	info := Info{ID: newCallID(), Direction: Out, From: from, To: d.party(), Target: d.party()}
	out := &outgoing{bySIP: d.Kind == ToNumber || d.Kind == ToSIP}
	s := newCall(m, info, out)
	if primary != nil {
		s.primary = primary
		s.logLike(primary)
		s.seat = &farSeat{call: s, talker: true}
		out.depth = primary.depth()
	}
	return &attempt{call: s, to: d}
}

// run dials until the call is answered. Every error is a *DialError, and the
// call has ended then; HangUp of the call ends the attempt as well.
func (a *attempt) run(ctx context.Context, limit time.Duration) error {
	c := a.call
	begun := false
	defer func() {
		if !begun && !c.hasEnded() { // a fault, which must leave nobody waiting
			c.end(Failed, 0)
		}
	}()
	ctx, a.cancel = context.WithCancelCause(ctx)
	defer a.cancel(nil)
	c.manager.begin(c)
	watched := make(chan struct{})
	answered := make(chan struct{})
	c.manager.tasks.Go(func() {
		defer close(watched)
		select {
		case <-c.hangUps:
			a.cancel(&DialError{Cause: c.wished(), RawCause: codeCancelled, Err: fmt.Errorf("%w: hung up here", ErrConnectFailed)})
		case <-answered:
		case <-ctx.Done():
		}
	})
	err := a.reach(ctx)
	close(answered)
	<-watched
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return a.failed(ctx, err)
	}
	c.answeredOut()
	c.manager.start(c, limit)
	begun = true
	return nil
}

// failed ends a call that came to nothing.
func (a *attempt) failed(ctx context.Context, err error) error {
	fault := dialFault(ctx, err)
	a.call.end(fault.Cause, fault.RawCause)
	fault.Info = a.call.Info()
	if errors.Is(err, ErrNoTrunk) {
		a.call.logger().Warn("a telephone number cannot be dialled", "call_to", a.to.Value, "error", err)
	} else {
		a.call.logger().Info("call out not answered", "call_to", a.to.party(), "cause", fault.Cause.String(), "raw_cause", fault.RawCause, "error", err)
	}
	return fault
}

// reach dials by the way that the destination needs.
func (a *attempt) reach(ctx context.Context) error {
	c, m := a.call, a.call.manager
	switch a.to.Kind {
	case ToNumber, ToSIP:
		return a.bySIP(ctx)
	case ToWebSocket:
		return c.dialStream(ctx, a.to.Value)
	default:
		return a.dial(ctx, m.localWay(a, c.depth()+1))
	}
}

// dial makes the offer, sends it and opens the media with the answer.
func (a *attempt) dial(ctx context.Context, w way) error {
	c := a.call
	sockets, local, err := w.sockets(ctx)
	if err != nil {
		return err
	}
	s := newSession(c, sockets, local, c.finds(nil))
	offer, _ := s.begin(nil)
	dialog, err := w.dial(ctx, offer, s, func(p sip.Progress) { a.progress(sockets, s, p) })
	if err != nil {
		if c.hasMedia() {
			return err // it is closed with the call
		}
		return errors.Join(err, sockets.Close())
	}
	out := c.dialog.(*outgoing)
	out.ender = dialog
	out.named(dialog.Invitation().CallID)
	name := "" // within the process there is one dialog only
	if d, ok := dialog.(*sip.Dialog); ok {
		name = d.Name()
	}
	if err := c.settle(sockets, s, name, dialog.RemoteBody()); err != nil {
		if !c.hasMedia() {
			err = errors.Join(err, sockets.Close())
		}
		return err
	}
	dialog.SetSession(s)
	return nil
}

// settle takes the answer to our offer; with early media it may be missing.
func (c *Call) settle(sockets Sockets, s *session, dialog string, answer []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer == nil && c.hasMedia() {
		s.ringing, s.speaker = nil, dialog
		return nil
	}
	if err := s.answered(dialog, answer); err != nil {
		return err
	}
	if c.hasMedia() {
		return nil
	}
	return c.openMedia(sockets, s, s.media)
}

// answeredOut marks the instant from which an outbound call lasts.
func (c *Call) answeredOut() {
	carrier := c.audio()
	if c.primary != nil {
		carrier = c.primary.audio()
	}
	c.mu.Lock()
	c.life.state, c.life.answered = Answered, time.Now()
	c.markAnswer(carrier)
	c.mu.Unlock()
	c.emit(Event{Type: CallAnswered})
}

// sipWay is the way by SIP.
type sipWay struct {
	manager *Manager
	request sip.InviteRequest
	own     bool // SocketRequest.Own
}

func (w sipWay) sockets(ctx context.Context) (Sockets, netip.Addr, error) {
	m := w.manager
	if m.cfg.Dialer == nil {
		return nil, netip.Addr{}, errNoDialer
	}
	local, err := m.cfg.Dialer.Route(ctx, w.request.To)
	if err != nil {
		return nil, netip.Addr{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return m.openSockets(sip.Invitation{LocalAddr: local}, nil, w.own)
}

func (w sipWay) dial(ctx context.Context, offer []byte, s sip.Session, onProgress func(sip.Progress)) (OutboundDialog, error) {
	r := w.request
	r.SDP, r.Session = offer, s
	return w.manager.cfg.Dialer.Dial(ctx, r, onProgress)
}
