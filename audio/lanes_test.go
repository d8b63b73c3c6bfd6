package audio

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLanesDoWhatTheLoopDoes compares what works on several samples at a time
// with the plain sum: all lengths, no alignment, the ends of the range, and
// nothing behind the end.
func TestLanesDoWhatTheLoopDoes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	sample := func() int16 {
		switch rnd.IntN(8) {
		case 0:
			return math.MinInt16
		case 1:
			return math.MaxInt16
		}
		return int16(rnd.Uint32())
	}
	fitted := 0
	for round := range 4000 {
		const behind = 9
		n, from := rnd.IntN(50), rnd.IntN(4)
		own, acc := make([]int16, from+n)[from:], make([]int32, from+n)[from:]
		for i := range own {
			own[i] = sample()
			acc[i] = int32(own[i]) + int32(sample()) // what fits without own
		}
		if n > 0 && round%2 == 0 {
			acc[rnd.IntN(n)] = []int32{math.MinInt32 + 1<<15, math.MaxInt32 - 1<<16, 1<<15 + int32(own[0]), -1<<15 - 1 + int32(own[0])}[rnd.IntN(4)]
		}
		set, sum := make([]int32, n+behind), slices.Concat(acc, make([]int32, behind))
		rest, dst, want := make([]int32, n), make([]int16, n+behind), make([]int16, n+behind)
		energy, fit := uint64(0), true
		for i, v := range own {
			energy += square(v)
			rest[i] = acc[i] - int32(v)
			want[i] = int16(rest[i])
			fit = fit && rest[i] == int32(want[i])
		}
		if got := Energy(own); got != energy {
			t.Fatalf("%v: energy %d, want %d", own, got, energy)
		}
		if got := narrowMinus(dst[:n], acc, own); got != fit || fit && !slices.Equal(dst, want) {
			t.Fatalf("%v minus %v: %v, %v, want %v, %v", acc, own, dst, got, want, fit)
		}
		clear(dst)
		if got := narrow(dst[:n], rest); got != fit || fit && !slices.Equal(dst, want) {
			t.Fatalf("%v narrow: %v, %v, want %v, %v", rest, dst, got, want, fit)
		}
		if fit && n > 0 {
			fitted++
		}
		Set(set[:n], own)
		Add(sum[:n], own)
		for i, v := range own {
			if set[i] != int32(v) || sum[i] != acc[i]+int32(v) {
				t.Fatalf("%v and %v: set %v, sum %v", acc, own, set, sum)
			}
		}
		for i := range behind {
			if set[n+i] != 0 || sum[n+i] != 0 || dst[n+i] != 0 {
				t.Fatalf("%d samples: written behind the end: %v, %v, %v", n, set, sum, dst)
			}
		}
	}
	if fitted < 1000 || fitted > 3000 {
		t.Errorf("%d of 4000 fitted", fitted)
	}
}

func BenchmarkLanes(b *testing.B) {
	own, acc, dst := make([]int16, 160), make([]int32, 160), make([]int16, 160)
	b.Run("energy", func(b *testing.B) {
		for b.Loop() {
			Energy(own)
		}
	})
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			Add(acc, own)
		}
	})
	b.Run("narrow", func(b *testing.B) {
		for b.Loop() {
			narrow(dst, acc)
		}
	})
	b.Run("narrowMinus", func(b *testing.B) {
		for b.Loop() {
			narrowMinus(dst, acc, own)
		}
	})
}
