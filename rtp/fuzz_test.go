package rtp

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// FuzzPacket feeds an endpoint datagrams of any kind, from the far end and from
// elsewhere: each is one byte of length, one of time and source, and so
// many bytes. Whatever comes, each frame is filled, the books balance, and a
// proper stream is heard afterwards.
func FuzzPacket(f *testing.F) {
	s := newSim(f)
	record := func(change func(p *phone, i int) []byte) {
		p := s.phone()
		p.size = 160
		var input []byte
		for i := range 20 {
			b := change(p, i)
			b = b[:min(len(b), 255)]
			input = append(append(input, byte(len(b)), 5), b...)
		}
		f.Add(input)
	}
	plain := func(p *phone, _ int) []byte { return p.packet() }
	record(plain)
	record(func(p *phone, i int) []byte { p.seq += uint16(i * 700); return p.packet() })
	record(func(p *phone, i int) []byte { p.seq -= 2; return p.packet() })
	record(func(p *phone, i int) []byte { p.ts += uint32(i) * 1e8; return p.packet() })
	record(func(p *phone, i int) []byte { p.ssrc += uint32(i / 3); return p.packet() })
	record(func(p *phone, i int) []byte { p.size = 80 * (1 + i%3); return p.packet() })
	record(func(p *phone, i int) []byte { return p.raw(101, 5, byte(i), 1, 64) })
	record(func(p *phone, i int) []byte { return p.raw(13, byte(i)) })
	record(func(p *phone, i int) []byte { return p.raw(byte(i)) })
	record(func(p *phone, i int) []byte { b := p.packet(); b[0] = byte(i * 13); return b })
	record(func(p *phone, i int) []byte { b := p.packet(); b[0] |= 0x20; b[len(b)-1] = byte(i); return b })
	record(func(p *phone, i int) []byte {
		b := p.packet()
		b[0] |= 0x10
		b[12], b[13], b[15] = 0xbe, 0xde, byte(i)
		return b
	})
	f.Fuzz(func(t *testing.T, input []byte) {
		s := newSim(t)
		s.keep = false
		for frames := 0; len(input) >= 2 && frames < 400; {
			size, how := min(int(input[0]), len(input)-2), input[1]
			from := phoneAddr
			if how >= 0xf0 {
				from = otherAddr
			}
			s.rtp.arrive(input[2:2+size], from, s.now.Add(-time.Duration(how&3)*10*ms))
			for range how >> 2 & 7 { // 0 to 7 frames until the next
				s.tick()
				s.checkBooks()
				frames++
			}
			input = input[2+size:]
		}
		s.run(1500 * ms)
		p := s.phone()
		p.talk(2*time.Second, onTime)
		s.run(time.Second)
		s.checkBooks()
		before := s.stats()
		for i := range 45 {
			if !s.tick() {
				t.Fatalf("a proper stream is not heard, frame %d: %+v", i, s.stats())
			}
		}
		after := s.stats()
		if after.TotalConcealed() != before.TotalConcealed() {
			t.Errorf("a proper stream is concealed: %+v", after)
		}
	})
}

// checkBooks compares what the player knows about itself.
func (s *sim) checkBooks() {
	s.t.Helper()
	p := &s.e.receiver.player
	r := &p.ring
	count, samples := 0, 0
	for i := range r.slots {
		w := &r.slots[i]
		if !w.used {
			continue
		}
		count++
		samples += int(w.samples)
		if w.seq < r.head || w.seq > r.newest || w.seq >= r.head+int64(len(r.slots)) || r.at(w.seq) != w {
			s.t.Fatalf("slot %d holds %d; head %d, newest %d", i, w.seq, r.head, r.newest)
		}
	}
	if count != r.count || samples != r.samples {
		s.t.Fatalf("%d packets, %d samples; known %d, %d", count, samples, r.count, r.samples)
	}
	q := &p.queue
	if q.r > q.w || q.w > len(q.buf) || q.r < q.history || p.quiet > q.waiting() || q.waiting() > len(q.buf)/2 {
		s.t.Fatalf("queue: r %d, w %d of %d, quiet %d", q.r, q.w, len(q.buf), p.quiet)
	}
}

// FuzzRTCP feeds the parser and an endpoint RTCP of any kind. What
// another implementation reads the same way must have the same meaning.
func FuzzRTCP(f *testing.F) {
	sr := appendReport(nil, 42, &senderReport{ntp: 1 << 40, ts: 9, packets: 1, octets: 2}, &block{ssrc: 1, lost: -5, lastSR: 7})
	f.Add(sr)
	f.Add(appendBye(appendCNAME(sr, 42, "a@b"), 42))
	f.Add(appendReport(nil, 42, nil, nil))
	f.Add([]byte{0x81, rtcpRR, 0, 7, 0, 0})
	f.Add([]byte{0xa0, rtcpSR, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got parts
		err := parseRTCP(b, &got)
		packets, theirErr := rtcp.Unmarshal(b)
		if err == nil && theirErr == nil {
			compareRTCP(t, &got, packets)
		}
		s := newSim(t)
		s.rtcp.arrive(b, phoneAddr, s.now)
		s.run((pollFrames + 1) * frameTime)
		st := s.stats()
		if heard := st.RTCPReceived == 1; heard != (err == nil) && len(b) > 0 && len(b) <= datagramSize {
			t.Errorf("heard %v, parsed %v", heard, err)
		}
		if st.RTT < 0 || st.RTT > maxRTT {
			t.Errorf("round trip %v", st.RTT)
		}
	})
}

// compareRTCP compares the sender reports and blocks, unless a packet has more
// than one reading.
func compareRTCP(t *testing.T, got *parts, packets []rtcp.Packet) {
	var srs []senderReport
	var reports []rtcp.ReceptionReport
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			srs = append(srs, senderReport{p.NTPTime, p.RTPTime, p.PacketCount, p.OctetCount})
			reports = append(reports, p.Reports...)
		case *rtcp.ReceiverReport:
			reports = append(reports, p.Reports...)
		}
	}
	if len(srs) != len(got.srs) || len(reports) != len(got.blocks) {
		t.Fatalf("%d sender reports and %d blocks, want %d and %d", len(got.srs), len(got.blocks), len(srs), len(reports))
	}
	for i, want := range srs {
		if got.srs[i] != want {
			t.Errorf("sender report %+v, want %+v", got.srs[i], want)
		}
	}
	for i, r := range reports {
		want := block{
			ssrc: r.SSRC, fraction: r.FractionLost, lost: int32(r.TotalLost<<8) >> 8, highest: r.LastSequenceNumber,
			jitter: r.Jitter, lastSR: r.LastSenderReport, delay: r.Delay,
		}
		if got.blocks[i] != want {
			t.Errorf("block %+v, want %+v", got.blocks[i], want)
		}
	}
}
