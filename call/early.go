package call

import (
	"bytes"

	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// hear takes an answer to the offer that a call was placed with. Everybody who
// rings may give one, and the last one heard counts: what was agreed after it
// stays when it is repeated. final: the offer is answered for good, so that the
// far end may make one of its own.
func (s *session) hear(answer []byte, final bool) error {
	if s.placed == nil {
		s.placed = s.pending
	}
	if s.heard == nil || !bytes.Equal(answer, s.heard) {
		open := s.pending
		s.pending = s.placed
		err := s.preview(answer)
		s.pending = open
		if err != nil {
			return err
		}
		s.heard = answer
	}
	if final {
		s.pending = nil
	}
	return nil
}

// Reanswered takes the answer to a session refresh that differs from the one
// before.
func (s *session) Reanswered(answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != nil {
		return // a newer offer is open
	}
	d, err := sdp.Parse(answer)
	if err != nil {
		s.call.logger().Warn("answer to a session refresh", "error", err)
		return
	}
	m, err := sdp.Accept(s.local.Previous, d, s.can)
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
	err := s.hear(p.Body, p.Reliable)
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
