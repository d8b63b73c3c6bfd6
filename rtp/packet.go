package rtp

import "encoding/binary"

// Bits of the first byte of an RTP header. RFC 3550 §5.1.
const (
	paddingBit   = 0x20
	extensionBit = 0x10
	csrcMask     = 0x0f
)

// packet is an RTP packet as it was received.
type packet struct {
	payload []byte // without padding
	ts      uint32
	ssrc    uint32
	seq     uint16
	marker  bool
}

// parse reads an RTP packet, of which the payload stays where it is. Header
// extensions (RFC 8285) and contributing sources are passed over; the payload
// type has been looked at before. RFC 3550 §5.1, §5.3.1.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|V=2|P|X|  CC   |M|     PT      |       sequence number         |
//	|                           timestamp                           |
//	|                             SSRC                              |
//	|                     CC times a CSRC                           |
//	|  if X: defined by profile     |     length in words           |
func parse(b []byte) (p packet, ok bool) {
	if len(b) < headerSize || b[0]>>6 != rtpVersion {
		return p, false
	}
	start, end := headerSize+4*int(b[0]&csrcMask), len(b)
	if b[0]&extensionBit != 0 {
		if start+4 > end {
			return p, false
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	if b[0]&paddingBit != 0 {
		end -= int(b[end-1])
	}
	if start > end {
		return p, false
	}
	return packet{
		payload: b[start:end],
		ts:      binary.BigEndian.Uint32(b[4:]),
		ssrc:    binary.BigEndian.Uint32(b[8:]),
		seq:     binary.BigEndian.Uint16(b[2:]),
		marker:  b[1]&markerBit != 0,
	}, true
}
