package generator

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"mediaserver/bench/tone"
	"mediaserver/internal/prefetch"
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

// wireSize is the size of the largest packet on its way.
const wireSize = headerSize + tone.Samples + srtp.Overhead

// stream is a participant at work. What every packet that comes needs begins it.
type stream struct {
	in reception
	Participant
	number int
	packet [headerSize + tone.Samples]byte // in the clear; what is sent stands in batch
	batch  *outbox
	place  int // in batch
}

// fetch has the processor fetch what a packet needs of the stream.
func (s *stream) fetch() { prefetch.Part(s, 0, unsafe.Offsetof(s.number)) }

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
	return s
}

// tag is what protection adds to a packet.
func (s *stream) tag() int {
	if s.SRTP == nil {
		return 0
	}
	return s.SRTP.Tag()
}

// plain reports whether each packet of the stream is the one before with
// another number and time.
func (s *stream) plain() bool { return s.SRTP == nil && s.Role != Prober }

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

// stamp gives a packet the number and time of a frame.
func stamp(packet []byte, frame uint32) {
	binary.BigEndian.PutUint16(packet[2:], uint16(frame))
	binary.BigEndian.PutUint32(packet[4:], frame*tone.Samples)
}

// next makes what is sent of a frame of a stream that is not plain; now is the
// wall clock [ns].
func (s *stream) next(wire []byte, frame uint32, now int64, l *lane) {
	stamp(s.packet[:], frame)
	if s.Role == Prober {
		if loud, first := bursting(s.number, frame); first {
			s.Probe.begun.Store(now)
			copy(s.packet[headerSize:], l.payload(s.Probe.bin))
		} else if !loud {
			copy(s.packet[headerSize:], l.silence[:])
		}
	}
	copy(wire, s.packet[:])
	if s.SRTP == nil {
		return
	}
	if _, err := s.SRTP.Protect(wire[:len(s.packet)]); err != nil {
		clear(wire) // it counts as lost
	}
}
