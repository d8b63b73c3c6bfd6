package call

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/mixer"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// defaultMaxDuration bounds every call for which nothing else was said.
const defaultMaxDuration = 240 * time.Minute

// Dialog is the signalling of a call: *sip.Dialog.
type Dialog interface {
	answerer
	ender
	SetSession(s sip.Session)
	Invitation() sip.Invitation
}

// answerer reacts to an INVITE.
type answerer interface {
	Progress(code int, reason string, body []byte) error
	Answer(body []byte, h ...sip.Header) error
	Reject(code int, reason string, h ...sip.Header) error
}

// ender ends a dialog and tells why it ended.
type ender interface {
	Bye(ctx context.Context, h ...sip.Header) error
	Ended() <-chan struct{}
	Err() error
}

// Call is one call: inbound or outbound by SIP, or the secondary call to a
// room of this process, which has no dialog and no endpoint of its own.
type Call struct {
	manager *Manager
	base    Info // what never changes
	logTo   atomic.Pointer[slog.Logger]

	dialog Dialog // nil for a room's secondary call
	protection
	behalf
	watched

	turn
	presses chan press      // from the media path and SIP INFO, before joining; nil without a dialog
	digits  chan dtmf.Digit // for the verb that is running; nil without a dialog
	done    chan struct{}   // closed at the end

	record record // of the actor: who has the turn
	story

	mu      sync.Mutex
	life    life
	media   *media // nil until there is an endpoint
	joined  joined
	errands errands
}

// protection is what keeps the media of a call by SIP from others, and what its
// far end would have of it.
type protection struct {
	security Security
	keying   Keying
	offer    *sdp.Description // of the INVITE, until it is answered; nil: it had none. Of the actor
}

// story is what was told of a call, and what has become of its far end.
type story struct {
	told   atomic.Bool  // its beginning
	sounds atomic.Int64 // plays and recordings so far
	moves  moves

	// Of the actor:
	seen    *dtmf.Dedup // digits; made with the first
	playing playing
	taking  taking
}

// behalf is what a secondary call has; the zero value is a primary call's.
type behalf struct {
	primary *Call
	seat    seat                // where the primary's audio goes
	keys    *ParticipantOptions // of a room: what digits do; nil: digits pass
}

// seat is where a secondary call puts its primary's audio.
type seat interface {
	connect(from *mixer.Member)
	disconnect(to *mixer.Member)
	setMuted(change func(muted bool) bool)
	play(s audio.Source) *mixer.Playback
	leave()
}

// joined is what ties a primary and a secondary call together.
type joined struct {
	ending    bool      // primary: takes no secondary any more
	secondary *Call     // primary: placed on its behalf, while it lives
	hold      *hold     // primary: hold media, while they sound
	from, to  time.Time // secondary: connected with its primary
	noDigits  bool      // secondary: its digits do nothing
}

// life is where a call stands. Written by its actor only.
type life struct {
	state     State
	answered  time.Time
	ended     time.Time
	cause     Cause
	raw       int
	recording string // name of the file of the whole call, once it is complete
	frame     int64  // at the answer, see mediaMeter.since
	far       farEnd
}

func newCall(m *Manager, base Info, d Dialog) *Call {
	c := &Call{
		manager: m,
		base:    base,
		dialog:  d,
		done:    make(chan struct{}),
	}
	c.turn.init()
	if d != nil {
		c.looks = make(chan struct{}, 1)
		c.presses, c.digits = make(chan press, maxUnseenPresses), make(chan dtmf.Digit, maxPendingPresses)
	}
	c.SetLogger(m.cfg.Logger)
	return c
}

// Info is a snapshot of the call. Safe at any time.
func (c *Call) Info() Info {
	callID := c.sipCallID()
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.base
	i.SIPCallID = callID
	i.State, i.Cause, i.RawCause, i.Recording = c.life.state, c.life.cause, c.life.raw, c.life.recording
	switch {
	case c.life.answered.IsZero():
	case c.life.ended.IsZero():
		i.Duration = time.Since(c.life.answered)
	default:
		i.Duration = c.life.ended.Sub(c.life.answered)
	}
	return i
}

// Done is closed when the call has ended; Info().Cause then says why.
func (c *Call) Done() <-chan struct{} { return c.done }

// SetLogger directs what the call has to say, warnings about media among
// them, to l.
func (c *Call) SetLogger(l *slog.Logger) { c.logTo.Store(l) }

// logLike has c report to where another call does, as itself.
func (c *Call) logLike(other *Call) { c.logTo.Store(other.logTo.Load()) }

// logger is made when there is something to say: most calls say nothing.
func (c *Call) logger() *slog.Logger { return c.logTo.Load().With("call_id", c.base.ID) }
