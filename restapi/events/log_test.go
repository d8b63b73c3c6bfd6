package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"mediaserver/call"
	"mediaserver/internal/leaktest"
	"mediaserver/restapi/store"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{Directory: dir, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newLog(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := NewLog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// running runs a log until the function it returns is called.
func running(t testing.TB, l *Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() { cancel(); tasks.Wait() }
}

func started(id string) call.Event {
	return call.Event{Type: call.CallStarted, Call: id, Started: &call.CallStart{Direction: "in", From: "1", To: "2"}}
}

func decode(t testing.TB, m Message) call.Event {
	t.Helper()
	var e call.Event
	if err := json.Unmarshal(m.JSON, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func all(t testing.TB, l *Log) []call.Event {
	t.Helper()
	oldest, latest := l.Range()
	var out []call.Event
	for after := oldest - 1; after < latest; {
		m, err := l.Read(after, 100)
		if err != nil || len(m) == 0 {
			t.Fatalf("after %d of %d: %v", after, latest, err)
		}
		for _, x := range m {
			out = append(out, decode(t, x))
			after = x.Sequence
		}
	}
	return out
}

func TestEventsAreNumberedAndKnowTheirInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{})
		stop := running(t, l)
		l.Emit(started("c-1"))
		l.Emit(call.Event{Type: call.InstanceStarted, Call: "c-1", Instance: "i-1", Service: "s"})
		l.Emit(call.Event{Type: call.CallStarted, Call: "c-2", Primary: "c-1"})
		l.Emit(call.Event{Type: call.CallDigit, Call: "c-2", Primary: "c-1", FarEndEvent: call.FarEndEvent{Digit: &call.DigitPress{Digit: "5", Method: "info"}}})
		l.Emit(call.Event{Type: call.CallEnded, Call: "c-1", Cause: call.HungUp, RawCause: 200})
		stop()
		got := all(t, l)
		if len(got) != 5 {
			t.Fatalf("%d events", len(got))
		}
		for i, e := range got {
			if e.Sequence != uint64(i+1) {
				t.Errorf("event %d has number %d", i, e.Sequence)
			}
			if i > 0 && e.Instance != "i-1" {
				t.Errorf("event %d (%s) has instance %q", i, e.Type, e.Instance)
			}
		}
		if got[3].Digit.Digit != "" {
			t.Error("a digit is shown")
		}
		if got[4].Cause != call.HungUp {
			t.Errorf("cause %v", got[4].Cause)
		}
	})
}

func TestAFullQueueDropsAllButClosingEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{Queue: 10})
		for i := range 20 { // nobody writes
			l.Emit(started(fmt.Sprint(i)))
		}
		for i := range 20 {
			l.Emit(call.Event{Type: call.CallEnded, Call: fmt.Sprint(i)})
		}
		stop := running(t, l)
		time.Sleep(time.Second)
		l.Emit(call.Event{Type: call.CallRinging, Call: "x"})
		stop()
		ended, dropped := 0, uint64(0)
		for _, e := range all(t, l) {
			switch e.Type {
			case call.CallEnded:
				ended++
			case call.EventsDropped:
				dropped += e.Dropped
			}
		}
		if ended != 20 || dropped != 10 {
			t.Errorf("%d closing events of 20, %d told as dropped of 10", ended, dropped)
		}
	})
}

func TestWhatAKilledProcessLeftOpenIsClosed(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	l := newLog(t, Config{Store: s})
	stop := running(t, l)
	l.Emit(started("c-1"))
	l.Emit(started("c-2"))
	l.Emit(call.Event{Type: call.ConferenceCreated, Conference: "r"})
	l.Emit(call.Event{Type: call.ParticipantEntered, Call: "c-2", Participant: "c-2", Conference: "r"})
	l.Emit(call.Event{Type: call.RecordingStarted, Call: "c-2", Sound: &call.SoundEvent{ID: "c-2-1", File: "/a.wav"}})
	l.Emit(call.Event{Type: call.CallEnded, Call: "c-1"})
	stop()
	if err := s.Close(); err != nil { // no closing events: as if killed
		t.Fatal(err)
	}
	s = openStore(t, dir)
	defer s.Close()
	l = newLog(t, Config{Store: s})
	running(t, l)()
	var got []call.EventType
	for _, e := range all(t, l)[6:] {
		got = append(got, e.Type)
		if e.Type == call.CallEnded && (!e.Ended.Unnoticed || e.Cause != call.Failed || e.Call != "c-2") {
			t.Errorf("the end of a lost call: %+v", e)
		}
	}
	want := []call.EventType{call.RecordingEnded, call.ParticipantLeft, call.ConferenceEnded, call.CallEnded}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("closed by %v, want %v", got, want)
	}
	if left, err := s.Unclosed(); len(left) != 0 || err != nil {
		t.Errorf("still open: %v, %v", left, err)
	}
}

// TestReadersSeeEveryEventOnce lets readers go away and come back at random,
// the process too.
func TestReadersSeeEveryEventOnce(t *testing.T) {
	dir := t.TempDir()
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		dir := filepath.Join(dir, fmt.Sprint(round))
		memory := rapid.IntRange(1, 20).Draw(r, "memory")
		total := uint64(0)
		place := uint64(0) // of the client
		seen := uint64(0)
		for range rapid.IntRange(1, 3).Draw(r, "starts") {
			s := openStore(t, dir)
			l := newLog(t, Config{Store: s, Memory: memory, Linger: time.Microsecond, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
			stop := running(t, l)
			for range rapid.IntRange(1, 4).Draw(r, "connections") {
				n := rapid.IntRange(0, 60).Draw(r, "events")
				reads := rapid.SliceOfN(rapid.IntRange(0, 256), 0, 6).Draw(r, "taken") // how much until the connection breaks
				for range n {
					l.Emit(call.Event{Type: call.CallRinging, Call: "c"})
				}
				total += uint64(n)
				reader, err := l.ReadFrom(place)
				if err != nil {
					r.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
				for _, taken := range reads {
					m, err := reader.Next(ctx)
					if err != nil {
						break
					}
					taken = min(taken, len(m))
					for _, x := range m[:taken] {
						seen++
						if x.Sequence != seen {
							r.Fatalf("event %d came, %d was due", x.Sequence, seen)
						}
						place = x.Sequence
					}
					if taken < len(m) {
						break
					}
				}
				cancel()
			}
			stop()
			if err := s.Close(); err != nil {
				r.Fatal(err)
			}
		}
		s := openStore(t, dir)
		defer s.Close()
		l := newLog(t, Config{Store: s, Memory: memory})
		for place < total {
			m, err := l.Read(place, 7)
			if err != nil || len(m) == 0 {
				r.Fatalf("at %d of %d: %v", place, total, err)
			}
			for _, x := range m {
				if seen++; x.Sequence != seen {
					r.Fatalf("event %d came, %d was due", x.Sequence, seen)
				}
				place = x.Sequence
			}
		}
	})
}

func TestASlowReaderIsCutAndGoesOnFromTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{ClientBuffer: 10})
		stop := running(t, l)
		defer stop()
		r, err := l.ReadFrom(0)
		if err != nil {
			t.Fatal(err)
		}
		l.Emit(call.Event{Type: call.CallRinging})
		if m, err := r.Next(t.Context()); len(m) != 1 || err != nil {
			t.Fatal(m, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) { // up to date
			t.Fatal(err)
		}
		for range 11 {
			l.Emit(call.Event{Type: call.CallRinging})
		}
		time.Sleep(time.Second)
		if _, err := r.Next(t.Context()); !errors.Is(err, ErrSlow) {
			t.Fatalf("error %v", err)
		}
		again, err := l.ReadFrom(r.After())
		if err != nil {
			t.Fatal(err)
		}
		if m, err := again.Next(t.Context()); len(m) != 11 || m[0].Sequence != 2 || err != nil {
			t.Errorf("%d events, %v", len(m), err)
		}
	})
}

func TestPlacesOutsideTheHistoryAreRefused(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	l := newLog(t, Config{Store: s, MaxEvents: 5, Memory: 1})
	stop := running(t, l)
	for range 20 {
		l.Emit(call.Event{Type: call.CallRinging})
	}
	stop()
	l.prune()
	if oldest, latest := l.Range(); oldest != 16 || latest != 20 {
		t.Fatalf("history %d to %d", oldest, latest)
	}
	for after, ok := range map[uint64]bool{0: false, 14: false, 15: true, 20: true, 21: false} {
		_, err := l.ReadFrom(after)
		var e *RangeError
		if ok != (err == nil) || !ok && !errors.As(err, &e) {
			t.Errorf("after %d: %v", after, err)
		}
	}
}

func TestOldEventsAreForgotten(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	l := newLog(t, Config{Store: s, Retention: time.Hour})
	stop := running(t, l)
	l.Emit(call.Event{Type: call.CallRinging, Time: time.Now().Add(-2 * time.Hour)})
	l.Emit(call.Event{Type: call.CallRinging})
	stop()
	l.prune()
	if oldest, _ := l.Range(); oldest != 2 {
		t.Errorf("the oldest is %d", oldest)
	}
}

func BenchmarkEmit(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("store=%t", kept), func(b *testing.B) {
			cfg := Config{Queue: 1 << 20}
			if kept {
				s, err := store.Open(store.Config{Directory: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				cfg.Store = s
			}
			l := newLog(b, cfg)
			stop := running(b, l)
			e := call.Event{
				Type: call.PageAnswered, Call: "c-0123456789abcdef", Instance: "0123456789abcdef.1",
				Page: &call.PageExchange{Page: "next_page", Method: "POST", URL: "http://app.test/menu", Outcome: "ok", TookMS: 12},
			}
			b.ReportAllocs()
			for b.Loop() {
				l.Emit(e)
			}
			stop()
		})
	}
}

func TestEmitDoesNotWaitForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{free: make(chan struct{})}
		l := newLog(t, Config{Store: s, Queue: 5})
		stop := running(t, l)
		begun := time.Now()
		for range 100 + rand.IntN(100) {
			l.Emit(call.Event{Type: call.CallRinging})
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(begun); took > 300*time.Millisecond {
			t.Errorf("Emit waited: %v", took)
		}
		close(s.free)
		stop()
	})
}

// stuck is a store on a disk that does not answer.
type stuck struct{ free chan struct{} }

func (s *stuck) Append(store.Batch) error                       { <-s.free; return nil }
func (s *stuck) Events(uint64, int) ([]store.Entry, error)      { return nil, nil }
func (s *stuck) Range() (uint64, uint64, error)                 { return 0, 0, nil }
func (s *stuck) Unclosed() (map[string][]byte, error)           { return nil, nil }
func (s *stuck) Prune(int, func(store.Entry) bool) (int, error) { return 0, nil }

func TestBusyLogWaitsLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{})
		defer running(t, l)()
		after := func(emitted int) time.Duration {
			_, before := l.Range()
			for i := range emitted {
				l.Emit(started(fmt.Sprint(before, i)))
			}
			begin := time.Now()
			for _, latest := l.Range(); latest == before; _, latest = l.Range() {
				time.Sleep(time.Millisecond)
			}
			return time.Since(begin).Round(DefaultLinger)
		}
		for i, step := range []struct {
			events int
			want   time.Duration
		}{
			{1, DefaultLinger},
			{busyEvents, DefaultLinger},
			{busyFactor * busyEvents, busyFactor * DefaultLinger},
			{busyEvents, busyFactor * DefaultLinger},
			{1, DefaultLinger},
		} {
			if got := after(step.events); got != step.want {
				t.Errorf("step %d: handed out after %v", i, got)
			}
		}
	})
}
