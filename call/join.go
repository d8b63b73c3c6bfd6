package call

import (
	"context"
	"errors"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/internal/apart"
)

// defaultAnswerTimeout is how long a destination is waited for.
const defaultAnswerTimeout = 30 * time.Second

func (o ConferenceOptions) withDefaults() ConferenceOptions {
	if o.AnswerTimeout == 0 {
		o.AnswerTimeout = defaultAnswerTimeout
	}
	if o.MaxDuration == 0 {
		o.MaxDuration = defaultMaxDuration
	}
	return o
}

// DialConference places the secondary call that is to join c to a room and
// blocks until it is answered, which is its entry into the room. From now on
// c hears hold media until Connect, or until the secondary call or the
// attempt has ended. It fails with ErrConferenceFull, ErrConferenceBusy,
// ErrAnswerTimeout, ErrConnectFailed, ErrNotAnswered or ErrEnded.
func (c *Call) DialConference(ctx context.Context, o ConferenceOptions) (*Call, error) {
	if c.Info().State != Answered {
		return nil, errors.Join(ErrNotAnswered, c.endedErr())
	}
	o = o.withDefaults()
	var secondary *Call
	var err error
	apart.Run(func() { // who asks waits in the room for hours
		c.startHold(o.HoldMedia, o.Ringing)
		if secondary, err = c.place(ctx, o); err != nil {
			c.stopHold()
		}
	})
	return secondary, err
}

func (c *Call) endedErr() error {
	if c.hasEnded() {
		return ErrEnded
	}
	return nil
}

// place puts the secondary call in the room here or dials the focus
// elsewhere.
func (c *Call) place(ctx context.Context, o ConferenceOptions) (*Call, error) {
	if o.From == "" {
		o.From = c.caller()
	}
	secondary, err := c.enterOrDial(ctx, o)
	if err != nil {
		return nil, err
	}
	if !c.adopt(secondary) {
		secondary.HangUp(Dropped)
		return nil, ErrEnded
	}
	return secondary, nil
}

// enterOrDial is place for a call that is not tied to c yet.
func (c *Call) enterOrDial(ctx context.Context, o ConferenceOptions) (*Call, error) {
	if address, elsewhere := c.manager.cfg.Placement.Place(o.Name); elsewhere {
		return c.dialFocus(ctx, o, address)
	}
	s, err := c.enterRoom(o)
	if to, ok := errors.AsType[*errDiverted](err); ok {
		return c.dialService(ctx, to.service, o)
	}
	return s, err
}

// adopt ties a secondary call to c, unless c is at its end.
func (c *Call) adopt(secondary *Call) bool {
	c.mu.Lock()
	ending := c.joined.ending
	if !ending {
		c.joined.secondary = secondary
	}
	c.mu.Unlock()
	if secondary.isEnding() {
		c.released(secondary) // what it does at its end came too early, maybe
	}
	if secondary.dialog == nil && (secondary.hasWish() || secondary.overdue.Load()) {
		c.lookAgain() // nobody could, before
	}
	return !ending
}

// enterRoom makes a secondary call to a room of this process; the room
// answers at once.
func (c *Call) enterRoom(o ConferenceOptions) (*Call, error) {
	s := newCall(c.manager, Info{ID: newCallID(), Direction: Out, From: o.From, To: o.Name, Target: o.Name}, nil)
	s.primary = c
	s.logLike(c)
	p, stopped := c.participant(s, o)
	s.seat, s.keys = p, &o.Participant
	s.life = life{state: Answered, answered: time.Now()}
	s.markAnswer(c.audio())
	begun := false
	defer func() {
		if !begun && p.isIn() { // a fault, which must not leave a seat
			s.end(Failed, 0)
		}
	}()
	if err := c.manager.enter(o.Name, p); err != nil {
		p.unload(errUnwanted)
		return nil, err
	}
	if stopped != nil {
		c.manager.tasks.Go(func() {
			<-stopped.done
			p.restartPrompt()
		})
	}
	s.open(o.MaxDuration)
	begun = true
	return s, nil
}

// participant prepares a member of a room; its media are loaded from now on.
// stopped is what it hears in a stopped room, nil for the ringing tone.
func (c *Call) participant(s *Call, o ConferenceOptions) (p *Participant, stopped *prepared) {
	ctx, unload := context.WithCancelCause(context.Background())
	p = &Participant{call: s, instance: o.InstanceID, opts: o.Participant, unload: unload, arrived: make(chan struct{})}
	stopped = c.prepare(ctx, "while_stopped_media", o.Participant.WhileStopped)
	p.stopped = func() (audio.Source, bool) {
		if stopped == nil || !stopped.ready() {
			return c.manager.ringing.tone(o.Ringing), stopped == nil
		}
		return c.manager.ringing.loop(stopped.clips, stopped.err, o.Ringing), true
	}
	p.parts = announcementParts{
		name:   c.prepare(ctx, "name", o.Participant.Name),
		joined: c.prepare(ctx, "has_joined_message", o.Participant.HasJoined),
		left:   c.prepare(ctx, "has_left_message", o.Participant.HasLeft),
		beep:   c.manager.beep,
	}
	return p, stopped
}

// Connect joins c and its secondary call and blocks until the connection
// ends. It returns the Connection when the secondary call came to its end:
// exit digit, room destroyed, maximum duration. ErrEnded says that c itself
// has ended, ErrConnectFailed that the secondary had ended before.
func (c *Call) Connect(ctx context.Context, secondary *Call) (Connection, error) {
	c.stopHold()
	c.discardDigits()
	secondary.discardDigits()
	if err := secondary.connect(ctx); err != nil {
		if c.isEnding() {
			<-c.done
			return Connection{}, ErrEnded
		}
		return Connection{}, errors.Join(ErrConnectFailed, err)
	}
	return c.converse(ctx, secondary)
}

// converse passes digits on until the connection ends.
func (c *Call) converse(ctx context.Context, secondary *Call) (Connection, error) {
	there, back := c.relays(secondary)
	for {
		select {
		case d := <-c.digits:
			there.press(d)
		case d := <-secondary.digits:
			back.press(d)
		case <-there.sent:
			there.next()
		case <-back.sent:
			back.next()
		case <-ctx.Done():
			secondary.HangUp(Dropped)
			return Connection{}, context.Cause(ctx)
		case <-secondary.done:
			if c.isEnding() {
				<-c.done
				return Connection{}, ErrEnded
			}
			return Connection{Duration: secondary.connected()}, nil
		}
	}
}

// memberDigit does what a digit pressed on the primary does in the conference.
func (c *Call) memberDigit(d dtmf.Digit) {
	c.mu.Lock()
	deaf := c.joined.noDigits
	c.mu.Unlock()
	if deaf {
		return
	}
	p := c.keys
	toggles := p.UnmuteDigit == 0 || p.UnmuteDigit == p.MuteDigit
	switch {
	case d == p.ExitDigit:
		c.HangUp(Completed)
	case d == p.MuteDigit && toggles:
		c.seat.setMuted(func(muted bool) bool { return !muted })
	case d == p.MuteDigit:
		c.seat.setMuted(func(bool) bool { return true })
	case d == p.UnmuteDigit:
		c.seat.setMuted(func(bool) bool { return false })
	}
}

// connect has the secondary's actor seat the primary's audio.
func (c *Call) connect(ctx context.Context) error {
	return c.ask(ctx, func() error {
		p := c.primary.audio().port
		c.openRecording(p, secondaryTap)
		c.mu.Lock()
		c.joined.from = time.Now()
		c.mu.Unlock()
		p.taps.moving.Store(true)
		c.startTap()
		c.seat.connect(c.primary.audio().home)
		p.taps.moving.Store(false)
		return nil
	})
}

// leaveSeat ends a secondary call's part in its room and gives the primary's
// audio back. Run by the actor at the end.
func (c *Call) leaveSeat() {
	if c.seat == nil {
		return
	}
	c.mu.Lock()
	if !c.joined.from.IsZero() {
		c.joined.to = time.Now()
	}
	c.mu.Unlock()
	if m := c.primary.audio(); m != nil {
		c.seat.disconnect(m.home)
	}
	c.seat.leave()
	c.primary.released(c)
}

// connected is how long the calls were joined.
func (c *Call) connected() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joined.to.Sub(c.joined.from)
}

// released unties a secondary call that has ended.
func (c *Call) released(secondary *Call) {
	c.mu.Lock()
	tied := c.joined.secondary == secondary
	if tied {
		c.joined.secondary = nil
	}
	c.mu.Unlock()
	if tied {
		c.stopHold()
	}
}

// dropSecondary ends what was placed on behalf of a call that is at its end.
func (c *Call) dropSecondary() {
	c.mu.Lock()
	c.joined.ending = true
	secondary := c.joined.secondary
	c.mu.Unlock()
	c.stopHold()
	if secondary != nil {
		secondary.HangUp(Dropped)
	}
}

func (c *Call) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joined.ending
}
