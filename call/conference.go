package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/mixer"
)

// Conference is the focus of one room (RFC 4353 §2): it keeps the
// participants in order of entry, decides when the room is started, what
// each participant hears, and what is announced. The mixing itself is the
// mixer's. Safe for concurrent use.
type Conference struct {
	name   string
	room   *mixer.Room
	max    int               // participants; 0 = unlimited
	run    func(task func()) // runs a task in the Manager's care
	events func(Event)       // told what happens; nil: nobody
	gone   chan struct{}     // closed when the room is taken out of use
	since  time.Time         // its first entry

	mu           sync.Mutex
	participants []*Participant // in order of entry
	started      bool
	queue        []*group // announcements in event order; the first is playing
	announcing   bool     // a task plays the queue
	locked       bool
	tape         *roomTape // nil: the room is not recorded
}

// errConferenceGone: the room was removed between look-up and entry; the
// name belongs to a new room.
var errConferenceGone = errors.New("call: conference is gone")

// errLocked: room control has locked the room.
var errLocked = fmt.Errorf("%w: it is locked", ErrConferenceBusy)

// Participant is a secondary call as a member of a room. What can change is
// guarded by its Conference.
type Participant struct {
	focus    *Conference
	call     *Call  // the secondary call
	instance string // id of the application instance, "" for none
	opts     ParticipantOptions
	// stopped is the media of a stopped room, from the beginning; final is
	// false while it rings only because the media are still being loaded.
	stopped func() (s audio.Source, final bool)
	parts   announcementParts
	unload  context.CancelCauseFunc // ends the loading of all these
	arrived chan struct{}           // closed when the primary's port sits in member

	member      *mixer.Member
	entered     time.Time
	connected   bool
	muted       bool            // by digit
	lingers     bool            // alone in a stopped room, hears the queue to its end
	talks       bool            // told to the mixer
	hears       bool            // told to the mixer
	prompt      *mixer.Playback // media of the stopped room, nil when not sounding
	provisional bool            // prompt rings until the media are there
}

// enter adds p, evaluates the start rule and announces the entry. It fails
// with ErrConferenceFull, also when most, unless 0, are in it already, and
// with errConferenceGone when the room has been removed meanwhile.
func (f *Conference) enter(p *Participant, most int, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isGone() {
		return errConferenceGone
	}
	if f.locked {
		return errLocked
	}
	if n := len(f.participants); f.max > 0 && n >= f.max || most > 0 && n >= most {
		return ErrConferenceFull
	}
	p.entered = now
	p.member = f.room.Add(mixer.MemberOptions{})
	if len(f.participants) == 0 {
		f.emit(ConferenceCreated)
	}
	f.participants = append(f.participants, p)
	p.call.emitStarted()
	p.call.emit(Event{Type: CallAnswered, Conference: f.name})
	p.emit(ParticipantEntered)
	f.evaluate()
	if f.started {
		f.announce(p.entryGroup(now))
	}
	f.apply()
	return nil
}

// exit removes p, whose port has been taken back, and announces it. It
// returns the calls that must be hung up because p takes the room with it.
func (f *Conference) exit(p *Participant, now time.Time) []*Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.unload(p)
	if !f.remove(p) {
		return nil
	}
	p.member.Remove()
	p.emit(ParticipantLeft)
	wasStarted := f.started
	f.evaluate()
	switch {
	case len(f.participants) == 0:
		f.leaveUse()
		f.stopRecording()
		f.room.Close()
		f.emit(ConferenceEnded)
		return nil
	case f.isGone():
		return nil
	case p.opts.DestroyOnExit:
		f.leaveUse()
		return f.calls()
	case wasStarted:
		f.announce(p.exitGroup(now))
	}
	if wasStarted && !f.started {
		f.participants[0].lingers = len(f.queue) > 0
	}
	f.apply()
	return nil
}

// unload ends the loading of the media of p, which has left: at once, or when the
// announcements that wait would not wait any more.
func (f *Conference) unload(p *Participant) {
	if f.isGone() || len(f.queue) == 0 {
		p.unload(errUnwanted)
		return
	}
	time.AfterFunc(announcementReadyWithin+time.Second, func() { p.unload(errUnwanted) })
}

func (f *Conference) remove(p *Participant) bool {
	i := slices.Index(f.participants, p)
	if i < 0 {
		return false
	}
	f.participants = slices.Delete(f.participants, i, i+1)
	return true
}

// isIn tells whether p is in its room.
func (p *Participant) isIn() bool {
	f := p.focus
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.participants, p)
}

func (f *Conference) calls() []*Call {
	var calls []*Call
	for _, p := range f.participants {
		calls = append(calls, p.call)
	}
	return calls
}

func (f *Conference) isGone() bool {
	select {
	case <-f.gone:
		return true
	default:
		return false
	}
}

// leaveUse takes the room out of use: nobody enters any more, nothing is
// announced. Those inside hear each other until they are hung up.
func (f *Conference) leaveUse() {
	if !f.isGone() {
		close(f.gone)
	}
}

// evaluate applies the start rule after a change of the population.
func (f *Conference) evaluate() {
	was := f.started
	defer f.emitChange(was)
	if len(f.participants) <= 1 {
		f.started = false
		return
	}
	talker, starter := false, false
	for _, p := range f.participants {
		talker = talker || p.opts.Talker
		starter = starter || p.opts.StartOnEntry
	}
	f.started = f.started || talker && starter
}

// apply tells the mixer who talks and hears now, and what a stopped room
// plays to each participant.
func (f *Conference) apply() {
	for _, p := range f.participants {
		p.lingers = p.lingers && !f.started && len(f.queue) > 0
		p.set(f.started && p.opts.Talker && !p.muted, f.started || p.lingers)
		f.prompt(p, p.connected && !f.started && !p.lingers)
	}
}

// set tells the mixer who talks and hears, if that has changed.
func (p *Participant) set(talks, hears bool) {
	if talks != p.talks || hears != p.hears {
		p.talks, p.hears = talks, hears
		p.member.Set(talks, hears)
	}
}

// prompt starts or stops the media of a stopped room for p.
func (f *Conference) prompt(p *Participant, wanted bool) {
	switch {
	case wanted && p.prompt == nil:
		p.startPrompt()
	case !wanted && p.prompt != nil:
		p.prompt.Stop()
		p.prompt = nil
	}
}

func (p *Participant) startPrompt() {
	s, final := p.stopped()
	p.prompt, p.provisional = p.member.Play(s), !final
}

// connect seats the primary's port, which sits in from, as p's.
func (p *Participant) connect(from *mixer.Member) {
	f := p.focus
	f.mu.Lock()
	moved := from.MovePort(p.member)
	p.connected = true
	f.apply()
	f.mu.Unlock()
	<-moved
	close(p.arrived)
}

// disconnect gives the primary's port back to its own room.
func (p *Participant) disconnect(to *mixer.Member) {
	f := p.focus
	f.mu.Lock()
	if !p.connected {
		f.mu.Unlock()
		return
	}
	moved := p.member.MovePort(to)
	p.connected = false
	f.apply()
	f.mu.Unlock()
	<-moved
}

// setMuted changes whether p's input is switched off, as long as p is in the room.
func (p *Participant) setMuted(change func(muted bool) bool) {
	f := p.focus
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.participants, p) {
		return
	}
	was := p.muted
	p.muted = change(p.muted)
	p.emitMuted(was)
	f.apply()
}

// play is heard in the room as p's own voice.
func (p *Participant) play(s audio.Source) *mixer.Playback { return p.member.Inject(s) }

// restartPrompt begins the media of the stopped room if p rings only for
// want of them: they have been loaded.
func (p *Participant) restartPrompt() {
	f := p.focus
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.prompt != nil && p.provisional {
		p.startPrompt()
	}
}
