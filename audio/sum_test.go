package audio

import (
	"math"
	"testing"
)

func TestSumsOfEveryLength(t *testing.T) {
	for n := range 40 {
		a, b := noise(n, 32767), noise(n, 30000)
		if n > 2 {
			a[0], a[1], a[2] = math.MinInt16, math.MaxInt16, math.MinInt16
			b[0], b[1], b[2] = math.MinInt16, math.MaxInt16, math.MaxInt16
		}
		acc, without := make([]int32, n), make([]int32, n)
		Set(acc, a)
		Add(acc, b)
		Minus(without, acc, a)
		for i := range n {
			if acc[i] != int32(a[i])+int32(b[i]) {
				t.Fatalf("length %d: sum %d is %d", n, i, acc[i])
			}
			if without[i] != int32(b[i]) {
				t.Fatalf("length %d: sum %d without the first is %d, want %d", n, i, without[i], b[i])
			}
		}
		Sub(acc, b)
		for i := range n {
			if acc[i] != int32(a[i]) {
				t.Fatalf("length %d: sum %d without the second is %d, want %d", n, i, acc[i], a[i])
			}
		}
	}
}

func TestSumsHandleTheShorterLength(t *testing.T) {
	acc := make([]int32, 20)
	Set(acc, noise(11, 100))
	Add(acc, noise(11, 100))
	Sub(acc, noise(11, 100))
	for i, v := range acc[11:] {
		if v != 0 {
			t.Errorf("sum %d is %d, want it untouched", 11+i, v)
		}
	}
	Add(acc[:5], noise(30, 100)) // must not panic
	Minus(acc[:5], acc, noise(9, 100))
}
