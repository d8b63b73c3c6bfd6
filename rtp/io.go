package rtp

import (
	"errors"
	"net/netip"
	"time"
)

// IO carries the datagrams of one endpoint. An IO that is also an [io.Closer]
// is closed by [Endpoint.Close].
type IO interface {
	// Drain copies the next waiting datagram into buf and never waits: n is 0
	// and err nil when there is nothing. at is when the datagram arrived, by
	// the wall clock, or the zero time if that is not known. An error concerns
	// this call only; the next may succeed. A datagram longer than buf
	// is cut.
	Drain(buf []byte) (n int, from netip.AddrPort, at time.Time, err error)
	// Flush sends one datagram and never waits. An error concerns this
	// datagram only.
	Flush(packet []byte, to netip.AddrPort) error
}

// Errors of an IO. None of them ends it.
var (
	// ErrUnreachable: an ICMP error came back for an earlier datagram.
	ErrUnreachable = errors.New("rtp: destination unreachable")
	// ErrBusy: the datagram was not sent because a queue of the system is full.
	ErrBusy = errors.New("rtp: send queue full")
	// ErrSocket: the system refused for another reason, or the socket is closed.
	ErrSocket = errors.New("rtp: socket error")
)

// kernelDrops is implemented by an IO that knows how many datagrams the system
// threw away because they were not read in time.
type kernelDrops interface{ Dropped() uint64 }
