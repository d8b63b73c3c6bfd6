package rtp

import (
	"net/netip"
	"testing"
	"time"

	"mediaserver/rtp/srtp"
)

// target is where a frame that is sent now goes.
func (s *sim) target() netip.AddrPort {
	s.t.Helper()
	n := len(s.rtp.out)
	s.e.Send(s.frame, s.now, make([]byte, 160))
	if len(s.rtp.out) == n {
		return netip.AddrPort{}
	}
	return s.rtp.out[n].addr
}

// spray sends d of a stream from somewhere, one packet a frame.
func (s *sim) spray(from netip.AddrPort, ssrc uint32, d time.Duration) {
	thief := s.phone()
	thief.from, thief.ssrc = from, ssrc
	thief.talk(d, onTime)
	s.run(d)
}

func strictly(c *EndpointConfig) { c.Params.Source = SourceStrict }

func TestNobodyTakesOverAFarEndThatPauses(t *testing.T) {
	sameHost := netip.AddrPortFrom(phoneAddr.Addr(), 5004)
	natHost := netip.AddrPortFrom(natAddr.Addr(), 5004)
	tests := []struct {
		name   string
		change func(*EndpointConfig)
		real   netip.AddrPort // where the far end is
		from   netip.AddrPort // where somebody else sends from after a pause
		ssrc   uint32
		want   netip.AddrPort
	}{
		{"a stranger is not believed", nil, phoneAddr, otherAddr, 7, phoneAddr},
		{"nor one of a far end behind a NAT", nil, natAddr, otherAddr, 7, natAddr},
		{"the far end's host is, with another port", nil, natAddr, natHost, 7, natHost},
		{"so is the stream that goes on elsewhere", nil, natAddr, otherAddr, 0xabcd, otherAddr},
		{"strictly, the far end's host is not", strictly, phoneAddr, sameHost, 7, phoneAddr},
		{"strictly, the stream is not", strictly, phoneAddr, otherAddr, 0xabcd, phoneAddr},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			var change []func(*EndpointConfig)
			if c.change != nil {
				change = append(change, c.change)
			}
			s := newSim(t, change...)
			s.spray(c.real, 0xabcd, time.Second)
			s.run(5 * time.Second) // a pause
			s.spray(c.from, c.ssrc, 2*time.Second)
			if got := s.target(); got != c.want {
				t.Errorf("sound goes to %v, want %v", got, c.want)
			}
		})
	}
}

func TestStrictlyOnlyTheAnnouncedAddressIsHeard(t *testing.T) {
	s := newSim(t, strictly)
	s.spray(natAddr, 7, time.Second)
	if st := s.stats(); st.Received != 0 || st.Dropped[DropSource] < 49 || s.target() != phoneAddr {
		t.Errorf("received %d of a NAT, dropped %v", st.Received, st.Dropped)
	}
	s.spray(phoneAddr, 0xabcd, time.Second)
	if st := s.stats(); st.Received < 49 {
		t.Errorf("received %d of the far end", st.Received)
	}
	p := s.e.next.Load().Params
	p.Remote = otherAddr
	if err := s.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.spray(phoneAddr, 0xabcd, 500*ms) // it stays audible for a second
	if st := s.stats(); st.Received < 74 {
		t.Errorf("received %d while the new address is silent", st.Received)
	}
	s.spray(otherAddr, 9, time.Second)
	s.tick()
	before := s.stats().Received
	s.spray(phoneAddr, 0xabcd, time.Second)
	if st := s.stats(); s.target() != otherAddr || st.Received != before {
		t.Errorf("to %v, %d packets of the former address", s.target(), st.Received-before)
	}
}

func TestTheWaitForAFarEndThatNobodyAnnouncedEnds(t *testing.T) {
	s := newSim(t)
	s.keep = false
	s.run(61 * time.Second)
	s.spray(natAddr, 7, time.Second)
	if got := s.target(); got != phoneAddr {
		t.Fatalf("a stranger after a minute of nothing: sound goes to %v", got)
	}
	p := s.e.next.Load().Params
	p.Ptime = 40 * time.Millisecond
	if err := s.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.spray(natAddr, 7, time.Second)
	if got := s.target(); got.IsValid() && got != natAddr {
		t.Errorf("after the session has changed: sound goes to %v", got)
	}
	if st := s.stats(); st.Received == 0 {
		t.Error("nothing was heard of it")
	}
}

func TestAProtectedFarEndMayMoveAnywhere(t *testing.T) {
	keys, far := secured(t, srtp.GCM128)
	s := newSim(t, withKeys(keys))
	p := s.phone()
	talk := func(from netip.AddrPort, frames int) {
		for range frames {
			s.rtp.arrive(p.sealed(far), from, s.now)
			s.tick()
		}
	}
	talk(phoneAddr, 50)
	s.run(2 * time.Second)
	s.spray(otherAddr, 0xabcd, time.Second) // in the clear: refused
	if got := s.target(); got != phoneAddr {
		t.Fatalf("a forger takes the sound to %v", got)
	}
	p.ssrc++ // it has begun anew, on another network
	talk(natAddr, 10)
	if got := s.target(); got != natAddr {
		t.Errorf("sound goes to %v, want %v", got, natAddr)
	}
}

// besides notes what an endpoint sets aside.
type besides struct {
	got    []byte // first bytes
	rtcp   []bool
	closed int
}

func (b *besides) Take(datagram []byte, _ netip.AddrPort, rtcp bool) {
	b.got, b.rtcp = append(b.got, datagram[0]), append(b.rtcp, rtcp)
}

func (b *besides) Close() error { b.closed++; return nil }

func TestChecksAndHandshakesAreSetAside(t *testing.T) {
	var aside besides
	s := newSim(t, func(c *EndpointConfig) { c.Aside = &aside })
	for _, first := range []byte{0, 3, 4, 19, 20, 63, 64, 127, 192} {
		b := make([]byte, 20)
		b[0] = first
		s.rtp.arrive(b, otherAddr, s.now)
	}
	s.rtp.arrive([]byte{0, 1, 0, 0}, otherAddr, s.now) // too short for either
	s.rtcp.arrive(make([]byte, 20), otherAddr, s.now)
	s.run(100 * ms)
	if string(aside.got) != "\x00\x03\x14\x3f\x00" || !aside.rtcp[4] || aside.rtcp[0] {
		t.Errorf("set aside: %v, for RTCP %v", aside.got, aside.rtcp)
	}
	if st := s.stats(); st.Dropped[DropMalformed] != 6 || st.Received != 0 {
		t.Errorf("dropped %v", st.Dropped)
	}
	if err := s.e.Close(); err != nil || aside.closed != 1 {
		t.Errorf("closed %d times: %v", aside.closed, err)
	}
}

func TestRTCPGoesWithRTPWhereThatIsAgreed(t *testing.T) {
	s := newSim(t, func(c *EndpointConfig) { c.Params.Mux = true })
	p := s.phone()
	p.talk(20*time.Second, onTime)
	for i := range 20 {
		report := appendReport(nil, p.ssrc, &senderReport{ntp: ntp(s.now.UnixNano()), packets: uint32(i)}, nil)
		s.rtp.arrive(report, phoneAddr, s.now.Add(time.Duration(i)*time.Second))
		s.rtp.arrive(report, otherAddr, s.now.Add(time.Duration(i)*time.Second))
	}
	s.run(20 * time.Second)
	st := s.stats()
	if st.RTCPReceived != 20 || st.Dropped[DropSource] != 20 || st.Dropped[DropRTCP] != 0 {
		t.Errorf("%d reports understood, dropped %v", st.RTCPReceived, st.Dropped)
	}
	reports := 0
	for _, d := range s.rtp.out {
		if d.b[1] >= firstRTCP && d.b[1] <= lastRTCP {
			reports++
			if d.addr != phoneAddr {
				t.Errorf("a report to %v", d.addr)
			}
		}
	}
	if reports < 2 || len(s.rtcp.out) != 0 || st.RTCPSent != uint64(reports) {
		t.Errorf("%d reports by the way of RTP, %d by another", reports, len(s.rtcp.out))
	}
}

// RTCP at a port of its own has keys of its own, where they come by a handshake.
func TestRTCPHasKeysOfItsOwn(t *testing.T) {
	keys, far := secured(t, srtp.GCM128)
	control, farControl := secured(t, srtp.CM128Tag80)
	s := newSim(t, withKeys(keys), func(c *EndpointConfig) { c.Params.SRTCP = control })
	p := s.phone()
	report := func(by *srtp.Session) {
		b := appendReport(make([]byte, 0, 200), p.ssrc, &senderReport{ntp: ntp(s.now.UnixNano())}, nil)
		b, err := by.ProtectRTCP(b)
		if err != nil {
			t.Fatal(err)
		}
		s.rtcp.arrive(b, nextPort(phoneAddr), s.now)
	}
	for range 20 {
		report(farControl)
		report(far) // with the keys of RTP: refused
		for range 50 {
			s.rtp.arrive(p.sealed(far), phoneAddr, s.now)
			s.tick()
			s.e.Send(s.frame, s.now, make([]byte, 160))
		}
		if err := s.e.Update(s.e.next.Load().Params); err != nil { // a re-INVITE
			t.Fatal(err)
		}
	}
	if st := s.stats(); st.RTCPReceived != 20 || st.Dropped[DropForged] != 20 || st.Received < 990 || len(s.rtcp.out) == 0 {
		t.Errorf("%d reports and %d packets received, dropped %v, %d reports sent", st.RTCPReceived, st.Received, st.Dropped, len(s.rtcp.out))
	}
	for _, d := range s.rtcp.out {
		if _, err := farControl.UnprotectRTCP(d.b); err != nil {
			t.Errorf("a report: %v", err)
		}
	}
}
