package rtp

import "net/netip"

// First bytes of what shares the ports with RTP and RTCP. RFC 7983 §7.
const (
	lastSTUN            = 3
	firstDTLS, lastDTLS = 20, 63
	asideFrames         = 2  // how often the RTCP socket is looked at where checks may come [frames]
	leastAside          = 13 // bytes of the header of a DTLS record, the shorter one
)

// setAside hands on what is no RTP.
func (e *Endpoint) setAside(b []byte, from netip.AddrPort, rtcp bool) {
	if e.aside == nil || !besideRTP(b) {
		e.counts.drop(DropMalformed)
		return
	}
	// The datagram is on the worker's stack, where it could not stay if it were
	// given to a function that is not known.
	e.aside(e.beside[:copy(e.beside[:], b)], from, rtcp)
}

// besideRTP tells whether a datagram may be STUN or DTLS.
func besideRTP(b []byte) bool {
	return len(b) >= leastAside && (b[0] <= lastSTUN || b[0] >= firstDTLS && b[0] <= lastDTLS)
}

// muxed takes RTCP that came by the way of RTP. RFC 5761 §4.
func (e *Endpoint) muxed(b []byte, from netip.AddrPort, at int64) {
	if !e.cur.Mux {
		e.counts.drop(DropRTCP)
		return
	}
	e.reporter.datagram(e, b, from, at)
}
