package audio

import (
	"math"
	"math/rand/v2"
	"testing"
)

// limit runs sums through l in frames of n and returns the output without the delay.
func limit(l *Limiter, sums []int32, n int) []int16 {
	out := make([]int16, 0, len(sums)+n)
	frame := make([]int16, n)
	padded := append(append([]int32(nil), sums...), make([]int32, l.Delay())...)
	for len(padded) > 0 {
		k := min(n, len(padded))
		l.Process(frame[:k], padded[:k])
		out = append(out, frame[:k]...)
		padded = padded[k:]
	}
	return out[l.Delay():]
}

func TestLimiterDelaysByTwoAndAHalfMilliseconds(t *testing.T) {
	for rate, want := range map[int]int{8000: 20, 16000: 40, 48000: 120, 44100: 110} {
		if got := NewLimiter(rate).Delay(); got != want {
			t.Errorf("%d Hz: delay %d samples, want %d", rate, got, want)
		}
	}
}

func TestLimiterPassesWhatFitsBitForBit(t *testing.T) {
	in := noise(8000, 32767)
	in[100], in[4000], in[7999] = math.MinInt16, math.MaxInt16, math.MinInt16
	sums := make([]int32, len(in))
	Set(sums, in)
	for _, frame := range []int{1, 7, 19, 20, 21, 80, 160, 240, 480} {
		l := NewLimiter(8000)
		for i, v := range limit(l, sums, frame) {
			if v != in[i] {
				t.Fatalf("frames of %d: sample %d is %d, want %d", frame, i, v, in[i])
			}
		}
		if l.Active() {
			t.Errorf("frames of %d: the limiter is active", frame)
		}
	}
}

// loudSums is two seconds of a quiet tone with loud bursts of every kind in it.
func loudSums() []int32 {
	sums := make([]int32, 16000)
	for i := range sums {
		sums[i] = int32(9000 * math.Sin(2*math.Pi*440*float64(i)/8000))
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := 4000; i < 6000; i++ {
		sums[i] += int32(r.IntN(200000) - 100000)
	}
	sums[1000], sums[1501], sums[1502] = 33000, -32769, 32768
	sums[7000], sums[7001] = math.MaxInt32, math.MinInt32
	for i := 9000; i < 9400; i++ {
		sums[i] *= 5
	}
	return sums
}

func TestLimiterNeverChangesASignNorPassesTheCeiling(t *testing.T) {
	sums := loudSums()
	for _, frame := range []int{1, 13, 20, 33, 160, 320} {
		for i, v := range limit(NewLimiter(8000), sums, frame) {
			// The output is the sum times a gain of 0 to 1, rounded: a wrap or a
			// clip would show as a changed sign or a run of extreme values.
			if int64(v)*int64(sums[i]) < 0 {
				t.Fatalf("frames of %d: sample %d of sum %d is %d", frame, i, sums[i], v)
			}
			if math.Abs(float64(v)) > math.Abs(float64(sums[i])) {
				t.Fatalf("frames of %d: sample %d of sum %d grew to %d", frame, i, sums[i], v)
			}
		}
	}
}

func TestLimiterHoldsForEnormousSums(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, rate := range []int{8000, 48000} {
		for _, frame := range []int{160, 7, 130} {
			sums := make([]int32, 20000)
			for i := range sums {
				sums[i] = int32(r.Uint32()) >> r.IntN(24)
			}
			for i, v := range limit(NewLimiter(rate), sums, frame) {
				if int64(v)*int64(sums[i]) < 0 {
					t.Fatalf("%d Hz, frames of %d: sample %d of sum %d is %d", rate, frame, i, sums[i], v)
				}
			}
		}
	}
}

func TestLimiterGainIsSmooth(t *testing.T) {
	sums := loudSums()
	out := limit(NewLimiter(8000), sums, 160)
	last, at := 1.0, -1
	for i, v := range out {
		if sums[i] > -4000 && sums[i] < 4000 {
			continue // too small to tell the gain
		}
		g := float64(v) / float64(sums[i])
		if at >= 0 {
			// From one to nothing in a delay of 20 samples is the steepest line;
			// the rounding of small samples adds a little.
			if most := float64(i-at)/20 + 0.001; math.Abs(g-last) > most {
				t.Fatalf("gain goes from %.3f at %d to %.3f at %d", last, at, g, i)
			}
		}
		last, at = g, i
	}
}

func TestLimiterLeavesALoudToneUndistorted(t *testing.T) {
	sums := make([]int32, 8000)
	for i := range sums {
		sums[i] = int32(3 * 32767 * math.Sin(2*math.Pi*1000*float64(i)/8000+0.3))
	}
	out := limit(NewLimiter(8000), sums, 160)
	if share := ToneShare(out[800:], 8000, 1000); share < 0.9999 {
		t.Errorf("%.5f of the energy is in the tone, want 0.9999: it is distorted", share)
	}
	if level := ToneLevel(out[800:], 8000, 1000); level < -3.6 {
		t.Errorf("level %.2f dBov, want about -3.01: full scale", level)
	}
}

func TestLimiterReleasesSlowlyAndCompletely(t *testing.T) {
	l := NewLimiter(8000)
	frame, out := make([]int32, 160), make([]int16, 160)
	frame[0] = 2 * 32767
	l.Process(out, frame)
	for i := range frame {
		frame[i] = 10000
	}
	frames := 0
	for l.Active() {
		before := out[159]
		l.Process(out, frame)
		if frames++; frames > 150 {
			t.Fatal("still active after three seconds")
		}
		if frames > 1 && out[159] < before {
			t.Fatalf("frame %d: gain falls", frames)
		}
	}
	if frames < 25 {
		t.Errorf("gain back to one after %d frames: that is fast enough to be heard", frames)
	}
	l.Process(out, frame)
	for i, v := range out {
		if v != 10000 {
			t.Fatalf("sample %d is %d after the release", i, v)
		}
	}
}

func TestProcessMinusIsMinusThenProcess(t *testing.T) {
	sums := loudSums()
	own := noise(len(sums), 20000)
	for _, n := range []int{7, 20, 25, 27, 33, 160} {
		want, got := NewLimiter(8000), NewLimiter(8000)
		rest, a, b := make([]int32, n), make([]int16, n), make([]int16, n)
		for at := 0; at+n <= len(sums); at += n {
			Minus(rest, sums[at:at+n], own[at:at+n])
			want.Process(a, rest)
			got.ProcessMinus(b, sums[at:at+n], own[at:at+n])
			for i := range a {
				if a[i] != b[i] {
					t.Fatalf("frames of %d: sample %d is %d, want %d", n, at+i, b[i], a[i])
				}
			}
		}
		if *want != *got {
			t.Errorf("frames of %d: the two limiters end in different states", n)
		}
	}
}

func TestLimiterCopyGoesOnWithoutAStep(t *testing.T) {
	sums := loudSums()
	whole := limit(NewLimiter(8000), sums, 160)
	first, second := NewLimiter(8000), NewLimiter(8000)
	out := make([]int16, 160)
	for at := 0; at < len(sums); at += 160 {
		l := first
		if at == 4160 { // in the middle of a burst
			second.CopyFrom(first)
		}
		if at >= 4160 {
			l = second
		}
		l.Process(out, sums[at:at+160])
		for i, v := range out {
			if j := at + i - first.Delay(); j >= 0 && v != whole[j] {
				t.Fatalf("sample %d is %d, want %d", j, v, whole[j])
			}
		}
	}
}

func TestLimiterResetForgets(t *testing.T) {
	l := NewLimiter(8000)
	out := make([]int16, 160)
	l.Process(out, loudSums()[4000:4160])
	l.Reset()
	if *l != *NewLimiter(8000) {
		t.Error("a reset limiter is not as new")
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	sums, s := make([]int32, 160), noise(160, 9000)
	dst, out := make([]int32, 160), make([]int16, 160)
	l, o := NewLimiter(8000), NewLimiter(8000)
	tone := NewTone(8000, []float64{400, 450}, -19)
	loop := LoopClip(Beep(8000))
	if n := testing.AllocsPerRun(100, func() {
		Set(sums, s)
		Add(sums, s)
		Sub(sums, s)
		Minus(dst, sums, s)
		Energy(s)
		l.Process(out, sums)
		l.ProcessMinus(out, sums, s)
		l.CopyFrom(o)
		tone.Read(out)
		loop.Read(out)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
