package flite

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mediaserver/tts/speech"
	"mediaserver/tts/ttstest"
)

// sink keeps the compiler from leaving out garbage.
type sink struct{ b []byte }

// BenchmarkDisturbance measures how late a thread is that sleeps to absolute
// times, 5 ms apart, as the media do, while texts are synthesised: in worker
// processes, in this one without checks, in this one with checks, and not at
// all. Another goroutine makes garbage, 50 MB a second.
func BenchmarkDisturbance(b *testing.B) {
	for _, place := range []string{"idle", "workers", "here", "here-checked"} {
		b.Run(place, func(b *testing.B) {
			var s ttstest.Synthesizer
			switch place {
			case "workers":
				s = newEngine(b, 1)
			case "here":
				s = newLocal(b, false)
			case "here-checked":
				s = newLocal(b, true)
			}
			stop := make(chan struct{})
			var wg sync.WaitGroup
			over := func() bool {
				select {
				case <-stop:
					return true
				default:
					return false
				}
			}
			if s != nil {
				wg.Go(func() {
					for !over() {
						if _, err := s.Synthesize(b.Context(), speech.Request{Text: text}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Go(func() {
				var keep sink
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for !over() {
					keep.b = make([]byte, 500<<10)
					<-tick.C
				}
				_ = keep.b
			})
			var late []time.Duration
			for b.Loop() {
				late = append(late, lateness(b, 600)...)
			}
			close(stop)
			wg.Wait()
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(late[len(late)-1].Microseconds()), "max-µs")
		})
	}
}

// lateness wakes up n times on a locked thread.
func lateness(b *testing.B, n int) []time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const period = 5 * time.Millisecond
	now := func() time.Duration {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			b.Fatal(err)
		}
		return time.Duration(ts.Nano())
	}
	late := make([]time.Duration, 0, n)
	due := now()
	for range n {
		due += period
		at := unix.NsecToTimespec(int64(due))
		for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil) == unix.EINTR {
		}
		late = append(late, now()-due)
	}
	return late
}
