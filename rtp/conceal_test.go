package rtp

import (
	"math"
	"testing"
	"time"

	"mediaserver/audio"
)

// tone fills x with a sine from sample number from on.
func tone(x []int16, freq float64, rate, from int) {
	for i := range x {
		x[i] = int16(8000 * math.Sin(2*math.Pi*freq*float64(from+i)/float64(rate)))
	}
}

// voice fills x with a sound of several harmonics, like a vowel.
func voice(x []int16, pitch float64, rate, from int) {
	for i := range x {
		v := 0.0
		for h := 1; h <= 8; h++ {
			v += math.Cos(2*math.Pi*pitch*float64(h)*float64(from+i)/float64(rate)) / float64(h)
		}
		x[i] = int16(3000 * v)
	}
}

func filled(rate int, fill func(x []int16, from int)) *queue {
	q := newQueue(rate)
	for from := 0; from < rate/5; from += rate / 50 {
		fill(q.room(rate/50), from)
		q.added(rate / 50)
		q.r = q.w
	}
	return &q
}

// snr is the signal-to-noise ratio of got [dB].
func snr(want, got []int16) float64 {
	var signal, noise float64
	for i := range want {
		d := float64(want[i]) - float64(got[i])
		signal += float64(want[i]) * float64(want[i])
		noise += d * d
	}
	return 10 * math.Log10(signal/(noise+1))
}

func TestConcealedSoundGoesOnLikeTheSoundBefore(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, pitch := range []float64{80, 100, 125, 160, 190} {
			q := filled(rate, func(x []int16, from int) { voice(x, pitch, rate, from) })
			c := newConcealer(rate)
			n := rate / 100 // the first 10 ms are not faded
			want := make([]int16, n)
			voice(want, pitch, rate, rate/5)
			c.add(q, n)
			if db := snr(want, q.last(n)); db < 10 {
				t.Errorf("rate %d, pitch %.0f Hz: %.1f dB like the lost sound, want 10", rate, pitch, db)
			}
		}
	}
}

func TestConcealedSoundFadesToSilence(t *testing.T) {
	q := filled(8000, func(x []int16, from int) { tone(x, 400, 8000, from) })
	c := newConcealer(8000)
	var levels []float64
	for range 8 { // 10 ms each
		c.add(q, 80)
		levels = append(levels, level(q.last(80)))
	}
	for i, want := range []float64{1, 0.9, 0.7, 0.5, 0.3, 0.1, 0, 0} {
		if got := levels[i] / (8000 / math.Sqrt2); math.Abs(got-want) > 0.05 {
			t.Errorf("after %d ms: %.2f of the level, want %.2f", 10*i, got, want)
		}
	}
	if !c.silent() {
		t.Error("not silent")
	}
}

// Concealment has no step where it goes from one period to three, wherever in a period
// that is, though the earlier ones were not as loud.
func TestMorePeriodsAreTakenWithoutAStep(t *testing.T) {
	for _, pitch := range []float64{70, 80, 90, 100, 110, 125, 160, 190} {
		for at := range 10 { // place in a period at which the gap begins
			q := filled(8000, func(x []int16, from int) {
				for i := range x {
					n := float64(from + i - 1600) // up to 0
					x[i] = int16(8000 * math.Exp(n/300) * math.Sin(2*math.Pi*(pitch*n/8000+float64(at)/10)))
				}
			})
			c := newConcealer(8000)
			last := q.last(1)[0]
			c.add(q, 480)
			for i, v := range q.last(480) {
				if step, steepest := math.Abs(float64(v)-float64(last)), 8000*2*math.Pi*pitch/8000; step > 2*steepest {
					t.Errorf("%.0f Hz, %d/10: a step of %.0f at sample %d, the tone has at most %.0f", pitch, at, step, i, steepest)
				}
				last = v
			}
		}
	}
}

func TestSoundAfterAGapIsBlendedIn(t *testing.T) {
	q := filled(8000, func(x []int16, from int) { tone(x, 400, 8000, from) })
	c := newConcealer(8000)
	c.add(q, 160)
	after := make([]int16, 160)
	for i := range after {
		after[i] = 8000 // nothing like the tone
	}
	last := q.last(1)[0]
	c.end(after)
	if step := math.Abs(float64(after[0]) - float64(last)); step > 3000 {
		t.Errorf("a step of %.0f at the end of the gap", step)
	}
	if after[100] != 8000 || c.active() {
		t.Error("the sound after the gap is not left alone in the end")
	}
}

func TestGapsInToneMakeNoClicks(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(20*1e9, func(i int) time.Duration {
		if i%10 == 5 {
			return -1
		}
		return 7 * ms
	})
	s.run(19 * 1e9)
	last, worst := int16(0), 0.0
	for _, f := range s.heard[5:] {
		for _, v := range f {
			worst = max(worst, math.Abs(float64(v)-float64(last)))
			last = v
		}
	}
	if steepest := 8000 * 2 * math.Pi * 400 / 8000; worst > 1.3*steepest {
		t.Errorf("a step of %.0f, the tone has at most %.0f", worst, steepest)
	}
	if share := audio.ToneShare(s.heard[300], 8000, 400); share < 0.95 {
		t.Errorf("the tone is %.2f of the sound", share)
	}
}

func TestBentSoundStaysTheSound(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, freq := range []float64{123, 400, 1000, 1777} {
			q := newQueue(rate)
			p := player{queue: q, set: &current{brief: brief{rate: rate}}, counts: &counts{}}
			tone(p.queue.room(rate/10), freq, rate, 0)
			p.queue.added(rate / 10)
			before := p.queue.waiting()
			p.shrink(rate/50, rate/10)
			shrunk := before - p.queue.waiting()
			frame := make([]int16, rate/50)
			p.queue.play(frame)
			p.grow()
			grown := p.queue.waiting() + len(frame) - before + shrunk
			if lo, hi := rate/minPitch, rate/minPitch+rate/pitchSpan; shrunk < lo || shrunk > hi || grown < lo || grown > hi {
				t.Errorf("%.0f Hz: shrunk by %d, grown by %d", freq, shrunk, grown)
			}
			x := p.queue.buf[p.queue.r-len(frame) : p.queue.w]
			steepest := 8000 * 2 * math.Pi * freq / float64(rate)
			for i := 1; i < len(x); i++ {
				if d := math.Abs(float64(x[i]) - float64(x[i-1])); d > 1.2*steepest+2 {
					t.Errorf("%.0f Hz at %d: a step of %.0f at %d, the tone has at most %.0f", freq, rate, d, i, steepest)
					break
				}
			}
			if l := level(x) / (8000 / math.Sqrt2); l < 0.9 {
				t.Errorf("%.0f Hz: level %.2f", freq, l)
			}
		}
	}
}

func TestQueueKeepsSoundAcrossItsEnd(t *testing.T) {
	q := newQueue(8000)
	frame := make([]int16, 160)
	next, want := int16(0), int16(0)
	for i := range 500 {
		for q.waiting() < 160 || i%7 == 0 && q.waiting() < 900 {
			x := q.room(240)
			for j := range x {
				x[j] = next
				next++
			}
			q.added(240)
		}
		q.play(frame)
		for _, v := range frame {
			if v != want {
				t.Fatalf("frame %d: sample %d, want %d", i, v, want)
			}
			want++
		}
		if i > 5 {
			if got := q.buf[q.r-q.history]; got != want-int16(q.history) {
				t.Fatalf("frame %d: history begins with %d, want %d", i, got, want-int16(q.history))
			}
		}
	}
}

func TestComfortNoiseHasItsLevel(t *testing.T) {
	for _, want := range []byte{20, 40, 60, 70} {
		var n noise
		n.set([]byte{want, 1, 2})
		x := make([]int16, 8000)
		n.fill(x)
		if got := audio.LevelDBov(x); math.Abs(got+float64(want)) > 1.5 {
			t.Errorf("level %.1f dBov, want -%d", got, want)
		}
	}
	for _, silent := range [][]byte{nil, {127}, {quietest}} {
		var n noise
		n.set(silent)
		x := []int16{5}
		if n.fill(x); x[0] != 0 {
			t.Errorf("payload %v is not silent", silent)
		}
	}
}
