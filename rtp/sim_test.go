package rtp

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

var (
	phoneAddr = netip.MustParseAddrPort("192.0.2.10:4000")
	otherAddr = netip.MustParseAddrPort("192.0.2.66:4000")
	natAddr   = netip.MustParseAddrPort("198.51.100.7:61234")
)

// simStart is where virtual time begins.
var simStart = time.Unix(1_800_000_000, 0)

// datagram is one on the virtual wire.
type datagram struct {
	b    []byte
	addr netip.AddrPort
	at   time.Time
}

// memIO is an IO in virtual time: a datagram is there from its arrival on.
type memIO struct {
	now  *time.Time
	in   []datagram // sorted by arrival
	out  []datagram
	errs []error       // returned by the next calls of Drain
	ack  error         // returned by Flush
	hide bool          // arrival times are unknown
	skew time.Duration // of arrival times
	// blind tells that nobody has asked when the next datagram came; nil: always
	// asked.
	blind func() bool
	// reads counts the calls of Drain.
	reads  int
	closed int
	// forget keeps out at its last element only, for benchmarks.
	forget bool
}

func (m *memIO) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	m.reads++
	if len(m.errs) > 0 {
		err := m.errs[0]
		m.errs = m.errs[1:]
		return 0, netip.AddrPort{}, time.Time{}, err
	}
	for len(m.in) > 0 && len(m.in[0].b) == 0 {
		m.in = m.in[1:]
	}
	if len(m.in) == 0 || m.in[0].at.After(*m.now) {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	d := m.in[0]
	m.in = m.in[1:]
	if m.hide || m.blind != nil && m.blind() {
		d.at = time.Time{}
	}
	if !d.at.IsZero() {
		d.at = d.at.Add(m.skew)
	}
	return copy(buf, d.b), d.addr, d.at, nil
}

func (m *memIO) Flush(b []byte, to netip.AddrPort) error {
	if m.ack != nil {
		return m.ack
	}
	if m.forget {
		return nil
	}
	m.out = append(m.out, datagram{append([]byte(nil), b...), to, *m.now})
	return nil
}

func (m *memIO) Close() error {
	m.closed++
	return nil
}

// arrive puts a datagram on the wire, in order of arrival.
func (m *memIO) arrive(b []byte, from netip.AddrPort, at time.Time) {
	i := sort.Search(len(m.in), func(i int) bool { return m.in[i].at.After(at) })
	m.in = append(m.in, datagram{})
	copy(m.in[i+1:], m.in[i:])
	m.in[i] = datagram{b, from, at}
}

// countCodec plays the number of a packet as its sample value, so that a test
// sees which packet is heard.
type countCodec struct{ audio.Codec }

func (countCodec) Decode(dst []int16, src []byte) int {
	v := int16(binary.BigEndian.Uint16(src))
	for i := range src {
		dst[i] = v
	}
	return len(src)
}

// sim is an endpoint with a far end in virtual time.
type sim struct {
	t     testing.TB
	e     *Endpoint
	rtp   *memIO
	rtcp  *memIO
	now   time.Time
	frame int64
	pcm   []int16
	heard [][]int16 // if keep
	sound []bool
	keep  bool
}

func testParams(codec audio.Codec) Params {
	return Params{
		Remote: phoneAddr, Codec: codec, PayloadType: 0,
		Accept:  []PayloadCodec{{8, g711.PCMA()}},
		EventPT: 101, HasEvent: true, Send: true, Receive: true,
	}
}

func newSim(t testing.TB, change ...func(*EndpointConfig)) *sim {
	t.Helper()
	s := &sim{t: t, now: simStart, pcm: make([]int16, 160), keep: true}
	s.rtp, s.rtcp = &memIO{now: &s.now}, &memIO{now: &s.now}
	cfg := EndpointConfig{RTP: s.rtp, RTCP: s.rtcp, Params: testParams(g711.PCMU()), CNAME: "test", Seed: 1}
	for _, f := range change {
		f(&cfg)
	}
	e, err := NewEndpoint(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.e = e
	if strings.HasPrefix(t.Name(), "TestSettled/") {
		s.settle()
	}
	return s
}

// settle has the endpoint take its IO for one that lets nobody but the far end
// through, as a connected socket does: it need not be told of every packet when
// it came.
func (s *sim) settle() {
	s.e.far.alone = 1
	s.rtp.blind = func() bool { return s.e.receiver.untimed }
}

// counting makes the endpoint play packet numbers.
func counting(cfg *EndpointConfig) { cfg.Params.Codec = countCodec{g711.PCMU()} }

// tick receives one frame.
func (s *sim) tick() (sound bool) {
	sound = s.e.Receive(s.frame, s.now, s.pcm)
	if s.keep {
		s.heard = append(s.heard, append([]int16(nil), s.pcm...))
		s.sound = append(s.sound, sound)
	}
	s.frame++
	s.now = s.now.Add(frameTime)
	return sound
}

func (s *sim) run(d time.Duration) {
	for range int(d / frameTime) {
		s.tick()
	}
}

// phone makes the packets of a far end.
type phone struct {
	s     *sim
	from  netip.AddrPort
	ssrc  uint32
	seq   uint16
	ts    uint32
	pt    uint8
	size  int // samples per packet
	id    int // number of the next packet
	phase float64
	mark  bool
}

func (s *sim) phone() *phone {
	return &phone{s: s, from: phoneAddr, ssrc: 0xabcd, seq: 1000, ts: 5_000_000, size: 160}
}

// packet makes the next packet: a 400 Hz tone, or the packet's number if the
// endpoint counts.
func (p *phone) packet() []byte {
	b := make([]byte, headerSize+p.size)
	payload := b[headerSize:]
	if _, ok := p.s.e.cur.Codec.(countCodec); ok {
		binary.BigEndian.PutUint16(payload, uint16(p.id%30000))
	} else {
		pcm := make([]int16, p.size)
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(p.phase))
			p.phase += 2 * math.Pi * 400 / 8000
		}
		codec := g711.PCMU()
		if p.pt == 8 {
			codec = g711.PCMA()
		}
		codec.Encode(payload, pcm)
	}
	p.header(b, p.pt)
	p.ts += uint32(p.size)
	p.id++
	return b
}

// raw makes a packet with the given payload that takes no time.
func (p *phone) raw(pt uint8, payload ...byte) []byte {
	b := make([]byte, headerSize+len(payload))
	copy(b[headerSize:], payload)
	p.header(b, pt)
	return b
}

func (p *phone) header(b []byte, pt uint8) {
	b[0], b[1] = 0x80, pt
	if p.mark {
		b[1] |= markerBit
		p.mark = false
	}
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.ts)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	p.seq++
}

// send puts the next packet on the wire, to arrive at a time from now.
func (p *phone) send(in time.Duration) {
	p.s.rtp.arrive(p.packet(), p.from, p.s.now.Add(in))
}

// talk sends for d from now on, each packet at its time plus what late says.
// A negative late loses the packet.
func (p *phone) talk(d time.Duration, late func(i int) time.Duration) {
	ptime := durationOf(int64(p.size), 8000)
	for i := range int(d / ptime) {
		x := time.Duration(0)
		if late != nil {
			x = late(i)
		}
		if x < 0 {
			p.packet()
			continue
		}
		p.send(time.Duration(i)*ptime + x)
	}
}

// onTime is a phone without jitter whose packets come between two frames.
func onTime(int) time.Duration { return 7 * time.Millisecond }

func (s *sim) stats() Stats { return s.e.Stats() }

func level(pcm []int16) float64 {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// holes counts the frames that are much quieter than the 400 Hz tone, from the
// first sound on.
func (s *sim) holes(from int) (n int) {
	for _, f := range s.heard[from:] {
		if level(f) < 0.6*8000/math.Sqrt2 {
			n++
		}
	}
	return n
}

func (s *sim) wantNoConcealment() {
	s.t.Helper()
	st := s.stats()
	if st.TotalConcealed() != 0 {
		s.t.Errorf("concealed frames by cause %v, want none", st.Concealed)
	}
}

func (s *sim) wantDelay(limit time.Duration) {
	s.t.Helper()
	if st := s.stats(); st.Delay > limit {
		s.t.Errorf("delay %v (target %v), want at most %v", st.Delay, st.TargetDelay, limit)
	}
}

func testRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
