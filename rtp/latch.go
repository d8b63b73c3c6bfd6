package rtp

import "net/netip"

// relatchSilence is how long the source in use must have been silent before
// another one is believed [ns].
const relatchSilence = 1_000_000_000

// latch finds out where the far end really is: behind a NAT packets come from
// another address than the one signalled, and packets sent there arrive
// (symmetric RTP, RFC 4961).
type latch struct {
	// before is the source in use before the signalled address changed; it
	// stays audible until its successor is heard, and is believed again if
	// there is none within relatchSilence.
	before netip.AddrPort

	candidate candidate
	tried     int64 // when sending to an unproven far end began [ns]; 0: not yet

	rtcpSignalled netip.AddrPort
	rtcpSource    netip.AddrPort // valid when heard

	// With every packet, from here on.
	signalled netip.AddrPort // Params.Remote
	source    netip.AddrPort // believed, if bound
	key       address        // of source
	bound     bool
	mute      bool  // nothing is sent: the far end has not shown that it wants to hear anything
	unproven  bool  // Params.Unproven
	held      bool  // the socket is connected to source, if it can be
	roams     bool  // checks may come from anywhere: the socket is never connected
	strict    bool  // SourceStrict
	opened    int64 // when anybody could begin to prove to be the far end [ns]; 0: with the next frame
	since     int64 // when source was bound [ns]
	alone     int64 // since when the system lets nobody but source through [ns]; 0: it does
	last      int64 // when a packet of source came last [ns]
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

// latchWindow is how long a far end of which nothing has been heard is waited
// for at addresses that nobody announced [ns]. Then only the announced one is
// left, until the session changes, unless there is a key to tell.
const latchWindow = 60_000_000_000

// proven counts a packet for its source and tells whether it is proven now.
func (c *candidate) proven(from netip.AddrPort, ssrc uint32, seq uint16) bool {
	if from != c.from || ssrc != c.ssrc || seq != c.next {
		*c = candidate{from: from, ssrc: ssrc}
	}
	c.next = seq + 1
	c.proofs++
	return c.proofs >= minSequential
}

// begin notes when the wait for the far end begins.
func (l *latch) begin(now int64) {
	if l.opened == 0 {
		l.opened = now
	}
}

// trial is for how long an unproven far end is sent to, and for how long once more
// after each packet of its own [ns].
const trial = 1_000_000_000

// try mutes an unproven far end when its time is up, and lets it hear again when
// something comes from it.
func (l *latch) try(now int64) {
	if l.tried == 0 {
		l.tried = now
	}
	l.mute = now-l.tried >= trial && (!l.bound || now-l.last >= trial)
}

// update takes the addresses of new settings.
func (l *latch) update(s *settings) {
	l.strict = s.Source == SourceStrict
	if l.unproven = s.Unproven; !l.unproven {
		l.mute = false
	}
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
	if !l.bound {
		l.opened = 0
	}
}

// believes tells whether an address is the source in use.
func (l *latch) believes(from netip.AddrPort) bool { return l.bound && from == l.source }

// refuses tells whether hear will refuse, whatever is in the packet. The source
// in use is not asked about.
func (l *latch) refuses(from netip.AddrPort, now int64) bool {
	switch {
	case from == l.signalled:
		return false
	case l.bound:
		return l.strict || now-l.last < relatchSilence
	default:
		return l.strict && (from != l.before || now-l.last >= relatchSilence)
	}
}

// open tells whether a source that nobody announced may begin to prove that it is
// the far end. One that has been heard before can only have moved within its
// host, or has to know what a stranger cannot: the key, or the SSRC of the
// stream, which nobody sees who is not on its way. So nobody can take over the
// sound of a far end that pauses (RTP bleed).
func (l *latch) open(from netip.AddrPort, trusted bool, now int64) bool {
	switch {
	case trusted:
		return true
	case l.bound:
		return from.Addr() == l.source.Addr() || from.Addr() == l.signalled.Addr()
	default:
		return now-l.opened < latchWindow
	}
}

// verdict is what the latch says of a packet's source.
type verdict uint8

const (
	refused verdict = iota
	accepted
	changed // accepted, and the far end is elsewhere than before
)

// hear judges the source of a valid packet that came at time now [ns], another
// than the one in use; trusted: it is protected, or of the stream that has been
// heard.
func (l *latch) hear(from netip.AddrPort, p *packet, trusted bool, now int64) verdict {
	switch {
	case l.refuses(from, now):
		return refused
	case from == l.signalled:
		return l.bind(from, now)
	case !l.bound && from == l.before:
		if now-l.last < relatchSilence {
			return accepted // its successor may be on the way
		}
	case !l.open(from, trusted, now) || !l.candidate.proven(from, p.ssrc, p.seq):
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
	return l.bound && !l.roams && l.source == l.signalled && now-l.since > settleAfter && now-l.last < unsettleAfter
}

// hold connects the socket of a far end that has settled, and lets it go again
// when it is silent or announced elsewhere.
func (l *latch) hold(s *socket, now int64) {
	settled := l.settled(now)
	if settled == l.held {
		return
	}
	l.held, l.alone = settled, 0
	switch {
	case !settled:
		s.connect(netip.AddrPort{})
	case s.connect(l.source):
		l.alone = now
	}
}

// target is where RTP goes now. It may be unreachable.
func (l *latch) target() netip.AddrPort {
	switch {
	case l.mute:
		return netip.AddrPort{}
	case l.bound:
		return l.source
	}
	return l.signalled
}

// believesRTCP tells whether RTCP from that address is believed: from the host that
// RTP comes from, or from the signalled addresses.
func (l *latch) believesRTCP(from netip.AddrPort) bool {
	if from == l.rtcpSource {
		return true
	}
	host := from.Addr()
	if l.strict && host != l.signalled.Addr() && from != l.rtcpSignalled {
		return false
	}
	return l.bound && host == l.source.Addr() || !l.bound && host == l.signalled.Addr() || from == l.rtcpSignalled
}

// heardRTCP notes where RTCP comes from that was believed, authentic and well formed:
// ours goes there.
func (l *latch) heardRTCP(from netip.AddrPort) { l.rtcpSource = from }

// targetRTCP is where RTCP goes now. It may be unreachable.
func (l *latch) targetRTCP() netip.AddrPort {
	switch {
	case l.mute:
		return netip.AddrPort{}
	case l.rtcpSource.IsValid():
		return l.rtcpSource
	case l.bound && (!l.rtcpSignalled.IsValid() || l.source.Addr() != l.signalled.Addr()):
		return nextPort(l.source)
	case l.rtcpSignalled.IsValid():
		return l.rtcpSignalled
	}
	return nextPort(l.signalled)
}
