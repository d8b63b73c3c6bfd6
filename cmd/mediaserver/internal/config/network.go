package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// TLS is the certificate of the tls and wss listeners, and what those of
// others are judged by.
type TLS struct {
	CertFile           string `yaml:"cert_file"`
	KeyFile            string `yaml:"key_file"`
	CAFile             string `yaml:"ca_file"`
	ClientCertificates string `yaml:"client_certificates" enum:"none|optional|required"`
}

// autoAdvertise as an advertised address is the one that peers report.
const autoAdvertise = "auto"

// listenSchemes are what sip.listen may begin with.
func listenSchemes() []string { return []string{"udp", "tcp", "tls", "ws", "wss"} }

// Servers are the name servers of sip.dns; 53 is the port where none is given.
func (s *SIP) Servers() ([]netip.AddrPort, error) {
	var list []netip.AddrPort
	for _, text := range s.DNS {
		a, err := nameServer(text)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

func nameServer(s string) (netip.AddrPort, error) {
	const port = 53
	if ip, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(ip, port), nil
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Port() == 0 {
		return a, fmt.Errorf("%q is not an IP address with or without a port", s)
	}
	return a, nil
}

// validateNetwork checks how SIP is reached and reaches others.
func (d *decoder) validateNetwork(s *SIP) {
	t := &s.TLS
	if (t.CertFile == "") != (t.KeyFile == "") {
		d.at("sip.tls", "cert_file and key_file belong together")
	}
	for i, l := range s.Listen {
		scheme, _, _ := strings.Cut(l, "://")
		if (scheme == "tls" || scheme == "wss") && t.CertFile == "" {
			d.at(fmt.Sprintf("sip.listen[%d]", i), "%q needs a certificate; set sip.tls.cert_file and sip.tls.key_file", l)
		}
	}
	for i, text := range s.DNS {
		if _, err := nameServer(text); err != nil {
			d.at(fmt.Sprintf("sip.dns[%d]", i), "%v", err)
		}
	}
	for i, o := range s.WebSocketOrigins {
		if o == "" || strings.ContainsAny(o, " /\t\r\n") {
			d.at(fmt.Sprintf("sip.websocket_origins[%d]", i), "%q is not a host such as phone.example.com, a pattern such as *.example.com, or *", o)
		}
	}
}

// validateListener checks one address such as udp://0.0.0.0:5060, which an
// advertised address may follow.
func (d *decoder) validateListener(l, path string) {
	scheme, rest, ok := strings.Cut(l, "://")
	if !ok {
		d.at(path, "%q is not an address such as udp://0.0.0.0:5060", l)
		return
	}
	if !slices.Contains(listenSchemes(), scheme) {
		d.at(path, "%q: %q is not one of %s", l, scheme, strings.Join(listenSchemes(), ", "))
		return
	}
	address, option, has := strings.Cut(rest, "?")
	host, port, err := splitHostPort(address)
	switch {
	case err != nil:
		d.at(path, "%q: %v", l, err)
	case host == "":
		d.at(path, "%q has no IP address; use %s://0.0.0.0:%d for all", l, scheme, port)
	default:
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
			d.at(path, "%q: %q is not an IP address", l, host)
		}
	}
	if !has {
		return
	}
	as, ok := strings.CutPrefix(option, "advertise=")
	if !ok || !isAdvertised(as) {
		d.at(path, "%q: only ?advertise= with an IP address, a host name, one of these with a port, or auto may follow the port", l)
	}
}

// isAdvertised accepts what a listener may name as its address.
func isAdvertised(s string) bool {
	if s == autoAdvertise || isHost(s) {
		return true
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return true
	}
	host, port, err := splitHostPort(s)
	return err == nil && port > 0 && isHost(host)
}
