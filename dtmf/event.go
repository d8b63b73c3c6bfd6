package dtmf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// EventSize is the length of one event in a telephone-event payload [bytes].
const EventSize = 4

// MaxDuration is the longest duration one event packet can say [timestamp
// units]. Longer events are cut in segments. RFC 4733 §2.5.1.3.
const MaxDuration = 0xFFFF

// The second byte of an event. RFC 4733 §2.3.
const (
	endBit     = 0x80
	volumeMask = 0x3F
)

// ErrPayload: not a telephone-event payload; see PayloadError.
var ErrPayload = errors.New("dtmf: malformed telephone-event payload")

// PayloadError is the length of a payload that holds no whole number of
// events [bytes]. It is an ErrPayload.
type PayloadError int

// Error names the length.
func (e PayloadError) Error() string {
	return fmt.Sprintf("%v: %d bytes, want a multiple of %d from %d to %d", ErrPayload, int(e), EventSize, EventSize, maxPayload)
}

// Is makes every PayloadError an ErrPayload.
func (e PayloadError) Is(target error) bool { return target == ErrPayload }

// Event is one named event of a telephone-event payload.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     event     |E|R| volume    |          duration             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// RFC 4733 §2.3.
type Event struct {
	Code     uint8  // what happened; 0–15 are the digits
	End      bool   // the event is over
	Volume   uint8  // power of the tone, 0–63 [-dBm0]
	Duration uint16 // so far, from the packet's RTP timestamp [timestamp units]
}

// ParseEvent reads the first event of a payload. A payload of another length
// than a multiple of EventSize is a PayloadError.
func ParseEvent(payload []byte) (Event, error) {
	if !wholeEvents(payload) {
		return Event{}, PayloadError(len(payload))
	}
	return decodeEvent(payload), nil
}

// MarshalTo writes the event into dst and returns EventSize. dst shorter than
// that is a PayloadError.
func (e Event) MarshalTo(dst []byte) (int, error) {
	if len(dst) < EventSize {
		return 0, PayloadError(len(dst))
	}
	dst[0] = e.Code
	dst[1] = e.Volume & volumeMask
	if e.End {
		dst[1] |= endBit
	}
	binary.BigEndian.PutUint16(dst[2:], e.Duration)
	return EventSize, nil
}

// maxPayload bounds the work one packet can cause [bytes]: sixteen events.
const maxPayload = 16 * EventSize

func wholeEvents(payload []byte) bool {
	return len(payload) > 0 && len(payload) <= maxPayload && len(payload)%EventSize == 0
}

// decodeEvent reads an event from at least EventSize bytes.
func decodeEvent(b []byte) Event {
	return Event{
		Code:     b[0],
		End:      b[1]&endBit != 0,
		Volume:   b[1] & volumeMask,
		Duration: binary.BigEndian.Uint16(b[2:4]),
	}
}
