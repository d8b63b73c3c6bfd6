package audio

import "math"

// MinDBov is the level of digital silence and the lowest level reported, RFC 6464 §3.
const MinDBov = -127.0

// Energy is the sum of the squares of the samples. It does not overflow below
// 2^33 samples.
func Energy(s []int16) uint64 {
	n := len(s) &^ (lanes - 1)
	e := energyOf(s[:n])
	for _, v := range s[n:] {
		e += square(v)
	}
	return e
}

func square(v int16) uint64 {
	return uint64(int64(v) * int64(v))
}

// DBov is the level [dBov] of n samples whose squares add up to energy:
// 0 for a full-scale square wave, -3.01 for a full-scale sine, never below
// MinDBov.
func DBov(energy uint64, n int) float64 {
	if energy == 0 || n <= 0 {
		return MinDBov
	}
	mean := float64(energy) / float64(n) / (FullScale * FullScale)
	return max(MinDBov, 10*math.Log10(mean))
}

// LevelDBov is the level of s [dBov], see [DBov].
func LevelDBov(s []int16) float64 { return DBov(Energy(s), len(s)) }

// EnergyAt is the energy that n samples at level [dBov] have. It turns a
// threshold into a number that can be compared with [Energy] without a
// logarithm.
func EnergyAt(level float64, n int) uint64 {
	return uint64(float64(n) * FullScale * FullScale * math.Pow(10, level/10))
}
