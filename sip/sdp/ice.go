package sdp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Credentials are the user name fragment and password of one side of ICE (RFC
// 8839 §5.4). The zero value: there is no ICE.
type Credentials struct {
	Ufrag string
	Pwd   Secret
}

// Bounds of what belongs to ICE.
const (
	minUfrag      = 4
	minPwd        = 22
	maxICEText    = 256
	maxCandidates = 64 // lines of a stream that are looked at
	discardPort   = 9  // of a description whose candidates are still to come, RFC 8840 §4.1.3
)

// Priorities of our one host candidate for RTP and RTCP. RFC 8445 §5.1.2.
const (
	priorityRTP  = 126<<24 | 65535<<8 | 255
	priorityRTCP = 126<<24 | 65535<<8 | 254
)

// ICE is what was settled on connectivity checks. The zero value: there are none.
type ICE struct {
	Remote Credentials // the peer's
	// Lite: the peer makes no checks either, so that packets go to its default
	// addresses. RFC 8445 §2.5.
	Lite bool
}

// Used tells whether the peer has to prove where it is.
func (i ICE) Used() bool { return i.Remote.Ufrag != "" && !i.Lite }

// iceLines are the lines of a session or a stream about ICE.
type iceLines struct {
	creds      Credentials
	lite       bool
	mismatch   bool
	candidates []netip.AddrPort // of UDP
	named      bool             // a candidate is a host name
}

// read takes an attribute if it is one of them.
func (l *iceLines) read(a pion.Attribute) {
	switch a.Key {
	case "ice-ufrag":
		if isICEText(a.Value, minUfrag) {
			l.creds.Ufrag = a.Value
		}
	case "ice-pwd":
		if isICEText(a.Value, minPwd) {
			l.creds.Pwd = Secret(a.Value)
		}
	case "ice-lite":
		l.lite = true
	case "ice-mismatch":
		l.mismatch = true
	case "candidate":
		l.readCandidate(a.Value)
	}
}

// isICEText reports whether s has the characters and the length of a fragment or
// a password. RFC 8839 §5.4.
func isICEText(s string, least int) bool {
	if len(s) < least || len(s) > maxICEText {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// readCandidate reads the value of an a=candidate line, RFC 8839 §5.1:
//
//	foundation component transport priority address port "typ" type …
func (l *iceLines) readCandidate(value string) {
	fields := strings.Fields(value)
	if len(fields) < 8 || len(l.candidates) == maxCandidates || !strings.EqualFold(fields[2], "UDP") {
		return
	}
	port, err := strconv.ParseUint(fields[5], 10, 16)
	if err != nil {
		return
	}
	addr, err := netip.ParseAddr(fields[4])
	if err != nil {
		l.named = true // a name of multicast DNS, which only its own network can look up
		return
	}
	l.candidates = append(l.candidates, netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(port)))
}

// over are the lines of a stream within those of its session.
func (l iceLines) over(session iceLines) iceLines {
	if l.creds.Ufrag == "" {
		l.creds.Ufrag = session.creds.Ufrag
	}
	if l.creds.Pwd == "" {
		l.creds.Pwd = session.creds.Pwd
	}
	l.lite = l.lite || session.lite
	l.mismatch = l.mismatch || session.mismatch
	return l
}

// offered tells whether the author wants ICE.
func (l *iceLines) offered() bool { return l.creds.Ufrag != "" && l.creds.Pwd != "" && !l.mismatch }

// mismatched tells whether the address of the description is none of the
// candidates: somebody on the way has changed it, and would have to be passed
// by. RFC 8839 §4.2.5.
func (l *iceLines) mismatched(at netip.AddrPort) bool {
	if len(l.candidates) == 0 || l.named || at.Addr().IsUnspecified() || at.Port() == discardPort {
		return false
	}
	for _, c := range l.candidates {
		if c == at {
			return false
		}
	}
	return true
}

// ice is what was agreed with the author of the stream.
func (s *stream) agreedICE(l Local) (i ICE, mismatch bool) {
	switch {
	case l.ICE == (Credentials{}) || !s.ice.offered() || !l.Addr.IsValid() || l.Addr.IsUnspecified():
		return ICE{}, false
	case s.ice.mismatched(netip.AddrPortFrom(s.addr, uint16(s.port))):
		return ICE{}, true
	}
	return ICE{Remote: s.ice.creds, Lite: s.ice.lite}, false
}

// ICE are the credentials that the peer offers for the stream that would be
// taken; zero without ICE. Others than before are a restart (RFC 8839 §4.4.1.1.1),
// for which our own have to be new as well.
func (d *Description) ICE() Credentials {
	for _, s := range d.streams {
		if s.why == "" && s.ice.offered() {
			return s.ice.creds
		}
	}
	return Credentials{}
}

// DTLS tells whether the peer offers keys by DTLS for a stream that could be
// taken.
func (d *Description) DTLS() bool {
	for _, s := range d.streams {
		if s.why == "" && len(s.dtls.fingerprints) > 0 {
			return true
		}
	}
	return false
}

// printICE are the attributes of our side: one candidate for each component.
func (l Local) printICE(mux bool) []pion.Attribute {
	attrs := []pion.Attribute{
		pion.NewAttribute("ice-ufrag", l.ICE.Ufrag),
		pion.NewAttribute("ice-pwd", string(l.ICE.Pwd)),
	}
	host := l.Addr.Unmap().WithZone("")
	candidate := func(component, priority, port int) {
		attrs = append(attrs, pion.NewAttribute("candidate", fmt.Sprintf("1 %d UDP %d %s %d typ host", component, priority, host, port)))
	}
	candidate(1, priorityRTP, l.Port)
	if !mux {
		candidate(2, priorityRTCP, l.Port+1)
	}
	return attrs
}
