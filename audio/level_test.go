package audio

import (
	"math"
	"testing"
	"time"
)

func TestLevelIsRelativeToAFullScaleSquare(t *testing.T) {
	square := make([]int16, 800)
	for i := range square {
		square[i] = math.MinInt16
	}
	half := make([]int16, 800)
	for i := range half {
		half[i] = 16384
	}
	tests := map[string]struct {
		s    []int16
		want float64
	}{
		"full-scale square is 0":           {square, 0},
		"half of it is 6 dB less":          {half, -6.02},
		"full-scale sine is -3.01":         {sine(8000, 1000, 0, time.Second).Samples, -3.01},
		"sine of -12 dBFS peak is -15.01":  {sine(8000, 1000, -12, time.Second).Samples, -15.01},
		"digital silence is -127":          {make([]int16, 160), -127},
		"nothing is -127":                  {nil, -127},
		"one sample of one in a second":    {append(make([]int16, 7999), 1), -127},
		"smallest square is -90.3":         {[]int16{1, -1, 1, -1}, -90.31},
		"length not divisible by eight":    {half[:13], -6.02},
		"a tail shorter than eight counts": {half[:3], -6.02},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := LevelDBov(tt.s); math.Abs(got-tt.want) > 0.01 {
				t.Errorf("got %.3f dBov, want %.2f", got, tt.want)
			}
		})
	}
}

func TestEnergyAtIsTheInverseOfDBov(t *testing.T) {
	for _, level := range []float64{-66, -40, -19, -3.01} {
		if got := DBov(EnergyAt(level, 160), 160); math.Abs(got-level) > 0.01 {
			t.Errorf("energy at %v dBov measures %.3f", level, got)
		}
	}
}
