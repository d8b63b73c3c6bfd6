package audio

// lanes is how many samples are worked on at a time.
const lanes = 8

// Set makes acc the samples of s: the first frame of a sum. It handles
// min(len(acc), len(s)) samples, as do all functions of this file, and none
// of them allocates.
func Set(acc []int32, s []int16) {
	n := min(len(acc), len(s))
	whole := n &^ (lanes - 1)
	setTo(acc[:whole], s[:whole])
	for i := whole; i < n; i++ {
		acc[i] = int32(s[i])
	}
}

// Add adds the samples of s to the sum acc.
func Add(acc []int32, s []int16) {
	n := min(len(acc), len(s))
	whole := n &^ (lanes - 1)
	addTo(acc[:whole], s[:whole])
	for i := whole; i < n; i++ {
		acc[i] += int32(s[i])
	}
}

// Sub takes the samples of s out of the sum acc.
func Sub(acc []int32, s []int16) {
	for len(acc) >= 8 && len(s) >= 8 {
		a, p := (*[8]int32)(acc), (*[8]int16)(s)
		a[0] -= int32(p[0])
		a[1] -= int32(p[1])
		a[2] -= int32(p[2])
		a[3] -= int32(p[3])
		a[4] -= int32(p[4])
		a[5] -= int32(p[5])
		a[6] -= int32(p[6])
		a[7] -= int32(p[7])
		acc, s = acc[8:], s[8:]
	}
	for i := range min(len(acc), len(s)) {
		acc[i] -= int32(s[i])
	}
}

// Minus makes dst the sum acc without the samples of own: what a talker hears.
// [Limiter.ProcessMinus] does the same and limits in one pass.
func Minus(dst, acc []int32, own []int16) {
	n := min(len(dst), len(acc), len(own))
	dst, acc, own = dst[:n], acc[:n], own[:n]
	for len(dst) >= 8 && len(acc) >= 8 && len(own) >= 8 {
		d, a, p := (*[8]int32)(dst), (*[8]int32)(acc), (*[8]int16)(own)
		d[0], d[1] = a[0]-int32(p[0]), a[1]-int32(p[1])
		d[2], d[3] = a[2]-int32(p[2]), a[3]-int32(p[3])
		d[4], d[5] = a[4]-int32(p[4]), a[5]-int32(p[5])
		d[6], d[7] = a[6]-int32(p[6]), a[7]-int32(p[7])
		dst, acc, own = dst[8:], acc[8:], own[8:]
	}
	for i := range min(len(dst), len(acc), len(own)) {
		dst[i] = acc[i] - int32(own[i])
	}
}
