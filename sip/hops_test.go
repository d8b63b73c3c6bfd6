package sip

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func portOf(t testing.TB, addr string) uint16 {
	t.Helper()
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port()
}

// unhurried leaves a far end that speaks by hand the time to answer before the
// next hop's turn, on a busy machine too.
var unhurried = Timers{T1: 150 * time.Millisecond} // not changed

// A call goes on to the next hop when one refuses it with 503, does not answer
// or cannot be reached, and the failed one is left for last afterwards.
func TestCallGoesOnToTheNextHop(t *testing.T) {
	for _, tt := range []struct{ name, fault string }{
		{"503", "busy"}, {"no answer", "silent"}, {"connection refused", "closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z := newZone(t)
			z.a("host.test", "127.0.0.1")
			a := newAnswering()
			bob := startUA(t, Config{Timers: shortTimers}, a.handle)
			alice := patient(t, z, unhurried)
			transport, port := "udp", uint16(0)
			first := newRawPeer(t, alice)
			port = portOf(t, first.addr())
			if tt.fault == "closed" {
				transport = "tcp"
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				port = portOf(t, l.Addr().String())
				_ = l.Close()
			}
			z.srv("_sip._"+transport+".pbx.test", 10, 0, "host.test", port)
			z.srv("_sip._"+transport+".pbx.test", 20, 0, "host.test", portOf(t, bob.Addrs()[0].String()))
			heard := make(chan struct{})
			go func() {
				defer close(heard)
				for range 2 {
					if tt.fault != "busy" {
						return
					}
					if m := first.read(patience); m != "" && kindOf([]byte(m)) == "INVITE" {
						first.reply(m, 503, "Retry-After: 60")
					}
				}
			}()
			uri := "sip:bob@pbx.test;transport=" + transport
			for range 2 { // the second time to bob at once
				began := time.Now()
				d := dial(t, alice, uri)
				a.session.expect(t, "ack")
				bye(t, d)
				ended(t, a.next(t), ErrRemoteBye)
				t.Logf("call took %s", time.Since(began))
			}
			<-heard
			hops, err := alice.hops(t.Context(), mustURI(t, uri), nil)
			if err != nil || len(hops) != 2 || hops[1].to.Port() != port {
				t.Errorf("hops %v, %v", hops, err)
			}
			emptied(t, alice)
		})
	}
}

// Any other refusal is the answer, and so is the last hop's 503.
func TestRefusalIsNotAskedForElsewhere(t *testing.T) {
	for code, want := range map[int]int{486: 486, 503: 500} {
		z := newZone(t)
		z.a("host.test", "127.0.0.1")
		alice := patient(t, z, unhurried)
		one, two := newRawPeer(t, alice), newRawPeer(t, alice)
		z.srv("_sip._udp.pbx.test", 10, 0, "host.test", portOf(t, one.addr()))
		z.srv("_sip._udp.pbx.test", 20, 0, "host.test", portOf(t, two.addr()))
		got := make(chan error, 1)
		go func() {
			_, err := alice.Invite(t.Context(), InviteRequest{To: "sip:x@pbx.test;transport=udp", SDP: testSDP("offer")}, nil)
			got <- err
		}()
		inv := one.expect("INVITE")
		one.reply(inv, code)
		one.expect("ACK")
		if code == 503 {
			again := two.expect("INVITE")
			if headerOf(again, "Call-ID") != headerOf(inv, "Call-ID") || headerOf(again, "Via") == headerOf(inv, "Via") {
				t.Errorf("the second try\n%s\nafter\n%s", again, inv)
			}
			two.reply(again, 500)
			two.expect("ACK")
		} else if m := two.read(50 * time.Millisecond); m != "" {
			t.Errorf("second hop got %s", m)
		}
		e, ok := errors.AsType[*StatusError](<-got)
		if !ok || e.Code != want {
			t.Errorf("got %v, want %d", e, want)
		}
		emptied(t, alice)
	}
}

// A hop that has rung is not given up.
func TestRingingHopIsNotLeft(t *testing.T) {
	z := newZone(t)
	z.a("host.test", "127.0.0.1")
	alice := patient(t, z, unhurried)
	one, two := newRawPeer(t, alice), newRawPeer(t, alice)
	z.srv("_sip._udp.pbx.test", 10, 0, "host.test", portOf(t, one.addr()))
	z.srv("_sip._udp.pbx.test", 20, 0, "host.test", portOf(t, two.addr()))
	got := make(chan *Dialog, 1)
	go func() { got <- dial(t, alice, "sip:x@pbx.test;transport=udp") }()
	inv := one.expect("INVITE")
	one.reply(inv, 100)
	if m := two.read(hopPatience*unhurried.T1 + 500*time.Millisecond); m != "" {
		t.Fatalf("second hop got %s", m)
	}
	one.reply(inv, 200, "Contact: <sip:x@"+one.addr()+">")
	one.expect("ACK")
	d := <-got
	go func() { one.reply(one.expect("BYE"), 200) }()
	bye(t, d)
	emptied(t, alice)
}

// A hop that rings after it was given up is told that nobody wants it any more.
func TestHopThatWasGivenUpIsCancelledWhenItRings(t *testing.T) {
	for _, name := range []string{"for the next hop", "for another way"} {
		t.Run(name, func(t *testing.T) {
			z := newZone(t)
			z.a("host.test", "127.0.0.1")
			alice := resolving(t, z)
			one, two := newRawPeer(t, alice), newRawPeer(t, alice)
			z.srv("_sip._udp.pbx.test", 10, 0, "host.test", portOf(t, one.addr()))
			r := InviteRequest{To: "sip:x@pbx.test;transport=udp", SDP: testSDP("offer")}
			if name == "for the next hop" {
				z.srv("_sip._udp.pbx.test", 20, 0, "host.test", portOf(t, two.addr()))
			} else {
				r.Patience = 100 * time.Millisecond
			}
			c := placing(t, alice, r)
			inv := one.expect("INVITE")
			if name == "for the next hop" {
				two.reply(two.expect("INVITE"), 486)
			}
			<-c.done
			one.reply(inv, 180)
			one.reply(one.expect("CANCEL"), 200)
			one.reply(inv, 487)
			one.expect("ACK")
			emptied(t, alice)
		})
	}
}

// RFC 3261 §18.1.1.
func TestLargeRequestGoesOverTCP(t *testing.T) {
	large := []Header{{"X-Large", strings.Repeat("x", maxOverUDP)}}
	tests := []struct {
		name, params string
		headers      []Header
		listen       []string
		want         string
	}{
		{"small", "", nil, nil, "udp"},
		{"large", "", large, nil, "tcp"},
		{"large and UDP named", ";transport=udp", large, nil, "udp"},
		{"large and no TCP there", "", large, []string{"udp://127.0.0.1:0"}, "udp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAnswering()
			bob := startUA(t, Config{Timers: shortTimers, Listen: tt.listen}, a.handle)
			alice := startUA(t, Config{Timers: shortTimers}, nil)
			d, err := alice.Invite(t.Context(), InviteRequest{
				To: "sip:bob@" + bob.Addrs()[0].String() + tt.params, SDP: testSDP("offer"), Headers: tt.headers,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			in := a.next(t)
			a.session.expect(t, "ack")
			if got := in.Invitation().Transport; got != tt.want {
				t.Errorf("came over %s, want %s", got, tt.want)
			}
			bye(t, in)
			ended(t, d, ErrRemoteBye)
			emptied(t, alice)
			emptied(t, bob)
		})
	}
}

// Hops that failed are remembered for a time, and a bounded number of them.
func TestCoolDownEnds(t *testing.T) {
	u, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	u.cooled.now = func() time.Time { return now }
	hop := func(i int) hop {
		return hop{viaUDP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060), "x"}
	}
	for i := range 2 * maxCooled {
		u.cool(hop(i), nil)
	}
	if n := len(u.cooled.keys()); n > maxCooled {
		t.Errorf("%d hops remembered", n)
	}
	now = now.Add(maxCoolDown)
	if n := len(u.cooled.keys()); n != 0 {
		t.Errorf("%d hops remembered for ever", n)
	}
}
