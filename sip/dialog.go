package sip

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// dialogState is where a dialog stands.
type dialogState uint8

const (
	stateEarly     dialogState = iota // INVITE without final response
	stateConfirmed                    // 2xx sent or received
	stateEnded
)

// String names the state.
func (s dialogState) String() string {
	switch s {
	case stateEarly:
		return "early"
	case stateConfirmed:
		return "confirmed"
	case stateEnded:
		return "ended"
	default:
		return fmt.Sprintf("dialogState(%d)", uint8(s))
	}
}

// Dialog is one call's dialog, from its INVITE to its end.
type Dialog struct {
	ua     *UA
	id     dialogID
	inv    Invitation // immutable once the dialog is handed out
	peer   *peer
	invite *inviteTx               // the far end's INVITE; nil if we placed the call
	out    *outgoing               // our INVITE; nil if the far end placed the call
	cancel context.CancelCauseFunc // ends the context of the Handler or of Invite
	ended  chan struct{}
	gone   chan struct{} // closed when nothing more is awaited from the far end

	mu      sync.Mutex
	state   dialogState
	err     error
	session Session
	acks
	inviting bool // a re-INVITE or an UPDATE with an offer of ours is in progress
	refers   referrals
	removed  bool
	seat     *place // among the calls that are not acknowledged; nil: it needs none
	ext      dialogExtensions
}

// acks are the ACKs that a dialog waits for or has sent.
type acks struct {
	heldACK *heldACK    // arrived before SetSession
	unacked *acceptance // our 2xx that waits for its ACK
	bye     *farewell   // a BYE that waits for that ACK
	lastACK *sentACK    // our last ACK of a 2xx
}

// heldACK is an ACK that waits for a Session; body as in Session.Acknowledged.
type heldACK struct{ body []byte }

// farewell is a BYE that must not be sent yet.
type farewell struct{ headers []Header }

// sentACK is an ACK of ours, kept to be sent again.
type sentACK struct {
	cseq uint32
	body []byte
	auth []Header
	req  *sipgo.Request
	flow *flow // nil: there was no way to send it
}

func newDialog(u *UA, id dialogID, p *peer, cancel context.CancelCauseFunc) *Dialog {
	return &Dialog{
		ua: u, id: id, peer: p, cancel: cancel,
		ended: make(chan struct{}), gone: make(chan struct{}),
	}
}

// Invitation is what is known of the INVITE.
func (d *Dialog) Invitation() Invitation { return d.inv }

// Name is that of the EarlyDialog which the answer to an INVITE of ours has made the
// call's.
func (d *Dialog) Name() string { return d.nameOf(d.peer) }

// nameOf is the name of the dialog with one of those whom an INVITE has reached.
func (d *Dialog) nameOf(p *peer) string { return d.id.callID + ";" + p.remoteTag() }

// RemoteBody is, for a call we placed, the SDP of the 2xx: the answer to our
// offer, or the offer if we had made none. nil for incoming calls.
func (d *Dialog) RemoteBody() []byte {
	if d.out == nil {
		return nil
	}
	return d.out.body
}

// Proven says whether who called has shown that it is he who did: by the ACK of
// our answer, before it by what vouches for his source; a connection and a source
// that is trusted need no proof. Until then the INVITE may be somebody else's in
// his name. Calls we placed are proven.
func (d *Dialog) Proven() bool {
	if d.invite == nil {
		return true
	}
	d.mu.Lock()
	early, waits := d.seat != nil, d.unacked != nil && d.unacked.initial
	d.mu.Unlock()
	g, src := d.ua.guard, d.invite.in.src
	switch {
	case waits:
		return g.sure(src)
	case early:
		return g.proven(src)
	default:
		return true
	}
}

// Ended is closed when the dialog has ended; Err says why.
func (d *Dialog) Ended() <-chan struct{} { return d.ended }

// Err is nil while the dialog lives, else ErrRemoteBye, ErrCancelled,
// ErrNoACK, ErrLocalBye, ErrRejected or ErrTransport (wrapped).
func (d *Dialog) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// SetSession says who gets the events within the dialog. An ACK that came
// before is delivered then; offers and INFO that come while there is no
// Session are refused.
func (d *Dialog) SetSession(s Session) {
	d.mu.Lock()
	d.session = s
	held := d.heldACK
	if s != nil {
		d.heldACK = nil
	}
	d.mu.Unlock()
	if s != nil && held != nil {
		d.post(func() { s.Acknowledged(held.body) })
	}
}

// post queues f behind the messages of the call. It says whether it could.
func (d *Dialog) post(f func()) bool { return d.ua.boxes.post(d.id.callID, f) }

// end moves the dialog to its end; false if it was there.
func (d *Dialog) end(err error) bool { return d.endIn(err, stateEarly, stateConfirmed) }

// endIn ends the dialog if it is in one of the states.
func (d *Dialog) endIn(err error, from ...dialogState) bool {
	d.mu.Lock()
	found := false
	for _, s := range from {
		found = found || s == d.state
	}
	if !found {
		d.mu.Unlock()
		return false
	}
	d.state, d.err = stateEnded, err
	d.ext.stop()
	d.mu.Unlock()
	d.log("SIP dialog ended", slog.Any("error", err))
	close(d.ended)
	d.cancel(err)
	return true
}

// is reports whether the dialog is in a state.
func (d *Dialog) is(s dialogState) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state == s
}

// log notes a step of the dialog's life, for those who look for it.
func (d *Dialog) log(msg string, attrs ...slog.Attr) {
	l := d.ua.cfg.Logger
	if l.Enabled(context.Background(), slog.LevelDebug) {
		l.LogAttrs(context.Background(), slog.LevelDebug, msg, append(attrs, slog.String("sip_call_id", d.id.callID))...)
	}
}

// settleLocked forgets the 2xx that waits for an ACK and returns it.
func (d *Dialog) settleLocked() *acceptance {
	a := d.unacked
	if a != nil {
		a.timer.Stop()
		d.unacked = nil
	}
	return a
}

// remove takes an ended dialog out of the table.
func (d *Dialog) remove() {
	d.mu.Lock()
	d.settleLocked()
	first := !d.removed
	d.removed = true
	d.mu.Unlock()
	d.leavePlace()
	if first {
		d.ua.dialogs.remove(d)
		close(d.gone)
	}
}

// stateErr is what a method returns when the state forbids it.
func (d *Dialog) stateErr() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == stateEnded {
		return fmt.Errorf("%w: %w", ErrEnded, d.err)
	}
	return fmt.Errorf("%w: %s", ErrState, d.state)
}

// dialogTable are the dialogs by call and own tag, at most limit.
type dialogTable struct {
	m     *Metrics
	limit int

	mu  sync.Mutex
	all map[dialogID]*Dialog
}

func newDialogTable(m *Metrics, limit int) *dialogTable {
	return &dialogTable{m: m, limit: limit, all: make(map[dialogID]*Dialog)}
}

func (t *dialogTable) add(d *Dialog) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) >= t.limit {
		return false
	}
	t.all[d.id] = d
	t.m.dialogs.Inc()
	return true
}

func (t *dialogTable) find(id dialogID) *Dialog {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[id]
}

func (t *dialogTable) remove(d *Dialog) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[d.id] == d {
		delete(t.all, d.id)
		t.m.dialogs.Dec()
	}
}

func (t *dialogTable) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all) >= t.limit
}

func (t *dialogTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

func (t *dialogTable) list() []*Dialog {
	t.mu.Lock()
	defer t.mu.Unlock()
	ds := make([]*Dialog, 0, len(t.all))
	for _, d := range t.all {
		ds = append(ds, d)
	}
	return ds
}
