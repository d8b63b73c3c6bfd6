package rtp

import "net/netip"

// relatchSilence is how long the source in use must have been silent before
// another one is believed [ns].
const relatchSilence = 1_000_000_000

// latch finds out where the far end really is: behind a NAT packets come from
// another address than the one signalled, and packets sent there arrive
// (symmetric RTP, RFC 4961).
type latch struct {
	signalled netip.AddrPort // Params.Remote
	source    netip.AddrPort // believed, if bound
	key       address        // of source
	bound     bool
	held      bool  // the socket is connected to source
	since     int64 // when source was bound [ns]
	last      int64 // when a packet of source came last [ns]
	// before is the source in use before the signalled address changed; it
	// stays audible until its successor is heard, and is believed again if
	// there is none within relatchSilence.
	before netip.AddrPort

	candidate candidate

	rtcpSignalled netip.AddrPort
	rtcpSource    netip.AddrPort // valid when heard
}

// candidate is a source that nobody announced and that has to prove itself by
// packets in sequence (RFC 3550 §6.2.1, A.1), so that a stray packet does not
// take the audio away from a far end that sends nothing.
type candidate struct {
	from   netip.AddrPort
	ssrc   uint32
	next   uint16 // expected sequence number
	proofs int
}

// minSequential is how many packets in sequence prove a source.
const minSequential = 3

// proven counts a packet for its source and tells whether it is proven now.
func (c *candidate) proven(from netip.AddrPort, ssrc uint32, seq uint16) bool {
	if from != c.from || ssrc != c.ssrc || seq != c.next {
		*c = candidate{from: from, ssrc: ssrc}
	}
	c.next = seq + 1
	c.proofs++
	return c.proofs >= minSequential
}

// update takes the addresses of new settings.
func (l *latch) update(s *settings) {
	if s.Remote != l.signalled {
		if l.bound && s.Remote != l.source {
			l.before = l.source
			l.bound = false
		}
		l.signalled = s.Remote
		l.rtcpSource = netip.AddrPort{}
	}
	if s.RemoteRTCP != l.rtcpSignalled {
		l.rtcpSignalled = s.RemoteRTCP
		l.rtcpSource = netip.AddrPort{}
	}
}

// refuses tells whether hear will refuse.
func (l *latch) refuses(from netip.AddrPort, now int64) bool {
	return l.bound && from != l.source && from != l.signalled && now-l.last < relatchSilence
}

// verdict is what the latch says of a packet's source.
type verdict uint8

const (
	refused verdict = iota
	accepted
	changed // accepted, and the far end is elsewhere than before
)

// hear judges the source of a valid packet that came at time now [ns].
func (l *latch) hear(from netip.AddrPort, ssrc uint32, seq uint16, now int64) verdict {
	switch {
	case l.bound && from == l.source:
		l.last = now
		return accepted
	case l.refuses(from, now):
		return refused
	case from == l.signalled:
		return l.bind(from, now)
	case !l.bound && from == l.before:
		if now-l.last < relatchSilence {
			return accepted // its successor may be on the way
		}
	case !l.candidate.proven(from, ssrc, seq):
		return refused
	}
	return l.bind(from, now)
}

func (l *latch) bind(from netip.AddrPort, now int64) verdict {
	moved := l.source.IsValid() && from != l.source
	if from != l.source || !l.bound {
		l.source, l.key, l.since = from, keyOf(from), now
	}
	l.bound, l.last = true, now
	l.before = netip.AddrPort{}
	if moved {
		l.rtcpSource = netip.AddrPort{}
		return changed
	}
	return accepted
}

const (
	// settleAfter is how long a far end must have been where it was announced
	// before its socket hears nobody else [ns].
	settleAfter = 1_000_000_000
	// unsettleAfter is how long it must have been silent for the socket to hear
	// everybody again, in good time before another source is believed [ns].
	unsettleAfter = 300_000_000
)

// settled tells whether the far end is where it was announced, and nobody else
// would be believed.
func (l *latch) settled(now int64) bool {
	return l.bound && l.source == l.signalled && now-l.since > settleAfter && now-l.last < unsettleAfter
}

// hold connects the socket of a far end that has settled, and lets it go again
// when it is silent or announced elsewhere.
func (l *latch) hold(s *socket, now int64) {
	settled := l.settled(now)
	if settled == l.held {
		return
	}
	l.held = settled
	if settled {
		s.connect(l.source)
	} else {
		s.connect(netip.AddrPort{})
	}
}

// target is where RTP goes now. It may be unreachable.
func (l *latch) target() netip.AddrPort {
	if l.bound {
		return l.source
	}
	return l.signalled
}

// hearRTCP tells whether RTCP from that address is believed: from the host that
// RTP comes from, or from the signalled addresses.
func (l *latch) hearRTCP(from netip.AddrPort) bool {
	if from == l.rtcpSource {
		return true
	}
	host := from.Addr()
	if l.bound && host == l.source.Addr() ||
		!l.bound && host == l.signalled.Addr() ||
		from == l.rtcpSignalled {
		l.rtcpSource = from
		return true
	}
	return false
}

// targetRTCP is where RTCP goes now. It may be unreachable.
func (l *latch) targetRTCP() netip.AddrPort {
	switch {
	case l.rtcpSource.IsValid():
		return l.rtcpSource
	case l.bound && (!l.rtcpSignalled.IsValid() || l.source.Addr() != l.signalled.Addr()):
		return nextPort(l.source)
	case l.rtcpSignalled.IsValid():
		return l.rtcpSignalled
	}
	return nextPort(l.signalled)
}
