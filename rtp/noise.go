package rtp

import "math"

// noise is comfort noise: white, at the level of the last comfort noise packet.
// Deviation: the spectrum of RFC 3389 §3 is not followed.
type noise struct {
	amplitude int32 // 0 = silence
	state     uint32
}

// quietest is the level at and below which noise is silence [-dBov].
const quietest = 78

// set takes the payload of a comfort noise packet. RFC 3389 §3.1: the first byte
// is the level in -dBov, its first bit 0.
func (n *noise) set(payload []byte) {
	n.amplitude = 0
	if len(payload) == 0 {
		return
	}
	if level := payload[0] & 0x7f; level < quietest {
		// Uniform noise of this amplitude has the power of the level.
		n.amplitude = int32(math.Sqrt(3) * 32768 * math.Pow(10, -float64(level)/20))
		n.amplitude = min(n.amplitude, 32767)
	}
}

// fill writes noise.
func (n *noise) fill(dst []int16) {
	if n.amplitude == 0 {
		clear(dst)
		return
	}
	for i := range dst {
		n.state = n.state*1664525 + 1013904223
		dst[i] = int16(int64(int32(n.state)) * int64(n.amplitude) >> 31)
	}
}
