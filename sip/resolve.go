package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// errNoListener: nothing of ours can reach an address of that family over UDP.
var errNoListener = errors.New("sip: no UDP listener for that address")

// errNoAddress: the DNS knows the host but has no address of it, or only such
// as cannot be used.
var errNoAddress = errors.New("no address")

// service is a transport and the name of the SRV records that say where it is.
type service struct{ transport, name string }

// services are the names to look for by transport, in our order of
// preference; RFC 3263 §4.1, RFC 7118 §5.
func servicesOf(host string, secure bool, transport string) []service {
	var found []service
	for _, s := range []service{
		{viaUDP, "_sip._udp."}, {viaTCP, "_sip._tcp."}, {viaTLS, "_sips._tcp."}, {viaWS, "_sip._ws."}, {viaWSS, "_sips._ws."},
	} {
		if s.transport == transport ||
			transport == "" && !isWebSocket(s.transport) && (!secure || isSecure(s.transport)) {
			found = append(found, service{s.transport, s.name + host})
		}
	}
	return found
}

const (
	// lookUpTime is how long the DNS may take for all that is asked of it for one
	// URI: enough where the first of three name servers is dead.
	lookUpTime = 30 * time.Second
	// maxTargets is how many names of hosts are asked for: those that a domain
	// gives may be many, and of others.
	maxTargets = 32
)

// lookUp asks the DNS for the hops of a URI, RFC 3263 §4.
func (u *UA) lookUp(ctx context.Context, uri sipgo.Uri, transport string) ([]hop, error) {
	ctx, done := context.WithTimeout(ctx, lookUpTime)
	defer done()
	host, port := strings.TrimSuffix(strings.Trim(uri.Host, "[]"), "."), uri.Port
	secure := uri.Scheme == "sips"
	plain := transport // without further word of the DNS
	switch {
	case plain == "" && secure:
		plain = viaTLS
	case plain == "" && len(u.udp) == 0:
		plain = viaTCP // there is no UDP here
	case plain == "":
		plain = viaUDP
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if nobody(a.Unmap()) {
			return nil, fmt.Errorf("%w: %s", errNoAddress, host)
		}
		return []hop{{plain, netip.AddrPortFrom(a.Unmap(), portOr(port, plain)), host}}, nil
	}
	if unreachable(host) {
		return nil, fmt.Errorf("resolve %s: %w", host, errNoAddress)
	}
	if port == 0 && strings.Contains(host, ".") {
		if hops, found := u.bySRV(ctx, host, secure, transport); found {
			if len(hops) == 0 {
				return nil, fmt.Errorf("resolve %s: %w", host, errNoAddress)
			}
			return hops, nil
		}
	}
	return u.byAddress(ctx, host, plain, host, portOr(port, plain))
}

// unreachable: a name that is none, as browsers put into their Contact (RFC
// 7118 §5, RFC 2606 §2).
func unreachable(host string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".invalid")
}

// bySRV are the hops that SRV records name, those of one transport before
// those of the next. found says that there are records at all.
func (u *UA) bySRV(ctx context.Context, host string, secure bool, transport string) (hops []hop, found bool) {
	services, listed, targets := servicesOf(host, secure, transport), false, 0
	if transport == "" {
		if n := u.byNAPTR(ctx, host, secure); len(n) > 0 {
			services, listed = n, true
		}
	}
	for _, s := range services {
		records, err := u.dns.srv(ctx, s.name)
		if err != nil || len(records) == 0 {
			continue
		}
		found = true
		for _, r := range records {
			target := strings.TrimSuffix(r.Target, ".")
			if target == "" || len(hops) >= maxWays || targets >= maxTargets {
				continue // RFC 2782: the service is decidedly not there
			}
			targets++
			more, _ := u.byAddress(ctx, rooted(target), s.transport, host, r.Port) // the others may be known
			hops = append(hops, more...)
		}
		if !listed && len(hops) > 0 {
			break
		}
	}
	return hops[:min(len(hops), maxWays)], found
}

// byNAPTR are the services of a domain that we can use, in its own order.
func (u *UA) byNAPTR(ctx context.Context, host string, secure bool) []service {
	var found []service
	for _, r := range u.dns.naptr(ctx, host) {
		transport := ""
		switch strings.ToUpper(r.service) {
		case "SIP+D2U":
			transport = viaUDP
		case "SIP+D2T":
			transport = viaTCP
		case "SIPS+D2T":
			transport = viaTLS
		}
		if transport != "" && equalFold(r.flags, "s") && r.replacement != "" && (!secure || isSecure(transport)) {
			found = append(found, service{transport, r.replacement})
		}
	}
	return found
}

// byAddress are the hops of the addresses of a host that we can reach.
func (u *UA) byAddress(ctx context.Context, name, transport, host string, port uint16) ([]hop, error) {
	addrs, err := u.dns.addresses(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", name, err)
	}
	var hops []hop
	addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool { return nobody(a.Unmap()) })
	if len(addrs) == 0 {
		return nil, fmt.Errorf("resolve %s: %w", name, errNoAddress)
	}
	for _, a := range addrs[:min(len(addrs), maxWays)] {
		if transport != viaUDP || u.reachable(a.Unmap()) {
			hops = append(hops, hop{transport, netip.AddrPortFrom(a.Unmap(), port), host})
		}
	}
	if len(hops) == 0 {
		return nil, fmt.Errorf("resolve %s: %w", name, errNoListener)
	}
	return hops, nil
}

// reachable: a UDP listener of ours can send to the address.
func (u *UA) reachable(a netip.Addr) bool {
	for _, s := range u.udp {
		if s.reaches(a) {
			return true
		}
	}
	return false
}

// reaches: the socket's family can send to the address.
func (s *udpSocket) reaches(a netip.Addr) bool {
	l := s.local.Addr()
	if l.IsUnspecified() && l.Is6() && s.dual {
		return true
	}
	return l.Is4() == a.Is4()
}

// portOr is a URI's port, or the one of the transport: RFC 3261 §19.1.2, RFC
// 7118 §5 with RFC 6455 §3.
func portOr(port int, transport string) uint16 {
	switch {
	case port > 0 && port <= 65535:
		return uint16(port)
	case transport == viaTLS:
		return defaultTLSPort
	case transport == viaWS:
		return 80
	case transport == viaWSS:
		return 443
	}
	return defaultPort
}
