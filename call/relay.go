package call

import (
	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/mixer"
)

// maxRelayed bounds the digits that wait to be sent on.
const maxRelayed = 64

// relay passes the digits of one of two connected calls on to the other, one
// after the other.
type relay struct {
	send    func(dtmf.Digit) <-chan struct{} // nil: digits do not pass
	act     func(dtmf.Digit)                 // does at once what a digit is for; nil: nothing
	waiting []dtmf.Digit
	sent    <-chan struct{} // closed when the digit under way has been sent; nil: none is
}

// relays are the ways of digits from c to its secondary call, and back.
func (c *Call) relays(secondary *Call) (there, back *relay) {
	if secondary.keys != nil {
		return &relay{act: secondary.memberDigit}, &relay{}
	}
	seat, ok := secondary.seat.(*farSeat)
	if !ok {
		return &relay{}, &relay{}
	}
	there = &relay{send: func(d dtmf.Digit) <-chan struct{} { return secondary.sendDigit(d, seat.play) }}
	back = &relay{send: func(d dtmf.Digit) <-chan struct{} { return c.sendDigit(d, seat.tone) }}
	return there, back
}

// press takes a digit.
func (r *relay) press(d dtmf.Digit) {
	switch {
	case r.act != nil:
		r.act(d)
	case r.send == nil, len(r.waiting) == maxRelayed:
	default:
		r.waiting = append(r.waiting, d)
		if r.sent == nil {
			r.next()
		}
	}
}

// next sends the next digit, if one waits.
func (r *relay) next() {
	r.sent = nil
	for r.sent == nil && len(r.waiting) > 0 {
		d := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.sent = r.send(d)
	}
}

// sendDigit sends a digit to the far end of c in the way that was agreed:
// telephone events, a message of the WebSocket, or tones, which tone plays.
// The result is closed when it has been sent; nil: at once.
func (c *Call) sendDigit(d dtmf.Digit, tone func(audio.Source) *mixer.Playback) <-chan struct{} {
	if c.sendsEvents() {
		sent, _ := c.sendEvents(string(d))
		return sent
	}
	clip, err := audio.DTMFTones(c.manager.rate(), string(d))
	if err != nil {
		return nil
	}
	if playback := tone(audio.PlayClip(clip)); playback != nil {
		return playback.Done()
	}
	return nil
}

// sendEvents sends digits without tones in the audio; see sendsEvents. sent is
// closed when they have been sent; stop leaves out those that have not.
func (c *Call) sendEvents(digits string) (sent <-chan struct{}, stop func()) {
	s, ok := c.farStream()
	if !ok {
		p := c.audio().port
		job := p.sendEvents(digits)
		return job.done, func() { p.stopEvents(job) }
	}
	all := make(chan struct{})
	close(all)
	for _, d := range digits {
		if d, ok := dtmf.ParseDigit(byte(d)); ok {
			s.SendDigit(d)
		}
	}
	return all, func() {}
}
