package audio

import "strconv"

// Encoding names what the bytes of a payload mean.
type Encoding uint8

// The encodings. The names are those of the RTP audio profile, RFC 3551 §4.5.
const (
	Linear Encoding = iota // 16-bit linear PCM, "L16"
	PCMU                   // G.711 µ-law
	PCMA                   // G.711 A-law
)

// String is the encoding name used in SDP (RFC 3551 table 4).
func (e Encoding) String() string {
	switch e {
	case Linear:
		return "L16"
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return "Encoding(" + strconv.Itoa(int(e)) + ")"
}

// Codec turns frames of linear PCM into payload and back. A codec without
// state (G.711) may be shared between streams and goroutines; the package of
// the codec says so.
type Codec interface {
	// Encoding names the payload.
	Encoding() Encoding
	// Rate is the number of samples per second on the linear side.
	Rate() int
	// Encode writes the payload of src into dst and returns the number of
	// bytes written. dst must have room; Encode never allocates.
	Encode(dst []byte, src []int16) int
	// Decode writes the samples of payload src into dst and returns how many
	// were written. dst must have room; Decode never allocates.
	Decode(dst []int16, src []byte) int
}
