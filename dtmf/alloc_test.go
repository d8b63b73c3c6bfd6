package dtmf

import (
	"testing"
	"time"
)

func TestNothingOfTheMediaPathAllocates(t *testing.T) {
	var r Receiver
	payload := packet{code: 5, duration: 160}.payload()
	now := time.Now()
	ts := uint32(0)
	s := NewSender(8000)
	buf := make([]byte, EventSize)
	var dedup Dedup
	detector := NewDetector(8000)
	tone := pcm(signal(8000, 200*time.Millisecond, press{digit: '5', at: 50 * time.Millisecond, length: 100 * time.Millisecond, level: -10}))
	frame := make([]int16, 160)
	at := 0
	for name, f := range map[string]func(){
		"Receive": func() { ts += 50; _, _, _ = r.Receive(ts&^0x3FF, false, payload, now); r.Active(now) },
		"Next": func() {
			if _, more := s.Next(buf, 160); !more {
				_ = s.Start("159D", 0, 0)
			}
		},
		"Process": func() {
			copy(frame, tone[at:])
			detector.Process(frame)
			at = (at + 160) % len(tone)
		},
		"Dedup": func() { ts++; dedup.Info(ts, '5', now); dedup.InBand('5', now) },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkDetector(b *testing.B) {
	for _, bench := range []struct {
		name  string
		audio []float64
	}{
		{"silence", make([]float64, 8000)},
		{"speech", speechLike(8000, 5*time.Second, 120, 1)},
		{"key held", signal(8000, time.Second, press{digit: '5', length: time.Second, level: -10})},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := pcm(bench.audio)
			d := NewDetector(8000)
			frame := make([]int16, 160)
			at := 0
			b.ReportAllocs()
			for b.Loop() {
				copy(frame, s[at:])
				d.Process(frame)
				at = (at + 160) % (len(s) - 160)
			}
		})
	}
}
