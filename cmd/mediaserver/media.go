package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/rtp/dtls"
	"mediaserver/sip/sdp"
)

// mediaPorts hands out what calls send and receive audio by: ports of their own
// or, with rtp.io: shared, a part of those that all calls share.
type mediaPorts struct {
	own        *rtp.Ports  // nil: every port is shared
	shared     *rtp.Shared // nil: none is
	capability sdp.Capability
	metrics    *rtp.Metrics
	log        *slog.Logger
	told       atomic.Bool // that shared ports cannot be opened
}

// sharedIO is the value of rtp.io for shared ports.
const sharedIO = "shared"

// newMediaPorts opens nothing yet. workers are those of the engine; 0: as many
// as it takes by itself.
func newMediaPorts(cfg *config.Config, workers int, metrics *rtp.Metrics, log *slog.Logger) (*mediaPorts, error) {
	m := &mediaPorts{capability: capability(&cfg.RTP), metrics: metrics, log: log}
	first := cfg.RTP.PortMin
	if cfg.RTP.IO == sharedIO {
		if workers == 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		var err error
		m.shared, err = rtp.NewShared(rtp.SharedConfig{First: first, Ports: cfg.RTP.SharedPorts, Workers: workers, Metrics: metrics})
		if err != nil {
			return nil, fmt.Errorf("rtp.io: %s: %w", sharedIO, err)
		}
		if first += first&1 + 2*cfg.RTP.SharedPorts; first+1 > cfg.RTP.PortMax {
			return m, nil
		}
	}
	var err error
	m.own, err = rtp.NewPorts(rtp.PortsConfig{Min: first, Max: cfg.RTP.PortMax, Metrics: metrics})
	return m, err
}

// transport is what moves the packets of shared ports.
func (m *mediaPorts) transport() mixer.Transport {
	if m.shared == nil {
		return nil // not a nil *Shared, which is no nil interface
	}
	return m.shared
}

// open is call.Config.OpenSockets. Sockets are bound to the address in the
// session description or, where that is not one of this machine, as behind a
// NAT and in a container, to the address of the route.
func (m *mediaPorts) open(r call.SocketRequest) (call.Sockets, error) {
	s, err := m.openAt(nearest(r.Local, r.Route), r)
	if errors.Is(err, syscall.EADDRNOTAVAIL) && r.Route.IsValid() && r.Route != r.Local {
		s, err = m.openAt(r.Route, r)
	}
	return s, err
}

// nearest is the address that sockets are bound to first: the one that is told, but
// a loopback address that is told to a peer elsewhere is that of the machine whose
// ports lead into this container.
func nearest(told, route netip.Addr) netip.Addr {
	if told.IsLoopback() && route.IsValid() && !route.IsLoopback() {
		return route
	}
	return told
}

func (m *mediaPorts) openAt(local netip.Addr, r call.SocketRequest) (call.Sockets, error) {
	if r.Own && m.own == nil {
		return nil, fmt.Errorf("%w: ICE or DTLS, and rtp.port_max leaves no ports beside the shared ones", rtp.ErrApart)
	}
	if m.shared != nil && !r.Own {
		peer := rtp.Peer{Signalling: r.Signalling}
		peer.Remote, peer.RemoteRTCP = r.Remote(m.capability)
		s, err := m.shared.Open(local, peer)
		if err == nil {
			return s, nil
		}
		if m.own == nil || errors.Is(err, syscall.EADDRNOTAVAIL) {
			return nil, err
		}
		if !errors.Is(err, rtp.ErrApart) && m.told.CompareAndSwap(false, true) {
			m.log.Warn("shared RTP ports cannot be opened: calls get ports of their own", "key", "rtp.io", "error", err)
		}
	}
	s, err := m.own.Open(local)
	if err != nil {
		return nil, err // not s: a nil *Sockets is no nil interface
	}
	return s, nil
}

// close closes the shared ports, when all calls have ended and the engine has
// stopped.
func (m *mediaPorts) close() error {
	if m.shared == nil {
		return nil
	}
	return m.shared.Close()
}

// capability is what calls are offered.
func capability(cfg *config.RTP) sdp.Capability {
	c := sdp.DefaultCapability()
	c.Codecs, c.Mux = nil, cfg.RTCPMux
	for _, name := range cfg.Offered() {
		switch name {
		case "pcmu":
			c.Codecs = append(c.Codecs, sdp.PCMU)
		case "pcma":
			c.Codecs = append(c.Codecs, sdp.PCMA)
		}
	}
	return c
}

// mediaTransport is how the packets of calls go. Our certificate lives as long
// as the process.
func mediaTransport(cfg *config.Config, keying func(call.Info) call.Keying) (call.Transport, error) {
	identity, err := dtls.NewIdentity(time.Now())
	t := call.Transport{Identity: identity, Keying: keying}
	if cfg.RTP.Source == "strict" {
		t.Source = rtp.SourceStrict
	}
	return t, err
}
