package g711

import (
	"math"
	"math/bits"

	"mediaserver/audio"
)

// Rate is the number of samples, and of bytes, per second.
const Rate = 8000

// Silence bytes: the code of a sample of zero.
const (
	SilenceULaw = 0xFF
	SilenceALaw = 0xD5
)

// lanes is how many samples are worked on at a time, see lanes_other.go.
const lanes = 16

// EncodeULaw writes the µ-law codes of src into dst and returns their number,
// the shorter of the two lengths.
func EncodeULaw(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	encodeULaw(dst, src)
	for i := n &^ (lanes - 1); i < n; i++ {
		dst[i] = codeULaw(src[i])
	}
	return n
}

// EncodeALaw writes the A-law codes of src into dst and returns their number,
// the shorter of the two lengths.
func EncodeALaw(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	encodeALaw(dst, src)
	for i := n &^ (lanes - 1); i < n; i++ {
		dst[i] = codeALaw(src[i])
	}
	return n
}

// DecodeULaw writes the samples of the µ-law codes src into dst and returns
// their number, the shorter of the two lengths.
func DecodeULaw(dst []int16, src []byte) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	decodeULaw(dst, src)
	for i := n &^ (lanes - 1); i < n; i++ {
		dst[i] = sampleULaw(src[i])
	}
	return n
}

// DecodeALaw writes the samples of the A-law codes src into dst and returns
// their number, the shorter of the two lengths.
func DecodeALaw(dst []int16, src []byte) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	decodeALaw(dst, src)
	for i := n &^ (lanes - 1); i < n; i++ {
		dst[i] = sampleALaw(src[i])
	}
	return n
}

const (
	// bias is what µ-law adds to a magnitude, so that all eight segments are
	// made in one way: 33 in the units of the Recommendation, which are of 4.
	bias = 33 * 4
	// flipULaw and flipALaw are what codes are inverted by: they are sent with
	// positive ones above, and all bits (µ-law) or the even bits (A-law) inverted.
	flipULaw, flipALaw = 0xFF, 0xD5
	// negative is the bit of a code, before it is inverted, for the sign.
	negative = 0x80
)

// codeULaw is the µ-law code of a sample.
func codeULaw(s int16) byte {
	m, sign := magnitude(s)
	return (interval(min(m+bias, math.MaxInt16)) | sign) ^ flipULaw
}

// codeALaw is the A-law code of a sample. Its first segment, below 256, has
// intervals as wide as those of the second.
func codeALaw(s int16) byte {
	m, sign := magnitude(s)
	c := byte(m >> 4)
	if m >= 256 {
		c = interval(m)
	}
	return (c | sign) ^ flipALaw
}

// magnitude is a sample without its sign, of a negative one the one's
// complement, and the bit of its sign in a code.
func magnitude(s int16) (m uint32, sign byte) {
	all := s >> 15
	return uint32(s ^ all), byte(all) & negative
}

// interval is the segment of a magnitude, 0 for one of 8 bits to 7 for one of 15,
// and in the four bits below it what follows the first bit of the magnitude. A
// floating-point number has both at the upper end, side by side.
func interval(m uint32) byte {
	n := bits.Len32(m)
	return byte(n-8)<<4 | byte(m>>(n-5))&15
}

// sampleULaw is the sample of a µ-law code.
func sampleULaw(c byte) int16 {
	c ^= flipULaw
	m := (int16(c&15)<<3+bias)<<(c>>4&7) - bias
	return signed(m, c)
}

// sampleALaw is the sample of an A-law code.
func sampleALaw(c byte) int16 {
	c ^= flipALaw
	m := int16(c&15)<<4 + 8
	if segment := c >> 4 & 7; segment > 0 {
		m = (m + 256) << (segment - 1)
	}
	return signed(m, c)
}

// signed is the magnitude m with the sign of a code that is not inverted.
func signed(m int16, c byte) int16 {
	if c&negative != 0 {
		return -m
	}
	return m
}

// The two codecs. They are never assigned again.
var (
	pcmu = &codec{audio.PCMU, EncodeULaw, DecodeULaw}
	pcma = &codec{audio.PCMA, EncodeALaw, DecodeALaw}
)

// PCMU is the µ-law codec, RTP payload type 0 (RFC 3551 §4.5.14). It has no
// state; it is the same value on every call, so that codecs can be compared.
func PCMU() audio.Codec { return pcmu }

// PCMA is the A-law codec, RTP payload type 8 (RFC 3551 §4.5.14). It has no
// state; it is the same value on every call, so that codecs can be compared.
func PCMA() audio.Codec { return pcma }

type codec struct {
	encoding audio.Encoding
	encode   func([]byte, []int16) int
	decode   func([]int16, []byte) int
}

// Encoding implements [audio.Codec].
func (c *codec) Encoding() audio.Encoding { return c.encoding }

// Rate implements [audio.Codec].
func (c *codec) Rate() int { return Rate }

// Encode implements [audio.Codec].
func (c *codec) Encode(dst []byte, src []int16) int { return c.encode(dst, src) }

// Decode implements [audio.Codec].
func (c *codec) Decode(dst []int16, src []byte) int { return c.decode(dst, src) }
