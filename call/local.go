package call

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"mediaserver/sip"
)

// maxLocalDepth is how many calls within the process may each be made on
// behalf of the one before: services that call each other in a circle end
// there.
const maxLocalDepth = 8

// localCall is a call within the process: to an inbound service of this
// server, or to a room from an application of its own. It has the signalling
// of a SIP call without the messages.
type localCall struct {
	offer    []byte
	caller   *localEnd
	callee   *localEnd
	progress chan sip.Progress // to the caller
	answered chan struct{}     // closed by the answer

	mu       sync.Mutex
	answer   []byte
	rejected int // SIP code, 0 = not rejected
}

// localEnd is one end of a localCall: the Dialog of its call.
type localEnd struct {
	call  *localCall
	wire  *memoryEnd
	to    string // whom the call is for, as the pages see it
	from  string
	named string // the service that is to take it, "" = none
	depth int    // of the callee, see maxLocalDepth

	called bool // by SIP address, as by an INVITE: to says which
	taken  bool // by a room, whoever else awaits it

	ended chan struct{}
	err   error // set before ended is closed
}

// maxLocalProgress is how many provisional answers wait for the caller.
const maxLocalProgress = 4

// end ends both ends, each with its reason; only the first end counts.
func (l *localCall) end(caller, callee error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.caller.ended:
		return false
	default:
	}
	l.caller.err, l.callee.err = caller, callee
	close(l.caller.ended)
	close(l.callee.ended)
	return true
}

// Progress tells the caller; without room for it the news is lost.
func (e *localEnd) Progress(code int, reason string, body []byte) error {
	select {
	case e.call.progress <- sip.Progress{Code: code, Reason: reason, Body: body}:
	default:
	}
	return nil
}

// Answer answers the call.
func (e *localEnd) Answer(body []byte, _ ...sip.Header) error {
	l := e.call
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-e.ended:
		return sip.ErrEnded
	case <-l.answered:
		return sip.ErrState
	default:
	}
	l.answer = body
	close(l.answered)
	return nil
}

// Reject refuses the call.
func (e *localEnd) Reject(code int, _ string, _ ...sip.Header) error {
	e.call.mu.Lock()
	e.call.rejected = code
	e.call.mu.Unlock()
	if !e.call.end(sip.ErrRejected, sip.ErrRejected) {
		return sip.ErrEnded
	}
	return nil
}

// Bye hangs up.
func (e *localEnd) Bye(context.Context, ...sip.Header) error {
	caller, callee := sip.ErrLocalBye, sip.ErrRemoteBye
	if e == e.call.callee {
		caller, callee = callee, caller
	}
	e.call.end(caller, callee)
	return nil
}

// Ended is closed when the call has ended.
func (e *localEnd) Ended() <-chan struct{} { return e.ended }

// Err says why it ended.
func (e *localEnd) Err() error {
	select {
	case <-e.ended:
		return e.err
	default:
		return nil
	}
}

// SetSession does nothing: neither end changes its session.
func (e *localEnd) SetSession(sip.Session) {}

// Invitation is what an INVITE would have said.
func (e *localEnd) Invitation() sip.Invitation {
	return sip.Invitation{
		From: localAddress(e.from), To: localAddress(e.to), RequestURI: localAddress(e.to),
		LocalAddr: memoryHost(), Offer: e.call.offer,
	}
}

// localAddress is a number, a name or user@host as an address.
func localAddress(s string) sip.Address {
	user, host, ok := strings.Cut(s, "@")
	if !ok {
		return sip.Address{User: s, Host: "localhost", URI: "sip:" + s + "@localhost"}
	}
	return sip.Address{User: user, Host: host, URI: "sip:" + s}
}

// RemoteBody is the answer.
func (e *localEnd) RemoteBody() []byte {
	e.call.mu.Lock()
	defer e.call.mu.Unlock()
	return e.call.answer
}

// refused is the SIP code with which the callee refused; nil: it has answered, and
// hung up since.
func (l *localCall) refused() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.answered:
		return nil
	default:
	}
	code := l.rejected
	if code == 0 {
		code = codeInternal
	}
	return &sip.StatusError{Code: code}
}

// await waits until the callee has decided, and tells of provisional answers: of all
// that came before the decision.
func (l *localCall) await(ctx context.Context, onProgress func(sip.Progress)) error {
	for {
		select {
		case p := <-l.progress:
			onProgress(p)
		case <-l.answered:
			l.tell(onProgress)
			return nil
		case <-l.caller.ended:
			l.tell(onProgress)
			return l.refused()
		case <-ctx.Done():
			if l.end(sip.ErrCancelled, sip.ErrCancelled) {
				return context.Cause(ctx)
			}
			return l.refused()
		}
	}
}

// tell tells of the provisional answers that wait.
func (l *localCall) tell(onProgress func(sip.Progress)) {
	for {
		select {
		case p := <-l.progress:
			onProgress(p)
		default:
			return
		}
	}
}

// localWay is the way to a service of this server, or into a room.
type localWay struct {
	manager *Manager
	call    *localCall
	serve   func(*Call) // runs the callee
}

func (m *Manager) localWay(a *attempt, depth int) *localWay {
	near, far := newMemoryPath()
	l := &localCall{progress: make(chan sip.Progress, maxLocalProgress), answered: make(chan struct{})}
	l.caller = &localEnd{call: l, wire: near, ended: make(chan struct{})}
	l.callee = &localEnd{
		call: l, wire: far, ended: make(chan struct{}),
		from: a.call.base.From, to: a.to.Value, depth: depth,
	}
	if a.to.Kind == ToRoom {
		l.callee.taken = true
		return &localWay{manager: m, call: l, serve: func(c *Call) { c.sitInRoom(a.to.Value, a.id) }}
	}
	if l.callee.called = a.called; !a.called {
		l.callee.named = a.to.Value
	}
	return &localWay{manager: m, call: l, serve: m.cfg.Outbound.Local}
}

func (w *localWay) sockets(context.Context) (Sockets, netip.Addr, error) {
	return w.call.caller.wire, memoryHost(), nil
}

func (w *localWay) dial(ctx context.Context, offer []byte, _ sip.Session, onProgress func(sip.Progress)) (OutboundDialog, error) {
	l := w.call
	switch {
	case w.serve == nil:
		return nil, &sip.StatusError{Code: codeNotFound}
	case l.callee.depth > maxLocalDepth:
		return nil, &sip.StatusError{Code: codeLoop}
	}
	l.offer = offer
	w.manager.tasks.Go(func() {
		w.manager.HandleInvite(context.WithoutCancel(ctx), l.callee, func(_ context.Context, c *Call) { w.serve(c) })
	})
	if err := l.await(ctx, onProgress); err != nil {
		return nil, err
	}
	return l.caller, nil
}

// sitInRoom makes the far end of c a participant of a room, with the
// defaults, until one of them leaves.
func (c *Call) sitInRoom(name, instanceID string) {
	ctx := context.Background() // ends with the call
	o := ConferenceOptions{Name: name, InstanceID: instanceID, Participant: DefaultParticipant()}.withDefaults()
	secondary, err := c.place(ctx, o)
	if err != nil {
		c.refuseRoom(ctx, err)
		return
	}
	if err := c.Answer(ctx); err != nil {
		secondary.HangUp(Dropped)
		return
	}
	if _, err := c.Connect(ctx, secondary); err != nil {
		c.logger().Debug("call to a room", "conference", name, "error", err)
	}
}
