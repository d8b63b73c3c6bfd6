package main

import (
	"net/netip"
	"testing"
)

func TestTheAdvertisedAddressOfANameIsOneThatCallersReach(t *testing.T) {
	v4, v6 := netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("2001:db8::5")
	for _, tt := range []struct {
		name   string
		listen []string
		addrs  []netip.Addr
		want   netip.Addr
	}{
		{"SIP by IPv4", []string{"udp://0.0.0.0:5060", "tls://192.0.2.1:5061"}, []netip.Addr{v6, v4}, v4},
		{"the same, mapped into IPv6", []string{"udp://0.0.0.0:5060"}, []netip.Addr{v6, netip.AddrFrom16(v4.As16())}, v4},
		{"SIP by both", []string{"udp://0.0.0.0:5060", "udp://[::]:5060"}, []netip.Addr{v6, v4}, v6},
		{"SIP by IPv6", []string{"udp://[2001:db8::5]:5060"}, []netip.Addr{v6, v4}, v6},
		{"there is no other", []string{"udp://0.0.0.0:5060"}, []netip.Addr{v6}, v6},
	} {
		if got := addressFor(tt.listen, tt.addrs); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
