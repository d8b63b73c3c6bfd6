package call

import (
	"context"
	"strconv"
	"time"

	"mediaserver/recording"
	"mediaserver/rtp"
)

// emit tells the Sink.
func (m *Manager) emit(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	m.cfg.Events.Emit(e)
}

// emit tells the Sink of something that happened to c.
func (c *Call) emit(e Event) {
	e.Call = c.base.ID
	if c.primary != nil {
		e.Primary = c.primary.base.ID
	}
	if e.Media == nil {
		e.Media = c.mediaTime()
	}
	switch e.Type {
	case CallStarted, CallRinging, CallAnswered, CallTransferred, CallEnded:
		e.SIPCallID = c.sipCallID()
	}
	c.manager.emit(e)
}

// emitStarted tells of the beginning of c, once.
func (c *Call) emitStarted() {
	if c.told.Swap(true) {
		return
	}
	c.emit(Event{Type: CallStarted, Started: &CallStart{
		Direction: c.base.Direction.String(), From: c.base.From, To: c.base.To,
	}})
}

// emitEnded tells how c went.
func (c *Call) emitEnded() {
	i := c.Info()
	end := &CallEnd{DurationMS: i.Duration.Milliseconds(), Recording: i.Recording}
	if m := c.audio(); m != nil {
		end.Quality = qualityOf(m)
	}
	c.emit(Event{Type: CallEnded, Cause: i.Cause, RawCause: i.RawCause, Ended: end})
}

// emitParticipant tells of something that happened to p in its room.
func (p *Participant) emit(t EventType) {
	p.call.emit(Event{
		Type: t, Conference: p.focus.name, Participant: p.call.base.ID, Population: len(p.focus.participants),
	})
}

// emit tells of something that happened to the room.
func (f *Conference) emit(t EventType) {
	if f.events != nil {
		f.events(Event{Type: t, Conference: f.name, Population: len(f.participants)})
	}
}

// newSound is an id for a play or a recording of c.
func (c *Call) newSound() string {
	return c.base.ID + "-" + strconv.FormatInt(c.sounds.Add(1), 10)
}

// playOutcome is the outcome of a play in its event.
func playOutcome(barged bool, err error) string {
	switch {
	case barged:
		return OutcomeDigit
	case err != nil:
		return OutcomeStopped
	default:
		return OutcomeComplete
	}
}

// What becomes of plays and recordings.
const (
	OutcomeComplete = "complete" // to its end
	OutcomeDigit    = "digit"    // a digit stopped it
	OutcomeStopped  = "stopped"  // the call or something else did
	OutcomeFailed   = "failed"
)

// mediaTime is the time in the media of c, nil before its answer.
func (c *Call) mediaTime() *MediaTime {
	c.mu.Lock()
	answered, from := !c.life.answered.IsZero(), c.life.frame
	c.mu.Unlock()
	carrier := c
	if c.primary != nil {
		carrier = c.primary
	}
	m := carrier.audio()
	if !answered || m == nil {
		return nil
	}
	return mediaTimeOf(m.port.meter.since(from))
}

func mediaTimeOf(frames int64) *MediaTime {
	return &MediaTime{Frame: frames, MS: frames * frameTime.Milliseconds()}
}

// markAnswer remembers the frame from which the media time of c counts.
// Called with c.mu held.
func (c *Call) markAnswer(carrier *media) {
	if carrier != nil {
		c.life.frame = carrier.port.meter.now.Load()
	}
}

// qualityOf says what became of the media of a call by SIP.
func qualityOf(m *media) *Quality {
	s := m.endpoint.Stats()
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return &Quality{
		Codec:    m.port.params.Load().codec.Encoding().String(),
		Received: s.Received, Sent: s.Sent, Lost: s.Lost, Dropped: s.TotalDropped(),
		ConcealedLoss:  s.Concealed[rtp.ConcealLoss],
		ConcealedLate:  s.Concealed[rtp.ConcealLate],
		ConcealedEmpty: s.Concealed[rtp.ConcealUnderrun],
		JitterMS:       ms(s.Jitter), DelayMS: ms(s.Delay), RTTMS: ms(s.RTT),
		RemoteLost: s.RemoteLost, RemoteJitterMS: ms(s.RemoteJitter),
		LevelDBov: m.port.meter.level(),
	}
}

// emitChange tells that the room has started or stopped.
func (f *Conference) emitChange(was bool) {
	switch {
	case f.started && !was:
		f.emit(ConferenceStarted)
	case was && !f.started:
		f.emit(ConferenceStopped)
	}
}

// emitMuted tells that p has been muted or is no longer.
func (p *Participant) emitMuted(was bool) {
	switch {
	case p.muted && !was:
		p.emit(ParticipantMuted)
	case was && !p.muted:
		p.emit(ParticipantUnmuted)
	}
}

// playing is the play of a call, for its events.
type playing struct {
	id    string // "": none
	since time.Time
}

// playStarts tells that c begins to play, unless it has ended.
func (c *Call) playStarts(ctx context.Context) error {
	return c.ask(ctx, func() error {
		c.playing = playing{id: c.newSound(), since: time.Now()}
		c.emit(Event{Type: PlayStarted, Time: c.playing.since, Sound: &SoundEvent{ID: c.playing.id}})
		return nil
	})
}

// playEnds tells that c plays no more: whoever is first, the verb or the end
// of the call. Of the actor.
func (c *Call) playEnds(outcome string) {
	p := c.playing
	if p.id == "" {
		return
	}
	c.playing = playing{}
	took := time.Since(p.since)
	c.emit(Event{Type: PlayEnded, Sound: &SoundEvent{ID: p.id, Outcome: outcome, DurationMS: took.Milliseconds()}})
}

// recordingEnded is the end of a recording.
func recordingEnded(id string, r recording.Result, err error) Event {
	outcome := OutcomeComplete
	if err != nil {
		outcome = OutcomeFailed
	}
	file := r.Filename
	if r.Unnamed { // there is no file of that name to tell of
		file = ""
	}
	return Event{Type: RecordingEnded, Sound: &SoundEvent{
		ID: id, File: file, Outcome: outcome, DurationMS: r.Duration.Milliseconds(), LostMS: r.Missing.Milliseconds(),
	}}
}
