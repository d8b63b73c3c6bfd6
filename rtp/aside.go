package rtp

import "net/netip"

// First bytes of what shares the ports with RTP and RTCP. RFC 7983 §7.
const (
	lastSTUN            = 3
	firstDTLS, lastDTLS = 20, 63
	asideFrames         = 2  // how often the RTCP socket is looked at where checks may come [frames]
	leastAside          = 13 // bytes of the header of a DTLS record, the shorter one
)

// Aside takes what shares the ports of an endpoint with RTP and RTCP.
type Aside interface {
	// Take is called within Receive for a datagram that may be STUN (first byte 0 to
	// 3) or DTLS (20 to 63), RFC 7983, valid during the call only; rtcp tells
	// whether it came for RTCP. From whom it is has not been looked at. It must not
	// wait.
	Take(datagram []byte, from netip.AddrPort, rtcp bool)
	// Close is called by Endpoint.Close before the IOs are closed: nothing may be
	// sent by them afterwards. Take is not called any more.
	Close() error
}

// setAside hands on what is no RTP.
func (e *Endpoint) setAside(b []byte, from netip.AddrPort, rtcp bool) {
	if e.aside == nil || !besideRTP(b) {
		e.counts.drop(DropMalformed)
		return
	}
	// The datagram is on the worker's stack, where it could not stay if it were
	// given to a function that is not known here.
	e.aside.Take(e.beside[:copy(e.beside[:], b)], from, rtcp)
}

// besideRTP tells whether a datagram may be STUN or DTLS.
func besideRTP(b []byte) bool {
	return len(b) >= leastAside && (b[0] <= lastSTUN || b[0] >= firstDTLS && b[0] <= lastDTLS)
}

// muxed takes RTCP that came by the way of RTP. RFC 5761 §4.
func (e *Endpoint) muxed(b []byte, from netip.AddrPort, at int64) {
	if !e.cur.mux {
		e.counts.drop(DropRTCP)
		return
	}
	e.reporter.datagram(e, b, from, at)
}
