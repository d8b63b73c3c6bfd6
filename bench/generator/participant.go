package generator

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"mediaserver/bench/tone"
	"mediaserver/rtp/srtp"
)

// Role is what a participant sends.
type Role int

// The roles.
const (
	Listener Role = iota // silence
	Talker               // its tone, always
	Prober               // its tone in bursts
)

// Probe is the part of a Prober that those know who time its bursts.
type Probe struct {
	bin   int
	begun atomic.Int64 // when the first packet of the latest burst was sent [ns of the wall clock]
}

// NewProbe makes the probe for a tone, given as a bin of package tone.
func NewProbe(bin int) *Probe { return &Probe{bin: bin} }

// Participant is one far end.
type Participant struct {
	To     netip.AddrPort // where its packets go
	Role   Role
	Bin    int           // of a Talker: its tone
	Probe  *Probe        // of a Prober
	Hears  []int         // bins of the talkers that must be in each packet it gets
	Probes []*Probe      // whose bursts it times
	SRTP   *srtp.Session // what protects its packets; nil = in the clear
}

// stream is a participant at work.
type stream struct {
	Participant
	number int
	frame  uint32 // packets sent
	packet [headerSize + tone.Samples]byte
	sealed []byte // packet when it is protected
	batch  *outbox
	place  int // in batch
	in     reception
}

// newStream prepares the packets of participant n.
func newStream(n int, p Participant, g *Config) *stream {
	s := &stream{Participant: p, number: n, in: newReception(p)}
	s.packet[0] = 2 << 6 // version 2
	if g.Law == tone.ALaw {
		s.packet[1] = 8
	}
	binary.BigEndian.PutUint32(s.packet[8:], uint32(n+1)) // SSRC
	payload := tone.Silence(g.Law)
	if p.Role == Talker {
		payload = tone.Payload(g.Law, p.Bin, g.Amplitude)
	}
	copy(s.packet[headerSize:], payload[:])
	if p.SRTP != nil {
		s.sealed = make([]byte, len(s.packet)+p.SRTP.Tag())
	}
	return s
}

// wire is what is sent.
func (s *stream) wire() []byte {
	if s.SRTP != nil {
		return s.sealed
	}
	return s.packet[:]
}

// seal protects the packet, if that is wanted.
func (s *stream) seal() {
	if s.SRTP == nil {
		return
	}
	n := copy(s.sealed, s.packet[:])
	if _, err := s.SRTP.Protect(s.sealed[:n]); err != nil {
		clear(s.sealed) // it counts as lost
	}
}

// open takes the protection off a packet.
func (s *stream) open(b []byte) []byte {
	if s.SRTP == nil {
		return b
	}
	b, err := s.SRTP.Unprotect(b)
	if err != nil {
		return nil
	}
	return b
}

// next makes the packet of the next frame; now is the wall clock [ns].
func (s *stream) next(now int64, l *lane) {
	binary.BigEndian.PutUint16(s.packet[2:], uint16(s.frame))
	binary.BigEndian.PutUint32(s.packet[4:], s.frame*tone.Samples)
	if s.Role == Prober {
		if loud, first := bursting(s.number, s.frame); first {
			s.Probe.begun.Store(now)
			copy(s.packet[headerSize:], l.payload(s.Probe.bin))
		} else if !loud {
			copy(s.packet[headerSize:], l.silence[:])
		}
	}
	s.frame++
	s.seal()
}
