package sdp

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Keying says how the keys of SRTP are exchanged.
type Keying uint8

// The values of Keying.
const (
	// KeyingSDES: in the description, by a=crypto (RFC 4568).
	KeyingSDES Keying = iota
	// KeyingDTLS: by a DTLS handshake between the media ports, whose certificates
	// the descriptions name (a=fingerprint, RFC 5763).
	KeyingDTLS
	// KeyingAny: as the peer offers it, by DTLS where it offers both. Offers of
	// our own are by SDES.
	KeyingAny
	numKeyings
)

// String is the word in the configuration.
func (k Keying) String() string {
	switch k {
	case KeyingDTLS:
		return "dtls"
	case KeyingAny:
		return "any"
	default:
		return "sdes"
	}
}

// ParseKeying reads the word in the configuration.
func ParseKeying(word string) (Keying, bool) {
	for k := range numKeyings {
		if k.String() == word {
			return k, true
		}
	}
	return KeyingSDES, false
}

// Setup is who begins the DTLS handshake, a=setup. RFC 4145 §4.
type Setup uint8

// The values of Setup, of the one who says it.
const (
	SetupNone    Setup = iota // not said
	SetupActive               // begins: the DTLS client
	SetupPassive              // waits: the DTLS server
	SetupActPass              // either, as the answer says; in offers only
	SetupHold                 // there is no connection for now
)

var setupNames = [...]string{"", "active", "passive", "actpass", "holdconn"}

// String is the value of a=setup.
func (s Setup) String() string {
	if int(s) < len(setupNames) {
		return setupNames[s]
	}
	return ""
}

// parseSetup reads the value of a=setup; one that nobody knows is not said.
func parseSetup(value string) Setup {
	return Setup(max(0, slices.Index(setupNames[:], strings.ToLower(strings.TrimSpace(value)))))
}

// Fingerprint is the hash of a certificate (RFC 8122).
type Fingerprint struct {
	Hash   string // "sha-256", in lower case
	Digest string // the bytes
}

// String is the value of a=fingerprint.
func (f Fingerprint) String() string {
	var b strings.Builder
	b.WriteString(f.Hash)
	for i := range len(f.Digest) {
		sep := byte(':')
		if i == 0 {
			sep = ' '
		}
		b.WriteByte(sep)
		fmt.Fprintf(&b, "%02X", f.Digest[i])
	}
	return b.String()
}

// Bounds of what belongs to DTLS.
const (
	maxFingerprints = 8   // lines of a stream that are looked at
	maxDigest       = 64  // bytes
	maxTLSID        = 255 // characters, RFC 8842 §4
)

// parseFingerprint reads the value of an a=fingerprint line, RFC 8122 §5.
func parseFingerprint(value string) (Fingerprint, bool) {
	hash, digits, _ := strings.Cut(strings.TrimSpace(value), " ")
	parts := strings.Split(strings.TrimSpace(digits), ":")
	if hash == "" || len(hash) > 32 || len(parts) > maxDigest {
		return Fingerprint{}, false
	}
	for _, p := range parts {
		if len(p) != 2 {
			return Fingerprint{}, false
		}
	}
	digest, err := hex.DecodeString(strings.Join(parts, ""))
	if err != nil || len(digest) == 0 {
		return Fingerprint{}, false
	}
	return Fingerprint{Hash: strings.ToLower(hash), Digest: string(digest)}, true
}

// DTLS is what was settled on a handshake for keys. The zero value: there is
// none.
type DTLS struct {
	// Fingerprints are those of the peer's certificate, one or more.
	Fingerprints []Fingerprint
	Setup        Setup  // ours: SetupActive, SetupPassive or SetupHold
	ID           string // the peer's a=tls-id (RFC 8842); "": none
}

// Used tells whether keys come by a handshake.
func (d DTLS) Used() bool { return len(d.Fingerprints) > 0 }

// Same tells whether an association goes on: RFC 8842 §4, nothing that names it
// has changed.
func (d DTLS) Same(before DTLS) bool {
	return d.Setup == before.Setup && d.ID == before.ID && slices.Equal(d.Fingerprints, before.Fingerprints)
}

// dtlsLines are the lines of a session or a stream about DTLS.
type dtlsLines struct {
	fingerprints []Fingerprint
	setup        Setup
	id           string
}

// read takes an attribute if it is one of them.
func (d *dtlsLines) read(a pion.Attribute) {
	switch a.Key {
	case "fingerprint":
		if f, ok := parseFingerprint(a.Value); ok && len(d.fingerprints) < maxFingerprints {
			d.fingerprints = append(d.fingerprints, f)
		}
	case "setup":
		d.setup = parseSetup(a.Value)
	case "tls-id":
		if id := strings.TrimSpace(a.Value); len(id) <= maxTLSID {
			d.id = id
		}
	}
}

// over are the lines of a stream within those of its session.
func (d dtlsLines) over(session dtlsLines) dtlsLines {
	if len(d.fingerprints) == 0 {
		d.fingerprints = session.fingerprints
	}
	if d.setup == SetupNone {
		d.setup = session.setup
	}
	if d.id == "" {
		d.id = session.id
	}
	return d
}

// answered is what we answer to the lines of an offer. RFC 5763 §5.
//
// Deviation: actpass is answered with passive where there is no ICE, though active
// is recommended: behind a NAT the peer's first packet is what tells where it
// is.
func (d dtlsLines) answered(ice bool, before Setup) DTLS {
	ours := SetupPassive // to active, and to nothing, which is active: RFC 4145 §4
	switch d.setup {
	case SetupPassive:
		ours = SetupActive
	case SetupHold:
		ours = SetupHold
	case SetupActPass:
		switch {
		case before == SetupActive || before == SetupPassive:
			ours = before // the association goes on, or its successor has the same roles
		case ice:
			ours = SetupActive
		}
	}
	return DTLS{Fingerprints: d.fingerprints, Setup: ours, ID: d.id}
}

// accepted is what an answer to our actpass settles.
func (d dtlsLines) accepted() DTLS { return d.answered(false, SetupNone) }

// tlsProto reports whether the keys of a transport come by DTLS: UDP/TLS/RTP/SAVP
// and UDP/TLS/RTP/SAVPF.
func tlsProto(proto string) bool {
	return strings.EqualFold(proto, "UDP/TLS/RTP/SAVP") || strings.EqualFold(proto, "UDP/TLS/RTP/SAVPF")
}

// print are the attributes of our side.
func (d DTLS) print(l Local) []pion.Attribute {
	return []pion.Attribute{
		pion.NewAttribute("fingerprint", l.Fingerprint.String()),
		pion.NewAttribute("setup", d.Setup.String()),
	}
}
