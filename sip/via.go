package sip

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// errBadVia: a Via that nobody can be answered by.
var errBadVia = errors.New("sip: a Via header field that cannot be read")

// readVias reads the Via header fields of a message, which the parser has left
// as they came: sipgo takes them for broken, and mixes their values up, where
// white space stands between the parts, several stand in one line, or one of
// the parameters is quoted.
func readVias(m rawMessage) error {
	return reread(m, "Via", func(v string) (sipgo.Header, error) {
		via, ok := parseVia(v)
		if !ok {
			return nil, errBadVia
		}
		return via, nil
	})
}

// readContacts reads the Contact header fields as readVias. One that is empty or
// cannot be read stays as it came, for those who need it to refuse: sipgo refuses the
// whole message for it, be it a BYE, an ACK or a response.
func readContacts(m rawMessage) error {
	return reread(m, "Contact", func(v string) (sipgo.Header, error) {
		c := &sipgo.ContactHeader{}
		var err error
		if c.DisplayName, err = sipgo.ParseAddressValue(strings.TrimSpace(v), &c.Address, &c.Params); err != nil {
			return sipgo.NewHeader("Contact", v), nil
		}
		return c, nil
	})
}

// rawMessage is a message with header fields that the parser has left as they came.
type rawMessage interface {
	GetHeaders(name string) []sipgo.Header
	RemoveHeader(name string) bool
	PrependHeader(headers ...sipgo.Header)
}

// reread puts what read makes of each value in the place of a header field.
func reread(m rawMessage, name string, read func(value string) (sipgo.Header, error)) error {
	raw := m.GetHeaders(name)
	var list []sipgo.Header
	for _, r := range raw {
		for _, v := range splitList(r.Value()) {
			h, err := read(v)
			if err != nil {
				return err
			}
			list = append(list, h)
		}
	}
	for range raw {
		m.RemoveHeader(name)
	}
	for _, h := range slices.Backward(list) { // the topmost last: it is the one that counts
		m.PrependHeader(h)
	}
	return nil
}

// parseVia reads one value, RFC 3261 §25.1 (via-parm).
func parseVia(s string) (*sipgo.ViaHeader, bool) {
	head, params, _ := strings.Cut(s, ";")
	parts := strings.SplitN(head, "/", 3)
	if len(parts) != 3 {
		return nil, false
	}
	f := strings.Fields(parts[2])
	if len(f) < 2 {
		return nil, false
	}
	v := &sipgo.ViaHeader{
		ProtocolName: strings.TrimSpace(parts[0]), ProtocolVersion: strings.TrimSpace(parts[1]), Transport: f[0],
		Params: viaParams(params),
	}
	return v, sentBy(v, strings.Join(f[1:], ""))
}

// sentBy reads host and port.
func sentBy(v *sipgo.ViaHeader, s string) bool {
	var port string
	var has bool
	if inner, ok := strings.CutPrefix(s, "["); ok { // IPv6, which a ViaHeader has without the brackets
		var rest string
		if v.Host, rest, ok = strings.Cut(inner, "]"); !ok {
			return false
		}
		rest, port, has = strings.Cut(rest, ":")
		if a, err := netip.ParseAddr(v.Host); rest != "" || err != nil || !a.Is6() {
			return false
		}
	} else {
		v.Host, port, has = strings.Cut(s, ":")
	}
	if has {
		n, err := strconv.ParseUint(port, 10, 31)
		if err != nil {
			return false
		}
		v.Port = int(n)
	}
	return v.Host != ""
}

// viaParams reads the parameters of a Via. The names that are looked for are in
// lower case.
func viaParams(s string) sipgo.HeaderParams {
	ps := sipgo.HeaderParams{}
	for _, p := range splitOutside(s, ';') {
		name, value, _ := strings.Cut(p, "=")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		switch lower := strings.ToLower(name); lower {
		case "branch", "rport", "received":
			name = lower
		}
		ps = append(ps, sipgo.HeaderKV{K: name, V: paramValue(value)})
	}
	return ps
}
