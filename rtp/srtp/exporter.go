package srtp

import (
	"fmt"
)

// ExporterLabel names the keys of SRTP among what a DTLS association exports.
// RFC 5764 §4.2.
const ExporterLabel = "EXTRACTOR-dtls_srtp"

// ProfileSuite finds a suite by its number in the use_srtp extension of DTLS. RFC
// 5764 §4.1.2, RFC 7714 §14.2.
func ProfileSuite(profile uint16) (Suite, bool) {
	for _, s := range Suites() {
		if s.Profile() == profile {
			return s, true
		}
	}
	return NoSuite, false
}

// Profile is the number of the suite in the use_srtp extension.
func (s Suite) Profile() uint16 { return uint16(s.info().profile) }

// Exported makes keys of what a DTLS association has exported under
// ExporterLabel, twice KeySize: the master keys of client and server, then the
// salts of client and server. client tells whether we are the client. The error
// is ErrKey.
func (s Suite) Exported(material []byte, client bool) (Keys, error) {
	i := s.info()
	if s == NoSuite || len(material) != 2*s.KeySize() {
		return Keys{}, fmt.Errorf("%w: %d bytes exported for %q", ErrKey, len(material), i.name)
	}
	keys, salts := material[:2*i.key], material[2*i.key:]
	part := func(n int) Key {
		return Key{string(keys[n*i.key:(n+1)*i.key]) + string(salts[n*i.salt:(n+1)*i.salt])}
	}
	k := Keys{Suite: s, Send: part(0), Receive: part(1)}
	if !client {
		k.Send, k.Receive = k.Receive, k.Send
	}
	return k, nil
}
