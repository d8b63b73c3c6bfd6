package rtp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"mediaserver/audio/g711"
	"mediaserver/rtp/srtp"
)

// parts collects what parseRTCP reports.
type parts struct {
	srs    []senderReport
	from   []uint32
	blocks []block
	byes   []uint32
}

func (p *parts) senderReport(ssrc uint32, sr senderReport) {
	p.from, p.srs = append(p.from, ssrc), append(p.srs, sr)
}
func (p *parts) block(_ uint32, rb block) { p.blocks = append(p.blocks, rb) }
func (p *parts) goodbye(ssrc uint32)      { p.byes = append(p.byes, ssrc) }

func TestReportsReadByAnotherImplementation(t *testing.T) {
	sr := senderReport{ntp: 0xe8000000_80000000, ts: 99, packets: 3, octets: 480}
	rb := block{ssrc: 5, fraction: 64, lost: -2, highest: 1<<16 | 9, jitter: 17, lastSR: 0x1234, delay: 65536}
	for _, name := range []string{"", "a", "ab", "abc", "abcd", strings.Repeat("x", 255)} {
		b := appendReport(nil, 42, &sr, &rb)
		b = appendCNAME(b, 42, name)
		b = appendBye(b, 42)
		if len(b) > maxReportSize {
			t.Errorf("%d bytes, more than %d", len(b), maxReportSize)
		}
		packets, err := rtcp.Unmarshal(b)
		if err != nil || len(packets) != 3 {
			t.Fatalf("CNAME %q: %v, %v", name, packets, err)
		}
		wantSR := &rtcp.SenderReport{
			SSRC: 42, NTPTime: sr.ntp, RTPTime: sr.ts, PacketCount: sr.packets, OctetCount: sr.octets,
			Reports: []rtcp.ReceptionReport{{
				SSRC: 5, FractionLost: 64, TotalLost: 0xfffffe, LastSequenceNumber: 1<<16 | 9, Jitter: 17,
				LastSenderReport: 0x1234, Delay: 65536,
			}},
		}
		if got, ok := packets[0].(*rtcp.SenderReport); !ok || got.SSRC != wantSR.SSRC || got.NTPTime != wantSR.NTPTime ||
			got.OctetCount != wantSR.OctetCount || !reflect.DeepEqual(got.Reports, wantSR.Reports) {
			t.Errorf("SR %+v\nwant %+v", packets[0], wantSR)
		}
		sdes := packets[1].(*rtcp.SourceDescription)
		if c := sdes.Chunks[0]; c.Source != 42 || c.Items[0].Type != rtcp.SDESCNAME || c.Items[0].Text != name {
			t.Errorf("SDES %+v", sdes)
		}
		if bye := packets[2].(*rtcp.Goodbye); !reflect.DeepEqual(bye.Sources, []uint32{42}) {
			t.Errorf("BYE %+v", bye)
		}
		var got parts
		if err := parseRTCP(b, &got); err != nil {
			t.Fatal(err)
		}
		want := parts{[]senderReport{sr}, []uint32{42}, []block{rb}, []uint32{42}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read back %+v\nwant %+v", got, want)
		}
	}
}

func TestReportsOfAnotherImplementationAreRead(t *testing.T) {
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 9, TotalLost: 4}, {SSRC: 8, FractionLost: 3}}, ProfileExtensions: []byte{1, 2, 3, 4}},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 1, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "x"}}}}},
		&rtcp.PictureLossIndication{},
		&rtcp.Goodbye{Sources: []uint32{1, 2}, Reason: "done"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got parts
	if err := parseRTCP(b, &got); err != nil {
		t.Fatal(err)
	}
	want := parts{blocks: []block{{ssrc: 9, lost: 4}, {ssrc: 8, fraction: 3}}, byes: []uint32{1, 2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMalformedRTCPReportsNothing(t *testing.T) {
	good := appendReport(nil, 1, &senderReport{}, &block{})
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	for name, b := range map[string][]byte{
		"empty":                 {},
		"short":                 good[:3],
		"version 1":             change(func(b []byte) []byte { b[0] = 0x41; return b }),
		"longer than it is":     change(func(b []byte) []byte { b[3]++; return b }),
		"rest":                  append(bytes.Clone(good), 0x80),
		"blocks that are not":   change(func(b []byte) []byte { b[0] |= 0x1f; return b }),
		"BYE of nobody there":   {0x9f, rtcpBYE, 0, 1, 0, 0, 0, 1},
		"SR without its sender": {0x80, rtcpSR, 0, 1, 0, 0, 0, 1},
		"second one bad":        append(bytes.Clone(good), 0, 0, 0, 0),
		"too many":              bytes.Repeat([]byte{0x80, rtcpSDES, 0, 0}, maxCompound+1),
	} {
		var got parts
		if err := parseRTCP(b, &got); err == nil || !reflect.DeepEqual(got, parts{}) {
			t.Errorf("%s: error %v, reported %+v", name, err, got)
		}
	}
}

func TestReportsTellLossJitterAndRoundTrip(t *testing.T) {
	a := newSim(t, func(c *EndpointConfig) { c.CNAME = "alice" })
	b := newSim(t, func(c *EndpointConfig) { c.Seed = 2 })
	const oneWay = 40 * ms
	n := 0
	carry := func(from, to *memIO, at time.Duration, lose bool) {
		for _, d := range from.out {
			if lose {
				if n++; n%10 == 0 {
					continue
				}
			}
			to.arrive(d.b, phoneAddr, d.at.Add(at))
		}
		from.out = nil
	}
	for i := range int64(50 * 60) {
		a.e.Send(i, a.now, make([]byte, 160))
		b.e.Send(i, b.now, make([]byte, 160))
		carry(a.rtp, b.rtp, oneWay, true)
		carry(b.rtp, a.rtp, oneWay, false)
		if i == 50*60-5 {
			break
		}
		carry(a.rtcp, b.rtcp, oneWay, false)
		carry(b.rtcp, a.rtcp, oneWay, false)
		a.keep, b.keep = false, false
		a.tick()
		b.tick()
	}
	st := a.stats()
	if st.RTT < 2*oneWay-time.Millisecond || st.RTT > 2*oneWay+time.Millisecond {
		t.Errorf("round trip %v, want %v", st.RTT, 2*oneWay)
	}
	if st.RemoteFraction < 0.08 || st.RemoteFraction > 0.12 || st.RemoteLost < 250 || st.RemoteLost > 300 {
		t.Errorf("far end lost %.3f, in all %d, want 10 %%", st.RemoteFraction, st.RemoteLost)
	}
	if st.RTCPSent < 9 || st.RTCPSent > 16 || st.RTCPReceived < 9 {
		t.Errorf("%d reports sent in a minute, %d received", st.RTCPSent, st.RTCPReceived)
	}
	if err := a.e.Close(); err != nil {
		t.Fatal(err)
	}
	last := a.rtcp.out[len(a.rtcp.out)-1]
	packets, err := rtcp.Unmarshal(last.b)
	if err != nil || len(packets) != 3 {
		t.Fatalf("last report %v, %v", packets, err)
	}
	sr := packets[0].(*rtcp.SenderReport)
	if int(sr.PacketCount) != 50*60-4 || sr.OctetCount != 160*sr.PacketCount {
		t.Errorf("SR counts %d packets, %d bytes", sr.PacketCount, sr.OctetCount)
	}
	if got, want := int64(sr.NTPTime>>32)-ntpEpoch, a.now.Unix(); got < want-1 || got > want {
		t.Errorf("SR of %d, want about %d", got, want)
	}
	if name, ok := packets[1].(*rtcp.SourceDescription); !ok || name.Chunks[0].Items[0].Text != "alice" {
		t.Errorf("SDES %v", packets[1])
	}
	b.rtcp.arrive(last.b, phoneAddr, b.now)
	b.run(time.Second)
	if !b.stats().Goodbye {
		t.Error("BYE not heard")
	}
}

func TestReceptionFollowsTheRFC(t *testing.T) {
	var r reception
	for _, seq := range []uint16{65530, 65531, 65532, 65535, 0, 1, 65534, 2} { // 65533 lost, 65534 late
		r.receive(seq)
	}
	if lost, fraction := r.losses(); lost != 1 || fraction != 256/9 || r.highest() != 1<<16|2 {
		t.Errorf("lost %d, fraction %d, highest %#x", lost, fraction, r.highest())
	}
	r.receive(3)
	r.receive(3) // a duplicate makes up for the loss
	if lost, fraction := r.losses(); lost != 0 || fraction != 0 {
		t.Errorf("lost %d, fraction %d", lost, fraction)
	}
	// RFC 3550 A.8, in floating point.
	var c counts
	want, prior := 0.0, 0.0
	for i := range 200 {
		late := float64(i * 37 % 11) // [ms]
		at := int64(i)*20e6 + int64(late*1e6)
		r.observe(uint32(i*160), at, 8000, &c)
		if i > 0 {
			d := max(late-prior, prior-late) * 8
			want += (d - want) / 16
		}
		prior = late
	}
	if got := float64(r.jitter) / 16; got < want-1 || got > want+1 {
		t.Errorf("jitter %.2f, want %.2f", got, want)
	}
}

func TestJitterIsThatOfTheArrivalTimes(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	r := testRand()
	p.talk(20*time.Second, func(int) time.Duration { return time.Duration(r.Int64N(int64(30 * ms))) })
	s.run(19 * time.Second)
	// The mean difference of two uniform numbers is a third of their range.
	if got := s.stats().Jitter; got < 7*ms || got > 13*ms {
		t.Errorf("jitter %v, want about 10 ms", got)
	}
}

// The largest step there is has no positive counterpart in 32 bits.
func TestJitterLeavesOutEveryChangeOfTheTimestampBase(t *testing.T) {
	for _, step := range []uint32{1 << 31, 1<<31 - 1, 1<<31 + 1, 4001, 1<<32 - 4001} {
		var r reception
		var c counts
		for i := range int64(3) {
			r.observe(uint32(160*i), i*20e6, 8000, &c)
		}
		r.observe(3*160+step, 3*20e6, 8000, &c)
		if r.jitter != 0 {
			t.Errorf("a step of %d makes a jitter of %d", step, r.jitter>>4)
		}
	}
}

func TestRTCPGoesWhereItComesFrom(t *testing.T) {
	s := newSim(t)
	var payload [160]byte
	target := func() string {
		s.e.Send(s.frame, s.now, payload[:])
		n := len(s.rtcp.out)
		for range 500 {
			if s.tick(); len(s.rtcp.out) > n {
				break
			}
		}
		return s.rtcp.out[len(s.rtcp.out)-1].addr.String()
	}
	if got := target(); got != "192.0.2.10:4001" {
		t.Errorf("at first to %s", got)
	}
	p := s.phone()
	p.from = natAddr
	for range minSequential {
		p.send(0)
		s.tick()
	}
	if got := target(); got != "198.51.100.7:61235" {
		t.Errorf("with the source of RTP known to %s", got)
	}
	rr := appendReport(nil, 9, nil, nil)
	s.rtcp.arrive(rr, otherAddr, s.now)
	s.run(time.Second)
	if st := s.stats(); st.Dropped[DropSource] != minSequential-1+1 || st.RTCPReceived != 0 {
		t.Errorf("foreign RTCP: dropped %v", st.Dropped)
	}
	from := natAddr
	s.rtcp.arrive(rr, netipPort(from, 50001), s.now)
	s.run(time.Second)
	if got := target(); got != "198.51.100.7:50001" {
		t.Errorf("with the source of RTCP known to %s", got)
	}
	params := testParams(g711.PCMU())
	params.Remote, params.RemoteRTCP = otherAddr, netipPort(otherAddr, 9999)
	if err := s.e.Update(params); err != nil {
		t.Fatal(err)
	}
	if got := target(); got != "192.0.2.66:9999" {
		t.Errorf("after the update to %s", got)
	}
}

// What anybody can make who knows no key, and what is no report, must not take ours
// away from the far end.
func TestReportsDoNotFollowWhatIsNotBelieved(t *testing.T) {
	keys, _ := secured(t, srtp.GCM128)
	rr := appendReport(nil, 9, nil, nil)
	for name, c := range map[string]struct {
		change func(*EndpointConfig)
		b      []byte
	}{
		"not protected":  {withKeys(keys), append(rr, make([]byte, 24)...)},
		"no report":      {func(*EndpointConfig) {}, []byte{0x80, rtcpSR, 0xff, 0xff, 0, 0, 0, 0}},
		"a single octet": {func(*EndpointConfig) {}, []byte{0x80}},
	} {
		s := newSim(t, c.change)
		s.e.Send(s.frame, s.now, make([]byte, 160))
		s.rtcp.arrive(c.b, netipPort(phoneAddr, 6666), s.now)
		s.run(10 * time.Second)
		if len(s.rtcp.out) == 0 {
			t.Fatalf("%s: no report", name)
		}
		for _, d := range s.rtcp.out {
			if d.addr != netipPort(phoneAddr, 4001) {
				t.Errorf("%s: a report went to %v", name, d.addr)
			}
		}
	}
}

func TestReceiverReportWhenNothingIsSent(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(10*time.Second, onTime)
	s.run(10 * time.Second)
	if len(s.rtcp.out) == 0 {
		t.Fatal("no report")
	}
	if b := s.rtcp.out[0].b; b[1] != rtcpRR || binary.BigEndian.Uint32(b[8:]) != p.ssrc {
		t.Errorf("report % x", b[:16])
	}
}

func netipPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
}

func TestReportOfAnotherStreamIsNotAnswered(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(2*time.Second, onTime)
	s.run(time.Second)
	sr := appendReport(nil, p.ssrc, &senderReport{ntp: 0x1234_5678_9abc_def0}, nil)
	s.rtcp.arrive(sr, netipPort(phoneAddr, 4001), s.now)
	s.run(2 * time.Second)
	if b := s.e.reporter.about(&s.e.receiver); b.lastSR != 0x5678_9abc || b.delay == 0 {
		t.Fatalf("answer to the report of the stream: %+v", b)
	}
	p.ssrc++ // another far end, after a transfer
	p.talk(time.Second, onTime)
	s.run(time.Second)
	if b := s.e.reporter.about(&s.e.receiver); b.ssrc != p.ssrc || b.lastSR != 0 || b.delay != 0 {
		t.Errorf("answer to the report of another stream: %+v", b)
	}
}
