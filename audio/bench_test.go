package audio

import (
	"math/rand/v2"
	"testing"
)

// noise is n samples of white noise with the given peak.
func noise(n int, peak int) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(r.IntN(2*peak+1) - peak)
	}
	return s
}

const benchFrame = 160

func BenchmarkSum(b *testing.B) {
	s := noise(benchFrame, 8000)
	acc, dst := make([]int32, benchFrame), make([]int32, benchFrame)
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Set(acc, s)
		}
	})
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Add(acc, s)
		}
	})
	b.Run("sub", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Sub(acc, s)
		}
	})
	b.Run("minus", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Minus(dst, acc, s)
		}
	})
	b.Run("energy", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Energy(s)
		}
	})
}

func BenchmarkLimiter(b *testing.B) {
	own, out := noise(benchFrame, 8000), make([]int16, benchFrame)
	quiet, loud := make([]int32, benchFrame), make([]int32, benchFrame)
	for i, v := range noise(benchFrame, 20000) {
		quiet[i], loud[i] = int32(v), 3*int32(v)
	}
	for name, acc := range map[string][]int32{"pass": quiet, "limit": loud} {
		b.Run(name, func(b *testing.B) {
			l := NewLimiter(8000)
			b.ReportAllocs()
			for b.Loop() {
				l.Process(out, acc)
			}
		})
		b.Run(name+"-minus", func(b *testing.B) {
			l := NewLimiter(8000)
			b.ReportAllocs()
			for b.Loop() {
				l.ProcessMinus(out, acc, own)
			}
		})
	}
}
