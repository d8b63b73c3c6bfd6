package phone

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
)

// What Press may return besides dtmf.ErrDigit and dtmf.ErrTooMany.
var (
	// ErrNoEvents: telephone events were not negotiated.
	ErrNoEvents = errors.New("phone: no telephone events negotiated")
	// ErrEnded: the call or the stream has ended.
	ErrEnded = errors.New("phone: ended")
	// ErrNoSignalling: a stream alone cannot send INFO.
	ErrNoSignalling = errors.New("phone: no signalling for INFO")
)

// keys are the digits a stream is sending as events or as tones.
type keys struct {
	rate int

	mu     sync.Mutex
	sender *dtmf.Sender
	tones  audio.Source    // nil: none
	events []chan struct{} // closed when the sender has nothing left
	ends   []chan struct{} // closed when tones has ended
}

func newKeys(rate int) *keys {
	return &keys{rate: rate, sender: dtmf.NewSender(rate)}
}

// press queues digits and returns a channel that is closed when all have been
// sent.
func (k *keys) press(digits string, method dtmf.Method) (<-chan struct{}, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	done := make(chan struct{})
	if method == dtmf.RFC4733 {
		if err := k.sender.Start(digits, 0, 0); err != nil {
			return nil, err
		}
		k.events = append(k.events, done)
		return done, nil
	}
	if len(digits) > dtmf.MaxDigits {
		return nil, fmt.Errorf("%d digits: %w", len(digits), dtmf.ErrTooMany)
	}
	clip, err := audio.DTMFTones(k.rate, digits)
	if err != nil {
		return nil, fmt.Errorf("tones of %q: %w", digits, dtmf.ErrDigit)
	}
	if k.tones == nil {
		k.tones = audio.PlayClip(clip)
	} else {
		k.tones = &chain{k.tones, audio.PlayClip(clip)}
	}
	k.ends = append(k.ends, done)
	return done, nil
}

// event writes the telephone-event packet of this frame, if there is one.
func (k *keys) event(payload []byte, samples int) dtmf.Step {
	k.mu.Lock()
	defer k.mu.Unlock()
	step, more := k.sender.Next(payload, samples)
	if !more {
		finish(&k.events)
	}
	return step
}

// tone replaces a frame by the tones of the keys, if any are held.
func (k *keys) tone(pcm []int16) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tones == nil {
		return
	}
	n := k.tones.Read(pcm)
	if n == len(pcm) {
		return
	}
	clear(pcm[n:])
	k.tones = nil
	finish(&k.ends)
}

// finish tells all who wait.
func finish(waiting *[]chan struct{}) {
	for _, c := range *waiting {
		close(c)
	}
	*waiting = nil
}

// chain is one source after another.
type chain struct{ first, second audio.Source }

// Read implements audio.Source.
func (c *chain) Read(dst []int16) int {
	n := c.first.Read(dst)
	if n < len(dst) {
		n += c.second.Read(dst[n:])
	}
	return n
}

// maxPresses is how many presses of the far end are remembered.
const maxPresses = 1000

// Press is a key that was pressed at the far end.
type Press struct {
	Digit  dtmf.Digit
	Method dtmf.Method
	Frame  int64     // in which it was received
	At     time.Time // wall time of the same
}

// presses collects what the far end pressed.
type presses struct {
	receiver dtmf.Receiver  // the stream's
	detector *dtmf.Detector // the stream's
	scratch  []int16

	mu   sync.Mutex
	list []Press
}

func newPresses(rate, samples int) *presses {
	return &presses{detector: dtmf.NewDetector(rate), scratch: make([]int16, samples)}
}

// add remembers a press; the oldest are forgotten.
func (p *presses) add(k Press) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) == maxPresses {
		p.list = append(p.list[:0], p.list[maxPresses/2:]...)
	}
	p.list = append(p.list, k)
}

// event takes a telephone-event packet. Malformed ones are dropped.
func (p *presses) event(frame int64, ts uint32, marker bool, payload []byte, now time.Time) {
	d, ok, err := p.receiver.Receive(ts, marker, payload, now)
	for ; err == nil && ok; d, ok = p.receiver.Queued() {
		p.add(Press{Digit: d, Method: dtmf.RFC4733, Frame: frame, At: now})
	}
}

// audio looks for tones in a frame that was heard, which is left as it is.
func (p *presses) audio(frame int64, pcm []int16, now time.Time) {
	copy(p.scratch, pcm)
	if d, ok := p.detector.Process(p.scratch); ok {
		p.add(Press{Digit: d, Method: dtmf.InBand, Frame: frame, At: now})
	}
}

// all is a copy of what was pressed.
func (p *presses) all() []Press {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Press(nil), p.list...)
}
