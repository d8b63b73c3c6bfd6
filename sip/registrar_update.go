package sip

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// maxQ is a q of 1 in thousandths, RFC 3261 §25.1.
const maxQ = 1000

// maxContactLength bounds a registered URI [bytes].
const maxContactLength = 512

// registration is what a REGISTER asks for.
type registration struct {
	all      bool       // Contact: *
	contacts []*binding // those that expire at once are to be removed
	callID   string
	cseq     uint32
}

// readRegistration reads the Contacts of a REGISTER, RFC 3261 §10.3 steps 6
// and 7.
func readRegistration(in *incoming, cfg RegistrarConfig) (registration, *refusal) {
	out := registration{callID: in.callID, cseq: in.cseq}
	general := time.Duration(-1)
	if h := in.req.GetHeader("Expires"); h != nil {
		general = secondsOf(h.Value(), cfg.MaxExpires)
	}
	headers := in.req.GetHeaders("Contact")
	if len(headers) > cfg.MaxContacts {
		return out, &refusal{code: codeForbidden, reason: "Too Many Contacts"}
	}
	for _, h := range headers {
		c, ok := h.(*sipgo.ContactHeader)
		if !ok {
			return out, badRequest("Bad Contact")
		}
		if c.Address.Wildcard {
			if len(headers) != 1 || general != 0 {
				return out, badRequest("Bad Contact")
			}
			out.all = true
			return out, nil
		}
		b, r := bindingOf(in, c, general, cfg)
		if r != nil {
			return out, r
		}
		out.name(b)
	}
	return out, nil
}

// name adds a contact. One that a request names twice is what it says last.
func (want *registration) name(b *binding) {
	same := func(o *binding) bool { return o.id == b.id }
	want.contacts = append(slices.DeleteFunc(want.contacts, same), b)
}

// bindingOf reads one Contact. Its time is relative: expires is zero plus that.
func bindingOf(in *incoming, c *sipgo.ContactHeader, general time.Duration, cfg RegistrarConfig) (*binding, *refusal) {
	uri := *c.Address.Clone()
	uri.Host = strings.TrimSpace(uri.Host)
	if !isSIP(&uri) || !plausible(&uri) || len(uri.String()) > maxContactLength || strings.ContainsAny(uri.String(), "\r\n\x00<> ") {
		return nil, badRequest("Bad Contact")
	}
	b := &binding{uri: uri, id: comparable0(&uri), q: maxQ, callID: in.callID, cseq: in.cseq, flow: wayTo(in, &uri)}
	if h := in.req.GetHeader("User-Agent"); h != nil {
		b.agent = bounded(h.Value())
	}
	if v, ok := param(c.Params, "q"); ok {
		q, err := strconv.ParseFloat(v, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return nil, badRequest("Bad Contact")
		}
		b.q = int(q*maxQ + 0.5)
	}
	life := general
	if v, ok := param(c.Params, "expires"); ok {
		life = secondsOf(v, cfg.MaxExpires)
	}
	switch {
	case life < 0, life > cfg.MaxExpires:
		life = cfg.MaxExpires
	case life > 0 && life < cfg.MinExpires:
		return nil, refuse(codeTooBrief, Header{"Min-Expires", strconv.Itoa(int(cfg.MinExpires / time.Second))})
	}
	b.expires = time.Time{}.Add(life)
	return b, nil
}

// secondsOf reads delta-seconds; what cannot be read counts as no wish, and
// what is larger than any time as the longest, RFC 3261 §20.19.
func secondsOf(s string, longest time.Duration) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return -1
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return longest
	}
	return time.Duration(n) * time.Second
}

// wayTo is how a phone is reached: by its connection, or over UDP at where its
// message came from. A phone that is not behind NAT, names another port in its
// Contact and does not ask for responses to where it sent from (rport, RFC
// 3581) listens at that port.
func wayTo(in *incoming, uri *sipgo.Uri) *flow {
	f := &flow{ua: in.back.ua, sock: in.src.sock, conn: in.src.conn, to: in.src.addr, pinned: true}
	if f.conn != nil {
		return f
	}
	_, rport := param(in.req.Via().Params, "rport")
	if ip, ok := literal(uri); ok && !rport && ip == f.to.Addr().WithZone("") {
		f.to = netip.AddrPortFrom(f.to.Addr(), portOr(uri.Port, viaUDP))
	}
	return f
}

// comparable0 is a URI as RFC 3261 §19.1.4 compares it, as far as contacts
// need it: scheme and host without case, and the parameters that matter.
func comparable0(uri *sipgo.Uri) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(uri.Scheme))
	b.WriteByte(':')
	b.WriteString(unescape(uri.User))
	b.WriteByte('@')
	b.WriteString(strings.ToLower(uri.Host))
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(uri.Port))
	for _, name := range []string{"transport", "user", "maddr", "ttl", "method"} {
		if v, ok := param(uri.UriParams, name); ok {
			b.WriteString(";" + name + "=" + strings.ToLower(v))
		}
	}
	return b.String()
}

// byPreference orders contacts: the most wanted first, then the newest.
func byPreference(list []*binding) []*binding {
	out := slices.Clone(list)
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b *binding) int { return b.q - a.q })
	return out
}

// update does what a REGISTER asks for, wholly or not at all.
func (r *registrar) update(name string, want registration) *refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(r.liveLocked(name))
	late := func(b *binding) bool { return b.callID == want.callID && want.cseq <= b.cseq }
	if want.all {
		if slices.ContainsFunc(list, late) {
			return refuse(codeInternal)
		}
		delete(r.contacts, name)
		return nil
	}
	now := r.now()
	for _, b := range want.contacts {
		b.made = now
		if i := slices.IndexFunc(list, func(o *binding) bool { return o.id == b.id }); i >= 0 {
			if late(list[i]) {
				return refuse(codeInternal)
			}
			b.made = list[i].made
			list = slices.Delete(list, i, i+1)
		}
		if life := b.expires.Sub(time.Time{}); life > 0 {
			b.expires = now.Add(life)
			list = append(list, b)
		}
	}
	if extra := len(list) - r.cfg.MaxContacts; extra > 0 {
		list = list[extra:] // a phone that has lost its memory registers anew
	}
	if len(list) == 0 {
		delete(r.contacts, name)
	} else {
		r.contacts[name] = list
	}
	return nil
}
