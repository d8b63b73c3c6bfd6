package g711

import (
	"mediaserver/audio"

	zaf "github.com/zaf/g711"
)

// Rate is the number of samples, and of bytes, per second.
const Rate = 8000

// Silence bytes: the code of a sample of zero.
const (
	SilenceULaw = 0xFF
	SilenceALaw = 0xD5
)

// The tables. An encoder is indexed by the sample as an unsigned number, a
// decoder by the code.
var (
	ulawEncode = buildEncode(zaf.EncodeUlawFrame)
	alawEncode = buildEncode(zaf.EncodeAlawFrame)
	ulawDecode = buildDecode(zaf.DecodeUlawFrame)
	alawDecode = buildDecode(zaf.DecodeAlawFrame)
)

func buildEncode(encode func(int16) uint8) *[1 << 16]uint8 {
	t := new([1 << 16]uint8)
	for i := range t {
		t[i] = encode(int16(uint16(i)))
	}
	return t
}

func buildDecode(decode func(uint8) int16) *[1 << 8]int16 {
	t := new([1 << 8]int16)
	for i := range t {
		t[i] = decode(uint8(i))
	}
	return t
}

// EncodeULaw writes the µ-law codes of src into dst and returns their number,
// the shorter of the two lengths.
func EncodeULaw(dst []byte, src []int16) int { return encode(dst, src, ulawEncode) }

// EncodeALaw writes the A-law codes of src into dst and returns their number,
// the shorter of the two lengths.
func EncodeALaw(dst []byte, src []int16) int { return encode(dst, src, alawEncode) }

// DecodeULaw writes the samples of the µ-law codes src into dst and returns
// their number, the shorter of the two lengths.
func DecodeULaw(dst []int16, src []byte) int { return decode(dst, src, ulawDecode) }

// DecodeALaw writes the samples of the A-law codes src into dst and returns
// their number, the shorter of the two lengths.
func DecodeALaw(dst []int16, src []byte) int { return decode(dst, src, alawDecode) }

func encode(dst []byte, src []int16, t *[1 << 16]uint8) int {
	n := min(len(dst), len(src))
	for len(dst) >= 8 && len(src) >= 8 {
		d, s := (*[8]byte)(dst), (*[8]int16)(src)
		d[0], d[1] = t[uint16(s[0])], t[uint16(s[1])]
		d[2], d[3] = t[uint16(s[2])], t[uint16(s[3])]
		d[4], d[5] = t[uint16(s[4])], t[uint16(s[5])]
		d[6], d[7] = t[uint16(s[6])], t[uint16(s[7])]
		dst, src = dst[8:], src[8:]
	}
	for i := range min(len(dst), len(src)) {
		dst[i] = t[uint16(src[i])]
	}
	return n
}

func decode(dst []int16, src []byte, t *[1 << 8]int16) int {
	n := min(len(dst), len(src))
	for len(dst) >= 8 && len(src) >= 8 {
		d, s := (*[8]int16)(dst), (*[8]byte)(src)
		d[0], d[1], d[2], d[3] = t[s[0]], t[s[1]], t[s[2]], t[s[3]]
		d[4], d[5], d[6], d[7] = t[s[4]], t[s[5]], t[s[6]], t[s[7]]
		dst, src = dst[8:], src[8:]
	}
	for i := range min(len(dst), len(src)) {
		dst[i] = t[src[i]]
	}
	return n
}

// The two codecs. They are never assigned again.
var (
	pcmu = &codec{audio.PCMU, ulawEncode, ulawDecode}
	pcma = &codec{audio.PCMA, alawEncode, alawDecode}
)

// PCMU is the µ-law codec, RTP payload type 0 (RFC 3551 §4.5.14). It has no
// state; it is the same value on every call, so that codecs can be compared.
func PCMU() audio.Codec { return pcmu }

// PCMA is the A-law codec, RTP payload type 8 (RFC 3551 §4.5.14). It has no
// state; it is the same value on every call, so that codecs can be compared.
func PCMA() audio.Codec { return pcma }

type codec struct {
	encoding audio.Encoding
	encoder  *[1 << 16]uint8
	decoder  *[1 << 8]int16
}

// Encoding implements [audio.Codec].
func (c *codec) Encoding() audio.Encoding { return c.encoding }

// Rate implements [audio.Codec].
func (c *codec) Rate() int { return Rate }

// Encode implements [audio.Codec].
func (c *codec) Encode(dst []byte, src []int16) int { return encode(dst, src, c.encoder) }

// Decode implements [audio.Codec].
func (c *codec) Decode(dst []int16, src []byte) int { return decode(dst, src, c.decoder) }
