package sip

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Defaults of RegistrarConfig.
const (
	DefaultMinExpires  = time.Minute
	DefaultMaxExpires  = time.Hour
	DefaultMaxContacts = 8
)

// RegistrarConfig says how phones log in and register (RFC 3261 §10, §22).
// The zero value is good; without phones there is no registrar.
type RegistrarConfig struct {
	Realm       string        // of the challenges; "" = DefaultRealm
	Algorithms  []string      // offered to phones, of "SHA-256" and "MD5"; nil = both
	Domains     []string      // names of ours: sip:NAME@domain is a phone; addresses of the listeners and Advertise count in any case
	MinExpires  time.Duration // a shorter registration is refused with 423; 0 = DefaultMinExpires
	MaxExpires  time.Duration // a longer one is shortened, and the one that asks for none gets it; 0 = DefaultMaxExpires
	MaxContacts int           // of one phone; a new one takes the place of the oldest; 0 = DefaultMaxContacts
}

func (c RegistrarConfig) withDefaults() RegistrarConfig {
	if c.Realm == "" {
		c.Realm = DefaultRealm
	}
	if c.MinExpires == 0 {
		c.MinExpires = DefaultMinExpires
	}
	if c.MaxExpires == 0 {
		c.MaxExpires = max(DefaultMaxExpires, c.MinExpires)
	}
	if c.MaxContacts == 0 {
		c.MaxContacts = DefaultMaxContacts
	}
	return c
}

func (c RegistrarConfig) validate() error {
	var errs []error
	if strings.ContainsAny(c.Realm, "\"\\\r\n\x00") {
		errs = append(errs, fmt.Errorf("sip: realm %q cannot stand in quotes", c.Realm))
	}
	if offered(c.Algorithms) == nil {
		errs = append(errs, fmt.Errorf("sip: digest algorithms %q are not of SHA-256 and MD5", c.Algorithms))
	}
	d := c.withDefaults()
	if d.MinExpires < time.Second || d.MaxExpires < d.MinExpires || d.MaxContacts < 1 {
		errs = append(errs, errors.New("sip: the bounds of registrations do not fit together"))
	}
	return errors.Join(errs...)
}

// Contact is one place where a phone can be reached.
type Contact struct {
	Phone     string         // name of the phone
	URI       string         // Contact URI as it was registered
	Q         float64        // preference, 0 to 1
	Expires   time.Time      // end of the registration unless it is refreshed
	Source    netip.AddrPort // where the phone was heard, and is called at
	Transport string         // "udp", "tcp", "tls", "ws", "wss"
	UserAgent string         // as the phone calls itself; "" if it does not
}

// phones are the users of a UA: who they are and where they are.
type phones struct {
	challenger *challenger
	registrar  *registrar
}

func newPhones(c RegistrarConfig, now func() time.Time) *phones {
	return &phones{
		challenger: newChallenger(c, now),
		registrar:  &registrar{cfg: c, now: now, contacts: make(map[string][]*binding)},
	}
}

// set replaces the users. The registrations of those that are gone end, and of those
// with another password: somebody else may have had the old one.
func (p *phones) set(list []Phone) {
	p.registrar.keep(p.challenger.setPhones(list))
}

// registrar is where the phones are. It holds at most MaxContacts for each
// phone that has logged in.
type registrar struct {
	cfg RegistrarConfig
	now func() time.Time

	mu       sync.Mutex
	contacts map[string][]*binding // by phone, newest last
}

// binding is one Contact of a phone, RFC 3261 §10.
type binding struct {
	uri     sipgo.Uri
	id      string    // uri as it is compared
	q       int       // thousandths
	made    time.Time // since when the phone is there; a refresh leaves it
	expires time.Time
	callID  string
	cseq    uint32
	flow    *flow // the way to it
	agent   string
}

// live: a contact ends with its time or its connection.
func (b *binding) live(now time.Time) bool { return now.Before(b.expires) && b.flow.alive() }

// keep ends the registrations of phones that are not to be kept.
func (r *registrar) keep(same func(name string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.contacts {
		if !same(name) {
			delete(r.contacts, name)
		}
	}
}

// liveLocked are the contacts of a phone; the others are forgotten.
func (r *registrar) liveLocked(name string) []*binding {
	now, all := r.now(), r.contacts[name]
	var live []*binding
	for _, b := range all {
		if b.live(now) {
			live = append(live, b)
		}
	}
	switch {
	case len(live) == 0:
		delete(r.contacts, name)
	case len(live) < len(all):
		r.contacts[name] = live
	}
	return live
}

// of are the contacts of a phone, most wanted first.
func (r *registrar) of(name string) []*binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	return byPreference(r.liveLocked(name))
}

// back is where a phone has come back to whose connection had ended: the contact
// that is the target of its dialog, or the only one it has, if that is a connection
// that it has opened since the dialog began: another device that was there before knows
// nothing of the dialog. nil: there is none.
func (r *registrar) back(name string, target *sipgo.Uri, since time.Time) *binding {
	list := r.of(name)
	for _, b := range list {
		if b.id == comparable0(target) {
			return b
		}
	}
	if len(list) == 1 && list[0].flow.conn != nil && list[0].made.After(since) {
		return list[0]
	}
	return nil
}

// count is the number of contacts of all phones.
func (r *registrar) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, now := 0, r.now()
	for _, all := range r.contacts {
		for _, b := range all {
			if b.live(now) {
				n++
			}
		}
	}
	return n
}

// Contacts are the places where a phone can be reached, most wanted first;
// none when it is not registered.
func (u *UA) Contacts(name string) []Contact {
	var out []Contact
	for _, b := range u.phones.registrar.of(name) {
		out = append(out, Contact{
			Phone: name, URI: b.uri.String(), Q: float64(b.q) / maxQ, Expires: b.expires,
			Source: b.flow.to, Transport: strings.ToLower(b.flow.transport()), UserAgent: b.agent,
		})
	}
	return out
}

// registered handles a REGISTER, RFC 3261 §10.3. It runs on a reader.
func (u *UA) registered(in *incoming) {
	if !u.phones.challenger.any() {
		u.refuseStateless(in.req, in.back, refuse(codeNotAllowed, Header{"Allow", allowedMethods}))
		return
	}
	if in.src.conn == nil {
		if done, known := u.served.get(in.key); known {
			u.servedAgain(in, done)
			return
		}
	}
	want, r := readRegistration(in, u.phones.registrar.cfg)
	if r != nil {
		u.refuseStateless(in.req, in.back, r)
		return
	}
	login, r := u.authenticate(in)
	if r != nil {
		u.refuseStateless(in.req, in.back, r)
		return
	}
	u.guard.vouch(in.src)
	if in.src.conn == nil {
		if done, known := u.served.claim(in.key, nil); known {
			u.servedAgain(in, done)
			return
		}
	}
	if r = u.mayRegister(in, login); r == nil {
		r = u.phones.registrar.update(login, want)
	}
	if r != nil {
		u.replyCode(in, r)
		return
	}
	u.cfg.Logger.Debug("SIP phone registered", slog.String("phone", login),
		slog.String("source", in.src.addr.String()), slog.Int("contacts", len(want.contacts)))
	u.reply(in, u.registrations(in, login))
}

// mayRegister: everybody for themselves, at our domain.
func (u *UA) mayRegister(in *incoming, login string) *refusal {
	to := &in.req.To().Address
	switch {
	case !isSIP(to) || !u.ourHost(to) || !u.ourHost(&in.req.Recipient):
		return refuse(codeNotFound)
	case unescape(to.User) != login:
		return refuse(codeForbidden)
	}
	return nil
}

// registrations is the 200 to a REGISTER: all contacts there are.
func (u *UA) registrations(in *incoming, login string) *sipgo.Response {
	now := u.phones.registrar.now()
	h := []Header{{"Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05") + " GMT"}}
	for _, b := range u.phones.registrar.of(login) {
		left := int((b.expires.Sub(now) + time.Second - 1) / time.Second)
		v := "<" + b.uri.String() + ">;expires=" + strconv.Itoa(left)
		if b.q != maxQ {
			v += ";q=" + strconv.FormatFloat(float64(b.q)/maxQ, 'f', -1, 64)
		}
		h = append(h, Header{"Contact", v})
	}
	return u.response(in.req, codeOK, "", u.statelessTag(in.req), h...)
}

// ourHost says whether a URI names this server: one of its domains, what it
// advertises, or the address of a listener.
func (u *UA) ourHost(uri *sipgo.Uri) bool {
	host := strings.TrimSuffix(strings.Trim(uri.Host, "[]"), ".")
	for _, d := range u.cfg.Registrar.Domains {
		if equalFold(host, d) {
			return true
		}
	}
	if u.advertises(host) {
		return true
	}
	ip, ok := literal(uri)
	if !ok {
		return false
	}
	for _, a := range u.addrs {
		if at, err := netip.ParseAddrPort(a.String()); err == nil && u.isLocal(at, ip, uri.Port) {
			return true
		}
	}
	return false
}

// advertises says whether a host is what Via and Contact name for us.
func (u *UA) advertises(host string) bool {
	if host == "" {
		return false
	}
	for _, s := range u.udp {
		if equalFold(host, s.advertise.host) {
			return true
		}
	}
	for _, l := range u.streams.listeners {
		if equalFold(host, l.advertise.host) {
			return true
		}
	}
	return equalFold(host, u.advertise().host)
}

// isLocal says whether a listener at an address is what ip and port name.
func (u *UA) isLocal(at netip.AddrPort, ip netip.Addr, port int) bool {
	if port != 0 && port != int(at.Port()) {
		return false
	}
	if addr := at.Addr().Unmap().WithZone(""); !addr.IsUnspecified() {
		return addr == ip
	}
	return slices.Contains(u.host.addresses(time.Now()), ip)
}
