package rtp

import (
	"net/netip"
	"time"
	"unsafe"

	"mediaserver/audio"
	"mediaserver/rtp/srtp"
)

const (
	// maxDrain bounds the datagrams read in one frame.
	maxDrain = 32
	// drainAllFrames is how often the socket is read until it is empty, though
	// enough waits already.
	drainAllFrames = 16
	// stale is the age of a datagram behind which there are probably more [ns].
	stale = int64(30 * time.Millisecond)
	// datagramSize is the longest datagram looked at; what is longer is cut.
	datagramSize = 1500
	// headerSize is the fixed part of an RTP header. RFC 3550 §5.1.
	headerSize = 12
	rtpVersion = 2
	// Packet types of RTCP (second byte), which no RTP packet on a port of its
	// own has. RFC 5761 §4.
	firstRTCP, lastRTCP = 192, 223
	// maxEarly is how much later than now a datagram may have come, while the
	// worker was at other calls of the frame [ns].
	maxEarly = int64(5 * time.Millisecond)
	// maxEvent is the longest payload handed to OnEvent; what is longer is cut.
	maxEvent = 64
	// maxAge is the largest age of a datagram that is believed [ns].
	maxAge = int64(5 * time.Second)
	// switchSilence is how long a stream must have been silent before another
	// SSRC from the same address takes its place at once [ns].
	switchSilence = int64(60 * time.Millisecond)
)

// receiver is what an endpoint has for incoming RTP.
type receiver struct {
	player player
	times  timeline
	stats  reception

	ssrc     uint32
	heard    bool // ssrc is valid
	rival    uint32
	rivalSet bool
	last     int64 // when a packet of ssrc came last [ns]
	empty    int64 // when the socket was last seen empty [ns]
	untimed  bool  // it has not been asked when the packet at hand arrived
}

func (r *receiver) init(j JitterConfig, s *current, c *counts, m *memory) {
	r.player.init(j, s, c, m)
	r.times.rate = s.rate
}

func (r *receiver) update(s *settings) { r.player.update(s) }

// Receive fills pcm with the next frame of received sound, made up where
// something is missing, and reports whether it holds sound; without, it is all
// zero. It reads what has come, RTCP too, and sends RTCP when that is due.
// pcm must have 20 ms of samples at the rate of the codecs. frame counts up by
// one from call to call.
func (e *Endpoint) Receive(frame int64, now time.Time, pcm []int16) (sound bool) {
	e.worker = -1
	e.adopt()
	ns := steady(now)
	e.far.begin(ns)
	if e.far.unproven {
		e.far.try(ns)
	}
	if e.socket != nil {
		e.far.hold(e.socket, ns)
	}
	missed := frame - e.frame - 1
	e.frame = frame
	e.receiver.player.near = bytesOf(pcm)
	e.drain(frame, now, ns, missed > 0)
	e.receiver.player.near = nil
	if missed > 0 {
		e.receiver.player.skipped(missed)
	}
	e.reporter.run(e, frame, now, ns)
	return e.receiver.player.frame(ns, pcm)
}

// bytesOf is the memory of samples.
func bytesOf(pcm []int16) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(pcm))), 2*len(pcm))
}

// drain reads one datagram, more only while too little waits or what is read has
// been waiting in the socket; but once in a while all, so that none grows old
// there where arrival times are unknown, and always after a stall. now is clock, steady.
func (e *Endpoint) drain(frame int64, clock time.Time, now int64, stalled bool) {
	if e.share != nil {
		e.drainShare(clock, now)
		return
	}
	r := &e.receiver
	turn := frame + int64(e.sender.ssrc)
	all := stalled || turn%drainAllFrames == 0
	if r.untimed = !all && turn%timedFrames != 0 && e.calm(now); r.untimed {
		r.player.tuner.blind = now
	}
	var memory [datagramSize]byte // on the stack, which is always in the cache
	for range maxDrain {
		n, from, at, err := e.receive(&memory)
		if err != nil {
			e.counts.socketError(err)
			if err == ErrSocket {
				return
			}
			continue
		}
		if n == 0 {
			r.empty = now
			return
		}
		came := arrival(at, r.empty, clock, now)
		e.datagram(memory[:n], from, came, now)
		if !all && now-came < stale && r.player.full() {
			return
		}
	}
}

// receive reads one datagram; at is in [ns], 0 = unknown.
func (e *Endpoint) receive(memory *[datagramSize]byte) (n int, from netip.AddrPort, at int64, err error) {
	if e.socket == nil {
		var t time.Time
		if n, from, t, err = e.rtp.Drain(e.buf[:]); n > 0 {
			copy(memory[:], e.buf[:n])
		}
		return n, from, timeNanos(t), err
	}
	if e.receiver.untimed {
		n, err = e.socket.read(memory[:])
		return n, e.far.source, 0, err
	}
	n, key, at, err := e.socket.receive(memory[:])
	if key == e.far.key {
		return n, e.far.source, at, err
	}
	if n > 0 {
		from = key.addrPort()
	}
	return n, from, at, err
}

// timeNanos is t in [ns], 0 for the zero time.
func timeNanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// drainShare takes what the worker of the shared port has put into the inbox.
func (e *Endpoint) drainShare(clock time.Time, now int64) {
	in := &e.share.in
	for range maxDrain {
		b, key, at := in.next()
		if b == nil {
			return
		}
		from := e.far.source
		if key != e.far.key {
			from = key.addrPort()
		}
		e.datagram(b, from, arrival(at, 0, clock, now), now)
		in.done()
	}
}

// arrival is when a datagram came, steady: the system's word where it can be true,
// that is between empty, when nothing waited, and now, which is clock, steady. at is by
// the wall clock, which may have been set since.
func arrival(at, empty int64, clock time.Time, now int64) int64 {
	if at == 0 {
		return now
	}
	return max(empty, now-maxAge, min(at-wallAhead(clock, now), now+maxEarly))
}

// datagram judges what came on the RTP port and takes it in.
func (e *Endpoint) datagram(b []byte, from netip.AddrPort, at, now int64) {
	c := e.counts
	if len(b) < headerSize || b[0]>>6 != rtpVersion {
		e.setAside(b, from, false)
		return
	}
	if b[1] >= firstRTCP && b[1] <= lastRTCP {
		e.muxed(b, from, at)
		return
	}
	k := e.cur.kindOf(b[1] & maxPayloadType)
	believed := e.far.believes(from)
	if k == kindUnknown && !believed {
		c.drop(DropPayloadType)
		return
	}
	if !believed && e.far.refuses(from, now) {
		c.drop(DropSource)
		return
	}
	if b = e.open(b); b == nil {
		return
	}
	p, ok := parse(b)
	if !ok {
		c.drop(DropMalformed)
		return
	}
	if len(p.payload) > slotBytes {
		c.drop(DropOversize)
		return
	}
	if believed {
		e.far.last = now
	} else if !e.latch(from, &p, now) {
		c.drop(DropSource)
		return
	}
	e.take(&p, k, at, now)
}

// latch judges a packet that does not come from the source in use. False: it is
// not believed.
func (e *Endpoint) latch(from netip.AddrPort, p *packet, now int64) bool {
	trusted := e.secure.On() || e.receiver.heard && p.ssrc == e.receiver.ssrc
	v := e.far.hear(from, p, trusted, now)
	if v == changed {
		e.counts.sourceChanges.Add(1)
	}
	return v != refused
}

// open takes the protection off a packet; nil: it is thrown away. Without keys
// the packet is what it is.
func (e *Endpoint) open(b []byte) []byte {
	if !e.secure.On() {
		return b
	}
	plain, err := e.secure.Unprotect(b)
	e.refuse(err)
	return plain
}

// refuse counts a packet that could not be unprotected.
func (e *Endpoint) refuse(err error) {
	switch err {
	case nil:
	case srtp.ErrReplayed:
		e.counts.drop(DropDuplicate)
	default:
		e.counts.drop(DropForged)
	}
}

// take takes a packet of the far end.
func (e *Endpoint) take(p *packet, k kind, at, now int64) {
	r, c := &e.receiver, e.counts
	if !r.belongs(p.ssrc, at, c) {
		c.drop(DropSSRC)
		return
	}
	c.received.Add(1)
	c.receivedBytes.Add(uint64(len(p.payload)))
	c.lastReceived.Store(now)
	seq, pos := r.player.ring.locate(p.seq)
	switch pos {
	case posWild:
		c.drop(DropSequence)
		return
	case posAnew:
		if r.times.repeats(p.ts, seq, at, r.player.tuner.size) {
			pos = r.player.ring.passed(seq)
			break
		}
		seq, pos = r.player.ring.renew(p.seq), posRestart
		r.restart()
	case posRestart:
		r.restart()
	}
	r.stats.receive(p.seq)
	s := slot{seq: seq, kind: k}
	e.classify(&s, p.payload)
	if s.kind >= kindNoise && s.kind != kindMark && pos != posDuplicate {
		s.ts = r.extend(p.ts, seq, at, int(s.samples))
		if !r.untimed {
			r.stats.observe(p.ts, at, e.cur.rate, c)
		}
	}
	if k == kindEvent && pos != posDuplicate && e.onEvent != nil && e.cur.receive {
		n := copy(e.event[:], p.payload)
		e.onEvent(p.ts, p.marker, e.event[:n], steadyTime(now))
	}
	switch pos {
	case posDuplicate:
		c.drop(DropDuplicate)
	case posLate:
		c.drop(DropLate)
	default:
		if !r.player.direct(s, p.payload) {
			r.player.ring.put(s, p.payload)
		}
	}
}

// classify settles what the payload of a packet means to the player.
func (e *Endpoint) classify(s *slot, payload []byte) {
	switch {
	case s.kind == kindUnknown:
		e.counts.drop(DropPayloadType)
		s.kind = kindMark
	case s.kind >= kindAudio && len(payload) == 0: // keep-alive, RFC 6263 §4.1
		s.kind = kindMark
	case s.kind >= kindAudio && !e.cur.receive:
		e.counts.drop(DropDirection)
		s.kind = kindMark
	case s.kind >= kindAudio:
		s.samples = int32(soundIn(e.cur.codec(s.kind), len(payload)))
	}
}

// soundIn is the number of samples in a payload of size bytes.
func soundIn(c audio.Codec, size int) int {
	if c.Encoding() == audio.Linear {
		return size / 2
	}
	return size
}

// belongs tells whether a packet is of the stream we listen to. Another SSRC
// takes its place at once if the stream has paused, else with its second packet
// in a row.
func (r *receiver) belongs(ssrc uint32, at int64, c *counts) bool {
	switch {
	case !r.heard:
		r.ssrc, r.heard = ssrc, true
	case ssrc == r.ssrc:
		r.rivalSet = false
	case at-r.last > switchSilence || r.rivalSet && ssrc == r.rival:
		r.ssrc = ssrc
		r.rivalSet = false
		r.player.ring.started = false
		c.ssrcChanges.Add(1)
	default:
		r.rival, r.rivalSet = ssrc, true
		return false
	}
	r.last = at
	return true
}

// restart begins a new sequence.
func (r *receiver) restart() {
	r.times.set = false
	r.stats = reception{}
	r.player.restart()
}

// extend makes the timestamp of a packet and measures its delay, if it is known
// when it came.
func (r *receiver) extend(ts uint32, seq, at int64, samples int) int64 {
	ext, jumped := r.times.extend(ts, seq, at, samples)
	if jumped {
		r.player.counts.resyncs.Add(1)
	}
	if !r.untimed {
		r.player.delay.observe(at, ext)
	}
	return ext
}
