package dtmf

import "time"

// How long a Receiver believes in what it last heard.
const (
	// updateTimeout ends an event whose packets stop without an end. Updates
	// come every 20–50 ms, so several may be lost.
	updateTimeout = 200 * time.Millisecond
	// eventTail keeps an event sounding after its end: the tone beside it may end
	// a little later.
	eventTail = 80 * time.Millisecond
	// endMemory is how long after its last packet a finished event's
	// timestamp, and any older one, still means that event.
	endMemory = 2 * time.Second
	// heldMemory is the same for an event whose end was not seen.
	heldMemory = 10 * time.Second
	// staleUnits is how far back a timestamp may lie to be an older event;
	// further back is a source that started afresh [timestamp units].
	staleUnits = 8 * MaxDuration
	// minApart is how far apart two presses begin at least: 40 ms of tone and as
	// much pause (ITU-T Q.24), at 8 kHz [timestamp units].
	minApart = 640
	// maxSegments is how many whole segments of a long event may be lost.
	maxSegments = 4
	// maxQueued bounds the presses one payload can bring beyond the first.
	maxQueued = maxPayload/EventSize - 1
)

// Receiver turns telephone-event payloads into presses: one press per RTP
// timestamp, however many packets speak of it (RFC 4733 §2.5.1, §2.5.2).
// The zero value is ready. One goroutine at a time.
type Receiver struct {
	seen     bool          // any event so far
	start    uint32        // RTP timestamp of the latest event, or of its latest segment
	code     uint8         // its code
	ended    bool          // its end was seen
	duration uint16        // longest it reported [timestamp units]
	last     time.Time     // its latest packet
	sounding time.Time     // until when it sounds
	delay    time.Duration // see SetDelay

	queued  [maxQueued]Digit // presses of the latest payload not fetched yet
	nQueued int
}

// SetDelay tells how much later than its events the audio of the far end is heard,
// because it waits in a jitter buffer. It counts from the next packet on.
func (r *Receiver) SetDelay(d time.Duration) { r.delay = d }

// Receive takes the payload of one telephone-event packet with its RTP
// timestamp [timestamp units] and marker bit, received at now. pressed says
// that it brings a press not reported before: the first packet of an event,
// or a later one if the first was lost. Updates, later segments of a long
// event (§2.5.1.3), repeated ends and packets of an older event are no press,
// nor are events that are no digit.
//
// A payload may hold several events, each beginning where the one before
// ended (§2.5.1.5); further presses of it are fetched by Queued.
//
// A payload that is no whole number of events is a PayloadError and changes
// nothing.
func (r *Receiver) Receive(ts uint32, marker bool, payload []byte, now time.Time) (d Digit, pressed bool, err error) {
	if !wholeEvents(payload) {
		return 0, false, PayloadError(len(payload))
	}
	r.nQueued = 0
	for ; len(payload) > 0; payload = payload[EventSize:] {
		e := decodeEvent(payload)
		if k, ok := r.event(ts, marker, e, now); ok {
			if !pressed {
				d, pressed = k, true
			} else {
				r.queued[r.nQueued] = k
				r.nQueued++
			}
		}
		ts += uint32(e.Duration)
		marker = true // each further event of a payload begins in it
	}
	return d, pressed, nil
}

// Queued is the next press of the latest payload beyond the one that Receive
// returned, in order; false when there is none, as almost always.
func (r *Receiver) Queued() (Digit, bool) {
	if r.nQueued == 0 {
		return 0, false
	}
	d := r.queued[0]
	copy(r.queued[:], r.queued[1:r.nQueued])
	r.nQueued--
	return d, true
}

// Active says whether an event sounds at now: from its first packet until a
// little after its end, or until its packets have stayed away. Audio received
// beside it carries the same tone and must not be heard.
func (r *Receiver) Active(now time.Time) bool {
	return r.seen && now.Before(r.sounding)
}

// Reset forgets the events so far; for a change of source or of address.
func (r *Receiver) Reset() { *r = Receiver{} }

// event takes one event; the digit and true if it is a new press.
//
// Deviation: Q.24 would have events below -55 dBm0 rejected; the sender has
// decided that a key was pressed, and some fill in no volume, so the volume
// is not looked at.
func (r *Receiver) event(ts uint32, marker bool, e Event, now time.Time) (Digit, bool) {
	d, ok := FromEvent(e.Code)
	if !ok {
		return 0, false
	}
	switch r.relate(ts, marker, e, now) {
	case olderEvent:
		return 0, false
	case sameEvent:
		if e.Duration > r.duration {
			r.duration = e.Duration
		}
		r.sound(e.End, now)
		return 0, false
	case nextSegment:
		r.start, r.duration = ts, e.Duration
		r.sound(e.End, now)
		return 0, false
	default:
		r.seen, r.start, r.code, r.duration, r.ended = true, ts, e.Code, e.Duration, false
		r.sound(e.End, now)
		return d, true
	}
}

// sound notes a packet of the latest event.
func (r *Receiver) sound(end bool, now time.Time) {
	r.last = now
	switch {
	case end && !r.ended:
		r.ended = true
		r.sounding = now.Add(r.delay + eventTail)
	case !r.ended: // an update behind the end came out of order
		r.sounding = now.Add(r.delay + updateTimeout)
	}
}

// relation is what a packet is to the latest event.
type relation uint8

const (
	newEvent relation = iota
	sameEvent
	nextSegment
	olderEvent
)

// relate says what the event at ts is to the latest one.
//
// Deviation: RFC 4733 §2.5.1.2 has all packets of an event keep its timestamp.
// Some senders move it on with each packet, and some have a clock that stands
// still between two different keys; what they send is taken for what it can only be.
func (r *Receiver) relate(ts uint32, marker bool, e Event, now time.Time) relation {
	if !r.seen {
		return newEvent
	}
	age := now.Sub(r.last)
	memory := endMemory
	if !r.ended {
		memory = heldMemory
	}
	ahead := int32(ts - r.start)
	switch {
	case ahead == 0:
		if age < memory && !(marker && e.Code != r.code) {
			return sameEvent
		}
	case ahead > 0:
		if !marker && e.Code == r.code && (ahead < minApart && age < updateTimeout ||
			!r.ended && age < memory && r.continues(uint32(ahead))) {
			return nextSegment
		}
	case ahead > -staleUnits && age < endMemory:
		return olderEvent
	}
	return newEvent
}

// continues says whether a segment that begins ahead of the latest one
// belongs to the same event: it begins where that one ended, or a whole
// number of longest segments later. RFC 4733 §2.5.1.3.
func (r *Receiver) continues(ahead uint32) bool {
	if ahead == uint32(r.duration) {
		return true
	}
	return ahead%MaxDuration == 0 && ahead <= maxSegments*MaxDuration
}
