package call

import (
	"bytes"

	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// callees are those who ring, by their dialogs.
type callees map[string]callee

// callee is what has been agreed with one of them.
type callee struct {
	answer []byte    // to the offer that the call was placed with
	media  sdp.Media // by it, and by what the callee has offered since
}

// changed is c after an offer of its own.
func (c callee) changed(m sdp.Media) callee { return callee{c.answer, m} }

// hear takes an answer to the offer that a call was placed with. Everybody who
// rings may give one, and the last one heard counts: what was agreed after it
// stays when it is repeated. final: the offer is answered for good, so that the
// far end may make one of its own.
func (s *session) hear(dialog string, answer []byte, final bool) error {
	if s.placed == nil {
		s.placed, s.ringing = s.pending, callees{}
	}
	c, known := s.ringing[dialog]
	repeated := known && bytes.Equal(answer, c.answer)
	if !repeated {
		m, err := s.accepted(s.placed, answer)
		if err != nil {
			return err
		}
		c = callee{answer, m}
		s.ringing[dialog] = c
	}
	if !repeated || dialog != s.speaker {
		s.speaker = dialog
		s.agree(c.media)
	}
	if final {
		s.pending = nil
	}
	return nil
}

// answered takes the answer of who has picked up: the others count no more.
func (s *session) answered(dialog string, answer []byte) error {
	err := s.hear(dialog, answer, true)
	s.ringing = nil
	return err
}

// Reanswered takes the answer to a session refresh that differs from the one
// before.
func (s *session) Reanswered(answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != nil {
		return // a newer offer is open
	}
	m, err := s.accepted(s.local.Previous, answer)
	if err != nil {
		s.call.logger().Warn("answer to a session refresh", "error", err)
		return
	}
	s.agree(m)
}

// progress notes a provisional answer, and opens early media where they are
// wanted. Where several ring, the last one with media of its own is heard.
func (a *attempt) progress(sockets Sockets, s *session, p sip.Progress) {
	c := a.call
	a.heard.Store(true)
	if a.told != nil {
		a.told(p)
	} else if p.Code == codeRinging && !a.rang { // it may say so as often as it likes
		a.rang = true
		c.emit(Event{Type: CallRinging})
	}
	if p.Body == nil || a.early == nil && !p.Reliable {
		return
	}
	s.mu.Lock()
	err := s.hear(p.Early.Name(), p.Body, p.Reliable)
	opens := err == nil && a.early != nil && !c.hasMedia()
	if opens {
		err = c.openMedia(sockets, s, s.media)
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		c.logger().Debug("early media", "error", err)
	case opens:
		a.early(c)
	}
}
