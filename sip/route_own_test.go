package sip

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
)

// The system cannot say from where it would send to a link-local address without an
// interface, as it cannot without a free file. Nobody is told another address then.
func TestNobodyIsToldAnAddressThatDoesNotLeadHere(t *testing.T) {
	const nowhere = "[fe80::1]:5060"
	anywhere := netip.MustParseAddrPort("[::]:5060")
	t.Run("call in", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := far(t, Config{}, answerAll, nowhere)
			r.src.sock.local = anywhere
			r.give(r.request("INVITE"))
			r.expect("without a way back", "100 INVITE", "503 INVITE")
		})
	})
	u := startUA(t, Config{Listen: []string{"udp://:0"}}, nil)
	t.Run("call out", func(t *testing.T) {
		_, err := u.Invite(context.Background(), InviteRequest{To: "sip:bob@" + nowhere, SDP: testSDP("offer")}, nil)
		if !errors.Is(err, ErrTransport) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("registration", func(t *testing.T) {
		_, err := u.Register(t.Context(), RegisterRequest{Registrar: "sip:" + nowhere, Address: "sip:bob@" + nowhere})
		if !errors.Is(err, ErrTransport) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("description", func(t *testing.T) {
		if a, err := u.LocalAddr(t.Context(), "sip:bob@"+nowhere); err == nil {
			t.Errorf("own address %s", a)
		}
	})
	t.Run("it is asked for again", func(t *testing.T) {
		f := &flow{ua: u, sock: &udpSocket{local: anywhere}, to: netip.MustParseAddrPort(nowhere)}
		_ = f.local()
		f.to = netip.MustParseAddrPort("[::1]:5060")
		if a := f.local(); a != netip.IPv6Loopback() {
			t.Errorf("own address %s", a)
		}
		if a, err := f.route(); err != nil || a != netip.IPv6Loopback() {
			t.Errorf("route %s, %v", a, err)
		}
	})
}
