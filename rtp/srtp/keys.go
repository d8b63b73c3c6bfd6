package srtp

import (
	"crypto/rand"
	"errors"
	"fmt"

	pion "github.com/pion/srtp/v3"
)

// ErrKey: a key that does not fit its suite, or keys without a suite.
var ErrKey = errors.New("srtp: key does not fit the suite")

// Suite is a crypto suite of SDES. The zero value is none.
type Suite uint8

// The suites, in order of preference: AES-GCM costs a quarter of what AES-CM
// with HMAC-SHA1 does.
const (
	NoSuite    Suite = iota
	GCM128           // AEAD_AES_128_GCM, RFC 7714 §14.2
	CM128Tag80       // AES_CM_128_HMAC_SHA1_80, RFC 4568 §6.2.1
	CM128Tag32       // AES_CM_128_HMAC_SHA1_32, RFC 4568 §6.2.2
	numSuites
)

// suiteInfo is what a suite consists of.
type suiteInfo struct {
	name    string
	profile pion.ProtectionProfile
	key     int // bytes of the master key
	salt    int // bytes of the master salt
	tag     int // bytes that a packet grows by
}

// info describes a suite.
func (s Suite) info() suiteInfo {
	switch s {
	case GCM128:
		return suiteInfo{"AEAD_AES_128_GCM", pion.ProtectionProfileAeadAes128Gcm, 16, 12, 16}
	case CM128Tag80:
		return suiteInfo{"AES_CM_128_HMAC_SHA1_80", pion.ProtectionProfileAes128CmHmacSha1_80, 16, 14, 10}
	case CM128Tag32:
		return suiteInfo{"AES_CM_128_HMAC_SHA1_32", pion.ProtectionProfileAes128CmHmacSha1_32, 16, 14, 4}
	default:
		return suiteInfo{}
	}
}

// String is the name as in a=crypto; "" for none.
func (s Suite) String() string { return s.info().name }

// KeySize is the length of master key and salt [bytes].
func (s Suite) KeySize() int {
	i := s.info()
	return i.key + i.salt
}

// Suites are all suites in order of preference.
func Suites() []Suite {
	all := make([]Suite, 0, numSuites-1)
	for s := GCM128; s < numSuites; s++ {
		all = append(all, s)
	}
	return all
}

// ParseSuite finds a suite by its name in a=crypto, where upper and lower case
// differ.
func ParseSuite(name string) (Suite, bool) {
	for _, s := range Suites() {
		if s.String() == name {
			return s, true
		}
	}
	return NoSuite, false
}

// Key is a master key with its salt, of one direction. Keys can be compared
// with ==; the zero value is none.
type Key struct{ material string }

// NewKey makes a key that nobody can guess.
func NewKey(s Suite) Key {
	b := make([]byte, s.KeySize())
	rand.Read(b) //nolint:errcheck // it never fails, package crypto/rand
	return Key{string(b)}
}

// KeyFrom is a key that came in a description: master key, then salt.
func KeyFrom(material []byte) Key { return Key{string(material)} }

// Bytes are master key and salt.
func (k Key) Bytes() []byte { return []byte(k.material) }

// Format hides the key, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[srtp key]") }

// Keys are what two sides agreed on. The zero value is no protection.
type Keys struct {
	Suite   Suite
	Send    Key // of what we send
	Receive Key // of what the far end sends
}

// context makes the context of one direction. buf is memory for packets at work;
// contexts of one session may share it.
func (s Suite) context(k Key, buf *[MaxPacket + Overhead]byte) (*context, error) {
	i := s.info()
	if s == NoSuite || len(k.material) != i.key+i.salt {
		return nil, fmt.Errorf("%w: %d bytes for %q", ErrKey, len(k.material), i.name)
	}
	b := k.Bytes()
	if s == GCM128 {
		return newGCM(b[:i.key], b[i.key:])
	}
	made := func() (*pion.Context, error) {
		return pion.CreateContext(b[:i.key], b[i.key:], i.profile,
			pion.SRTPReplayProtection(replayWindow), pion.SRTCPReplayProtection(replayWindow))
	}
	c, err := made()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &context{tag: uint8(i.tag), counter: &counter{context: c, another: made, buf: buf}}, nil
}
