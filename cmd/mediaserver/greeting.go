package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mediaserver/cmd/mediaserver/internal/config"
)

// defaultSIPPort is left out of SIP addresses.
const defaultSIPPort = 5060

// greeting is the start-up message: what is served where, which engines speak,
// and how to call it.
func greeting(cfg *config.Config, a addresses, engines []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "mediaserver %s\n", version)
	var listens []string
	for i, addr := range a.sip {
		listens = append(listens, scheme(cfg.SIP.Listen, i, addr)+"://"+addr.String())
	}
	fmt.Fprintf(&b, "  SIP   %s\n", strings.Join(listens, "  "))
	web := "http"
	if cfg.HTTP.TLS.On() {
		web = "https"
	}
	fmt.Fprintf(&b, "  HTTP  %s://%s  (/healthz /readyz /metrics)\n", web, a.http)
	if a.pprof != nil {
		fmt.Fprintf(&b, "  pprof http://%s/debug/pprof/\n", a.pprof)
	}
	if len(engines) > 0 {
		fmt.Fprintf(&b, "  voice %s\n", strings.Join(engines, ", "))
	} else {
		b.WriteString("  voice none: text_to_say is TTS_FAILED\n")
	}
	host := callableHost(cfg, a.sip)
	if cfg.Demo {
		fmt.Fprintf(&b, "  call  sip:demo@%s  the demo application: a welcome, then the conference \"demo\"\n", host)
		fmt.Fprintf(&b, "        with a softphone, or: baresip -e '/uanew <sip:me@127.0.0.1>;regint=0' -e '/dial sip:demo@%s'\n", host)
		fmt.Fprintf(&b, "        in the conference 1 mutes and unmutes you, # leaves\n")
	} else {
		b.WriteString(waysIn(cfg, host))
	}
	if cfg.Conference.DirectDial {
		fmt.Fprintf(&b, "  call  sip:%sNAME@%s  the conference NAME\n", roomPrefix, host)
	}
	return b.String()
}

// scheme is how the listener of the i-th entry of sip.listen is written there:
// its socket does not know of TLS and WebSocket.
func scheme(listen []string, i int, addr net.Addr) string {
	if i < len(listen) {
		if s, _, ok := strings.Cut(listen[i], "://"); ok {
			return s
		}
	}
	return addr.Network()
}

// waysIn is a line for every service, or says that nobody can call.
func waysIn(cfg *config.Config, host string) string {
	var b strings.Builder
	inbound := 0
	for i := range cfg.Services {
		s := &cfg.Services[i]
		if s.Direction == outboundDirection {
			fmt.Fprintf(&b, "  calls by service_start  service %s\n", s.Name)
			continue
		}
		inbound++
		fmt.Fprintf(&b, "  call  %s  service %s\n", callable(s.Match, host), s.Name)
	}
	if inbound == 0 && !cfg.Conference.DirectDial {
		b.WriteString("  no inbound services are configured: every call is refused with 404\n")
	}
	return b.String()
}

// callable is the address to call for a service: that of its first pattern without a
// wildcard or, where all have one, of the first pattern with … in its place.
func callable(match []string, host string) string {
	pattern := match[0]
	if i := slices.IndexFunc(match, func(m string) bool { return !strings.Contains(m, "*") }); i >= 0 {
		pattern = match[i]
	}
	pattern = strings.ReplaceAll(pattern, "*", "…")
	scheme, _, _ := strings.Cut(strings.ToLower(pattern), ":")
	if !slices.Contains([]string{"sip", "sips", "tel"}, scheme) {
		pattern, scheme = "sip:"+pattern, "sip"
	}
	if scheme == "tel" || strings.Contains(pattern, "@") {
		return pattern
	}
	return pattern + "@" + host
}

// callableHost is the host and port to put into a SIP address for this
// server.
func callableHost(cfg *config.Config, sips []net.Addr) string {
	ip, port := netip.IPv4Unspecified(), defaultSIPPort
	if len(sips) > 0 {
		if ap, err := netip.ParseAddrPort(sips[0].String()); err == nil {
			ip, port = ap.Addr().Unmap(), int(ap.Port())
		}
	}
	host := cfg.SIP.Advertise
	if host == "" {
		if ip.IsUnspecified() {
			ip = machineAddress(ip)
		}
		host = ip.String()
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != defaultSIPPort {
		host += ":" + strconv.Itoa(port)
	}
	return host
}

// machineAddress is an address of this machine that others may reach, of the
// family of the unspecified address; the loopback address without any.
func machineAddress(unspecified netip.Addr) netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err == nil {
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().IsGlobalUnicast() && p.Addr().Is4() == unspecified.Is4() {
				return p.Addr()
			}
		}
	}
	return loopback(unspecified)
}

// loopback is the loopback address of a's family.
func loopback(a netip.Addr) netip.Addr {
	if a.Is6() && !a.Is4In6() {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
