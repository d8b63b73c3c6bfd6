package main

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
)

// transfers say what those at the far end of calls may have them transferred
// to.
func (s *server) transfers() call.Transfers {
	return call.Transfers{
		Policy: func(f call.FarEnd) call.TransferPolicy {
			service := ""
			if f.Call.Direction == call.In {
				service = s.parts.apps.ServiceName(f.Call)
			}
			return transferPolicy(s.live.Load(), f, service)
		},
		Here:  s.here,
		Phone: func(uri string) bool { return s.parts.ua.PhoneAt(uri) != "" },
	}
}

// transferPolicy is what the phone or the trunk at the far end may do, else
// anybody who calls the service. A service that is off is off for all.
func transferPolicy(cfg *config.Config, f call.FarEnd, service string) call.TransferPolicy {
	word := call.TransferLocal.String()
	for i := range cfg.Services {
		if c := &cfg.Services[i]; service != "" && c.Name == service {
			if word = c.Transfer; word == call.TransferOff.String() {
				return call.TransferOff
			}
		}
	}
	for i := range cfg.SIP.Trunks {
		if c := &cfg.SIP.Trunks[i]; f.Trunk != "" && c.Name == f.Trunk {
			word = c.Transfer
		}
	}
	for i := range cfg.SIP.Phones {
		if c := &cfg.SIP.Phones[i]; f.Phone != "" && c.Name == f.Phone {
			word = c.Transfer
		}
	}
	policy, _ := call.ParseTransferPolicy(word) // config knows the words
	return policy
}

// here says whether the host:port of a SIP address is this server: by the
// address of a listener with its port, or by a name of ours.
func (s *server) here(hostPort string) bool {
	host, port := hostPort, ""
	if h, p, err := net.SplitHostPort(hostPort); err == nil {
		host, port = h, p
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if slices.ContainsFunc(s.cfg.SIP.Registrar.Domains, func(d string) bool { return strings.EqualFold(d, host) }) {
		return true
	}
	if port == "" {
		port = strconv.Itoa(defaultSIPPort)
	}
	for _, a := range s.addrs.sip {
		for _, at := range []string{a.String(), s.parts.ua.Advertised(a)} {
			ours, ourPort, err := net.SplitHostPort(at)
			if err != nil {
				continue
			}
			if ourPort == port && (strings.EqualFold(ours, host) || anyOf(ours, host)) {
				return true
			}
		}
	}
	return false
}

// anyOf: a listener on all addresses of the machine has that one.
func anyOf(listener, host string) bool {
	l, err := netip.ParseAddr(listener)
	if err != nil || !l.IsUnspecified() {
		return false
	}
	want, err := netip.ParseAddr(host)
	if err != nil {
		return strings.EqualFold(host, "localhost")
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return want.IsLoopback()
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == want.Unmap()
	})
}

// serveLocal is what happens to a call from within this server. One that names
// a service goes to it; one by address is served as if it had come from
// outside.
func (s *server) serveLocal(ctx context.Context, c *call.Call) {
	if c.Info().Service != "" {
		s.parts.apps.ServeCall(ctx, c)
		return
	}
	s.serveCall(ctx, c)
}
