package rtp

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	pionrtp "github.com/pion/rtp"

	"mediaserver/audio/g711"
)

// frameBytes is a payload whose bytes say which frame it is.
func frameBytes(frame int64) []byte { return bytes.Repeat([]byte{byte(frame)}, 160) }

// sent lists what was sent, timestamps relative to the first.
func (s *sim) sent() (packets []pionrtp.Packet) {
	s.t.Helper()
	for _, d := range s.rtp.out {
		var p pionrtp.Packet
		if err := p.Unmarshal(d.b); err != nil {
			s.t.Fatal(err)
		}
		packets = append(packets, p)
	}
	return packets
}

// describe is one packet per word: marker, frame of its first byte or event,
// timestamp and length in milliseconds.
func describe(packets []pionrtp.Packet) string {
	var b strings.Builder
	for i, p := range packets {
		if want := packets[0].SequenceNumber + uint16(i); p.SequenceNumber != want {
			fmt.Fprintf(&b, "SEQUENCE(%d)", p.SequenceNumber-packets[0].SequenceNumber)
		}
		if p.Marker {
			b.WriteByte('M')
		}
		if p.PayloadType == 101 {
			b.WriteByte('e')
		}
		fmt.Fprintf(&b, "%d@%d", p.Payload[0], int32(p.Timestamp-packets[0].Timestamp)/8)
		if p.PayloadType != 101 {
			fmt.Fprintf(&b, "+%d", len(p.Payload)/8)
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

func TestSendPacksFramesAsWanted(t *testing.T) {
	tests := []struct {
		name   string
		ptime  time.Duration
		frames []int64
		want   string
	}{
		{"20 ms", 0, []int64{0, 1, 2}, "M0@0+20 1@20+20 2@40+20"},
		{"10 ms", 10 * ms, []int64{0, 1}, "M0@0+10 0@10+10 1@20+10 1@30+10"},
		{"30 ms", 30 * ms, []int64{0, 1, 2, 3, 4, 5}, "M0@0+30 1@30+30 3@60+30 4@90+30"},
		{"40 ms", 40 * ms, []int64{0, 1, 2, 3}, "M0@0+40 2@40+40"},
		{"50 ms", 50 * ms, []int64{0, 1, 2, 3, 4}, "M0@0+50 2@50+50"},
		{"60 ms", 60 * ms, []int64{0, 1, 2, 3, 4, 5}, "M0@0+60 3@60+60"},
		{"skipped frames keep their time", 0, []int64{0, 1, 5, 6}, "M0@0+20 1@20+20 M5@100+20 6@120+20"},
		{"skipped frames end a packet", 40 * ms, []int64{0, 1, 2, 5, 6}, "M0@0+40 2@40+20 M5@100+40"},
		{"frame number that goes back", 0, []int64{100, 101, 3, 4}, "M100@0+20 101@20+20 M3@40+20 4@60+20"},
		{"frame number beyond 32 bits", 0, []int64{1 << 31, 1<<31 + 1}, "M0@0+20 1@20+20"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(t, func(c *EndpointConfig) { c.Params.Ptime = tt.ptime })
			for _, f := range tt.frames {
				s.e.Send(f, s.now, frameBytes(f))
			}
			if got := describe(s.sent()); got != tt.want {
				t.Errorf("sent %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSendHeader(t *testing.T) {
	s := newSim(t)
	s.e.Send(0, s.now, frameBytes(7))
	p := s.sent()[0]
	if p.Version != 2 || p.SSRC != s.e.SSRC() || p.PayloadType != 0 || len(p.CSRC) != 0 || p.Extension || p.Padding {
		t.Errorf("header %+v", p.Header)
	}
	if !bytes.Equal(p.Payload, frameBytes(7)) {
		t.Error("payload differs")
	}
}

func TestSendEventKeepsTheTimestampOfItsBeginning(t *testing.T) {
	s := newSim(t, func(c *EndpointConfig) { c.Params.Ptime = 40 * ms })
	s.e.Send(0, s.now, frameBytes(0)) // half a packet
	for i, f := range []int64{1, 2, 3, 9} {
		s.e.SendEvent(f, s.now, i == 0, uint32(i)*160, []byte{5, 10, 0, 160})
	}
	s.e.SendEvent(10, s.now, true, 0, []byte{6, 10, 0, 160})
	s.e.Send(11, s.now, frameBytes(11))
	s.e.Send(12, s.now, frameBytes(12))
	const want = "M0@0+20 Me5@20 e5@20 e5@20 e5@20 Me6@200 M11@220+40"
	if got := describe(s.sent()); got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}

func TestNothingIsSentAgainstTheDirection(t *testing.T) {
	s := newSim(t)
	update := func(f func(*Params)) {
		p := testParams(g711.PCMU())
		f(&p)
		if err := s.e.Update(p); err != nil {
			t.Fatal(err)
		}
	}
	step := func() {
		s.tick()
		s.e.Send(s.frame-1, s.now, frameBytes(s.frame-1))
	}
	step()
	update(func(p *Params) { p.Send = false })
	step()
	s.e.SendEvent(s.frame, s.now, true, 0, []byte{1, 2, 3, 4})
	update(func(p *Params) { p.HasEvent = false })
	step()
	s.e.SendEvent(s.frame, s.now, true, 0, []byte{1, 2, 3, 4})
	step()
	const want = "M0@0+20 M2@40+20 3@60+20"
	if got := describe(s.sent()); got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}

func TestNothingIsSentWithoutAnAddress(t *testing.T) {
	s := newSim(t, func(c *EndpointConfig) { c.Params.Remote = netip.AddrPort{} })
	s.e.Send(0, s.now, frameBytes(0))
	if len(s.rtp.out) != 0 {
		t.Fatal("sent somewhere")
	}
	p := s.phone()
	p.from = natAddr
	for range minSequential {
		p.send(0)
		s.tick()
	}
	s.e.Send(1, s.now, frameBytes(1))
	if len(s.rtp.out) != 1 || s.rtp.out[0].addr != natAddr {
		t.Errorf("sent %v", s.rtp.out)
	}
}

func TestUpdateTakesEffectAtTheFrameBoundary(t *testing.T) {
	s := newSim(t, func(c *EndpointConfig) { c.Params.Ptime = 60 * ms })
	s.tick()
	p := testParams(g711.PCMA())
	p.PayloadType = 8
	if err := s.e.Update(p); err != nil {
		t.Fatal(err)
	}
	if s.e.Codec() != g711.PCMU() {
		t.Error("new codec within the frame")
	}
	s.e.Send(0, s.now, frameBytes(0)) // of the old codec
	s.tick()
	if s.e.Codec() != g711.PCMA() {
		t.Error("old codec in the next frame")
	}
	s.e.Send(1, s.now, frameBytes(1))
	sent := s.sent()
	if len(sent) != 2 || sent[0].PayloadType != 0 || sent[1].PayloadType != 8 || sent[1].Payload[0] != 1 {
		t.Errorf("sent %v", sent)
	}
}

func TestSentPacketsAreHeardByAnotherEndpoint(t *testing.T) {
	for _, ptime := range []time.Duration{10 * ms, 20 * ms, 30 * ms, 40 * ms, 50 * ms, 60 * ms} {
		t.Run(ptime.String(), func(t *testing.T) {
			a := newSim(t, func(c *EndpointConfig) { c.Params.Ptime = ptime })
			b := newSim(t, counting)
			for i := range int64(500) {
				frame := frameBytes(i)
				for j := range frame {
					frame[j] = byte(i % 100)
				}
				a.e.Send(i, a.now, frame)
				for _, d := range a.rtp.out {
					b.rtp.arrive(d.b, phoneAddr, b.now.Add(7*ms))
				}
				a.rtp.out = nil
				a.now = a.now.Add(frameTime)
				b.tick()
			}
			b.wantNoConcealment()
			if st := b.stats(); st.Lost != 0 || st.Stretched != 0 {
				t.Errorf("lost %d, stretched %v", st.Lost, st.Stretched)
			}
		})
	}
}
