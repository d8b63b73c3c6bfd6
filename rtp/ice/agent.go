package ice

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

// Credentials are those of one side, which the session descriptions exchange.
// RFC 8839 §5.4.
type Credentials struct {
	Ufrag string // fragment of the user name
	Pwd   string
}

// NewCredentials makes credentials that nobody can guess: 48 bits of fragment,
// 144 of password. RFC 8445 §5.3 wants 24 and 128.
func NewCredentials() Credentials {
	var b [24]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails, package crypto/rand
	// The alphabet of ICE is that of base64.
	return Credentials{Ufrag: base64.StdEncoding.EncodeToString(b[:6]), Pwd: base64.StdEncoding.EncodeToString(b[6:])}
}

// Component is what an address is for.
type Component uint8

// The components. RFC 8445 §13.
const (
	RTP Component = iota + 1
	RTCP
	numComponents
)

// Consent is how long a far end may be silent before it is not sent to any more:
// RFC 7675 §5.1.
const Consent = 30 * time.Second

// Event is what a datagram changes.
type Event uint8

// The values of Event.
const (
	// Nothing: no check, one that failed, or one of which all is known.
	Nothing Event = iota
	// Checked: a check succeeded; the far end is at the address that it came from.
	Checked
	// Nominated: the address that it came from is where the far end wants the
	// media of the component.
	Nominated
)

// Agent is the lite side of one session.
type Agent struct {
	local, remote Credentials
	before        Credentials // ours until a restart, valid until a nomination
	nominated     [numComponents]netip.AddrPort
	checked       [numComponents]recent
	heard         time.Time // when the far end last gave its consent
	buf           [maxReply]byte
}

// maxReply holds the longest answer.
const maxReply = 120

// recentChecked is how many addresses of a component count as the far end's.
const recentChecked = 8

// recent are the addresses that checks came from, the last ones.
type recent struct {
	addrs [recentChecked]netip.AddrPort
	next  int
}

func (r *recent) add(a netip.AddrPort) bool {
	if r.has(a) {
		return false
	}
	r.addrs[r.next] = a
	r.next = (r.next + 1) % recentChecked
	return true
}

func (r *recent) has(a netip.AddrPort) bool {
	for _, x := range r.addrs {
		if x == a {
			return true
		}
	}
	return false
}

// NewAgent makes the agent of a session.
func NewAgent(local, remote Credentials) *Agent { return &Agent{local: local, remote: remote} }

// Restart puts new credentials into force. Media stay where they are until
// another way is nominated. RFC 8445 §9.
func (a *Agent) Restart(local, remote Credentials) {
	if local != a.local {
		a.before = a.local
	}
	a.local, a.remote = local, remote
}

// Nominated is where the media of a component go; not valid: not known yet.
func (a *Agent) Nominated(c Component) netip.AddrPort { return a.nominated[c%numComponents] }

// Knows tells whether a check of the component has come from the address.
func (a *Agent) Knows(from netip.AddrPort, c Component) bool {
	return a.checked[c%numComponents].has(from)
}

// Heard is when the far end was last known to want our media, as far as the
// agent sees: by checks and indications. Zero: never.
func (a *Agent) Heard() time.Time { return a.heard }

// Forget lets go of the nominated addresses: the far end has gone. Its next
// nomination counts again.
func (a *Agent) Forget() { a.nominated = [numComponents]netip.AddrPort{} }

// Handle takes a datagram that came for a component. reply is the answer to send
// back to where it came from, nil for none, valid until the next call.
func (a *Agent) Handle(datagram []byte, from netip.AddrPort, c Component, now time.Time) (reply []byte, e Event) {
	m, ok := parse(datagram)
	if !ok || c == 0 || c >= numComponents {
		return nil, Nothing
	}
	if m.kind == bindingIndication {
		if from == a.nominated[c] {
			a.heard = now // RFC 5245 §10: how older agents keep a way open
		}
		return nil, Nothing
	}
	local, ok := a.authenticate(&m)
	switch {
	case !ok:
		// Deviation from RFC 8445 §7.3, RFC 8489 §9.1.3: no 400 or 401, which anybody
		// could have sent anywhere.
		return nil, Nothing
	case m.unknowns > 0:
		return a.refuse(&m, local, 420, "Unknown Attribute"), Nothing
	case m.controlled:
		// The lite side is always the controlled one. RFC 8445 §6.1.1, §7.3.1.1.
		return a.refuse(&m, local, 487, "Role Conflict"), Nothing
	}
	a.heard = now
	if a.checked[c].add(from) {
		e = Checked
	}
	if m.useCand && local == a.local {
		a.before = Credentials{}
		if a.nominated[c] != from {
			a.nominated[c], e = from, Nominated
		}
	}
	b := begin(a.buf[:0], bindingSuccess, m.transaction)
	return finish(appendMapped(b, from, m.transaction), local.Pwd), e
}

// authenticate finds the credentials that a check was made with: ours of now, or
// of before a restart. RFC 8445 §7.2.2: the name is our fragment, a colon, and
// that of the far end.
func (a *Agent) authenticate(m *message) (Credentials, bool) {
	ours, theirs, ok := bytes.Cut(m.username, []byte(":"))
	if !ok {
		return Credentials{}, false
	}
	for _, local := range []Credentials{a.local, a.before} {
		if local.Ufrag == "" || string(ours) != local.Ufrag {
			continue
		}
		if local == a.local && string(theirs) != a.remote.Ufrag {
			continue
		}
		return local, m.authentic(local.Pwd)
	}
	return Credentials{}, false
}

// refuse is an answer with an error.
func (a *Agent) refuse(m *message, local Credentials, code int, reason string) []byte {
	b := appendError(begin(a.buf[:0], bindingError, m.transaction), code, reason)
	if m.unknowns > 0 {
		var names [2 * maxUnknown]byte
		for i, u := range m.unknown[:m.unknowns] {
			binary.BigEndian.PutUint16(names[2*i:], u)
		}
		b = appendAttr(b, attrUnknown, names[:2*m.unknowns])
	}
	return finish(b, local.Pwd)
}

// Check makes a Binding request as the controlling side sends it, for a far end
// that is played by a test or a phone of ours.
func Check(local, remote Credentials, transaction [12]byte, nominate bool) []byte {
	b := begin(nil, bindingRequest, transaction[:])
	b = appendAttr(b, attrUsername, []byte(remote.Ufrag+":"+local.Ufrag))
	b = appendAttr(b, attrPriority, []byte{110, 255, 255, 255})
	b = appendAttr(b, attrControlling, []byte{0, 0, 0, 0, 0, 0, 0, 1})
	if nominate {
		b = appendAttr(b, attrUseCandidate, nil)
	}
	return finish(b, remote.Pwd)
}
