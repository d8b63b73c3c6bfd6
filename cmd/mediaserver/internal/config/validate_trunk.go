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
	if t.Address == "" {
		d.at(join(path, "address"), "is missing")
	} else {
		d.trunkAddress(t.Address, join(path, "address"))
	}
	for i, a := range t.Addresses {
		d.trunkAddress(a, fmt.Sprintf("%s.addresses[%d]", path, i))
	}
	if len(t.Addresses) > maxAddresses {
		d.at(join(path, "addresses"), "must not name more than %d", maxAddresses)
	}
	if t.Proxy != "" {
		loose := strings.NewReplacer(";lr", "", ";LR", "").Replace(t.Proxy)
		d.trunkAddress(loose, join(path, "proxy"))
	}
	if t.Domain != "" && !isHost(t.Domain) {
		d.at(join(path, "domain"), "%q is neither a host name nor an IP address", t.Domain)
	}
	switch {
	case t.Username == "" && t.Password != "":
		d.at(join(path, "username"), "is missing, a password is given")
	case t.Username == "" && t.Register:
		d.at(join(path, "username"), "is missing, register is true")
	}
	d.validateTrunkCalls(t.TrunkCalls, path)
}

// maxAddresses is how many addresses a trunk may have beside the first.
const maxAddresses = 8

// trunkAddress checks a SIP address without a user.
func (d *decoder) trunkAddress(address, path string) {
	hostPort, isSIP := strings.CutPrefix(address, "sip:")
	if !isSIP {
		hostPort, isSIP = strings.CutPrefix(address, "sips:")
	}
	hostPort, params, _ := strings.Cut(hostPort, ";")
	switch {
	case !isSIP, strings.Contains(hostPort, "@"), !isHostPort(hostPort):
		d.at(path, "%q is not a SIP address without a user, such as sip:sbc.example.net:5060", address)
	case !knownTransport(params):
		d.at(path, "%q: the only parameter is transport, one of %s", address, strings.Join(listenSchemes(), ", "))
	}
}

// validateTrunkCalls checks what is said of the calls of a trunk.
func (d *decoder) validateTrunkCalls(c TrunkCalls, path string) {
	for i, m := range c.Match {
		if strings.Trim(m, numberChars+"*") != "" || m == "" {
			d.at(fmt.Sprintf("%s.match[%d]", path, i), "%q is not a pattern of numbers such as +44*", m)
		}
	}
	for key, user := range map[string]string{"from": c.From, "identity_number": c.IdentityNumber} {
		if user != "" && strings.ContainsFunc(user, notInUser) {
			d.at(join(path, key), "%q is not the user part of a SIP address", user)
		}
	}
	for i, h := range c.Headers {
		p := fmt.Sprintf("%s.headers[%d]", path, i)
		name, _, ok := h.Split()
		switch {
		case !ok:
			d.at(p, "must be a text such as \"Name: value\"")
		case slices.Contains(ownHeaders(), strings.ToLower(name)):
			d.at(p, "%s is set by the server itself", name)
		}
	}
	d.validateNumbers(c.Numbers, join(path, "numbers"))
}

// ownHeaders are the header fields of an INVITE that nobody else may set.
func ownHeaders() []string {
	return []string{
		"via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route", "content-length",
		"content-type", "authorization", "proxy-authorization", "supported", "require", "allow", "user-agent",
		"p-asserted-identity", "p-preferred-identity", "v", "f", "t", "i", "m", "l", "c", "k",
	}
}

const digits = "0123456789"

// numberChars are the characters of a telephone number.
const numberChars = digits + "+"

// notInUser says whether a rune may not stand in a user part as it is.
func notInUser(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(digits+"+-._*!~", r))
}

// validateNumbers checks the rules of a trunk.
func (d *decoder) validateNumbers(n Numbers, path string) {
	for key, v := range map[string]string{
		"country_code": n.CountryCode, "national_prefix": n.NationalPrefix, "international_prefix": n.InternationalPrefix,
	} {
		if strings.Trim(v, digits) != "" || len(v) > 8 {
			d.at(join(path, key), "%q must be up to 8 digits", v)
		}
	}
	for key, rules := range map[string][]NumberRule{
		"outgoing_to": n.OutgoingTo, "outgoing_from": n.OutgoingFrom, "incoming_to": n.IncomingTo, "incoming_from": n.IncomingFrom,
	} {
		for i, r := range rules {
			p := fmt.Sprintf("%s.%s[%d]", path, key, i)
			if strings.Trim(r.Match, numberChars+"*") != "" || r.Match == "" {
				d.at(join(p, "match"), "%q is not a pattern of numbers such as 00*", r.Match)
			}
			if strings.Trim(r.Prefix, numberChars) != "" || len(r.Prefix) > 16 {
				d.at(join(p, "prefix"), "%q must be up to 16 digits, + before them", r.Prefix)
			}
			if r.Form != "kept" && n.CountryCode == "" {
				d.at(join(p, "form"), "needs numbers.country_code")
			}
		}
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
	transport, named := strings.CutPrefix(strings.ToLower(params), "transport=")
	return params == "" || named && slices.Contains(listenSchemes(), transport)
}
