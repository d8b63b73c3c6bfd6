package mixer

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
)

// busyPort works for a while in each frame of the ports it stands for, all of one
// worker.
type busyPort struct {
	works time.Duration
	begun []time.Time
}

func (p *busyPort) Codec() audio.Codec { return nil }

func (p *busyPort) Receive(int64, time.Time, []int16) Status {
	now := time.Now()
	p.begun = append(p.begun, now)
	for time.Since(now) < p.works {
	}
	return 0
}

func (p *busyPort) Send(int64, time.Time, Output) {}

// TestAWorkerDoesNotWaitForTheSlotOfAnother: while the first worker is at a slot of
// 4 ms, the turn of the second comes, 2.5 ms after its own. The thread that waits
// for timers is then at work, so another has to.
func TestAWorkerDoesNotWaitForTheSlotOfAnother(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two workers need two processors")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1)) // as the server does
	e := newTestEngine(t, Config{Workers: 2})
	first, second := &busyPort{works: 4 * time.Millisecond}, &busyPort{}
	for range 2 * SlotsPerFrame { // a room at each place
		r := e.NewRoom("")
		port := second
		if r.home.slot.worker.index == 0 {
			port = first
		}
		r.Add(MemberOptions{Port: port})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	e.Run(ctx) //nolint:errcheck // the end of ctx
	inTurn := 0
	for _, at := range second.begun {
		i, _ := slices.BinarySearchFunc(first.begun, at, time.Time.Compare)
		if i > 0 && at.Sub(first.begun[i-1]) < 3500*time.Microsecond {
			inTurn++
		}
	}
	if n := len(second.begun); n < 100 || 2*inTurn < n {
		t.Errorf("%d of %d slots did not wait", inTurn, n)
	}
}
