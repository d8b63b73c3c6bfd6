package sdp

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Security says what becomes of SRTP (RFC 3711) with keys in the description
// (SDES, RFC 4568).
type Security uint8

// The values of Security.
const (
	// SecurityOff: RTP/SAVP is refused, a=crypto ignored, neither is offered.
	SecurityOff Security = iota
	// SecurityOptional: keys are taken where they are offered, with RTP/SAVP or
	// with RTP/AVP, and offered with RTP/AVP, which a peer without SRTP answers
	// without keys (RFC 8643).
	SecurityOptional
	// SecurityRequired: nothing without keys is taken; RTP/SAVP is offered.
	SecurityRequired
	numSecurities
)

// String is the word in the configuration.
func (s Security) String() string {
	switch s {
	case SecurityOptional:
		return "optional"
	case SecurityRequired:
		return "required"
	default:
		return "off"
	}
}

// ParseSecurity reads the word in the configuration.
func ParseSecurity(word string) (Security, bool) {
	for s := range numSecurities {
		if s.String() == word {
			return s, true
		}
	}
	return SecurityOff, false
}

// Secret is a master key with its salt. It does not print.
type Secret string

// Format hides the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

// Crypto is a crypto suite with the key of the one who sends with it.
type Crypto struct {
	Suite string // as in a=crypto: "AEAD_AES_128_GCM"
	Key   Secret // master key and salt, not in base64
}

// Keys are what two sides agreed on for their stream. The zero value: nothing
// is protected.
type Keys struct {
	Suite  string
	Local  Secret // of what we send
	Remote Secret // of what the peer sends
}

// Bounds of a=crypto.
const (
	maxCryptos  = 16 // lines of a stream that are looked at
	maxKeySize  = 64 // bytes of a key
	inlineStart = "inline:"
)

// cryptoLine is an a=crypto line.
type cryptoLine struct {
	tag string
	Crypto
}

// parseCrypto reads the value of an a=crypto line, RFC 4568 §9.1:
//
//	1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20 WSH=64
//
// A line that asks for what is not done here (an MKI, several keys, a key
// derivation rate, something left unprotected, parameters nobody knows) is not
// taken; a lifetime and a window size are no demands.
func parseCrypto(value string) (c cryptoLine, ok bool) {
	fields := strings.Fields(value)
	if len(fields) < 3 || !isTag(fields[0]) {
		return c, false
	}
	for _, p := range fields[3:] {
		if !strings.HasPrefix(p, "WSH=") && !strings.HasPrefix(p, "-") && p != "KDR=0" {
			return c, false
		}
	}
	if len(fields[2]) < len(inlineStart) || !strings.EqualFold(fields[2][:len(inlineStart)], inlineStart) {
		return c, false
	}
	parts := strings.Split(fields[2][len(inlineStart):], "|")
	if len(parts) > 2 || len(parts) == 2 && strings.Contains(parts[1], ":") || strings.Contains(fields[2], ";") {
		return c, false // an MKI or more than one key
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil || len(key) == 0 || len(key) > maxKeySize {
		return c, false
	}
	return cryptoLine{tag: fields[0], Crypto: Crypto{Suite: fields[1], Key: Secret(key)}}, true
}

// isTag reports whether s is 1 to 9 digits, RFC 4568 §9.1.
func isTag(s string) bool {
	n, err := strconv.ParseUint(s, 10, 32)
	return err == nil && len(s) <= 9 && n > 0
}

// print is the line's attribute.
func (c cryptoLine) print() pion.Attribute {
	return pion.NewAttribute("crypto", c.tag+" "+c.Suite+" "+inlineStart+base64.StdEncoding.EncodeToString([]byte(c.Key)))
}

// offered are our lines in an offer.
func (l Local) offered() []cryptoLine {
	lines := make([]cryptoLine, len(l.Crypto))
	for i, c := range l.Crypto {
		lines[i] = cryptoLine{tag: strconv.Itoa(i + 1), Crypto: c}
	}
	return lines
}

// secureProto reports whether a transport needs keys: RTP/SAVP and RTP/SAVPF.
func secureProto(proto string) bool {
	return strings.EqualFold(proto, "RTP/SAVP") || strings.EqualFold(proto, "RTP/SAVPF")
}

// agreedCrypto is what two sides settled: our line and their key.
type agreedCrypto struct {
	line cryptoLine // ours
	keys Keys
	dtls DTLS
}

// secure picks the keys for a stream that was offered to us. An empty why means
// that it can be taken, without keys where there is neither a tag in
// agreedCrypto.line nor a fingerprint.
func (s *stream) secure(c Capability, l Local, ice bool) (a agreedCrypto, why string) {
	mode := c.security(l)
	needed := secureProto(s.proto) || tlsProto(s.proto)
	switch {
	case mode == SecurityOff && needed:
		return a, s.proto + " is switched off"
	case mode == SecurityOff:
		return a, ""
	case c.dtls(l) && len(s.dtls.fingerprints) > 0:
		a.dtls = s.dtls.answered(ice, l.Setup)
		return a, ""
	case tlsProto(s.proto):
		return a, s.proto + " without a=fingerprint, or keys by DTLS are switched off"
	}
	ours := l.Crypto // in our order of preference
	if !c.sdes(l) {
		ours = nil
	}
	for _, c := range ours {
		i := slices.IndexFunc(s.cryptos, func(x cryptoLine) bool { return x.Suite == c.Suite && len(x.Key) == len(c.Key) })
		if i >= 0 {
			return agree(c, s.cryptos[i]), ""
		}
	}
	if needed || mode == SecurityRequired {
		return a, s.proto + " without a=crypto that we know"
	}
	return a, ""
}

// agree takes one line of the peer's, in answer to which c is ours.
func agree(c Crypto, theirs cryptoLine) agreedCrypto {
	return agreedCrypto{
		line: cryptoLine{tag: theirs.tag, Crypto: c},
		keys: Keys{Suite: c.Suite, Local: c.Key, Remote: theirs.Key},
	}
}

// accepted reads the keys in the answer s to our offer, the stream ours.
func (s *stream) accepted(mode Security, ours *stream) (a agreedCrypto, why string) {
	if len(ours.dtls.fingerprints) > 0 && len(s.dtls.fingerprints) > 0 {
		a.dtls = s.dtls.accepted()
		return a, ""
	}
	offered := ours.cryptos
	for _, theirs := range s.cryptos {
		i := slices.IndexFunc(offered, func(x cryptoLine) bool { return x.tag == theirs.tag && x.Suite == theirs.Suite })
		if i >= 0 && len(offered[i].Key) == len(theirs.Key) {
			return agree(offered[i].Crypto, theirs), ""
		}
	}
	if mode == SecurityRequired || secureProto(s.proto) || tlsProto(s.proto) {
		return a, "answered without keys"
	}
	return a, ""
}
