package rtp

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"mediaserver/rtp/srtp"
)

const (
	// maxPacket is the longest payload we send.
	maxPacket = 1400
	// smallPacket holds the packets of nearly all calls: 20 ms of any codec at
	// 64 kbit/s and more.
	smallPacket = headerSize + 320
	markerBit   = 0x80
	// firstSeqs are the bits of the first sequence number.
	firstSeqs = 1<<15 - 1
)

// sender is what an endpoint has for outgoing RTP.
type sender struct {
	buf    *[maxPacket]byte                              // payload that waits, for packets of other times than a frame
	packet *[headerSize + maxPacket + srtp.Overhead]byte // for an IO that needs the packet in memory of ours; made when needed
	ssrc   uint32
	seq    uint16
	base   uint32 // timestamp of frame 0

	fill  int    // bytes of payload waiting in buf
	ts    uint32 // timestamp of the first of them
	next  int64  // frame that would go on without a gap; audio only
	top   int64  // frame after the last one sent
	begun bool   // top is valid
	gap   bool   // what is sent next does not go on where the last stopped
	mark  bool   // the next packet begins a stretch of sound
	event uint32 // timestamp of the event being sent

	packets, octets uint32 // RFC 3550 §6.4.1
	sentTS          uint32 // timestamp of the frame of sentAt
	sentAt          time.Time
}

func (t *sender) init(rnd *rand.Rand) {
	t.ssrc, t.seq, t.base = rnd.Uint32(), uint16(rnd.Uint32()), rnd.Uint32()
	t.seq &= firstSeqs // RFC 3711 §3.3.1: else a lost first packet could hide a rollover
	t.gap = true
}

// Send sends one frame of payload, made by the codec in effect (see Codec) out
// of 20 ms. It is packed anew if the far end wants other packet times: shorter
// ones leave together, longer ones when they are full. The timestamp follows
// the frame number, so frames left out keep their time; the packet after
// such a gap has the marker bit. Nothing is sent, and a gap begins, if payload
// is empty or the direction forbids it.
func (e *Endpoint) Send(frame int64, now time.Time, payload []byte) {
	e.adoptLate(frame)
	t, s := &e.sender, &e.cur
	to := e.far.target()
	if !s.send || len(payload) == 0 || !reachable(to) {
		t.pause(e)
		return
	}
	if frame != t.next || t.gap {
		t.flush(e, to)
		t.gap, t.mark = false, true
	}
	ts := t.at(frame, s)
	t.next = frame + 1
	t.sentTS, t.sentAt = ts, now
	size := min(len(payload)*s.perPacket/s.frame, maxPacket)
	if t.fill == 0 && size == len(payload) {
		marker := t.mark
		t.mark = false
		t.emit(e, to, s.format, marker, ts, payload)
		return
	}
	if t.buf == nil {
		t.buf = new([maxPacket]byte) // once in the life of an endpoint, if at all
	}
	if t.fill == 0 {
		t.ts = ts
	}
	for len(payload) > 0 {
		n := copy(t.buf[t.fill:size], payload)
		t.fill += n
		payload = payload[n:]
		if t.fill >= size {
			t.flush(e, to)
			t.ts += uint32(s.perPacket)
		}
	}
}

// at is the timestamp of a frame. A frame number that goes back (the call has
// moved to another clock) continues the timestamps where they were.
func (t *sender) at(frame int64, s *current) uint32 {
	if t.begun && frame < t.top {
		t.base += uint32((t.top - frame) * int64(s.frame))
	}
	t.top, t.begun = frame+1, true
	return t.base + uint32(frame)*uint32(s.frame)
}

// pause begins a gap.
func (t *sender) pause(e *Endpoint) {
	if t.fill > 0 {
		t.flush(e, e.far.target())
	}
	t.gap = true
}

// flush sends what waits, a full packet or less.
func (t *sender) flush(e *Endpoint, to netip.AddrPort) {
	if t.fill == 0 {
		return
	}
	n := t.fill
	t.fill = 0
	marker := t.mark
	t.mark = false
	if e.cur.send {
		t.emit(e, to, e.cur.format, marker, t.ts, t.buf[:n])
	}
}

// emit makes a packet and sends it.
func (t *sender) emit(e *Endpoint, to netip.AddrPort, pt uint8, marker bool, ts uint32, payload []byte) {
	if !reachable(to) {
		return
	}
	if marker {
		pt |= markerBit
	}
	err := t.post(e, to, uint32(rtpVersion<<6)<<24|uint32(pt)<<16|uint32(t.seq), ts, payload)
	t.seq++
	t.packets++
	t.octets += uint32(len(payload))
	if err != nil {
		e.counts.socketError(err)
		return
	}
	e.counts.sent.Add(1)
	e.counts.sentBytes.Add(uint64(len(payload)))
}

// post puts a packet together where it is cheapest, in the batch of the worker
// or on its stack, and sends it. head is the first word of the header.
func (t *sender) post(e *Endpoint, to netip.AddrPort, head, ts uint32, payload []byte) error {
	if e.secure.On() {
		return t.postSecure(e, e.secure, to, head, ts, payload)
	}
	n := headerSize + len(payload)
	switch {
	case e.port != nil && e.worker >= 0:
		if b := e.port.reserve(e.worker, n, to, e.counts); b != nil {
			t.write(b, head, ts, payload)
			return nil
		}
	case e.socket != nil && n <= smallPacket:
		var memory [smallPacket]byte
		t.write(memory[:n], head, ts, payload)
		return e.socket.Flush(memory[:n], to)
	}
	b := t.memory()[:n]
	t.write(b, head, ts, payload)
	return e.rtp.Flush(b, to)
}

// postSecure is post with protection.
func (t *sender) postSecure(e *Endpoint, s srtp.Near, to netip.AddrPort, head, ts uint32, payload []byte) error {
	n := headerSize + len(payload)
	if e.port != nil && e.worker >= 0 {
		if b := e.port.reserve(e.worker, n+s.Tag(), to, e.counts); b != nil {
			t.write(b[:n], head, ts, payload)
			if _, err := s.Protect(b[:n]); err != nil {
				clear(b) // it is in the batch: nothing of it may be heard
				return ErrSocket
			}
			return nil
		}
	}
	if e.socket != nil && n <= smallPacket {
		var memory [smallPacket + srtp.Overhead]byte
		t.write(memory[:n], head, ts, payload)
		b, err := s.Protect(memory[:n])
		if err != nil {
			return ErrSocket
		}
		return e.socket.Flush(memory[:len(b)], to)
	}
	t.write(t.memory()[:n], head, ts, payload)
	b, err := s.Protect(t.packet[:n])
	if err != nil {
		return ErrSocket // the key is used up, RFC 3711 §9.2
	}
	return e.rtp.Flush(b, to)
}

// memory is where a packet is put together, made once if it is needed at all.
func (t *sender) memory() *[headerSize + maxPacket + srtp.Overhead]byte {
	if t.packet == nil {
		t.packet = new([headerSize + maxPacket + srtp.Overhead]byte)
	}
	return t.packet
}

// write makes a packet. RFC 3550 §5.1.
func (t *sender) write(b []byte, head, ts uint32, payload []byte) {
	_ = b[headerSize-1]
	binary.BigEndian.PutUint32(b, head)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], t.ssrc)
	copy(b[headerSize:], payload)
}

// SendEvent sends one telephone-event packet (RFC 4733) in place of the frame's
// audio. Its timestamp is that of the event's beginning: of the packet with the
// marker bit, minus back timestamp units; packets without marker keep it, also
// when frames are skipped. Nothing is sent if no event payload type was
// negotiated or the direction forbids it.
func (e *Endpoint) SendEvent(frame int64, now time.Time, marker bool, back uint32, payload []byte) {
	e.adoptLate(frame)
	t, s := &e.sender, &e.cur
	to := e.far.target()
	if !s.send || !s.HasEvent || !reachable(to) || len(payload) == 0 || len(payload) > maxPacket {
		return
	}
	t.pause(e)
	ts := t.at(frame, s)
	t.sentTS, t.sentAt = ts, now
	if marker {
		t.event = ts - back
	}
	t.emit(e, to, s.EventPT, marker, t.event, payload)
}

// adoptLate puts new settings into effect if nothing was received in this
// frame; otherwise they wait for the next.
func (e *Endpoint) adoptLate(frame int64) {
	if frame != e.frame {
		e.frame = frame
		e.adopt()
	}
}

// update sends what waits while the old settings are still in effect.
func (t *sender) update(e *Endpoint, s *settings) {
	if s.sends != e.cur.sends || s.format != e.cur.format || s.perPacket != e.cur.perPacket || s.send != e.cur.send {
		t.flush(e, e.far.target())
	}
}

// clock is the RTP timestamp of the time now. RFC 3550 §6.4.1.
func (t *sender) clock(now time.Time, rate int) uint32 {
	return t.sentTS + uint32(samplesSince(int64(now.Sub(t.sentAt)), rate))
}
