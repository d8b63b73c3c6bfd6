package ice

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 8489 §14.5
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Parts of a STUN message. RFC 8489 §5.
const (
	headerSize  = 20
	attrHeader  = 4
	magicCookie = 0x2112a442
	maxMessage  = 1500
	maxUnknown  = 8 // attributes named in a 420
)

// Message types: class and method in one. RFC 8489 §5.
const (
	bindingRequest    = 0x0001
	bindingIndication = 0x0011
	bindingSuccess    = 0x0101
	bindingError      = 0x0111
)

// Attributes. RFC 8489 §18.3, RFC 8445 §20.1.
const (
	attrUsername         = 0x0006
	attrIntegrity        = 0x0008
	attrErrorCode        = 0x0009
	attrUnknown          = 0x000a
	attrIntegritySHA256  = 0x001c
	attrXORMappedAddress = 0x0020
	attrPriority         = 0x0024
	attrUseCandidate     = 0x0025
	attrFingerprint      = 0x8028
	attrControlled       = 0x8029
	attrControlling      = 0x802a
	firstOptional        = 0x8000 // from here on attributes may be ignored
)

// Lengths of the values of attributes.
const (
	integritySize   = sha1.Size
	fingerprintSize = 4
	// fingerprintXOR is RFC 8489 §14.7.
	fingerprintXOR = 0x5354554e
)

// message is a STUN message as it came. Its slices are of the datagram.
type message struct {
	kind        uint16
	transaction []byte
	username    []byte
	integrity   []byte // nil: none
	signed      int    // bytes before the integrity attribute
	useCand     bool
	controlled  bool // the sender is the controlled side
	unknown     [maxUnknown]uint16
	unknowns    int
	raw         []byte
}

// parse reads a message, with a fingerprint that is right. It is bounded by the
// length of the datagram, and takes nothing that is not a Binding.
//
//	 0                   1                   2                   3
//	|0 0|    type (14)            |         length (16)             |
//	|                    magic cookie                               |
//	|                    transaction (96)                           |
//	|    attribute type (16)      |         length (16)             | …
func parse(b []byte) (m message, ok bool) {
	be := binary.BigEndian
	if len(b) < headerSize || len(b) > maxMessage || b[0]>>6 != 0 || be.Uint32(b[4:]) != magicCookie {
		return m, false
	}
	if size := int(be.Uint16(b[2:])); size%4 != 0 || headerSize+size != len(b) {
		return m, false
	}
	m.kind, m.transaction, m.raw = be.Uint16(b), b[8:headerSize], b
	if m.kind != bindingRequest && m.kind != bindingIndication {
		return m, false
	}
	for at := headerSize; at < len(b); {
		if at+attrHeader > len(b) {
			return m, false
		}
		kind, size := be.Uint16(b[at:]), int(be.Uint16(b[at+2:]))
		end := at + attrHeader + (size+3)&^3
		if end > len(b) {
			return m, false
		}
		value := b[at+attrHeader : at+attrHeader+size]
		if kind == attrFingerprint { // the last, RFC 8489 §14.7
			good := size == fingerprintSize && end == len(b) && be.Uint32(value) == crc32.ChecksumIEEE(b[:at])^fingerprintXOR
			return m, good
		}
		if m.integrity == nil && !m.take(kind, value, at) {
			return m, false
		}
		at = end
	}
	return m, false // RFC 8445 §7.1.1: a check has a fingerprint
}

// take takes an attribute that is covered by the integrity, or is it.
func (m *message) take(kind uint16, value []byte, at int) bool {
	switch kind {
	case attrUsername:
		m.username = value
	case attrIntegrity:
		if len(value) != integritySize {
			return false
		}
		m.integrity, m.signed = value, at
	case attrUseCandidate:
		m.useCand = true
	case attrControlled:
		m.controlled = true
	case attrPriority, attrIntegritySHA256:
	default:
		if kind < firstOptional && m.unknowns < maxUnknown {
			m.unknown[m.unknowns] = kind
			m.unknowns++
		}
	}
	return true
}

// authentic tells whether the message was made by one who knows the password.
func (m *message) authentic(password string) bool {
	if m.integrity == nil {
		return false
	}
	return hmac.Equal(m.integrity, sign(m.raw[:m.signed], password))
}

// sign is the integrity of a message whose bytes before that attribute are b.
// RFC 8489 §14.5: the length in the header counts up to its end.
func sign(b []byte, password string) []byte {
	h := hmac.New(sha1.New, []byte(password))
	var head [4]byte
	copy(head[:], b)
	binary.BigEndian.PutUint16(head[2:], uint16(len(b)-headerSize+attrHeader+integritySize))
	h.Write(head[:])
	h.Write(b[4:])
	return h.Sum(nil)
}

// begin writes the header of a message.
func begin(dst []byte, kind uint16, transaction []byte) []byte {
	be := binary.BigEndian
	dst = be.AppendUint16(dst[:0], kind)
	dst = be.AppendUint16(dst, 0)
	dst = be.AppendUint32(dst, magicCookie)
	return append(dst, transaction...)
}

// finish signs a message and adds its fingerprint.
func finish(dst []byte, password string) []byte {
	be := binary.BigEndian
	dst = appendAttr(dst, attrIntegrity, sign(dst, password))
	be.PutUint16(dst[2:], uint16(len(dst)-headerSize+attrHeader+fingerprintSize))
	sum := crc32.ChecksumIEEE(dst) ^ fingerprintXOR
	dst = be.AppendUint16(dst, attrFingerprint)
	dst = be.AppendUint16(dst, fingerprintSize)
	return be.AppendUint32(dst, sum)
}

// appendAttr appends an attribute, up to a whole word.
func appendAttr(dst []byte, kind uint16, value []byte) []byte {
	be := binary.BigEndian
	dst = be.AppendUint16(dst, kind)
	dst = be.AppendUint16(dst, uint16(len(value)))
	dst = append(dst, value...)
	for len(dst)%4 != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// appendMapped appends XOR-MAPPED-ADDRESS. RFC 8489 §14.2.
func appendMapped(dst []byte, a netip.AddrPort, transaction []byte) []byte {
	var value [20]byte
	be := binary.BigEndian
	be.PutUint16(value[2:], a.Port()^magicCookie>>16)
	addr := a.Addr().Unmap()
	var mask [16]byte
	be.PutUint32(mask[:], magicCookie)
	copy(mask[4:], transaction)
	ip := addr.AsSlice()
	value[1] = 1
	if addr.Is6() {
		value[1] = 2
	}
	for i := range ip {
		value[4+i] = ip[i] ^ mask[i]
	}
	return appendAttr(dst, attrXORMappedAddress, value[:4+len(ip)])
}

// appendError appends ERROR-CODE. RFC 8489 §14.8.
func appendError(dst []byte, code int, reason string) []byte {
	value := append([]byte{0, 0, byte(code / 100), byte(code % 100)}, reason...)
	return appendAttr(dst, attrErrorCode, value)
}
