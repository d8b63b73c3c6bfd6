package inject

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// ErrUnavailable means that packets cannot be injected here.
var ErrUnavailable = errors.New("bench: packets cannot be injected (Linux, /dev/net/tun and the right to administer the network are needed)")

const (
	// RecordSize is the memory of a packet: headers and payload.
	RecordSize = 256
	// HeaderSize is what Header writes: IPv4 and UDP.
	HeaderSize = ipSize + udpSize

	ipSize  = 20
	udpSize = 8
)

// Header writes all that stands before the payload of a datagram into a record:
// as on loopback, never broken up, and without a checksum of the payload, which
// nobody verifies there.
func Header(record []byte, from, to netip.AddrPort, payload int) {
	const (
		version      = 4<<4 | ipSize/4
		dontFragment = 0x40
		hops         = 64
		protocolUDP  = 17
	)
	clear(record[:HeaderSize])
	ip, udp := record[:ipSize], record[ipSize:]
	ip[0], ip[6], ip[8], ip[9] = version, dontFragment, hops, protocolUDP
	binary.BigEndian.PutUint16(ip[2:], uint16(HeaderSize+payload))
	a, b := from.Addr().Unmap().As4(), to.Addr().Unmap().As4()
	copy(ip[12:], a[:])
	copy(ip[16:], b[:])
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	binary.BigEndian.PutUint16(udp[0:], from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(udpSize+payload))
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
