package rtp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"mediaserver/audio/g711"
)

var (
	hereAddr   = netip.MustParseAddr("192.0.2.1")
	proxyAddr  = netip.MustParseAddr("198.51.100.7")
	secretAddr = netip.MustParseAddrPort("10.0.0.5:4000") // behind a NAT
)

// memBundle is a shared socket in memory.
type memBundle struct {
	mu     sync.Mutex
	in     []datagram
	out    []datagram
	calls  int // of put
	forget bool
	closed bool
}

func (m *memBundle) take(in *intake) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(len(m.in), intakeLength)
	for i, d := range m.in[:n] {
		in.data[i] = in.buf[i][:copy(in.buf[i][:], d.b)]
		in.from[i], in.at[i] = keyOf(d.addr), timeNanos(d.at)
	}
	m.in = m.in[n:]
	return n, nil
}

func (m *memBundle) put(out *outbox, _ *batchSystem) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	for _, x := range out.item[:out.length] {
		if !m.forget {
			m.out = append(m.out, datagram{b: append([]byte(nil), out.data[x.off:x.end]...), addr: x.to})
		}
	}
	out.clear()
}

func (m *memBundle) flush(b []byte, to netip.AddrPort) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.forget {
		m.out = append(m.out, datagram{b: append([]byte(nil), b...), addr: to})
	}
	return nil
}

func (m *memBundle) close() error {
	m.closed = true
	return nil
}

// sharedSim is a set of shared ports in virtual time with one worker.
type sharedSim struct {
	t       testing.TB
	shared  *Shared
	now     time.Time
	frame   int64
	bundles map[uint16]*memBundle
	metrics *Metrics
	calls   []*sharedCall
}

// sharedCall is a call at a shared port with its far end.
type sharedCall struct {
	s     *sharedSim
	share *Share
	e     *Endpoint
	far   phone
}

func newSharedSim(t testing.TB, ports int) *sharedSim {
	t.Helper()
	return newSharedSimAt(t, ports, simStart)
}

// newSharedSimAt has virtual time begin at another time.
func newSharedSimAt(t testing.TB, ports int, start time.Time) *sharedSim {
	t.Helper()
	s := &sharedSim{t: t, now: start, bundles: map[uint16]*memBundle{}, metrics: NewMetrics(nil)}
	var err error
	s.shared, err = newShared(SharedConfig{First: 20000, Ports: ports, Workers: 1, Now: func() time.Time { return s.now }, Metrics: s.metrics}, s.bind)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.shared.home(hereAddr); err != nil {
		t.Fatal(err)
	}
	s.shared.Gather(0, s.now)
	return s
}

func (s *sharedSim) bind(a netip.AddrPort) (bundle, error) {
	b := &memBundle{}
	s.bundles[a.Port()] = b
	return b, nil
}

// open begins a call whose far end announces remote, and whose packets come
// from there until told otherwise.
func (s *sharedSim) open(remote netip.AddrPort, signalling netip.Addr) (*sharedCall, error) {
	share, err := s.shared.Open(hereAddr, Peer{Remote: remote, Signalling: signalling})
	if err != nil {
		return nil, err
	}
	p := testParams(g711.PCMU())
	p.Remote = remote
	e, err := NewEndpoint(EndpointConfig{RTP: share.RTP(), RTCP: share.RTCP(), Params: p, Seed: uint64(len(s.calls) + 1)})
	if err != nil {
		s.t.Fatal(err)
	}
	c := &sharedCall{s: s, share: share, e: e}
	c.far = phone{s: &sim{e: e}, from: remote, ssrc: uint32(1000 + len(s.calls)), pt: 0, size: 160}
	s.calls = append(s.calls, c)
	return c, nil
}

func (s *sharedSim) mustOpen(remote netip.AddrPort, signalling netip.Addr) *sharedCall {
	s.t.Helper()
	c, err := s.open(remote, signalling)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// send puts the far end's next packet on the wire, from an address.
func (c *sharedCall) send(from netip.AddrPort) {
	c.s.arrive(c.share.Port(), c.far.packet(), from)
}

func (s *sharedSim) arrive(port int, b []byte, from netip.AddrPort) {
	x := s.bundles[uint16(port)]
	x.in = append(x.in, datagram{b: b, addr: from, at: s.now})
}

// tick serves all calls one frame.
func (s *sharedSim) tick() {
	s.now = s.now.Add(frameTime)
	s.shared.Gather(0, s.now)
	pcm := make([]int16, 160)
	for _, c := range s.calls {
		if !c.e.closed.Load() {
			c.e.Receive(s.frame, s.now, pcm)
			c.e.Via(0)
			c.e.Send(s.frame, s.now, make([]byte, 160))
		}
	}
	s.shared.Scatter(0, s.now)
	s.frame++
}

func (s *sharedSim) run(d time.Duration) {
	for range int(d / frameTime) {
		s.tick()
	}
}

func (c *sharedCall) heard() uint64 { return c.e.Stats().Received }

func (c *sharedCall) wantHeard(n uint64) {
	c.s.t.Helper()
	if got := c.heard(); got != n {
		c.s.t.Fatalf("call of %v heard %d packets, want %d", c.far.from, got, n)
	}
}

// target is where the call's last packet went.
func (c *sharedCall) target() (a netip.AddrPort) {
	for _, d := range c.s.bundles[uint16(c.share.Port())].out {
		if len(d.b) > headerSize && binary.BigEndian.Uint32(d.b[8:]) == c.e.SSRC() {
			a = d.addr
		}
	}
	return a
}

func port(a netip.AddrPort, n uint16) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), n) }

func TestSharedPortTellsCallsApartByAddress(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.mustOpen(port(phoneAddr, 4002), phoneAddr.Addr())
	c := s.mustOpen(netip.MustParseAddrPort("[2001:db8::9]:4000"), proxyAddr)
	for range 5 {
		a.send(a.far.from)
		a.send(a.far.from)
		b.send(b.far.from)
		c.send(c.far.from)
		s.tick()
	}
	a.wantHeard(10)
	b.wantHeard(5)
	c.wantHeard(5)
	for _, x := range s.calls {
		if got := x.target(); got != x.far.from {
			t.Errorf("packets for %v go to %v", x.far.from, got)
		}
	}
	if calls := s.bundles[20000].calls; calls != 5 {
		t.Errorf("%d batches in 5 frames", calls)
	}
}

func TestSharedPortsTakeACallOnlyIfItCanBeToldApart(t *testing.T) {
	at := phoneAddr.Addr()
	for name, c := range map[string]struct {
		ports   int
		before  []Peer
		peer    Peer
		refused bool
	}{
		"the same address at another port":    {2, []Peer{{Remote: phoneAddr, Signalling: at}}, Peer{Remote: phoneAddr, Signalling: at}, false},
		"the same address at all ports":       {1, []Peer{{Remote: phoneAddr, Signalling: at}}, Peer{Remote: phoneAddr, Signalling: at}, true},
		"another port of the same host":       {1, []Peer{{Remote: phoneAddr, Signalling: at}}, Peer{Remote: port(phoneAddr, 4002), Signalling: at}, false},
		"one behind a NAT":                    {1, []Peer{{Remote: phoneAddr, Signalling: at}}, Peer{Remote: secretAddr, Signalling: proxyAddr}, false},
		"two behind a NAT, nothing heard":     {1, []Peer{{Remote: secretAddr, Signalling: proxyAddr}}, Peer{Remote: port(secretAddr, 4002), Signalling: proxyAddr}, true},
		"two behind a NAT at two ports":       {2, []Peer{{Remote: secretAddr, Signalling: proxyAddr}}, Peer{Remote: port(secretAddr, 4002), Signalling: proxyAddr}, false},
		"no address yet":                      {1, nil, Peer{Signalling: at}, false},
		"two without an address":              {1, []Peer{{Signalling: at}}, Peer{Signalling: at}, true},
		"a private address that signals so":   {1, []Peer{{Remote: secretAddr, Signalling: proxyAddr}}, Peer{Remote: port(secretAddr, 4002), Signalling: secretAddr.Addr()}, false},
		"an address of a carrier without NAT": {1, []Peer{{Remote: secretAddr, Signalling: proxyAddr}}, Peer{Remote: otherAddr, Signalling: proxyAddr}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharedSim(t, c.ports)
			for _, p := range c.before {
				if _, err := s.shared.Open(hereAddr, p); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.shared.Open(hereAddr, c.peer); errors.Is(err, ErrApart) != c.refused {
				t.Fatal(err)
			}
		})
	}
}

func TestCallBehindANATIsFoundByItsThirdPacket(t *testing.T) {
	s := newSharedSim(t, 1)
	other := s.mustOpen(otherAddr, otherAddr.Addr())
	c := s.mustOpen(secretAddr, proxyAddr)
	if _, err := s.open(port(secretAddr, 4002), proxyAddr); !errors.Is(err, ErrApart) {
		t.Fatalf("a second call of which nothing has been heard: %v", err)
	}
	for range 5 {
		c.send(natAddr)
		s.tick()
	}
	c.wantHeard(3) // the first two prove the source
	other.wantHeard(0)
	if got := c.target(); got != natAddr {
		t.Fatalf("packets go to %v", got)
	}
	if _, err := s.open(port(secretAddr, 4002), proxyAddr); err != nil {
		t.Fatalf("after the first was heard: %v", err)
	}
}

func TestStrangersReachNobody(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.mustOpen(port(phoneAddr, 4002), phoneAddr.Addr())
	a.send(a.far.from)
	b.send(b.far.from)
	s.tick()
	stranger := phone{s: a.far.s, ssrc: 77, size: 160}
	for range 10 {
		s.arrive(20000, stranger.packet(), otherAddr)
		s.arrive(20000, []byte("not RTP at all, is it"), otherAddr)
		s.tick()
	}
	a.wantHeard(1)
	b.wantHeard(1)
	if n := s.bundles[20000]; len(n.in) != 0 {
		t.Fatal("not drained")
	}
	total, _ := s.metrics.snapshot()
	if total.dropped[DropSource] != 10 || total.dropped[DropMalformed] != 10 {
		t.Fatalf("dropped %v", total.dropped)
	}
}

func TestFarEndIsFollowedAfterASilenceNotBefore(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.mustOpen(port(phoneAddr, 4002), phoneAddr.Addr())
	for range 5 {
		a.send(a.far.from)
		b.send(b.far.from)
		s.tick()
	}
	for range 5 { // the same stream from elsewhere while its address is in use
		a.send(natAddr)
		s.tick()
	}
	a.wantHeard(5)
	s.run(1500 * time.Millisecond)
	for range 10 {
		a.send(natAddr)
		s.tick()
	}
	a.wantHeard(5 + 8)
	b.wantHeard(5)
	if got := a.target(); got != natAddr {
		t.Fatalf("packets go to %v", got)
	}
}

func TestFarEndThatBeginsAnewElsewhereAtItsHostIsFollowed(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.mustOpen(otherAddr, otherAddr.Addr())
	for range 5 {
		a.send(a.far.from)
		b.send(b.far.from)
		s.tick()
	}
	s.run(1500 * time.Millisecond)
	a.far.ssrc = 4711
	for range 10 {
		a.send(port(phoneAddr, 5000))
		s.tick()
	}
	if a.heard() < 5+6 {
		t.Fatalf("heard %d packets", a.heard())
	}
	b.wantHeard(5)
}

func TestLatePacketsOfAnEndedCallReachNobody(t *testing.T) {
	for name, from := range map[string]netip.AddrPort{"announced": secretAddr, "behind a NAT": natAddr} {
		t.Run(name, func(t *testing.T) {
			s := newSharedSim(t, 1)
			a := s.mustOpen(secretAddr, proxyAddr)
			for range 5 {
				a.send(from)
				s.tick()
			}
			if err := a.e.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := s.open(secretAddr, proxyAddr); !errors.Is(err, ErrApart) {
				t.Fatalf("the same address at once: %v", err)
			}
			b := s.mustOpen(port(secretAddr, 4002), proxyAddr)
			for range 100 {
				a.send(from)
				s.tick()
			}
			b.wantHeard(0)
			total, _ := s.metrics.snapshot()
			if total.dropped[DropEnded] != 100 {
				t.Fatalf("dropped %v", total.dropped)
			}
			s.run(DefaultDrain)
			c := s.mustOpen(secretAddr, secretAddr.Addr())
			c.send(secretAddr)
			s.tick()
			c.wantHeard(1)
		})
	}
}

func TestFirstPacketsOfACallThatHasEndedUnheardReachNobody(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(secretAddr, proxyAddr)
	s.tick()
	_ = a.e.Close()
	if _, err := s.open(port(secretAddr, 4002), proxyAddr); !errors.Is(err, ErrApart) {
		t.Fatalf("another call that may come from anywhere: %v", err)
	}
	b := s.mustOpen(phoneAddr, phoneAddr.Addr())
	for range 50 {
		a.send(natAddr)
		s.tick()
	}
	b.wantHeard(0)
}

func TestReinviteToAnotherAddressIsFollowed(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.mustOpen(port(phoneAddr, 4002), phoneAddr.Addr())
	for range 5 {
		a.send(a.far.from)
		b.send(b.far.from)
		s.tick()
	}
	p := testParams(g711.PCMU())
	p.Remote = otherAddr
	if err := a.e.Update(p); err != nil {
		t.Fatal(err)
	}
	a.far.ssrc = 4711
	s.tick()
	if got := a.target(); got != otherAddr {
		t.Fatalf("packets go to %v", got)
	}
	for range 5 {
		a.send(otherAddr)
		b.send(b.far.from)
		s.tick()
	}
	if a.heard() < 9 { // the second packet of another SSRC counts
		t.Fatalf("heard %d", a.heard())
	}
	b.wantHeard(10)
}

func TestHoldKeepsTheAddress(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	a.send(a.far.from)
	s.tick()
	p := testParams(g711.PCMU())
	p.Send = false // c=0.0.0.0
	if err := a.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.run(2 * time.Second)
	p.Remote, p.Send = phoneAddr, true
	if err := a.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.tick()
	a.send(a.far.from)
	s.tick()
	a.wantHeard(2)
}

func TestTwoCallsOfOneAddressAreToldBySSRC(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	for range 3 {
		a.send(a.far.from)
		s.tick()
	}
	b := s.mustOpen(netip.AddrPort{}, phoneAddr.Addr()) // a late offer
	p := testParams(g711.PCMU())
	p.Remote = phoneAddr
	if err := b.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.tick()
	for range 10 {
		a.send(phoneAddr)
		b.send(phoneAddr)
		s.tick()
	}
	a.wantHeard(13)
	b.wantHeard(10)
	_ = b.e.Close()
	for range 10 {
		a.send(phoneAddr)
		b.send(phoneAddr)
		s.tick()
	}
	a.wantHeard(23)
	s.run(DefaultDrain)
	a.send(phoneAddr)
	s.tick()
	a.wantHeard(24)
}

func TestRTCPIsToldApartByAddressAndBySSRC(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.mustOpen(secretAddr, proxyAddr)
	for range 5 {
		a.send(phoneAddr)
		b.send(natAddr)
		s.tick()
	}
	report := func(ssrc uint32) []byte { return appendReport(nil, ssrc, nil, nil) }
	s.arrive(20001, report(99), port(phoneAddr, 4001))
	s.arrive(20001, report(b.far.ssrc), port(natAddr, 2222))
	s.arrive(20001, report(4242), otherAddr)
	s.run(2 * time.Second)
	for i, c := range []*sharedCall{a, b} {
		if n := c.e.Stats().RTCPReceived; n != 1 {
			t.Errorf("call %d took %d reports", i, n)
		}
	}
}

func TestWhatCameWhileNobodyGatheredIsNotBelieved(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	s.tick()
	a.send(phoneAddr)
	s.now = s.now.Add(3 * time.Second)
	s.tick()
	a.wantHeard(0)
	a.send(phoneAddr)
	s.tick()
	a.wantHeard(1)
}

func TestWhatIsTooOldAfterAStallIsDropped(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	for range 10 {
		a.send(phoneAddr)
		s.tick()
	}
	for range 25 { // 500 ms
		a.send(phoneAddr)
		s.now = s.now.Add(frameTime)
		s.frame++
	}
	s.tick()
	if got := a.heard(); got < 10+5 || got > 10+8 {
		t.Fatalf("%d of 25 packets were taken", got-10)
	}
}

func TestBatchesLoseNothing(t *testing.T) {
	s := newSharedSim(t, 1)
	const calls = 200
	for i := range calls {
		s.mustOpen(port(phoneAddr, uint16(10000+2*i)), phoneAddr.Addr())
	}
	s.run(200 * time.Millisecond)
	b := s.bundles[20000]
	got := map[netip.AddrPort]int{}
	for _, d := range b.out {
		got[d.addr]++
	}
	for _, c := range s.calls {
		if got[c.far.from] != 10 {
			t.Fatalf("%v got %d packets", c.far.from, got[c.far.from])
		}
	}
	if b.calls != 10*5 { // 40 packets of G.711 in a batch
		t.Errorf("%d batches for %d packets", b.calls, len(b.out))
	}
}

func TestSharedMediaPathAllocatesNothing(t *testing.T) {
	s := newSharedSim(t, 1)
	c := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.bundles[20000]
	b.forget = true
	in := make([]datagram, 1)
	pcm, payload := make([]int16, 160), make([]byte, 160)
	packet := c.far.packet()
	seq := uint16(0)
	frame := func() {
		s.now = s.now.Add(frameTime)
		binary.BigEndian.PutUint16(packet[2:], seq)
		binary.BigEndian.PutUint32(packet[4:], uint32(seq)*160)
		seq++
		in[0] = datagram{b: packet, addr: phoneAddr, at: s.now}
		b.in = in
		s.shared.Gather(0, s.now)
		c.e.Receive(s.frame, s.now, pcm)
		c.e.Via(0)
		c.e.Send(s.frame, s.now, payload)
		s.shared.Scatter(0, s.now)
		s.frame++
	}
	for range 600 {
		frame()
	}
	if n := testing.AllocsPerRun(1000, frame); n > 0.05 { // RTCP in 1 of 250 frames
		t.Fatalf("%v allocations per frame", n)
	}
}

func TestCallsComeAndGoWhileWorkersRun(t *testing.T) {
	s := newSharedSim(t, 4)
	var err error
	s.shared, err = newShared(SharedConfig{First: 20000, Ports: 4, Workers: 2, Drain: time.Microsecond}, s.bind)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var workers sync.WaitGroup
	for w := range 2 {
		workers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					s.shared.Gather(w, time.Now())
					s.shared.Scatter(w, time.Now())
				}
			}
		})
	}
	var users sync.WaitGroup
	for u := range 3 {
		users.Go(func() {
			for i := range 300 {
				share, err := s.shared.Open(hereAddr, Peer{Remote: port(phoneAddr, uint16(10000+1000*u+i)), Signalling: phoneAddr.Addr()})
				if err != nil {
					continue
				}
				share.announce(port(otherAddr, uint16(10000+1000*u+i)), netip.AddrPort{})
				_ = share.Close()
			}
		})
	}
	users.Wait()
	close(done)
	workers.Wait()
	s.shared.Gather(0, time.Now().Add(time.Second))
	s.shared.Gather(1, time.Now().Add(time.Second))
	for _, h := range s.shared.homes {
		for _, p := range h.ports {
			if len(p.shares) != 0 || p.table.used != 0 || p.controls.used != 0 || len(p.waiting) != 0 {
				t.Errorf("left behind: %d calls, %d addresses, %d of RTCP, %d unheard", len(p.shares), p.table.used, p.controls.used, len(p.waiting))
			}
		}
	}
}

// FuzzShared gives a shared port whatever datagrams from a few addresses: no
// call may ever take a packet of the other one's stream.
func FuzzShared(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{16, 33, 18, 2, 200, 201, 7, 7, 7, 7, 7, 0, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		s := newSharedSim(t, 1)
		a := s.mustOpen(phoneAddr, phoneAddr.Addr())
		b := s.mustOpen(port(phoneAddr, 4002), phoneAddr.Addr())
		a.send(phoneAddr)
		b.send(b.far.from)
		s.tick()
		from := []netip.AddrPort{phoneAddr, b.far.from, otherAddr, natAddr}
		for _, x := range script[:min(len(script), 200)] {
			d := a.far.packet()
			switch x >> 5 {
			case 0:
				d = d[:int(x)%len(d)]
			case 1:
				d[0] ^= x
			case 2:
				d[1] ^= x
			case 3:
				d[8] ^= x
			case 4:
				s.run(1200 * time.Millisecond)
			}
			at := from[x&3]
			if at == b.far.from {
				continue // then it is b's
			}
			s.arrive(20000+int(x>>2&1), d, at)
			s.tick()
		}
		b.wantHeard(1)
	})
}

func TestAnAddressThatTwoCallsWantedIsTheOthersInTheEnd(t *testing.T) {
	s := newSharedSim(t, 1)
	a := s.mustOpen(phoneAddr, phoneAddr.Addr())
	b := s.mustOpen(port(phoneAddr, 4002), phoneAddr.Addr())
	for range 5 {
		a.send(phoneAddr)
		b.send(b.far.from)
		s.tick()
	}
	p := testParams(g711.PCMU())
	p.Remote, p.Mux = phoneAddr, true
	if err := b.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.tick()
	if err := a.e.Close(); err != nil {
		t.Fatal(err)
	}
	s.run(2 * DefaultDrain)
	for range 5 {
		b.send(phoneAddr)
		s.tick()
	}
	s.arrive(b.share.Port(), appendCNAME(appendReport(nil, b.far.ssrc, nil, nil), b.far.ssrc, "far end"), phoneAddr)
	s.tick()
	if n := b.e.Stats().RTCPReceived; n != 1 {
		t.Errorf("%d reports heard by the way of RTP, want 1", n)
	}
}

func TestPortsThatCannotBeOpenedAreNotKept(t *testing.T) {
	m := NewMetrics(nil)
	opened := map[uint16]*memBundle{}
	s, err := newShared(SharedConfig{First: 20000, Ports: 4, Workers: 1, Metrics: m}, func(a netip.AddrPort) (bundle, error) {
		if a.Port() == 20006 {
			return nil, errors.New("taken")
		}
		opened[a.Port()] = &memBundle{}
		return opened[a.Port()], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := s.Open(hereAddr, Peer{Remote: phoneAddr, Signalling: phoneAddr.Addr()}); err == nil {
			t.Fatal("opened, though a port is taken")
		}
	}
	for n, b := range opened {
		if !b.closed {
			t.Errorf("port %d is still open", n)
		}
	}
	if len(m.shared) != 0 {
		t.Errorf("%d ports are still counted", len(m.shared))
	}
}

// A far end behind a NAT is announced anew and begins to send from another port of the
// NAT at once, with the stream that was heard, as it may with sockets of its own.
func TestSharedPortHearsAFarEndThatMovesWithAnAnnouncement(t *testing.T) {
	s := newSharedSim(t, 1)
	c := s.mustOpen(secretAddr, proxyAddr)
	for range 50 {
		c.send(natAddr)
		s.tick()
	}
	before := c.heard()
	p := testParams(g711.PCMU())
	p.Remote = port(secretAddr, 4002)
	if err := c.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.tick()
	moved := port(natAddr, 61240)
	for range 25 {
		c.send(moved)
		s.tick()
	}
	if n := c.heard() - before; n < 22 {
		t.Errorf("%d of 25 packets heard after the move", n)
	}
	if a := c.target(); a != moved {
		t.Errorf("sent to %v", a)
	}
}

// A re-INVITE may cross the BYE: it must not bring back a call that has left.
func TestAnUpdateAfterTheEndTakesNoAddress(t *testing.T) {
	for _, after := range []time.Duration{0, 2 * DefaultDrain} {
		s := newSharedSim(t, 1)
		a := s.mustOpen(phoneAddr, phoneAddr.Addr())
		if err := a.e.Close(); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(after)
		s.shared.Gather(0, s.now)
		s.mustOpen(natAddr, natAddr.Addr()) // those whose rest is over are forgotten
		p := a.e.next.Load().Params
		p.Remote = otherAddr
		if err := a.e.Update(p); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(2 * DefaultDrain)
		s.shared.Gather(0, s.now)
		if _, err := s.open(otherAddr, otherAddr.Addr()); err != nil {
			t.Errorf("updated %v after the end: a call from the new address: %v", after, err)
		}
		for _, x := range a.share.port.waiting {
			if x == a.share {
				t.Errorf("updated %v after the end: the call is waited for", after)
			}
		}
	}
}
