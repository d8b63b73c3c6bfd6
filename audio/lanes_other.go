//go:build !amd64 || purego

package audio

// energyOf is Energy of a multiple of lanes.
func energyOf(s []int16) uint64 {
	var a, b uint64
	for ; len(s) >= lanes; s = s[lanes:] {
		p := (*[lanes]int16)(s)
		a += square(p[0]) + square(p[1]) + square(p[2]) + square(p[3])
		b += square(p[4]) + square(p[5]) + square(p[6]) + square(p[7])
	}
	return a + b
}

// setTo is Set of slices of one length, a multiple of lanes.
func setTo(acc []int32, s []int16) {
	for len(acc) >= lanes && len(s) >= lanes {
		a, p := (*[lanes]int32)(acc), (*[lanes]int16)(s)
		a[0], a[1], a[2], a[3] = int32(p[0]), int32(p[1]), int32(p[2]), int32(p[3])
		a[4], a[5], a[6], a[7] = int32(p[4]), int32(p[5]), int32(p[6]), int32(p[7])
		acc, s = acc[lanes:], s[lanes:]
	}
}

// addTo is Add of slices of one length, a multiple of lanes.
func addTo(acc []int32, s []int16) {
	for len(acc) >= lanes && len(s) >= lanes {
		a, p := (*[lanes]int32)(acc), (*[lanes]int16)(s)
		a[0] += int32(p[0])
		a[1] += int32(p[1])
		a[2] += int32(p[2])
		a[3] += int32(p[3])
		a[4] += int32(p[4])
		a[5] += int32(p[5])
		a[6] += int32(p[6])
		a[7] += int32(p[7])
		acc, s = acc[lanes:], s[lanes:]
	}
}

// narrowOf is narrow of slices of one length, at least lanes.
func narrowOf(dst []int16, acc []int32) bool {
	var over, over2 uint32
	for len(dst) >= lanes && len(acc) >= lanes {
		d, a := (*[lanes]int16)(dst), (*[lanes]int32)(acc)
		over |= excess(a[0]) | excess(a[1]) | excess(a[2]) | excess(a[3])
		over2 |= excess(a[4]) | excess(a[5]) | excess(a[6]) | excess(a[7])
		d[0], d[1], d[2], d[3] = int16(a[0]), int16(a[1]), int16(a[2]), int16(a[3])
		d[4], d[5], d[6], d[7] = int16(a[4]), int16(a[5]), int16(a[6]), int16(a[7])
		dst, acc = dst[lanes:], acc[lanes:]
	}
	return narrowFew(dst, acc) && (over|over2)>>16 == 0
}

// narrowMinusOf is narrowMinus of slices of one length, at least lanes.
func narrowMinusOf(dst []int16, acc []int32, own []int16) bool {
	var over, over2 uint32
	for len(dst) >= lanes && len(acc) >= lanes && len(own) >= lanes {
		d, a, p := (*[lanes]int16)(dst), (*[lanes]int32)(acc), (*[lanes]int16)(own)
		v0, v1, v2, v3 := a[0]-int32(p[0]), a[1]-int32(p[1]), a[2]-int32(p[2]), a[3]-int32(p[3])
		over |= excess(v0) | excess(v1) | excess(v2) | excess(v3)
		d[0], d[1], d[2], d[3] = int16(v0), int16(v1), int16(v2), int16(v3)
		v4, v5, v6, v7 := a[4]-int32(p[4]), a[5]-int32(p[5]), a[6]-int32(p[6]), a[7]-int32(p[7])
		over2 |= excess(v4) | excess(v5) | excess(v6) | excess(v7)
		d[4], d[5], d[6], d[7] = int16(v4), int16(v5), int16(v6), int16(v7)
		dst, acc, own = dst[lanes:], acc[lanes:], own[lanes:]
	}
	return narrowMinusFew(dst, acc, own) && (over|over2)>>16 == 0
}
