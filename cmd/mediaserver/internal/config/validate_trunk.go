package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// validateTrunks checks the ways out to telephones.
func (d *decoder) validateTrunks(s *SIP) {
	d.unique("sip.trunks", len(s.Trunks), func(i int) string { return s.Trunks[i].Name })
	for i, t := range s.Trunks {
		d.validateTrunk(t, fmt.Sprintf("sip.trunks[%d]", i))
	}
	known := slices.ContainsFunc(s.Trunks, func(t Trunk) bool { return t.Name == s.DefaultTrunk })
	if s.DefaultTrunk != "" && !known {
		d.at("sip.default_trunk", "%q is not the name of a trunk", s.DefaultTrunk)
	}
}

func (d *decoder) validateTrunk(t Trunk, path string) {
	address := join(path, "address")
	hostPort, isSIP := strings.CutPrefix(t.Address, "sip:")
	hostPort, params, _ := strings.Cut(hostPort, ";")
	switch {
	case t.Address == "":
		d.at(address, "is missing")
	case !isSIP, strings.Contains(hostPort, "@"), !isHostPort(hostPort):
		d.at(address, "%q is not a SIP address without a user, such as sip:sbc.example.net:5060", t.Address)
	case !knownTransport(params):
		d.at(address, "%q: the only parameter is transport, udp or tcp", t.Address)
	}
	if t.Username == "" && t.Password != "" {
		d.at(join(path, "username"), "is missing, a password is given")
	}
}

// isHostPort accepts a host, an IPv6 address in brackets, and a port behind
// them.
func isHostPort(s string) bool {
	if isHost(s) {
		return true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		_, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil
	}
	host, port, err := splitHostPort(s)
	return err == nil && port > 0 && isHost(host)
}

// knownTransport accepts no parameter, or a transport there is.
func knownTransport(params string) bool {
	return slices.Contains([]string{"", "transport=udp", "transport=tcp"}, strings.ToLower(params))
}
