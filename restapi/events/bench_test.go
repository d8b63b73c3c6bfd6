package events

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/restapi/records"
	"mediaserver/restapi/store"
)

// cpu is the time that this process has run so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCalls keeps the events of calls into rooms, 1200 at a time, so many
// calls in one write: a busy server writes those of 100 ms together.
func BenchmarkCalls(b *testing.B) {
	const atOnce = 1200
	for _, together := range []int{2, 8, 40} {
		b.Run(fmt.Sprint(together), func(b *testing.B) {
			s, err := store.Open(store.Config{Directory: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			l := newLog(b, Config{Store: s, Collector: records.NewCollector(records.Config{})})
			begin := cpu(b)
			n := 0
			for b.Loop() {
				emitCalls(l, n, n-atOnce)
				if n++; n%together == 0 {
					l.writeAll()
				}
			}
			l.writeAll()
			b.ReportMetric(float64((cpu(b)-begin).Microseconds())/float64(n), "cpu-µs/call")
			b.ReportMetric(float64(s.Size())/float64(n), "file-B/call")
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// emitCalls begins a call and ends another, unless its number is negative.
func emitCalls(l *Log, begins, ends int) {
	// Ids as those of call: the second in which a call began, 400 of them in each, and something random.
	id := func(n, of int) string {
		return fmt.Sprintf("c-%08x%012x", n/400, uint64(2*n+of)*0x9e3779b97f4a7c15>>16)
	}
	if begins >= 0 {
		primary, secondary := id(begins, 0), id(begins, 1)
		l.Emit(started(primary))
		l.Emit(call.Event{Type: call.CallRinging, Call: primary})
		l.Emit(call.Event{Type: call.CallAnswered, Call: primary})
		l.Emit(call.Event{Type: call.CallStarted, Call: secondary, Primary: primary, Started: &call.CallStart{Direction: "out"}})
		l.Emit(call.Event{Type: call.CallAnswered, Call: secondary, Primary: primary})
		l.Emit(call.Event{Type: call.ParticipantEntered, Call: secondary, Participant: secondary, Conference: fmt.Sprint(begins / 4)})
	}
	if ends >= 0 {
		primary, secondary := id(ends, 0), id(ends, 1)
		l.Emit(call.Event{Type: call.ParticipantLeft, Call: secondary, Participant: secondary, Conference: fmt.Sprint(ends / 4)})
		l.Emit(call.Event{Type: call.CallEnded, Call: secondary, Primary: primary, Cause: call.HungUp, Ended: &call.CallEnd{}})
		l.Emit(call.Event{Type: call.CallEnded, Call: primary, Cause: call.HungUp, Ended: &call.CallEnd{Quality: &call.Quality{Codec: "PCMU"}}})
	}
}
