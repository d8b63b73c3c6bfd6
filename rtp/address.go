package rtp

import (
	"encoding/binary"
	"net/netip"
)

// address is an IP address and port as a key: IPv4 in its IPv6 form.
type address struct {
	hi, lo uint64
	scope  uint32 // of a link-local address
	port   uint16
	kind   addressKind
}

// addressKind says what a key stands for.
type addressKind uint8

const (
	keyAddress addressKind = iota // an address; the zero key is none
	keySSRC                       // lo is an SSRC
)

// ssrcKey is the key of an SSRC.
func ssrcKey(ssrc uint32) address { return address{lo: uint64(ssrc), kind: keySSRC} }

// keyOf is the key of an address and port.
func keyOf(a netip.AddrPort) address {
	if !a.IsValid() {
		return address{}
	}
	b := a.Addr().As16()
	k := address{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:]), port: a.Port()}
	if zone := a.Addr().Zone(); zone != "" {
		k.scope, _ = scopeOf(zone)
	}
	return k
}

// hostKey is the key of an address without port.
func hostKey(a netip.Addr) address {
	if !a.IsValid() {
		return address{}
	}
	return keyOf(netip.AddrPortFrom(a.WithZone(""), 0))
}

// host is the key without port and zone.
func (k address) host() address { return address{hi: k.hi, lo: k.lo} }

// addrPort is the address that the key was made of.
func (k address) addrPort() netip.AddrPort {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	a := netip.AddrFrom16(b).Unmap()
	if k.scope != 0 {
		a = a.WithZone(zoneOf(k.scope))
	}
	return netip.AddrPortFrom(a, k.port)
}

// hash spreads keys; seed keeps far ends from choosing keys that collide.
func (k address) hash(seed uint64) uint64 {
	const odd = 0x9e3779b97f4a7c15
	h := (k.hi ^ seed) * odd
	h ^= h >> 29
	h = (h ^ k.lo) * odd
	h ^= h >> 32
	h = (h ^ uint64(k.port)<<32 ^ uint64(k.scope) ^ uint64(k.kind)<<56 ^ seed) * odd
	return h ^ h>>32
}
