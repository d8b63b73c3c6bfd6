package rtp

import (
	"encoding/binary"
	"errors"
)

// Packet types. RFC 3550 §12.1.
const (
	rtcpSR   = 200
	rtcpRR   = 201
	rtcpSDES = 202
	rtcpBYE  = 203

	sdesCNAME = 1 // RFC 3550 §12.2
	maxCNAME  = 255
)

// Sizes in bytes, headers included.
const (
	rtcpHeader  = 4
	senderInfo  = 20 // after the header and the SSRC
	reportBlock = 24
	// maxReportSize holds what we send: SR with one block, SDES, BYE.
	maxReportSize = rtcpHeader + 4 + senderInfo + reportBlock + rtcpHeader + 4 + 2 + maxCNAME + 4 + rtcpHeader + 4
	// maxCompound bounds the packets read of one datagram.
	maxCompound = 32
)

var errRTCP = errors.New("rtp: malformed RTCP")

// senderReport is the part of an SR about its sender. RFC 3550 §6.4.1.
type senderReport struct {
	ntp     uint64
	ts      uint32
	packets uint32
	octets  uint32
}

// block is a report block. RFC 3550 §6.4.1.
type block struct {
	ssrc     uint32
	fraction uint8
	lost     int32 // 24 bits
	highest  uint32
	jitter   uint32
	lastSR   uint32 // middle 32 bits of an NTP timestamp
	delay    uint32 // since lastSR [1/65536 s]
}

// appendReport appends an SR, or with a nil sr an RR, with at most one block.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|V=2|P|    RC   |   PT=200/201  |             length            |
//	|                         SSRC of sender                        |
//	|      SR only: NTP (64), RTP timestamp, packets, octets        |
//	|                       SSRC of the source                      |
//	| fraction lost |       cumulative number of packets lost       |
//	|           extended highest sequence number received           |
//	|                      interarrival jitter                      |
//	|                         last SR (LSR)                         |
//	|                   delay since last SR (DLSR)                  |
func appendReport(dst []byte, ssrc uint32, sr *senderReport, rb *block) []byte {
	be := binary.BigEndian
	kind, size, n := byte(rtcpRR), rtcpHeader+4, byte(0)
	if sr != nil {
		kind, size = rtcpSR, size+senderInfo
	}
	if rb != nil {
		size, n = size+reportBlock, 1
	}
	dst = append(dst, rtpVersion<<6|n, kind)
	dst = be.AppendUint16(dst, uint16(size/4-1))
	dst = be.AppendUint32(dst, ssrc)
	if sr != nil {
		dst = be.AppendUint64(dst, sr.ntp)
		dst = be.AppendUint32(dst, sr.ts)
		dst = be.AppendUint32(dst, sr.packets)
		dst = be.AppendUint32(dst, sr.octets)
	}
	if rb != nil {
		dst = be.AppendUint32(dst, rb.ssrc)
		dst = be.AppendUint32(dst, uint32(rb.fraction)<<24|uint32(rb.lost)&0xffffff)
		dst = be.AppendUint32(dst, rb.highest)
		dst = be.AppendUint32(dst, rb.jitter)
		dst = be.AppendUint32(dst, rb.lastSR)
		dst = be.AppendUint32(dst, rb.delay)
	}
	return dst
}

// appendCNAME appends an SDES packet with one chunk. RFC 3550 §6.5.
func appendCNAME(dst []byte, ssrc uint32, cname string) []byte {
	start := len(dst)
	dst = append(dst, rtpVersion<<6|1, rtcpSDES, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, sdesCNAME, byte(len(cname)))
	dst = append(dst, cname...)
	dst = append(dst, 0) // end of the items, then up to a whole word
	for (len(dst)-start)%4 != 0 {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}

// appendBye appends a BYE packet. RFC 3550 §6.6.
func appendBye(dst []byte, ssrc uint32) []byte {
	dst = append(dst, rtpVersion<<6|1, rtcpBYE, 0, 1)
	return binary.BigEndian.AppendUint32(dst, ssrc)
}

// listener takes the parts of a compound packet that matter to us.
type listener interface {
	senderReport(ssrc uint32, sr senderReport)
	block(from uint32, rb block)
	goodbye(ssrc uint32)
}

// parseRTCP reads a compound packet. It first looks at the whole of it: of a
// malformed one nothing is reported. Deviation from RFC 3550 A.2: the first
// packet may be of any type.
func parseRTCP(b []byte, l listener) error {
	if err := checkRTCP(b); err != nil {
		return err
	}
	for len(b) > 0 {
		size := rtcpSize(b)
		parseOne(b[:size], l)
		b = b[size:]
	}
	return nil
}

func rtcpSize(b []byte) int { return 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1) }

// checkRTCP checks versions and lengths.
func checkRTCP(b []byte) error {
	if len(b) == 0 {
		return errRTCP
	}
	for range maxCompound {
		if len(b) < rtcpHeader || b[0]>>6 != rtpVersion || rtcpSize(b) > len(b) {
			return errRTCP
		}
		size := rtcpSize(b)
		count := int(b[0] & 0x1f)
		least := rtcpHeader
		switch b[1] {
		case rtcpSR:
			least += 4 + senderInfo + count*reportBlock
		case rtcpRR:
			least += 4 + count*reportBlock
		case rtcpBYE:
			least += 4 * count
		}
		if size < least {
			return errRTCP
		}
		if b = b[size:]; len(b) == 0 {
			return nil
		}
	}
	return errRTCP
}

// parseOne reads one packet that has been checked.
func parseOne(b []byte, l listener) {
	be := binary.BigEndian
	count := int(b[0] & 0x1f)
	kind, body := b[1], b[rtcpHeader:]
	switch kind {
	case rtcpBYE:
		for i := range count {
			l.goodbye(be.Uint32(body[4*i:]))
		}
		return
	case rtcpSR, rtcpRR:
	default:
		return
	}
	ssrc := be.Uint32(body)
	body = body[4:]
	if kind == rtcpSR {
		l.senderReport(ssrc, senderReport{
			ntp: be.Uint64(body), ts: be.Uint32(body[8:]), packets: be.Uint32(body[12:]), octets: be.Uint32(body[16:]),
		})
		body = body[senderInfo:]
	}
	for range count {
		l.block(ssrc, block{
			ssrc:     be.Uint32(body),
			fraction: body[4],
			lost:     int32(be.Uint32(body[4:])<<8) >> 8,
			highest:  be.Uint32(body[8:]),
			jitter:   be.Uint32(body[12:]),
			lastSR:   be.Uint32(body[16:]),
			delay:    be.Uint32(body[20:]),
		})
		body = body[reportBlock:]
	}
}
