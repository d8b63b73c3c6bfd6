package sip

import (
	"encoding/binary"
	"net/netip"
)

// STUN as far as a SIP port needs it: binding requests, which phones and
// neighbours send to keep their NAT's mapping and to learn of its changes (RFC
// 5626 §4.4.2, RFC 8489).
const (
	stunHeader      = 20 // bytes
	stunCookie      = 0x2112a442
	stunBinding     = 0x0001
	stunBindingOK   = 0x0101
	stunXORMapped   = 0x0020
	stunFirstChoice = 0x8000 // attributes below it must be understood
	maxSTUN         = 548    // bytes; a binding request has less
)

// isSTUN: no SIP message begins with these bytes (RFC 5626 §8).
func isSTUN(data []byte) bool {
	return len(data) >= stunHeader && data[0]&0xc0 == 0 && binary.BigEndian.Uint32(data[4:]) == stunCookie
}

// bindingResponse answers a binding request with where it came from; nil if it
// is anything else. An answer has at most 24 bytes more than the request.
func bindingResponse(data []byte, from netip.AddrPort) []byte {
	if !isSTUN(data) || len(data) > maxSTUN || binary.BigEndian.Uint16(data) != stunBinding ||
		int(binary.BigEndian.Uint16(data[2:])) != len(data)-stunHeader || !simple(data[stunHeader:]) {
		return nil
	}
	addr := from.Addr().Unmap().AsSlice()
	family := byte(1)
	if len(addr) == 16 {
		family = 2
	}
	out := binary.BigEndian.AppendUint16(make([]byte, 0, stunHeader+8+len(addr)), stunBindingOK)
	out = binary.BigEndian.AppendUint16(out, uint16(8+len(addr)))
	out = append(out, data[4:stunHeader]...) // cookie and transaction
	out = binary.BigEndian.AppendUint16(out, stunXORMapped)
	out = binary.BigEndian.AppendUint16(out, uint16(4+len(addr)))
	out = append(out, 0, family)
	out = binary.BigEndian.AppendUint16(out, from.Port()^uint16(stunCookie>>16))
	for i, b := range addr {
		out = append(out, b^data[4+i])
	}
	return out
}

// simple: the attributes are well formed, and none asks for what a SIP
// port does not do. There is no use for an error response: the sender would
// take any answer for a keep-alive.
func simple(attributes []byte) bool {
	for len(attributes) > 0 {
		if len(attributes) < 4 || binary.BigEndian.Uint16(attributes) < stunFirstChoice {
			return false
		}
		n := 4 + (int(binary.BigEndian.Uint16(attributes[2:]))+3)&^3
		if n > len(attributes) {
			return false
		}
		attributes = attributes[n:]
	}
	return true
}

// answerSTUN handles a datagram that isSTUN. Who is not known to be where it
// says gets no more bytes than it has sent, and who has no business here
// nothing.
func (u *UA) answerSTUN(data []byte, src source) {
	out := bindingResponse(data, src.addr)
	if out == nil || u.guard.alien(bare(src.addr.Addr())) || len(out) > len(data) && !u.guard.proven(src) {
		u.m.drop(dropSTUN)
		return
	}
	f := &flow{ua: u, sock: src.sock, to: src.addr}
	_ = f.writeBytes(out) // counted there; it will be asked again
}
