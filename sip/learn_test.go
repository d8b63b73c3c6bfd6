package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// natRelay is a NAT in front of one UA: what that sends to the relay's inner
// socket leaves by the outer one, and the other way round. The far end sees
// another port, and by the name in the messages another address.
type natRelay struct {
	inner, outer *net.UDPConn
	done         sync.WaitGroup

	mu     sync.Mutex
	inside netip.AddrPort
}

// newNATRelay leads to the far end given. The outer socket has another address
// of the loopback network.
func newNATRelay(t testing.TB, far netip.AddrPort) *natRelay {
	t.Helper()
	listen := func(ip net.IP) *net.UDPConn {
		pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
		if err != nil {
			t.Skipf("no second loopback address: %v", err)
		}
		return pc
	}
	r := &natRelay{inner: listen(net.IPv4(127, 0, 0, 1)), outer: listen(net.IPv4(127, 0, 0, 9))}
	pump := func(from, to *net.UDPConn, target func(netip.AddrPort) netip.AddrPort) {
		buf := make([]byte, maxDatagram)
		for {
			n, src, err := from.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = to.WriteToUDPAddrPort(buf[:n], target(src))
		}
	}
	r.done.Go(func() {
		pump(r.inner, r.outer, func(src netip.AddrPort) netip.AddrPort {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.inside = src
			return far
		})
	})
	r.done.Go(func() {
		pump(r.outer, r.inner, func(netip.AddrPort) netip.AddrPort {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.inside
		})
	})
	t.Cleanup(func() {
		_ = r.inner.Close()
		_ = r.outer.Close()
		r.done.Wait()
	})
	return r
}

// A call through NAT in both directions: responses find their way by rport,
// requests of the far end by the address that the calls come from, and with
// "auto" the second call names the address that the far end has seen.
func TestCallThroughNAT(t *testing.T) {
	for _, tt := range []struct {
		advertise string
		learnt    bool
	}{{"", false}, {"auto", true}} {
		t.Run("advertise "+tt.advertise, func(t *testing.T) {
			a := newAnswering()
			carrier := startUA(t, Config{Timers: shortTimers, Listen: []string{"udp://127.0.0.1:0"}}, a.handle)
			relay := newNATRelay(t, carrier.Addrs()[0].(*net.UDPAddr).AddrPort())
			alice := startUA(t, Config{Timers: shortTimers, Listen: []string{"udp://127.0.0.1:0"}, Advertise: tt.advertise}, nil)
			outer := relay.outer.LocalAddr().String()
			for call := range 2 {
				d := dial(t, alice, "sip:x@"+relay.inner.LocalAddr().String())
				in := a.next(t)
				a.session.expect(t, "ack")
				if got := in.Invitation().RemoteAddr.String(); got != outer {
					t.Errorf("came from %s, want %s", got, outer)
				}
				contact := in.invite.in.req.Contact().Address
				named := fmt.Sprintf("%s:%d", contact.Host, contact.Port)
				if (named == outer) != (tt.learnt && call == 1) {
					t.Errorf("call %d: Contact %s", call, named)
				}
				bye(t, in) // the far end's BYE comes through
				ended(t, d, ErrRemoteBye)
			}
		})
	}
}

// What one far end says of our address is of no effect for another.
func TestLearntAddressIsForItsTellerAlone(t *testing.T) {
	alice := startUA(t, Config{Timers: shortTimers, Advertise: "auto"}, nil)
	liar := newRawPeerOn(t, "127.0.0.1", netip.AddrPort{})
	liar.from(alice)
	other := newRawPeerOn(t, "127.0.0.7", netip.AddrPort{})
	other.from(alice)
	ask := func(p *rawPeer) string {
		t.Helper()
		got := make(chan struct{})
		go func() {
			defer close(got)
			_, _ = alice.Invite(t.Context(), InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer")}, nil)
		}()
		inv := p.expect("INVITE")
		via := headerOf(inv, "Via")
		p.reply(strings.Replace(inv, via, strings.Replace(via, ";rport", ";rport=6666;received=203.0.113.66", 1), 1), 486)
		p.expect("ACK")
		<-got
		return headerOf(inv, "Contact")
	}
	ask(liar)
	if c := ask(liar); !strings.Contains(c, "203.0.113.66:6666") {
		t.Errorf("Contact for the teller %s", c)
	}
	if c := ask(other); strings.Contains(c, "203.0.113.66") {
		t.Errorf("Contact for another %s", c)
	}
}

func TestAdvertisedByListener(t *testing.T) {
	u := startUA(t, Config{Advertise: "all.example.com", Timers: shortTimers, Listen: []string{
		"udp://127.0.0.1:0?advertise=203.0.113.5", "udp://127.0.0.2:0?advertise=[2001:db8::5]:15060", "tcp://127.0.0.1:0",
	}}, newAnswering().handle)
	port := func(i int) int { return u.listenPort(i) }
	want := []string{fmt.Sprintf("203.0.113.5:%d", port(0)), "[2001:db8::5]:15060", fmt.Sprintf("all.example.com:%d", port(2))}
	for i, a := range u.Addrs() {
		if got := u.Advertised(a); got != want[i] {
			t.Errorf("listener %d is %s, want %s", i, got, want[i])
		}
	}
	for i := range 2 {
		p := newRawPeer(t, u)
		p.to = u.Addrs()[i].(*net.UDPAddr).AddrPort()
		p.send(p.invite(fmt.Sprintf("adv%d", i), 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		if got := headerOf(ok, "Contact"); got != "<sip:mediaserver@"+want[i]+">" {
			t.Errorf("Contact %s, want %s", got, want[i])
		}
		p.send(p.within(ok, "ACK", 1, nil))
		p.send(p.within(ok, "BYE", 2, nil))
		p.expect("200 BYE")
	}
}

// listenPort is the port of a listener.
func (u *UA) listenPort(i int) int {
	switch a := u.Addrs()[i].(type) {
	case *net.UDPAddr:
		return a.Port
	case *net.TCPAddr:
		return a.Port
	}
	return 0
}
