package rtp

import (
	"encoding/binary"
)

const (
	// lead is how many datagrams there are between two stages of foresee.
	lead = 6
	// gatherRounds is how often one gather asks a port for more datagrams.
	gatherRounds = 64
	// freshFor is how long what has been read from a port counts as all there
	// is [ns].
	freshFor = 200_000
	// controlRounds is how often RTCP is looked for [gathers]: 80 ms.
	controlRounds = 16
	// maxWaiting is how many calls of which nothing has been heard are
	// searched for the one that a strange packet is for.
	maxWaiting = 256
	// scansPerGather bounds the searches among all calls of a port.
	scansPerGather = 1
	// staleAfter is the age of a datagram that no jitter buffer wants any more [ns].
	staleAfter = 150_000_000
	// parkedAfter is a time without gathers after which what has come meanwhile
	// is not believed [ns]: the calls it is for may have ended.
	parkedAfter = 2_000_000_000
)

// gather reads the ports: those of the worker, then those of others that have
// not been read a moment ago, so that packets need not wait for another worker
// to wake up. One worker at a time reads a port; nobody waits for it. ahead is that of
// the wall clock.
func (w *sharedWorker) gather(now, ahead int64) {
	for _, p := range *w.ports.Load() {
		if p.busy.CompareAndSwap(false, true) {
			p.gather(w.intake, now, ahead)
			p.busy.Store(false)
		}
	}
}

func (p *sharedPort) gather(in *intake, now, ahead int64) {
	asleep := p.last == 0 || now-p.last > parkedAfter
	if !asleep && now-p.last < freshFor {
		return
	}
	p.last = now
	p.rounds++
	p.obey(now)
	p.forget(now)
	p.scans = scansPerGather
	p.gatherRTP(in, now, ahead, asleep)
	if asleep || p.rounds%controlRounds == 0 {
		p.gatherRTCP(in, now, asleep)
	}
}

func (p *sharedPort) gatherRTP(in *intake, now, ahead int64, asleep bool) {
	for range gatherRounds {
		n, err := p.rtp.take(in)
		if err != nil {
			p.socketError(err)
		}
		for turn := -2 * lead; turn < 0; turn++ {
			p.foresee(in, n, turn)
		}
		for i := range n {
			p.foresee(in, n, i)
			switch at := in.at[i]; {
			case asleep, at != 0 && now+ahead-at > staleAfter && now+ahead-at < maxAge:
				p.stats.backlog.Add(1)
			default:
				p.deliver(in.data[i], in.from[i], in.home[i], at, now)
			}
		}
		if n < intakeLength {
			return
		}
	}
}

// foresee has fetched what deliver is going to need of the memory of calls, which
// nobody has touched for a frame (package internal/prefetch), in stages: the place
// in the table, the call it names. turn is that of the datagram delivered next of
// n; the stages begin as many before the first.
func (p *sharedPort) foresee(in *intake, n, turn int) {
	if k := turn + 2*lead; k < n {
		in.home[k] = p.table.home(in.from[k])
		p.table.prefetch(in.home[k])
	}
	if k := turn + lead; k >= 0 && k < n {
		if e := p.table.find(in.home[k], in.from[k]); e != nil {
			e.share.prefetchPush()
		}
	}
}

// deliver hands an RTP datagram to the call it is for; home is that of its source
// in the table.
func (p *sharedPort) deliver(b []byte, from address, home int, at, now int64) {
	if len(b) < headerSize || b[0]>>6 != rtpVersion || b[1] >= firstRTCP && b[1] <= lastRTCP {
		p.deliverOther(b, from, at)
		return
	}
	ssrc := binary.BigEndian.Uint32(b[8:])
	e := p.table.find(home, from)
	if e == nil {
		p.stranger(b, from, ssrc, at, now)
		return
	}
	s := e.share
	if e.contested {
		if s = p.judge(e, ssrc); s == nil {
			p.stats.strangers.Add(1)
			return
		}
	}
	d := &s.stream
	if d.dead {
		p.stats.late.Add(1)
		return
	}
	if d.ssrc != ssrc || !d.known || d.unheard && from == s.demux.expected {
		p.identify(s, ssrc)
	}
	d.last = now
	s.receive(b, from, at)
}

// deliverOther hands on what is no RTP, RTCP on one port with it perhaps, to the
// call whose address it comes from.
func (p *sharedPort) deliverOther(b []byte, from address, at int64) {
	e := p.table.get(from)
	if e == nil || e.contested || e.share.stream.dead || len(b) < headerSize {
		p.stats.malformed.Add(1)
		return
	}
	e.share.receive(b, from, at)
}

// receive puts a datagram into the call's inbox.
func (s *Share) receive(b []byte, from address, at int64) {
	if !s.in.push(b, from, at) {
		s.port.stats.backlog.Add(1)
	}
}

// identify notes what stream a call hears.
func (p *sharedPort) identify(s *Share, ssrc uint32) {
	d := &s.stream
	if d.keyed {
		p.table.remove(ssrcKey(d.ssrc))
		d.keyed = false
	}
	d.ssrc, d.known = ssrc, true
	if k := ssrcKey(ssrc); p.table.get(k) == nil {
		d.keyed = p.table.put(k, s) != nil
	}
	p.known(s)
	if !s.heard.Load() {
		s.heard.Store(true)
	}
}

// judge finds the call that a packet is for from an address that more than one
// claims: the one that hears its SSRC, else the only one that hears nothing
// yet, else the one that came first; nil if nobody can tell.
func (p *sharedPort) judge(e *entry, ssrc uint32) *Share {
	if x := p.table.get(ssrcKey(ssrc)); x != nil && x.share.demux.wants(true, e.key()) {
		return x.share
	}
	var only *Share
	for _, s := range p.waiting[:min(len(p.waiting), maxWaiting)] {
		if s.demux.wants(true, e.key()) {
			if only != nil {
				return nil
			}
			only = s
		}
	}
	if only != nil {
		return only
	}
	return e.share
}

// stranger handles a packet from an address that no call claims. It is for a
// call whose stream it continues after a silence, or one of which nothing has
// been heard yet; that call is believed to be there after as many packets in
// sequence as an endpoint wants to see (RFC 3550 §6.2.1).
func (p *sharedPort) stranger(b []byte, from address, ssrc uint32, at, now int64) {
	s := p.guess(from, ssrc, now)
	if s == nil {
		p.stats.strangers.Add(1)
		return
	}
	if s.stream.dead {
		p.stats.late.Add(1)
		return
	}
	source := from.addrPort()
	if s.demux.candidate.proven(source, ssrc, binary.BigEndian.Uint16(b[2:])) {
		s.demux.candidate = candidate{}
		p.take(s, from)
		p.identify(s, ssrc)
		s.stream.last = now
	}
	s.receive(b, from, at)
}

// guess finds the call that a packet of a stranger is for, nil if that cannot
// be told. A call that was announced elsewhere, and has not been heard there, need not
// have been silent.
func (p *sharedPort) guess(from address, ssrc uint32, now int64) *Share {
	if e := p.table.get(ssrcKey(ssrc)); e != nil {
		d := &e.share.stream
		if !d.dead && !d.unheard && now-d.last < relatchSilence {
			return nil
		}
		return e.share
	}
	host := from.host()
	if n := len(p.waiting); n > 0 && n <= maxWaiting {
		s, several := single(p.waiting, func(s *Share) bool { return s.demux.near(host) })
		switch {
		case several:
			return nil
		case s != nil:
			return s
		case n == 1:
			return p.waiting[0]
		}
	}
	if p.scans == 0 {
		return nil
	}
	// A far end that began anew, elsewhere at its host and with another SSRC.
	p.scans--
	s, several := single(p.shares, func(s *Share) bool {
		return s.stream.known && now-s.stream.last >= relatchSilence && s.demux.near(host)
	})
	if several {
		return nil
	}
	return s
}

// near tells whether the far end is likely to be at the host.
func (d *demux) near(host address) bool { return d.hosts[0] == host || d.hosts[1] == host }

// single finds the one call that fits; several if there is more than one.
func single(shares []*Share, fits func(*Share) bool) (only *Share, several bool) {
	for _, s := range shares {
		if fits(s) {
			if only != nil {
				return nil, true
			}
			only = s
		}
	}
	return only, false
}

func (p *sharedPort) gatherRTCP(in *intake, now int64, asleep bool) {
	for range gatherRounds {
		n, err := p.rtcp.take(in)
		if err != nil {
			p.socketError(err)
		}
		for i := range n {
			if !asleep {
				p.deliverRTCP(in.data[i], in.from[i], in.at[i])
			}
		}
		if n < intakeLength {
			return
		}
	}
}

// deliverRTCP hands an RTCP datagram to the call it is for, by its address or
// else by the SSRC of the stream it is about.
func (p *sharedPort) deliverRTCP(b []byte, from address, at int64) {
	if len(b) < rtcpHeader+4 || b[0]>>6 != rtpVersion {
		p.stats.malformed.Add(1)
		return
	}
	sender := p.table.get(ssrcKey(binary.BigEndian.Uint32(b[rtcpHeader:])))
	e := p.controls.get(from)
	var s *Share
	switch {
	case sender != nil && (e == nil || e.contested):
		s = sender.share
	case e != nil && !e.contested:
		s = e.share
	}
	switch {
	case s == nil:
		p.stats.strangers.Add(1)
	case s.stream.dead:
		p.stats.late.Add(1)
	case !s.control.push(b, from, at):
		p.stats.backlog.Add(1)
	}
}

func (p *sharedPort) socketError(err error) {
	p.stats.errors[socketErrorKind(err)].Add(1)
}
