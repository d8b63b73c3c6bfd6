package call

import (
	"sync"

	"mediaserver/audio"
	"mediaserver/mixer"
)

// farSeat is the place of a primary's audio in a secondary call that has
// audio of its own: the two share the secondary's room.
type farSeat struct {
	call    *Call
	talker  bool
	ringing audio.RingingPattern // for who waits here; zero: UK

	mu     sync.Mutex
	member *mixer.Member // where the primary sits; nil: it does not
	talks  bool          // connected: not only listening to early media
	muted  bool
}

// overhear has the primary, whose port sits in from, hear the callee, and not
// the other way round.
func (s *farSeat) overhear(from *mixer.Member) { s.sit(from, false) }

func (s *farSeat) connect(from *mixer.Member) { s.sit(from, true) }

// sit seats the primary, or lets the one that sits there talk.
func (s *farSeat) sit(from *mixer.Member, talks bool) {
	m := s.call.audio()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talks = s.talks || talks
	if s.member != nil {
		s.member.Set(s.heard(), true)
		return
	}
	m.home.Set(true, true)
	s.member = m.room.Add(mixer.MemberOptions{Talk: s.heard(), Hear: true})
	<-from.MovePort(s.member)
}

// near is where the primary sits while the two are connected; nil: they are not.
func (s *farSeat) near() *mixer.Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.talks {
		return nil
	}
	return s.member
}

// heard says whether the callee hears the primary.
func (s *farSeat) heard() bool { return s.talker && s.talks && !s.muted }

func (s *farSeat) disconnect(to *mixer.Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member == nil {
		return
	}
	<-s.member.MovePort(to)
	<-s.member.Remove()
	s.member = nil
}

func (s *farSeat) setMuted(change func(muted bool) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muted = change(s.muted); s.member != nil {
		s.member.Set(s.heard(), true)
	}
}

func (s *farSeat) play(src audio.Source) *mixer.Playback { return s.call.audio().home.Play(src) }

// tone plays to the primary over what it hears.
func (s *farSeat) tone(src audio.Source) *mixer.Playback {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member == nil {
		return nil
	}
	return s.member.Play(src)
}

func (s *farSeat) leave() {}
