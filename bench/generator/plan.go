package generator

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	frameTime  = 20 * time.Millisecond
	slotTime   = time.Millisecond
	slots      = int(frameTime / slotTime)
	headerSize = 12
)

// MaxParticipants is how many addresses there are: 127.16.0.0 to
// 127.31.255.255.
const MaxParticipants = 16 << 16

// firstAddress is that of participant 0.
const firstAddress = 127<<24 | 16<<16

// place says who plays a participant: its thread, slot and socket. Neighbours
// lie in slots far from each other, and a slot's participants on as many
// sockets as there are.
func place(n, threads, sockets int) (thread, slot, socket int) {
	const stride = 7 // without a divisor in common with slots
	k := n / threads
	return n % threads, k * stride % slots, k / slots % sockets
}

// address is the IP address of a participant.
func address(n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(firstAddress+n))
	return netip.AddrFrom4(b)
}

// participant is the number of an address, if it is one of ours.
func participant(ip [4]byte) (n int, ok bool) {
	n = int(binary.BigEndian.Uint32(ip[:])) - firstAddress
	return n, n >= 0 && n < MaxParticipants
}

// Bursts of a probe: on for some frames, then off, so that each begins and
// ends in silence.
const (
	burstPeriod = 50 // frames
	burstLength = 10 // frames
	burstStride = 17 // between the schedules of neighbours
)

// bursting reports whether probe n is loud in a frame, and whether that is
// the first frame of a burst.
func bursting(n int, frame uint32) (loud, first bool) {
	at := (frame + uint32(n)*burstStride) % burstPeriod
	return at < burstLength, at == 0
}
