package sip

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// ways is what a UA knows of the ways to others and of how it is reached.
type ways struct {
	udp     []*udpSocket
	streams *streamTable
	addrs   []net.Addr // of all listeners, in the order of Config.Listen

	dns    *resolver
	tls    *tlsSide                      // set by Listen; nil has no certificate and trusts the system's roots
	cooled *memory[hop, time.Time]       // hops that failed lately, until when
	noTCP  *memory[hop, struct{}]        // hops by TCP that a large request could not take
	learnt *memory[view, netip.AddrPort] // our address as others see it
	kept   *memory[keptWay, struct{}]    // ways over UDP that are kept open
	host   *hostAddrs
}

func newWays(cfg Config) ways {
	return ways{
		streams: newStreamTable(cfg.Metrics),
		dns:     newResolver(cfg.DNS, time.Now),
		cooled:  newMemory[hop, time.Time](maxCoolDown, maxCooled, time.Now),
		noTCP:   newMemory[hop, struct{}](noTCPFor, maxCooled, time.Now),
		learnt:  newMemory[view, netip.AddrPort](learntFor, maxLearnt, time.Now),
		host:    &hostAddrs{ask: net.InterfaceAddrs},
		kept:    newMemory[keptWay, struct{}](keptFor*cfg.KeepAlive, maxKept, time.Now),
	}
}

// LocalAddr is our address of the route to the host of a SIP URI (or
// host:port): what to put into SDP for a call there.
func (u *UA) LocalAddr(ctx context.Context, uri string) (netip.Addr, error) {
	switch contacts, err := u.contactsOf(uri); {
	case err != nil:
		return netip.Addr{}, err
	case contacts != nil:
		return localOf(contacts)
	}
	target, err := parseURI(uri)
	if err != nil {
		return netip.Addr{}, err
	}
	hops, err := u.hops(ctx, target, nil)
	if err != nil {
		return netip.Addr{}, err
	}
	if h := hops[0]; h.transport == viaUDP {
		f, err := u.udpFlow(h.to)
		if err != nil {
			return netip.Addr{}, err
		}
		own, err := f.route()
		return own.WithZone(""), err
	}
	own, err := routeTo(hops[0].to)
	return own.WithZone(""), err
}
