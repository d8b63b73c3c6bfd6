package rtp

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"mediaserver/rtp/srtp"
)

// secured are keys of our side and a session of the far end.
func secured(t testing.TB, suite srtp.Suite) (srtp.Keys, *srtp.Session) {
	t.Helper()
	k := srtp.Keys{Suite: suite, Send: srtp.NewKey(suite), Receive: srtp.NewKey(suite)}
	far, err := srtp.New(srtp.Keys{Suite: suite, Send: k.Receive, Receive: k.Send})
	if err != nil {
		t.Fatal(err)
	}
	return k, far
}

func withKeys(k srtp.Keys) func(*EndpointConfig) {
	return func(c *EndpointConfig) { c.Params.SRTP = k }
}

// sealed makes the next packet of a phone that protects.
func (p *phone) sealed(s *srtp.Session) []byte {
	p.s.t.Helper()
	b, err := s.Protect(append(make([]byte, 0, 600), p.packet()...))
	if err != nil {
		p.s.t.Fatal(err)
	}
	return b
}

func TestProtectedSoundIsHeardAndSentProtected(t *testing.T) {
	for _, suite := range srtp.Suites() {
		t.Run(suite.String(), func(t *testing.T) {
			keys, far := secured(t, suite)
			s := newSim(t, counting, withKeys(keys))
			p := s.phone()
			payload := bytes.Repeat([]byte{0x55}, 160)
			for i := range 700 {
				at := simStart.Add(time.Duration(i)*frameTime + 7*ms)
				s.rtp.arrive(p.sealed(far), phoneAddr, at)
				if i%10 == 0 {
					forged := p.raw(0, payload...)
					p.seq--
					s.rtp.arrive(forged, phoneAddr, at)    // in the clear
					s.rtp.arrive(forged, otherAddr, at)    // from somewhere else
					s.rtp.arrive(forged[:20], natAddr, at) // too short for a tag
				}
				s.tick()
				s.e.Send(s.frame, s.now, payload)
			}
			s.wantNoConcealment()
			st := s.stats()
			if st.Dropped[DropForged] < 60 || st.SourceChanges != 0 || st.Received < 698 {
				t.Errorf("received %d, dropped %v, source changes %d", st.Received, st.Dropped, st.SourceChanges)
			}
			if len(s.rtp.out) != 700 {
				t.Fatalf("%d packets sent", len(s.rtp.out))
			}
			for i, d := range s.rtp.out {
				if bytes.Contains(d.b, payload[:20]) {
					t.Fatal("sent in the clear")
				}
				b, err := far.Unprotect(d.b)
				if err != nil || !bytes.Equal(b[headerSize:], payload) {
					t.Fatalf("packet %d: %v", i, err)
				}
			}
			if len(s.rtcp.out) == 0 {
				t.Fatal("no report")
			}
			for _, d := range s.rtcp.out {
				if bytes.Contains(d.b, []byte("test")) { // the CNAME
					t.Error("a report in the clear")
				}
				if _, err := far.UnprotectRTCP(d.b); err != nil {
					t.Errorf("report: %v", err)
				}
			}
		})
	}
}

// A re-INVITE with the same keys, with a new one of the far end, a hold of a
// minute, and 70000 packets in each direction.
func TestProtectionGoesOnThroughUpdatesAndHold(t *testing.T) {
	keys, far := secured(t, srtp.GCM128)
	s := newSim(t, counting, withKeys(keys))
	s.keep = false
	s.rtcp.forget, s.rtp.forget = true, false
	p := s.phone()
	p.seq = 60000
	payload := make([]byte, 160)
	run := func(frames int) {
		for range frames {
			s.rtp.arrive(p.sealed(far), phoneAddr, s.now)
			s.tick()
			s.e.Send(s.frame, s.now, payload)
			for _, d := range s.rtp.out {
				if _, err := far.Unprotect(d.b); err != nil {
					t.Fatalf("frame %d: %v", s.frame, err)
				}
			}
			s.rtp.out = s.rtp.out[:0]
		}
	}
	update := func(change func(*Params)) {
		params := s.e.next.Load().Params
		change(&params)
		if err := s.e.Update(params); err != nil {
			t.Fatal(err)
		}
	}
	run(70_000)
	update(func(q *Params) { q.Send, q.Receive = false, false })
	s.run(time.Minute)
	update(func(q *Params) { q.Send, q.Receive = true, true })
	run(100)
	keys.Receive = srtp.NewKey(srtp.GCM128)
	update(func(q *Params) { q.SRTP = keys })
	far, err := far.With(srtp.Keys{Suite: keys.Suite, Send: keys.Receive, Receive: keys.Send})
	if err != nil {
		t.Fatal(err)
	}
	before := s.stats()
	run(1000)
	st := s.stats()
	if st.Dropped[DropForged] != 0 || st.Received-before.Received != 1000 {
		t.Errorf("received %d of 1000, dropped %v", st.Received-before.Received, st.Dropped)
	}
	if st.TotalConcealed()-before.TotalConcealed() > 1 {
		t.Errorf("concealed %v", st.Concealed)
	}
}

func TestProtectionAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool forgets at random, and pion/srtp has a buffer there")
	}
	for _, suite := range srtp.Suites() {
		keys, far := secured(t, suite)
		s := newSim(t, withKeys(keys), func(c *EndpointConfig) { c.RTCP = nil })
		s.keep, s.rtp.forget = false, true
		p := s.phone()
		for i := range 400 {
			s.rtp.arrive(p.sealed(far), phoneAddr, simStart.Add(time.Duration(i)*frameTime))
		}
		payload := make([]byte, 160)
		if n := testing.AllocsPerRun(300, func() {
			s.tick()
			s.e.Send(s.frame, s.now, payload)
		}); n != 0 {
			t.Errorf("%v: %v allocations per frame", suite, n)
		}
	}
}

// BenchmarkSecure is a frame in and a frame out, without a socket; the far end's
// share, one Protect, is in it.
func BenchmarkSecure(b *testing.B) {
	for _, suite := range append([]srtp.Suite{srtp.NoSuite}, srtp.Suites()...) {
		b.Run("suite="+suite.String(), func(b *testing.B) {
			s, l := benchEndpoint(b, 0)
			if suite != srtp.NoSuite {
				keys, far := secured(b, suite)
				params := s.e.next.Load().Params
				params.SRTP = keys
				if err := s.e.Update(params); err != nil {
					b.Fatal(err)
				}
				s.e.rtp = &sealingIO{loopIO: l, far: far}
			}
			payload := make([]byte, 160)
			for b.Loop() {
				l.have = true
				s.tick()
				s.e.Send(s.frame, s.now, payload)
			}
		})
	}
}

// sealingIO protects what a loopIO gives.
type sealingIO struct {
	*loopIO
	far *srtp.Session
}

func (x *sealingIO) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	n, from, at, err := x.loopIO.Drain(buf)
	if n == 0 || err != nil {
		return n, from, at, err
	}
	b, err := x.far.Protect(buf[:n])
	return len(b), from, at, err
}
