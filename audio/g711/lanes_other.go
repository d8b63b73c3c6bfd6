//go:build !amd64 || purego

package g711

// The tables. An encoder is indexed by the sample as an unsigned number, a
// decoder by the code.
var (
	ulawCodes   = encoder(codeULaw)
	alawCodes   = encoder(codeALaw)
	ulawSamples = decoder(sampleULaw)
	alawSamples = decoder(sampleALaw)
)

func encoder(code func(int16) byte) *[1 << 16]byte {
	t := new([1 << 16]byte)
	for i := range t {
		t[i] = code(int16(uint16(i)))
	}
	return t
}

func decoder(sample func(byte) int16) *[1 << 8]int16 {
	t := new([1 << 8]int16)
	for i := range t {
		t[i] = sample(byte(i))
	}
	return t
}

// encodeULaw is EncodeULaw of whole lanes.
func encodeULaw(dst []byte, src []int16) { encode(dst, src, ulawCodes) }

// encodeALaw is EncodeALaw of whole lanes.
func encodeALaw(dst []byte, src []int16) { encode(dst, src, alawCodes) }

// decodeULaw is DecodeULaw of whole lanes.
func decodeULaw(dst []int16, src []byte) { decode(dst, src, ulawSamples) }

// decodeALaw is DecodeALaw of whole lanes.
func decodeALaw(dst []int16, src []byte) { decode(dst, src, alawSamples) }

func encode(dst []byte, src []int16, t *[1 << 16]byte) {
	for len(dst) >= lanes && len(src) >= lanes {
		d, s := (*[lanes]byte)(dst), (*[lanes]int16)(src)
		d[0], d[1], d[2], d[3] = t[uint16(s[0])], t[uint16(s[1])], t[uint16(s[2])], t[uint16(s[3])]
		d[4], d[5], d[6], d[7] = t[uint16(s[4])], t[uint16(s[5])], t[uint16(s[6])], t[uint16(s[7])]
		d[8], d[9], d[10], d[11] = t[uint16(s[8])], t[uint16(s[9])], t[uint16(s[10])], t[uint16(s[11])]
		d[12], d[13], d[14], d[15] = t[uint16(s[12])], t[uint16(s[13])], t[uint16(s[14])], t[uint16(s[15])]
		dst, src = dst[lanes:], src[lanes:]
	}
}

func decode(dst []int16, src []byte, t *[1 << 8]int16) {
	for len(dst) >= lanes && len(src) >= lanes {
		d, s := (*[lanes]int16)(dst), (*[lanes]byte)(src)
		d[0], d[1], d[2], d[3] = t[s[0]], t[s[1]], t[s[2]], t[s[3]]
		d[4], d[5], d[6], d[7] = t[s[4]], t[s[5]], t[s[6]], t[s[7]]
		d[8], d[9], d[10], d[11] = t[s[8]], t[s[9]], t[s[10]], t[s[11]]
		d[12], d[13], d[14], d[15] = t[s[12]], t[s[13]], t[s[14]], t[s[15]]
		dst, src = dst[lanes:], src[lanes:]
	}
}
