package dtmf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// sent is a step that carried an event.
type sent struct {
	step  int
	start int // timestamp units from the first step to the event's start
	Event
	marker bool
}

// run steps a Sender to its end.
func run(t *testing.T, s *Sender, samples int) (events []sent, steps int) {
	t.Helper()
	buf := make([]byte, EventSize)
	for i := range 100_000 {
		st, more := s.Next(buf, samples)
		if !more {
			if st.N != 0 {
				t.Fatal("an event behind the end")
			}
			return events, i
		}
		if st.N == 0 {
			if st.Digit != 0 {
				t.Errorf("step %d: %v sounds without an event", i, st.Digit)
			}
			continue
		}
		e, err := ParseEvent(buf[:st.N])
		if err != nil {
			t.Fatal(err)
		}
		if d, _ := FromEvent(e.Code); d != st.Digit {
			t.Errorf("step %d: digit %v, event %v", i, st.Digit, d)
		}
		events = append(events, sent{i, i*samples - int(st.Back), e, st.Marker})
	}
	t.Fatal("the sender never ends")
	return nil, 0
}

// RFC 4733 §2.5.1: marker and start, an update each step, the end three
// times with the same timestamp and duration.
func TestSenderMakesOneEventOfPackets(t *testing.T) {
	s := NewSender(8000)
	if err := s.Start("5", 0, 0); err != nil {
		t.Fatal(err)
	}
	events, steps := run(t, s, 160)
	var lines []string
	for _, e := range events {
		lines = append(lines, fmt.Sprintf("%d: from %d, code %d, marker %v, end %v, volume %d, duration %d", e.step, e.start, e.Code, e.marker, e.End, e.Volume, e.Duration))
	}
	want := `0: from 0, code 5, marker true, end false, volume 10, duration 160
1: from 0, code 5, marker false, end false, volume 10, duration 320
2: from 0, code 5, marker false, end false, volume 10, duration 480
3: from 0, code 5, marker false, end false, volume 10, duration 640
4: from 0, code 5, marker false, end true, volume 10, duration 800
5: from 0, code 5, marker false, end true, volume 10, duration 800
6: from 0, code 5, marker false, end true, volume 10, duration 800`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if steps != 10 { // 100 ms and 100 ms
		t.Errorf("%d steps, want 10", steps)
	}
	if s.Busy() {
		t.Error("still busy")
	}
}

func TestSenderAndReceiverAgreeOnEveryDigit(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, length := range []time.Duration{0, MinTone, 70 * time.Millisecond, time.Second} {
			t.Run(fmt.Sprintf("%d Hz, %v", rate, length), func(t *testing.T) {
				s := NewSender(rate)
				if err := s.Start(digits+"1111", length, length); err != nil {
					t.Fatal(err)
				}
				var r Receiver
				var got []byte
				buf := make([]byte, EventSize)
				ts := uint32(0xFFFF0000)
				now := time.Now()
				for {
					st, more := s.Next(buf, rate/50)
					if !more {
						break
					}
					if st.N > 0 {
						d, pressed, err := r.Receive(ts-st.Back, st.Marker, buf[:st.N], now)
						if err != nil {
							t.Fatal(err)
						}
						if pressed {
							got = append(got, byte(d))
						}
					}
					ts += uint32(rate / 50)
					now = now.Add(step)
				}
				if string(got) != digits+"1111" {
					t.Errorf("received %q", got)
				}
			})
		}
	}
}

func TestSenderLengths(t *testing.T) {
	ms := time.Millisecond
	tests := []struct {
		name             string
		tone, gap        time.Duration
		duration, starts int // of the first event, start of the second [timestamp units]
	}{
		{"defaults", 0, 0, 800, 1600},
		{"shortest", 1 * ms, 1 * ms, 320, 640},
		{"drawn up to whole steps", 50 * ms, 50 * ms, 480, 480 + 480},
		{"long", 400 * ms, 200 * ms, 3200, 4800},
		{"longest", time.Hour, time.Hour, 40000, 80000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSender(8000)
			if err := s.Start("12", tt.tone, tt.gap); err != nil {
				t.Fatal(err)
			}
			events, _ := run(t, s, 160)
			second := -1
			longest, ends := 0, 0
			for _, e := range events {
				if e.Code == 1 {
					longest = max(longest, int(e.Duration))
				}
				if e.Code == 2 && second < 0 {
					second = e.start
				}
				if e.End {
					ends++
				}
			}
			if longest != tt.duration || second != tt.starts || ends != 6 {
				t.Errorf("duration %d, want %d; second starts at %d, want %d; %d ends", longest, tt.duration, second, tt.starts, ends)
			}
		})
	}
}

// TestSenderLengthsCountFromTheNextDigitOn: who queues more does not cut or
// stretch what sounds.
func TestSenderLengthsCountFromTheNextDigitOn(t *testing.T) {
	ms := time.Millisecond
	for _, tt := range []struct {
		first, second time.Duration
		start         int // of the second digit [timestamp units]
	}{
		{400 * ms, 100 * ms, 3200 + 1600},
		{100 * ms, 400 * ms, 800 + 1600},
	} {
		s := NewSender(8000)
		if err := s.Start("1", tt.first, 200*ms); err != nil {
			t.Fatal(err)
		}
		s.Next(make([]byte, EventSize), 160)
		if err := s.Start("2", tt.second, 40*ms); err != nil {
			t.Fatal(err)
		}
		events, _ := run(t, s, 160)
		longest := map[uint8]int{}
		start := 0
		for _, e := range events {
			longest[e.Code] = max(longest[e.Code], int(e.Duration))
			start = e.start + 160 // one step was before
		}
		if longest[1] != int(tt.first/ms)*8 || longest[2] != int(tt.second/ms)*8 || start != tt.start {
			t.Errorf("%v then %v: they last %d and %d, the second starts at %d, want %d", tt.first, tt.second, longest[1], longest[2], start, tt.start)
		}
	}
}

func TestSenderStopEndsTheSoundingDigit(t *testing.T) {
	s := NewSender(8000)
	if err := s.Start("123", time.Second, 0); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, EventSize)
	for range 5 {
		s.Next(buf, 160)
	}
	s.Stop()
	events, _ := run(t, s, 160)
	if len(events) != 3 {
		t.Fatalf("%d packets after the stop, want 3 ends", len(events))
	}
	for _, e := range events {
		if e.Code != 1 || !e.End || e.Duration != 960 {
			t.Errorf("after the stop: %+v", e)
		}
	}
}

func TestSenderRefusesAndKeepsItsQueue(t *testing.T) {
	s := NewSender(8000)
	if err := s.Start(strings.Repeat("1", MaxDigits+1), 0, 0); !errors.Is(err, ErrTooMany) {
		t.Errorf("65 digits: %v", err)
	}
	if err := s.Start("12x", 0, 0); !errors.Is(err, ErrDigit) {
		t.Errorf("12x: %v", err)
	}
	if s.Busy() {
		t.Error("refused digits are waiting")
	}
	if err := s.Start(strings.Repeat("1", 60), 0, 0); err != nil {
		t.Error(err)
	}
	if err := s.Start("22222", 0, 0); !errors.Is(err, ErrTooMany) {
		t.Errorf("60 and 5 digits: %v", err)
	}
	if err := s.Start("abcd", 0, 0); err != nil {
		t.Error(err)
	}
	events, _ := run(t, s, 160)
	if last := events[len(events)-1]; len(events) != 64*7 || last.Code != 15 {
		t.Errorf("%d packets, the last %+v", len(events), last)
	}
}

func TestSenderVolume(t *testing.T) {
	s := NewSender(8000)
	s.SetVolume(200)
	if err := s.Start("1", 0, 0); err != nil {
		t.Fatal(err)
	}
	if events, _ := run(t, s, 160); events[0].Volume != 63 {
		t.Errorf("volume %d", events[0].Volume)
	}
}

func BenchmarkSenderNext(b *testing.B) {
	b.ReportAllocs()
	s := NewSender(8000)
	buf := make([]byte, EventSize)
	for b.Loop() {
		if _, more := s.Next(buf, 160); !more {
			_ = s.Start("1234567890", 0, 0)
		}
	}
}
