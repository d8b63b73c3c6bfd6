package call

import (
	"time"

	"mediaserver/dtmf"
)

// maxPendingPresses bounds the digits nobody has asked for yet.
const maxPendingPresses = 64

// maxUnseenPresses bounds the digits that the call's goroutine has not seen yet: what
// comes in two frames.
const maxUnseenPresses = 2 * maxPressesPerFrame

// method is how a digit was received.
type method uint8

const (
	byEvent   method = iota // RFC 4733
	byInfo                  // SIP INFO
	byInBand                // tones in the audio
	byMessage               // a message of a WebSocket
)

// String is the label of mediaserver_dtmf_events_total.
func (m method) String() string { return [...]string{"rfc4733", "info", "inband", "websocket"}[m] }

// press is a digit as one of the ways of reception reports it.
type press struct {
	digit  dtmf.Digit
	method method
	cseq   uint32 // of the INFO request
	at     time.Time
}

// pressed hands a digit to the verb that is running, once for each key press
// however many ways report it; without room for it the digit is lost.
func (c *Call) pressed(p press) {
	if c.seen == nil {
		c.seen = new(dtmf.Dedup)
	}
	switch p.method {
	case byInfo:
		if !c.seen.Info(p.cseq, p.digit, p.at) {
			return
		}
	case byInBand:
		if !c.seen.InBand(p.digit, p.at) {
			return
		}
	case byEvent, byMessage: // the receiver counts each press once
	}
	c.manager.metrics.digits.WithLabelValues(p.method.String()).Inc()
	c.logger().Debug("digit received", "method", p.method) // not which: it may be a secret
	c.emit(Event{Type: CallDigit, Time: p.at, FarEndEvent: FarEndEvent{
		Digit: &DigitPress{Digit: string(p.digit), Method: p.method.String()},
	}})
	select {
	case c.digits <- p.digit:
	default:
		c.logger().Debug("digit dropped: too many pending")
	}
}

// report passes a digit on to the call's goroutine. It never waits: it is called from
// the media path, after the slot, and from signalling.
func (c *Call) report(p press) {
	select {
	case c.presses <- p:
	default:
	}
}

// discardDigits forgets what was pressed before now.
func (c *Call) discardDigits() {
	for {
		select {
		case <-c.digits:
		default:
			return
		}
	}
}
