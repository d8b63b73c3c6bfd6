package sip

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestAddressesOfTheHostOutliveAShortageOfFiles(t *testing.T) {
	list := func(s ...string) (out []net.Addr) {
		for _, one := range s {
			out = append(out, &net.IPNet{IP: net.ParseIP(one), Mask: net.CIDRMask(24, 32)})
		}
		return out
	}
	now := time.Unix(1000, 0)
	var named []net.Addr
	var trouble error = syscall.EMFILE
	h := &hostAddrs{ask: func() ([]net.Addr, error) { return named, trouble }}
	for _, s := range []struct {
		name  string
		after time.Duration
		named []net.Addr
		err   error
		want  string // an address; "" = none
	}{
		{"never answered", 0, nil, syscall.EMFILE, ""},
		{"asked again at once", 0, list("192.0.2.1"), nil, "192.0.2.1"},
		{"as it was", time.Second, list("192.0.2.2"), nil, "192.0.2.1"},
		{"no files", time.Hour, nil, syscall.EMFILE, "192.0.2.1"},
		{"moved", time.Second, list("::1", "192.0.2.2"), nil, "192.0.2.2"},
	} {
		now, named, trouble = now.Add(s.after), s.named, s.err
		got := h.addresses(now)
		if s.want == "" && len(got) > 0 || s.want != "" && !slices.Contains(got, netip.MustParseAddr(s.want)) {
			t.Errorf("%s: %v", s.name, got)
		}
	}
}
