package rtp

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"mediaserver/rtp/srtp"
)

const (
	// reportInterval is the mean time between two reports. RFC 3550 §6.2.
	reportInterval = 5 * time.Second
	// pollFrames is how often the RTCP socket is looked at: a report comes once in
	// some seconds and says when it came.
	pollFrames = 50
	// maxPoll bounds the datagrams read each time.
	maxPoll = 8
	// ntpEpoch is 1970 in seconds since 1900.
	ntpEpoch = 2208988800
	// maxRTT is the longest round trip that is believed.
	maxRTT = 30 * time.Second
)

// reporter is what an endpoint has for RTCP.
type reporter struct {
	// In every frame.
	phase int64
	next  int64     // when a report is due [ns], 0 = not yet set
	last  time.Time // the frame now

	rnd    *rand.Rand
	cname  string
	ssrc   uint32
	buf    []byte // memory for a report
	active uint32 // packets sent up to the last report
	quiet  int    // reports since anything was sent
	lastSR uint32 // of the far end, middle 32 bits of NTP
	source uint32 // the SSRC that it is of
	lastAt int64  // when that came [ns]; 0: never
	remote reportsFrom
}

func (r *reporter) init(rnd *rand.Rand, cname string, ssrc uint32) {
	r.rnd, r.ssrc = rnd, ssrc
	r.cname = cname[:min(len(cname), maxCNAME)]
	r.buf = make([]byte, 0, maxReportSize-maxCNAME+len(r.cname)+srtp.Overhead)
	r.phase = int64(ssrc % pollFrames)
}

// run reads RTCP once in a while and sends a report when that is due; ns is now, steady.
func (r *reporter) run(e *Endpoint, frame int64, now time.Time, ns int64) {
	r.last = now
	if e.rtcp == nil {
		return
	}
	if (frame+r.phase)%pollFrames == 0 || e.far.roams && frame%asideFrames == 0 {
		r.poll(e, now, ns)
	}
	if r.next == 0 {
		r.next = ns + r.interval()/2 // RFC 3550 §6.2: the first one sooner
	}
	if ns < r.next {
		return
	}
	r.next = ns + r.interval()
	r.send(e, false)
	if e.kernel != nil {
		e.counts.kernelDrops.Store(e.kernel.Dropped())
	}
}

// interval is the time to the next report [ns], between half and one and a half
// of the mean.
func (r *reporter) interval() int64 {
	return int64(reportInterval)/2 + r.rnd.Int64N(int64(reportInterval))
}

// poll reads what has come; now is clock, steady.
func (r *reporter) poll(e *Endpoint, clock time.Time, now int64) {
	var memory [datagramSize]byte
	for range maxPoll {
		n, from, at, err := r.receive(e, &memory)
		if err != nil {
			e.counts.socketError(err)
			if err == ErrSocket {
				return
			}
			continue
		}
		if n == 0 {
			return
		}
		if memory[0]>>6 != rtpVersion {
			e.setAside(memory[:n], from, true)
			continue
		}
		r.datagram(e, memory[:n], from, arrival(at, 0, clock, now))
	}
}

// datagram judges what came for RTCP and takes it in; at is in [ns].
func (r *reporter) datagram(e *Endpoint, b []byte, from netip.AddrPort, at int64) {
	if !e.far.believesRTCP(from) {
		e.counts.drop(DropSource)
		return
	}
	if s := e.cur.control; s != nil {
		var err error
		if b, err = s.UnprotectRTCP(b); err != nil {
			e.refuse(err)
			return
		}
	}
	r.remote = reportsFrom{e: e, at: at}
	if parseRTCP(b, &r.remote) != nil {
		e.counts.drop(DropMalformed)
		return
	}
	e.far.heardRTCP(from)
	e.counts.rtcpReceived.Add(1)
}

// receive reads one datagram; at is in [ns], 0 = unknown.
func (r *reporter) receive(e *Endpoint, memory *[datagramSize]byte) (n int, from netip.AddrPort, at int64, err error) {
	if p, ok := e.rtcp.(pairedSocket); ok {
		n, key, at, err := p.socket.receive(memory[:])
		return n, key.addrPort(), at, err
	}
	if e.share != nil {
		b, key, at := e.share.control.next()
		if b != nil {
			n, from = copy(memory[:], b), key.addrPort()
			e.share.control.done()
		}
		return n, from, at, nil
	}
	var t time.Time
	if n, from, t, err = e.rtcp.Drain(e.buf[:]); n > 0 {
		copy(memory[:], e.buf[:n])
	}
	return n, from, timeNanos(t), err
}

// send sends an SR or RR with SDES, and BYE if that is the last.
func (r *reporter) send(e *Endpoint, bye bool) {
	way, to := e.rtcp, e.far.targetRTCP()
	if e.cur.mux {
		way, to = e.rtp, e.far.target()
	}
	if !reachable(to) {
		return
	}
	t := &e.sender
	if t.packets == r.active {
		r.quiet++
	} else {
		r.active, r.quiet = t.packets, 0
	}
	var sr *senderReport
	var full senderReport
	if t.packets > 0 && r.quiet < 2 { // RFC 3550 §6.4: sent since the last report but one
		full = senderReport{ntp: ntp(steady(r.last)), ts: t.clock(r.last, e.cur.rate), packets: t.packets, octets: t.octets}
		sr = &full
	}
	var rb *block
	var about block
	if e.receiver.stats.heard {
		about = r.about(&e.receiver)
		rb = &about
	}
	b := appendReport(r.buf, r.ssrc, sr, rb)
	b = appendCNAME(b, r.ssrc, r.cname)
	if bye {
		b = appendBye(b, r.ssrc)
	}
	if s := e.cur.control; s != nil {
		var err error
		if b, err = s.ProtectRTCP(b); err != nil {
			return // the key is used up, RFC 3711 §9.2
		}
	}
	if err := way.Flush(b, to); err != nil {
		e.counts.socketError(err)
		return
	}
	e.counts.rtcpSent.Add(1)
}

// about is the report block on the far end's stream.
func (r *reporter) about(x *receiver) block {
	rb := block{ssrc: x.ssrc, highest: x.stats.highest(), jitter: x.stats.jitter >> 4}
	rb.lost, rb.fraction = x.stats.losses()
	if r.lastAt == 0 || r.source != x.ssrc {
		return rb
	}
	rb.lastSR = r.lastSR
	rb.delay = uint32(min(samplesSince(max(0, steady(r.last)-r.lastAt), 1<<16), 1<<32-1))
	return rb
}

// bye sends the last report, unless the far end has never been spoken to.
func (r *reporter) bye(e *Endpoint) {
	if e.rtcp != nil && (e.sender.packets > 0 || e.counts.rtcpSent.Load() > 0) {
		r.send(e, true)
	}
}

// reportsFrom takes what the far end reports.
type reportsFrom struct {
	e  *Endpoint
	at int64 // arrival [ns]
}

func (f *reportsFrom) senderReport(ssrc uint32, sr senderReport) {
	x := &f.e.receiver
	if !x.heard || ssrc == x.ssrc {
		r := &f.e.reporter
		r.lastSR, r.source, r.lastAt = uint32(sr.ntp>>16), ssrc, f.at
	}
}

// block takes a report on our stream. RFC 3550 §6.4.1: the round trip is the
// arrival minus LSR minus DLSR.
func (f *reportsFrom) block(_ uint32, rb block) {
	if rb.ssrc != f.e.reporter.ssrc {
		return
	}
	c := f.e.counts
	c.remoteLost.Store(int64(rb.lost))
	c.remoteFrac.Store(uint32(rb.fraction))
	setJitter(&c.remoteJitter, rb.jitter, f.e.cur.rate)
	if rb.lastSR == 0 {
		return
	}
	short := int32(uint32(ntp(f.at)>>16) - rb.lastSR - rb.delay)
	rtt := time.Duration(int64(max(0, short)) * int64(time.Second) >> 16)
	if rtt < maxRTT {
		c.rtt.Store(max(1, int64(rtt)))
	}
}

func (f *reportsFrom) goodbye(ssrc uint32) {
	x := &f.e.receiver
	if x.heard && ssrc == x.ssrc {
		f.e.counts.goodbye.Store(true)
	}
}

// ntp is a steady time in seconds since 1900, 32 bits before and after the point. It
// need not be that of other machines, but must not jump. RFC 3550 §4.
func ntp(ns int64) uint64 {
	seconds, rest := ns/1e9, ns%1e9
	return uint64(seconds+ntpEpoch)<<32 | uint64(rest)<<32/1e9
}
