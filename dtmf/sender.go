package dtmf

import (
	"errors"
	"fmt"
	"time"
)

// Limits and defaults of a Sender.
const (
	MaxDigits   = 64                     // digits waiting in one Sender
	DefaultTone = 100 * time.Millisecond // length of a digit
	DefaultGap  = 100 * time.Millisecond // pause after a digit
	MinTone     = 40 * time.Millisecond  // Q.24: shorter ones need not be recognised
	MinGap      = 40 * time.Millisecond  // room for the repeated ends
	MaxTone     = 5 * time.Second
	MaxGap      = 5 * time.Second
	// DefaultVolume of the tone an event stands for [-dBm0].
	DefaultVolume = 10
)

// endPackets is how often the end of an event is sent. RFC 4733 §2.5.1.4.
const endPackets = 3

// What Sender.Start may return; nothing is sent then.
var (
	// ErrDigit: a character that is no digit.
	ErrDigit = errors.New("dtmf: not a digit")
	// ErrTooMany: more than MaxDigits would be waiting.
	ErrTooMany = errors.New("dtmf: too many digits")
)

// Step is what a Sender has for one step of time.
type Step struct {
	N      int    // bytes written: EventSize, or 0 for a step without event, when audio may be sent
	Marker bool   // the packet's marker bit: the first packet of an event
	Back   uint32 // the event began so long before this step [timestamp units]: the packet's RTP timestamp is the step's minus Back
	Digit  Digit  // the digit that sounds, 0 in a pause
}

// Sender makes the telephone-event packets of a string of digits, one step of
// time at a time. RFC 4733 §2.5.1: a packet at the start of the event with
// the marker bit, an update in every step, the end three times.
// One goroutine at a time.
type Sender struct {
	rate   int
	volume uint8
	tone   time.Duration
	gap    time.Duration

	queue [MaxDigits]Digit // ring
	head  int              // first waiting
	n     int              // waiting, the sounding one excluded

	digit    Digit  // sounding or being ended; 0 between digits
	length   uint32 // it is to last [timestamp units]
	after    uint32 // of the gap after it [timestamp units]
	elapsed  uint32 // since the event began, this step excluded [timestamp units]
	duration uint32 // reported last [timestamp units]
	ends     int    // end packets sent
	stop     bool   // end the sounding digit at the next step
	pause    uint32 // left of the gap after the last digit [timestamp units]
}

// NewSender makes a Sender whose timestamps advance by rate each second: 8000
// for the telephone-event that is negotiated beside G.711.
func NewSender(rate int) *Sender {
	return &Sender{rate: rate, volume: DefaultVolume, tone: DefaultTone, gap: DefaultGap}
}

// SetVolume sets the volume told from the next packet on, 0–63 [-dBm0].
func (s *Sender) SetVolume(volume uint8) { s.volume = min(volume, volumeMask) }

// Start queues digits behind those still to be sent. tone and gap are the
// length of each digit and of the pause after it; 0 is the default, and
// lengths outside MinTone–MaxTone and MinGap–MaxGap are drawn to the nearest.
// They count for digits that begin from now on. ErrDigit or ErrTooMany leave
// everything as it was.
func (s *Sender) Start(digits string, tone, gap time.Duration) error {
	if len(digits) > MaxDigits-s.n {
		return fmt.Errorf("%d digits behind %d: %w", len(digits), s.n, ErrTooMany)
	}
	for i := range len(digits) {
		if _, ok := ParseDigit(digits[i]); !ok {
			return fmt.Errorf("character %d of %q: %w", i+1, digits, ErrDigit)
		}
	}
	s.tone = limit(tone, DefaultTone, MinTone, min(MaxTone, s.span(MaxDuration)))
	s.gap = limit(gap, DefaultGap, MinGap, MaxGap)
	for i := range len(digits) {
		d, _ := ParseDigit(digits[i])
		s.queue[(s.head+s.n)%MaxDigits] = d
		s.n++
	}
	return nil
}

// Stop drops the waiting digits and ends the one that sounds, with its three
// end packets, from the next step on.
func (s *Sender) Stop() {
	s.n = 0
	s.stop = s.digit != 0 && s.ends == 0
}

// Busy says whether Next still has something to send or a pause to keep.
func (s *Sender) Busy() bool { return s.digit != 0 || s.n > 0 || s.pause > 0 }

// Next advances by one step of samples timestamp units (160 for 20 ms at
// 8 kHz) and writes the step's payload into dst, which must hold EventSize
// bytes. more is false when there is nothing left to send, now and later: the
// step is then an ordinary one. It does not allocate.
func (s *Sender) Next(dst []byte, samples int) (step Step, more bool) {
	if !s.Busy() || samples <= 0 || len(dst) < EventSize {
		return Step{}, s.Busy()
	}
	units := uint32(samples)
	if s.digit == 0 {
		if s.pause > 0 {
			s.pause -= min(s.pause, units)
			return Step{}, true
		}
		s.begin()
	}
	first := s.elapsed == 0
	if s.ends == 0 {
		s.duration = min(s.elapsed+units, MaxDuration)
		if s.stop || s.duration >= s.length || s.duration == MaxDuration {
			s.ends, s.stop = 1, false
			s.pause = s.after
		}
	} else {
		s.ends++
		s.pause -= min(s.pause, units)
	}
	e := Event{Code: s.digit.Event(), End: s.ends > 0, Volume: s.volume, Duration: uint16(s.duration)}
	n, _ := e.MarshalTo(dst)
	step = Step{N: n, Marker: first, Back: s.elapsed, Digit: s.digit}
	s.elapsed += units
	if s.ends == endPackets {
		s.digit = 0
	}
	return step, true
}

// begin takes the next digit from the queue.
func (s *Sender) begin() {
	s.digit = s.queue[s.head]
	s.head = (s.head + 1) % MaxDigits
	s.n--
	s.length, s.after = s.units(s.tone), s.units(s.gap)
	s.elapsed, s.duration, s.ends, s.stop = 0, 0, 0, false
}

// units is a length of time [timestamp units].
func (s *Sender) units(d time.Duration) uint32 {
	return uint32(int64(d) * int64(s.rate) / int64(time.Second))
}

// span is the length of so many timestamp units.
func (s *Sender) span(units int64) time.Duration {
	if s.rate <= 0 {
		return MaxTone
	}
	return time.Duration(units * int64(time.Second) / int64(s.rate))
}

// limit is d within low and high; fallback for zero or less.
func limit(d, fallback, low, high time.Duration) time.Duration {
	if d <= 0 {
		d = fallback
	}
	return min(max(d, low), high)
}
