package call

import (
	"mediaserver/audio"
	"mediaserver/mixer"
	"mediaserver/sip"
)

// comfort is the ringing tone for who is connected with a call whose far end has
// sent us to somebody else, from when that rings until it answers or will not.
type comfort struct {
	hold
	to   *mixer.Member // nil: nobody is
	tone audio.Source
}

// newComfort makes the comfort of c, which has not begun.
func (c *Call) newComfort() *comfort {
	k := &comfort{hold: hold{cancel: func() {}}}
	seat, hears := c.company()
	if hears != nil {
		k.to, k.tone = hears, c.manager.ringing.tone(seat.ringing)
	}
	return k
}

// heed takes a provisional answer of the new far end.
func (k *comfort) heed(p sip.Progress) {
	if k.to != nil && p.Code >= codeRinging {
		k.begin(k.to, k.tone)
	}
}

// company is the seat by which c is connected with another call, and the member
// that its far end hears; nil: c is not, or with a room, where others go on talking.
func (c *Call) company() (seat *farSeat, hears *mixer.Member) {
	if c.primary != nil {
		if seat, ok := c.seat.(*farSeat); ok {
			return seat, seat.near()
		}
		return nil, nil
	}
	s := c.secondary()
	if s == nil || s.keys != nil {
		return nil, nil
	}
	seat, ok := s.seat.(*farSeat)
	if !ok || seat.near() == nil {
		return nil, nil
	}
	return seat, s.audio().home
}
