package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Network is how a UA is reached and reaches others. The zero value asks the
// system's DNS, trusts the system's roots and has no certificate.
type Network struct {
	TLS       TLS
	Origins   []string         // origins of web pages that may open ws and wss connections (RFC 6455 §10.2), "*" for all; nil = the host of the listener alone
	DNS       []netip.AddrPort // name servers; nil = those of the system
	KeepAlive time.Duration    // between keep-alives on ways out (RFC 5626 §3.5.1); 0 = none
}

// advertised is what Via and Contact name in place of an address of ours.
type advertised struct {
	host string // "" = the address of the route; IPv6 without brackets
	port int    // 0 = the listener's
	auto bool   // as the far end sees us
}

// autoAdvertise is the word for advertised.auto.
const autoAdvertise = "auto"

// parseAdvertise reads "auto", a host or an address with or without port.
func parseAdvertise(s string) (advertised, error) {
	bad := fmt.Errorf("sip: advertise %q is not a host or an IP address", s)
	if s == "" {
		return advertised{}, nil
	}
	if s == autoAdvertise {
		return advertised{auto: true}, nil
	}
	a := advertised{host: strings.Trim(s, "[]")}
	if _, err := netip.ParseAddr(a.host); err != nil {
		if host, port, err := net.SplitHostPort(s); err == nil {
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 || host == "" {
				return a, bad
			}
			a.host, a.port = host, int(n)
		}
	}
	if _, err := netip.ParseAddr(a.host); err != nil && strings.ContainsAny(a.host, " \t\r\n<>@;:/?,\"[]") {
		return a, bad
	}
	return a, nil
}

// or is a, or b where a says nothing.
func (a advertised) or(b advertised) advertised {
	if a == (advertised{}) {
		return b
	}
	return a
}

// listenAddr is one parsed entry of Config.Listen.
type listenAddr struct {
	network   string // udp, tcp, tls, ws, wss
	host      string
	port      string
	advertise advertised
}

func (l listenAddr) String() string { return l.network + "://" + net.JoinHostPort(l.host, l.port) }

// transport is the network as in a Via.
func (l listenAddr) transport() string { return strings.ToUpper(l.network) }

func parseListen(s string) (listenAddr, error) {
	network, rest, ok := strings.Cut(s, "://")
	if !ok {
		return listenAddr{}, fmt.Errorf("sip: listen address %q: want udp://host:port, or tcp, tls, ws, wss in place of udp", s)
	}
	switch strings.ToUpper(network) {
	case viaUDP, viaTCP, viaTLS, viaWS, viaWSS:
	default:
		return listenAddr{}, fmt.Errorf("sip: listen address %q: transport %q is not supported", s, network)
	}
	rest, query, _ := strings.Cut(rest, "?")
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return listenAddr{}, fmt.Errorf("sip: listen address %q: %w", s, err)
	}
	l := listenAddr{network: strings.ToLower(network), host: host, port: port}
	options, err := url.ParseQuery(query)
	if err != nil {
		return listenAddr{}, fmt.Errorf("sip: listen address %q: %w", s, err)
	}
	for name, values := range options {
		if name != "advertise" || len(values) != 1 {
			return listenAddr{}, fmt.Errorf("sip: listen address %q: only ?advertise=HOST, once, may follow the port", s)
		}
		if l.advertise, err = parseAdvertise(values[0]); err != nil {
			return listenAddr{}, err
		}
	}
	return l, nil
}

// freePortTries is how often a free port is looked for that is free for all
// listeners without a port.
const freePortTries = 10

// Listen opens the listeners of Config.Listen, and reads the files of
// Config.TLS. A *ListenError names the one that could not be opened; the others
// are closed again.
func (u *UA) Listen() error {
	var err error
	if u.tls, err = newTLSSide(u.cfg.TLS, u.quiet); err != nil {
		return err
	}
	for try := 1; ; try++ {
		free, err := u.listenOnce()
		if err == nil {
			return nil
		}
		u.closeListeners()
		if !free || try >= freePortTries || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
}

// listenOnce opens all listeners. free says that a port was ours to choose.
func (u *UA) listenOnce() (free bool, err error) {
	u.udp, u.streams.listeners, u.addrs = nil, nil, nil
	chosen := ""
	for _, s := range u.cfg.Listen {
		l, err := parseListen(s)
		if err != nil {
			return false, err
		}
		shared := l.network == "udp" || l.network == "tcp" // one number for both, RFC 3261 §18.1.1
		if l.port == "0" && chosen != "" && shared {
			free, l.port = true, chosen
		}
		addr, err := u.listen(l)
		if err != nil {
			return free, err
		}
		u.addrs = append(u.addrs, addr)
		if l.port == "0" && shared {
			_, chosen, _ = net.SplitHostPort(addr.String())
		}
	}
	return false, nil
}

func (u *UA) listen(l listenAddr) (net.Addr, error) {
	if l.network != "udp" {
		ln, err := u.listenStream(l)
		if err != nil {
			return nil, err
		}
		u.streams.listeners = append(u.streams.listeners, ln)
		return ln.Addr(), nil
	}
	s, err := listenUDP(l)
	if err != nil {
		return nil, err
	}
	u.udp = append(u.udp, s)
	return s.pc.LocalAddr(), nil
}

func (u *UA) closeListeners() {
	for _, s := range u.udp {
		_ = s.pc.Close()
	}
	u.streams.closeListeners()
}

// Addrs are the addresses of the listeners, in the order of Config.Listen.
func (u *UA) Addrs() []net.Addr { return u.addrs }

// sentBy is the host and port for Via and Contact.
func (f *flow) sentBy() (host string, port int) {
	var own advertised
	if f.conn == nil {
		own, port = f.sock.advertise, int(f.sock.local.Port())
	} else if l := f.ua.streams.listenerOf(f.conn); l != nil {
		own, port = l.advertise, l.port
	} else {
		port = int(f.conn.local.Port())
	}
	a := own.or(f.ua.advertise())
	if a.auto {
		if seen, ok := f.ua.learnt.get(f.view()); ok {
			return seen.Addr().String(), f.learntPort(seen, port)
		}
	}
	if a.port != 0 {
		port = a.port
	}
	if a.host != "" {
		return a.host, port
	}
	return f.local().WithZone("").String(), port
}

// advertise is Config.Advertise.
func (u *UA) advertise() advertised {
	if u.cfg.Advertise == autoAdvertise {
		return advertised{auto: true}
	}
	return advertised{host: u.cfg.Advertise}
}

// Advertised is the address that Contact and Via name for a listener's
// address: the listener's advertise, else Config.Advertise, else its own.
func (u *UA) Advertised(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	as := u.advertise()
	for i, own := range u.addrs {
		if own == a && i < len(u.cfg.Listen) {
			if l, err := parseListen(u.cfg.Listen[i]); err == nil {
				as = l.advertise.or(as)
			}
		}
	}
	if as.host != "" {
		host = as.host
	}
	if as.port != 0 {
		port = strconv.Itoa(as.port)
	}
	if n, err := strconv.Atoi(port); err != nil || n == 0 {
		return host
	}
	return net.JoinHostPort(host, port)
}
