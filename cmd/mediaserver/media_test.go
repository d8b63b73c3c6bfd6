package main

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/rtp"
)

// elsewhere is an address that this machine does not have.
var elsewhere = netip.MustParseAddr("203.0.113.5")

func TestMediaIsBoundToTheRouteBehindANAT(t *testing.T) {
	for _, io := range []string{"sockets", "shared"} {
		t.Run(io, func(t *testing.T) {
			m := mediaPortsFor(t, io, 21800, 21899)
			s, err := m.open(call.SocketRequest{Local: elsewhere, Route: netip.MustParseAddr("127.0.0.1")})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(s.Close(), m.close()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestSocketsAreBoundToTheAddressThatPacketsComeTo(t *testing.T) {
	for _, test := range []struct{ told, route, want string }{
		{"192.0.2.1", "192.0.2.1", "192.0.2.1"},
		{"203.0.113.1", "192.0.2.1", "203.0.113.1"}, // another address of this machine, or that of a NAT
		{"127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"127.0.0.1", "172.17.0.2", "172.17.0.2"}, // published ports of a container
		{"::1", "fd00::2", "fd00::2"},
		{"127.0.0.1", "", "127.0.0.1"},
	} {
		var route netip.Addr
		if test.route != "" {
			route = netip.MustParseAddr(test.route)
		}
		if got := nearest(netip.MustParseAddr(test.told), route); got.String() != test.want {
			t.Errorf("%s told, route %q: %s, want %s", test.told, test.route, got, test.want)
		}
	}
}

func TestCallsThatCannotBeToldApartGetSocketsWhileThereAreAny(t *testing.T) {
	m := mediaPortsFor(t, "shared", 21900, 21903) // one shared pair and one other
	r := call.SocketRequest{Local: netip.MustParseAddr("127.0.0.1")}
	var open []call.Sockets
	for _, port := range []int{21900, 21902} {
		s, err := m.open(r)
		if err != nil || s.Port() != port {
			t.Fatalf("port %d: %v", port, err)
		}
		open = append(open, s)
	}
	if _, err := m.open(r); !errors.Is(err, rtp.ErrNoPorts) {
		t.Fatalf("a third call: %v", err)
	}
	for _, s := range open {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := m.close(); err != nil {
		t.Error(err)
	}
}

func TestSharedPortsThatOthersHoldLeaveCallsTheirOwn(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	m := mediaPortsFor(t, "shared", 21904, 21907)
	other, err := net.ListenPacket("udp", "127.0.0.1:21904")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var said strings.Builder
	m.log = slog.New(slog.NewTextHandler(&said, nil))
	s, err := m.open(call.SocketRequest{Local: local})
	if err != nil || s.Port() != 21906 {
		t.Fatalf("%v, want port 21906", err)
	}
	if _, err := m.open(call.SocketRequest{Local: local}); !errors.Is(err, rtp.ErrNoPorts) {
		t.Errorf("a second call: %v, want no free port", err)
	}
	if n := strings.Count(said.String(), "rtp.io"); n != 1 {
		t.Errorf("told %d times:\n%s", n, said.String())
	}
	if err := errors.Join(s.Close(), m.close()); err != nil {
		t.Error(err)
	}
}

func TestCallsBehindANATUseOnePairOfPortsEach(t *testing.T) {
	m := mediaPortsFor(t, "sockets", 21910, 21913)
	for range 2 {
		s, err := m.open(call.SocketRequest{Local: elsewhere, Route: netip.MustParseAddr("127.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
}

func mediaPortsFor(t *testing.T, io string, first, last int) *mediaPorts {
	t.Helper()
	if io == sharedIO && runtime.GOOS != "linux" {
		t.Skip("shared ports are for Linux")
	}
	var cfg config.Config
	cfg.RTP = config.RTP{IO: io, PortMin: first, PortMax: last, SharedPorts: 1, Codecs: []string{"pcmu"}}
	m, err := newMediaPorts(&cfg, 1, rtp.NewMetrics(nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
