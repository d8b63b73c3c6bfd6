package mixer

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
)

// longPort is a port whose frames take long, of one worker.
type longPort struct {
	work  func()
	begun []time.Time
}

func (p *longPort) Codec() audio.Codec { return nil }

func (p *longPort) Receive(int64, time.Time, []int16) Status {
	p.begun = append(p.begun, time.Now())
	p.work()
	return 0
}

func (p *longPort) Send(int64, time.Time, Output) {}

// fillPlaces makes a room at each place, with the port of its worker.
func fillPlaces(e *Engine, ports ...*longPort) {
	for range SlotsPerFrame * len(ports) {
		r := e.NewRoom("")
		r.Add(MemberOptions{Port: ports[r.home.slot.worker.index]})
	}
}

// TestALongSlotCallsSomebodyToThePoller: the first worker takes 4 ms for a slot,
// and the turn of the second comes after 2.5; the second takes no time.
func TestALongSlotCallsSomebodyToThePoller(t *testing.T) {
	for name, test := range map[string]struct {
		took        time.Duration
		least, most int // calls in a second, in which there are 200 slots of a worker
	}{
		"longer than a turn":    {4 * time.Millisecond, 190, 200},
		"nearly as long":        {2 * time.Millisecond, 190, 200},
		"over before the other": {1800 * time.Microsecond, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newTestEngine(t, Config{Workers: 2, Clock: TimeClock{}})
				e.lookout = lookout{calls: make(chan struct{}, 1000)} // all that come
				fillPlaces(e, &longPort{work: func() { time.Sleep(test.took) }}, &longPort{work: func() {}})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				var running sync.WaitGroup
				for _, w := range e.workers {
					running.Go(func() { w.run(ctx, start.Add(w.offset())) })
				}
				running.Wait()
				if n := len(e.lookout.calls); n < test.least || n > test.most {
					t.Errorf("%d calls, want %d to %d", n, test.least, test.most)
				}
			})
		})
	}
}

func TestALookoutNeverKeepsAnybodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLookout()
		l.call() // nobody is there
		var looking sync.WaitGroup
		looking.Go(l.run)
		synctest.Wait()
		for range 3 {
			l.call()
		}
		l.close()
		looking.Wait()
	})
}

// BenchmarkOverlappingSlots tells which share of the slots that are due while
// another worker is at one of 4 ms begins in time. It needs two idle processors.
func BenchmarkOverlappingSlots(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1)) // as the server does
	e := newTestEngine(b, Config{Workers: 2})
	first, second := &longPort{}, &longPort{work: func() {}}
	first.work = func() {
		for begun := first.begun[len(first.begun)-1]; time.Since(begun) < 4*time.Millisecond; {
		}
	}
	fillPlaces(e, first, second)
	ctx, cancel := context.WithTimeout(b.Context(), time.Duration(b.N)*20*time.Millisecond)
	defer cancel()
	e.Run(ctx) //nolint:errcheck // the end of ctx
	inTime := 0
	for _, at := range second.begun {
		i, _ := slices.BinarySearchFunc(first.begun, at, time.Time.Compare)
		if i > 0 && at.Sub(first.begun[i-1]) < 3500*time.Microsecond {
			inTime++
		}
	}
	b.ReportMetric(float64(inTime)/float64(max(1, len(second.begun))), "in-time/slot")
}
