package calls

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// socket is a UDP socket that is never waited for: the runtime does not know
// of it, so what comes wakes nobody.
type socket struct {
	fd  int
	own netip.AddrPort
	to  unix.SockaddrInet4
	buf [64 << 10]byte
}

// openSocket opens a socket of loopback to speak to an address.
func openSocket(to netip.AddrPort) (*socket, error) {
	const bufferSize = 8 << 20
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd, to: unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferSize) // as much as there is
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, errors.Join(os.NewSyscallError("bind", err), s.close())
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return nil, errors.Join(os.NewSyscallError("getsockname", err), s.close())
	}
	a := own.(*unix.SockaddrInet4)
	s.own = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	return s, nil
}

// receive is the next datagram, "" if there is none.
func (s *socket) receive() string {
	n, _, err := unix.Recvfrom(s.fd, s.buf[:], unix.MSG_DONTWAIT)
	if err != nil || n <= 0 {
		return ""
	}
	return string(s.buf[:n])
}

// send sends a datagram to the server.
func (s *socket) send(message string) error {
	if err := unix.Sendto(s.fd, []byte(message), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, &s.to); err != nil {
		return fmt.Errorf("bench: send: %w", err)
	}
	return nil
}

func (s *socket) close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }
