//go:build !linux || rtpnet

package rtp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// socket is a UDP socket of package net that is asked without waiting. It is
// the portable form: a receive costs a deadline and arrival times are those
// of the call.
type socket struct {
	conn *net.UDPConn
}

// patience is the least deadline that lets a read look at the socket at all.
const patience = 50 * time.Microsecond

// openSocket opens a UDP socket at the address.
func openSocket(local netip.AddrPort) (*socket, error) {
	network := "udp6"
	switch {
	case local.Addr().Unmap().Is4():
		network = "udp4"
	case local.Addr().IsUnspecified():
		network = "udp" // :: hears IPv4 too
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, err
	}
	return &socket{conn: conn}, nil
}

// Drain implements IO.
func (s *socket) Drain(buf []byte) (n int, from netip.AddrPort, at time.Time, err error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, from, at, ErrSocket
	}
	n, from, err = s.conn.ReadFromUDPAddrPort(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, from, at, nil
	}
	if err != nil {
		return 0, from, at, netErr(err)
	}
	return n, plain(from), at, nil
}

// receive is Drain with the source as a key and the time of arrival in [ns],
// which is unknown.
func (s *socket) receive(buf []byte) (n int, from address, at int64, err error) {
	n, a, _, err := s.Drain(buf)
	return n, keyOf(a), 0, err
}

// connect does nothing: the portable socket hears everybody.
func (s *socket) connect(netip.AddrPort) bool { return false }

// read is Drain without asking from whom and when.
func (s *socket) read(buf []byte) (n int, err error) {
	n, _, _, err = s.Drain(buf)
	return n, err
}

// Flush implements IO.
func (s *socket) Flush(packet []byte, to netip.AddrPort) error {
	if _, err := s.conn.WriteToUDPAddrPort(packet, to); err != nil {
		return netErr(err)
	}
	return nil
}

func (s *socket) close() error { return s.conn.Close() }

// What Windows says for an ICMP error.
const (
	wsaeconnreset  = syscall.Errno(10054)
	wsaehostunreac = syscall.Errno(10065)
)

func netErr(err error) error {
	for _, e := range []error{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, wsaeconnreset, wsaehostunreac,
	} {
		if errors.Is(err, e) {
			return ErrUnreachable
		}
	}
	if errors.Is(err, syscall.ENOBUFS) {
		return ErrBusy
	}
	return ErrSocket
}
