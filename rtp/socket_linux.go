//go:build !rtpnet

package rtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// expedited marks our packets for low delay: DSCP EF (RFC 3246), in the
	// upper six bits of the byte.
	expedited = 46 << 2
	// controlSize holds the receive timestamp and the drop counter.
	controlSize = 96
	// unbroken is the longest datagram that is taken to fit through any network
	// in one piece [bytes].
	unbroken = 1200
	// maxEmpty is how many empty datagrams one Drain passes over.
	maxEmpty = 8
)

// socket is a UDP socket without the runtime's poller: its calls never wait,
// so that a worker that looks once per frame needs neither a goroutine nor
// epoll. What the calls need besides lives on the stack of the worker, which is
// always in the cache; the socket itself takes one line. Drain may run in one
// goroutine at a time, Flush in any number, neither at the same time as close.
type socket struct {
	fd      int
	v6      bool // AF_INET6
	closed  atomic.Bool
	peer    netip.AddrPort // connected to; the zero value: to nobody. Of the worker
	dropped uint32         // the kernel's counter when last seen; Drain's
	drops   atomic.Uint64
}

// openSocket opens a UDP socket at the address.
func openSocket(local netip.AddrPort) (*socket, error) {
	s := &socket{v6: !local.Addr().Unmap().Is4()}
	family := unix.AF_INET
	if s.v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s.fd = fd
	if err := s.setUp(local); err != nil {
		return nil, errors.Join(fmt.Errorf("UDP %v: %w", local, err), unix.Close(fd))
	}
	return s, nil
}

func (s *socket) setUp(local netip.AddrPort) error {
	if s.v6 {
		only := 1
		if local.Addr().IsUnspecified() {
			only = 0 // :: hears IPv4 too
		}
		if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, expedited) // a wish
	} else {
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_TOS, expedited) // a wish
		// A datagram that is never broken up needs no number of its own, which the
		// system takes from a place in memory that is cold by then.
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	}
	// Without these two, times are those of the call and drops stay unknown.
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	addr, err := s.sockaddr(local)
	if err != nil {
		return err
	}
	if err := unix.Bind(s.fd, addr); err != nil {
		return os.NewSyscallError("bind", err)
	}
	return nil
}

func (s *socket) sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	if !s.v6 {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().Unmap().As4()}, nil
	}
	zone, err := scopeOf(a.Addr().Zone())
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zone}, err
}

// Drain implements IO.
func (s *socket) Drain(buf []byte) (n int, from netip.AddrPort, at time.Time, err error) {
	n, key, ns, err := s.receive(buf)
	if n == 0 {
		return 0, from, at, err
	}
	if ns != 0 {
		at = time.Unix(0, ns)
	}
	return n, key.addrPort(), at, nil
}

// inbound are the arguments of recvmsg.
type inbound struct {
	msg     unix.Msghdr
	iov     unix.Iovec
	name    unix.RawSockaddrInet6 // or RawSockaddrInet4, which is shorter
	control [controlSize]byte
}

// receive is Drain with the source as a key and the time of arrival in [ns],
// 0 = unknown.
func (s *socket) receive(buf []byte) (n int, from address, at int64, err error) {
	if s.closed.Load() {
		return 0, from, 0, ErrSocket
	}
	var in inbound
	in.msg.Iov = &in.iov
	in.msg.SetIovlen(1)
	in.iov.Base = unsafe.SliceData(buf)
	in.iov.SetLen(len(buf))
	in.msg.Name = (*byte)(unsafe.Pointer(&in.name))
	in.msg.Control = &in.control[0]
	for range maxEmpty {
		in.msg.Namelen = unix.SizeofSockaddrInet6
		in.msg.SetControllen(len(in.control))
		r, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&in.msg)), unix.MSG_DONTWAIT)
		if errno != 0 {
			return 0, from, 0, socketErr(errno, true)
		}
		if r > 0 {
			return int(r), keyOfName(&in.name), s.control(in.control[:min(uint64(in.msg.Controllen), controlSize)]), nil
		}
	}
	return 0, from, 0, nil
}

// read is Drain of a socket that is connected, without asking from whom and when:
// from its peer, unless it waited when the socket was connected.
func (s *socket) read(buf []byte) (n int, err error) {
	if s.closed.Load() {
		return 0, ErrSocket
	}
	for range maxEmpty {
		r, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)),
			unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			return 0, socketErr(errno, true)
		}
		if r > 0 {
			return int(r), nil
		}
	}
	return 0, nil
}

// control reads the kernel's timestamp [ns] and drop counter.
func (s *socket) control(data []byte) (at int64) {
	for len(data) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&data[0]))
		size := int(h.Len)
		if size < unix.CmsgLen(0) || size > len(data) {
			break
		}
		body := data[unix.CmsgLen(0):size]
		switch {
		case h.Level != unix.SOL_SOCKET:
		case h.Type == unix.SO_TIMESTAMPNS && len(body) >= int(unsafe.Sizeof(unix.Timespec{})):
			at = (*unix.Timespec)(unsafe.Pointer(&body[0])).Nano()
		case h.Type == unix.SO_RXQ_OVFL && len(body) >= 4:
			n := binary.NativeEndian.Uint32(body)
			s.drops.Add(uint64(n - s.dropped))
			s.dropped = n
		}
		data = data[min(unix.CmsgSpace(size-unix.CmsgLen(0)), len(data)):]
	}
	return at
}

// Flush implements IO.
func (s *socket) Flush(packet []byte, to netip.AddrPort) error {
	if s.closed.Load() || len(packet) == 0 {
		return ErrSocket
	}
	if len(packet) > unbroken {
		s.breakUp()
	}
	if to == s.peer {
		_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(packet))), uintptr(len(packet)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno != 0 {
			return socketErr(errno, false)
		}
		return nil
	}
	var name unix.RawSockaddrInet6
	size := setName(&name, to, s.v6)
	if size == 0 {
		return ErrSocket
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(packet))), uintptr(len(packet)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&name)), uintptr(size))
	if errno != 0 {
		return socketErr(errno, false)
	}
	return nil
}

// breakUp lets the system break up datagrams that do not fit, from now on. Any
// goroutine.
func (s *socket) breakUp() {
	if !s.v6 {
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_WANT)
	}
}

// connect lets the system hear nobody but a far end, and find the way to it
// once and not for every packet; the zero address undoes it. False: a socket
// that cannot be connected goes on as it was.
func (s *socket) connect(to netip.AddrPort) bool {
	var name unix.RawSockaddrInet6 // AF_UNSPEC
	size := uint32(unix.SizeofSockaddrInet6)
	if to.IsValid() {
		if size = setName(&name, to, s.v6); size == 0 {
			return false
		}
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&name)), uintptr(size))
	if errno != 0 {
		return false
	}
	s.peer = to
	return true
}

// setName writes a destination in the form of the kernel and returns its size;
// 0 if a socket of this family cannot reach it.
func setName(name *unix.RawSockaddrInet6, to netip.AddrPort, v6 bool) uint32 {
	a := to.Addr()
	switch {
	case v6 && to.IsValid():
		zone, err := scopeOf(a.Zone())
		if err != nil {
			return 0
		}
		*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: hostOrder(to.Port()), Addr: a.As16(), Scope_id: zone}
		return unix.SizeofSockaddrInet6
	case a.Is4() || a.Is4In6():
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: hostOrder(to.Port()), Addr: a.Unmap().As4()}
		return unix.SizeofSockaddrInet4
	}
	return 0
}

// Dropped is how many datagrams the kernel threw away because the queue of the
// socket was full, as far as later datagrams told.
func (s *socket) Dropped() uint64 { return s.drops.Load() }

// close frees the socket.
func (s *socket) close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(s.fd))
}

// hostOrder swaps a port number between network and host order, either way.
func hostOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// socketErr is what a failed call means; nothing waiting is no error.
func socketErr(errno unix.Errno, receiving bool) error {
	switch errno {
	case unix.EAGAIN, unix.EINTR:
		if receiving {
			return nil
		}
		return ErrBusy
	case unix.ENOBUFS, unix.ENOMEM:
		return ErrBusy
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN:
		return ErrUnreachable
	}
	return ErrSocket
}
