package call

import (
	"testing"
	"time"

	"mediaserver/audio"
)

func TestMeterEndsAtItsFrame(t *testing.T) {
	loud, quiet := make([]int16, 160), make([]int16, 160)
	audio.NewTone(8000, []float64{440}, -20).Read(loud)
	audio.NewTone(8000, []float64{440}, -60).Read(quiet)
	const second = time.Second
	for _, tt := range []struct {
		name   string
		o      RecordOptions
		frames string // L loud, q quiet, - nothing, _ skipped by the engine; the last is repeated
		want   int64  // frames that belong to the recording
	}{
		{"longest duration", RecordOptions{MaxDuration: second}, "L", 50},
		{"a part of a frame is one", RecordOptions{MaxDuration: second + 1}, "L", 51},
		{"silence from the start", RecordOptions{MaxDuration: second, MaxSilence: 200 * time.Millisecond}, "-", 10},
		{"a quiet voice is silence", RecordOptions{MaxDuration: second, MaxSilence: 200 * time.Millisecond}, "q", 10},
		{"silence after sound", RecordOptions{MaxDuration: second, MaxSilence: 200 * time.Millisecond}, "L----L-", 16},
		{"silence before sound has a bound of its own", RecordOptions{MaxDuration: second, MaxSilence: 100 * time.Millisecond, MaxInitialSilence: 400 * time.Millisecond}, "-", 20},
		{"and only before", RecordOptions{MaxDuration: second, MaxSilence: 100 * time.Millisecond, MaxInitialSilence: 400 * time.Millisecond}, "---L-", 9},
		{"never by silence", RecordOptions{MaxDuration: second}, "-", 50},
		{"skipped frames count", RecordOptions{MaxDuration: 100 * time.Millisecond}, "L__L", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMeter(tt.o, audio.Narrowband())
			for i := range int64(200) {
				pcm := map[byte][]int16{'L': loud, 'q': quiet}[tt.frames[min(int(i), len(tt.frames)-1)]]
				if tt.frames[min(int(i), len(tt.frames)-1)] == '_' {
					continue
				}
				if in := m.hear(1000+i, pcm); in != (i < tt.want) {
					t.Fatalf("frame %d belongs to it: %v, want %d frames", i, in, tt.want)
				}
				if ended := m.ended.Load(); ended != (i+1 >= tt.want) {
					t.Fatalf("ended after frame %d: %v, want %d frames", i, ended, tt.want)
				}
			}
		})
	}
}

func TestMeterOfSkippedFramesNeverRunsOver(t *testing.T) {
	m := newMeter(RecordOptions{MaxDuration: 100 * time.Millisecond}, audio.Narrowband())
	if !m.hear(7, nil) || m.hear(100, nil) || !m.ended.Load() || m.frames.Load() != 1 {
		t.Errorf("%d frames, ended %v", m.frames.Load(), m.ended.Load())
	}
}

func TestMeterDoesNotAllocate(t *testing.T) {
	m := newMeter(RecordOptions{MaxDuration: time.Hour, MaxSilence: time.Minute}, audio.Narrowband())
	pcm := make([]int16, 160)
	frame := int64(0)
	if n := testing.AllocsPerRun(1000, func() { frame++; m.hear(frame, pcm) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// BenchmarkMeter is what a frame of a recording by action costs beside
// writing it.
func BenchmarkMeter(b *testing.B) {
	m := newMeter(RecordOptions{MaxDuration: 1000 * time.Hour}, audio.Narrowband())
	pcm := make([]int16, 160)
	audio.NewTone(8000, []float64{440}, -20).Read(pcm)
	b.ReportAllocs()
	frame := int64(0)
	for b.Loop() {
		frame++
		m.hear(frame%1000, pcm)
	}
}
