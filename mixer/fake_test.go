package mixer

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"mediaserver/audio"
)

var epoch = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// newTestEngine makes an engine that is stepped by hand.
func newTestEngine(t testing.TB, cfg Config) *Engine {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// stepper calls the slots of an engine in order of their time.
type stepper struct {
	e *Engine
	n int64 // next slot
}

// slots runs k slots of all workers.
func (s *stepper) slots(k int) {
	for range k {
		for w := range s.e.workers {
			s.e.slot(w, s.n, epoch.Add(s.e.due(s.n)))
		}
		s.n++
	}
}

// frames runs k whole frames of all workers.
func (s *stepper) frames(k int) { s.slots(k * SlotsPerFrame) }

// memPort is a port in memory.
type memPort struct {
	codec audio.Codec
	input func(frame int64, pcm []int16) Status // nil: nothing
	keep  bool

	received []int64 // frame numbers
	sent     []int64
	heard    []int16 // all that was sent
	payload  []byte
	silent   int // frames sent with Silent
	notices  atomic.Int64
	busy     atomic.Bool
}

func (p *memPort) Codec() audio.Codec { return p.codec }

func (p *memPort) Receive(frame int64, _ time.Time, pcm []int16) Status {
	if !p.busy.CompareAndSwap(false, true) {
		panic("port used by two workers")
	}
	defer p.busy.Store(false)
	if p.keep {
		p.received = append(p.received, frame)
	}
	if p.input == nil {
		for i := range pcm {
			pcm[i] = 12345 // must not be used
		}
		return 0
	}
	return p.input(frame, pcm)
}

func (p *memPort) Send(frame int64, _ time.Time, out Output) {
	if !p.busy.CompareAndSwap(false, true) {
		panic("port used by two workers")
	}
	defer p.busy.Store(false)
	if out.Silent {
		p.silent++
	}
	if p.keep {
		p.sent = append(p.sent, frame)
		p.heard = append(p.heard, out.PCM...)
		p.payload = append(p.payload, out.Payload...)
	}
}

func (p *memPort) Notify() { p.notices.Add(1) }

// tone is an input of a sine, going on over frames.
func tone(rate int, freq, peak float64) func(int64, []int16) Status {
	return func(frame int64, pcm []int16) Status {
		for i := range pcm {
			x := float64(frame*int64(len(pcm)) + int64(i))
			pcm[i] = int16(math.Round(peak * math.Sin(2*math.Pi*freq*x/float64(rate))))
		}
		return Sound
	}
}

// constant is an input of one value.
func constant(v int16) func(int64, []int16) Status {
	return func(_ int64, pcm []int16) Status {
		for i := range pcm {
			pcm[i] = v
		}
		return Sound
	}
}

// isClosed reports whether c is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// clip is a source of n samples of one value.
func clip(v int16, n int) audio.Source {
	return audio.PlayClip(audio.Clip{Rate: 8000, Samples: slices.Repeat([]int16{v}, n)})
}

// runEngine runs e until the test ends.
func runEngine(t testing.TB, e *Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Run(ctx)
	}()
	return func() { cancel(); <-done }
}
