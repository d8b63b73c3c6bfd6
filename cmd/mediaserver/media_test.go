package main

import (
	"errors"
	"net/netip"
	"runtime"
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

func mediaPortsFor(t *testing.T, io string, first, last int) *mediaPorts {
	t.Helper()
	if io == sharedIO && runtime.GOOS != "linux" {
		t.Skip("shared ports are for Linux")
	}
	var cfg config.Config
	cfg.RTP = config.RTP{IO: io, PortMin: first, PortMax: last, SharedPorts: 1, Codecs: []string{"pcmu"}}
	m, err := newMediaPorts(&cfg, 1, rtp.NewMetrics(nil))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
