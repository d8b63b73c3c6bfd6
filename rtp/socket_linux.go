//go:build !rtpnet

package rtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
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
	// maxEmpty is how many empty datagrams one Drain passes over.
	maxEmpty = 8
)

// socket is a UDP socket without the runtime's poller: its calls never wait,
// so that a worker that looks once per frame needs neither a goroutine nor
// epoll. Drain and Flush may run at the same time as each other, but each only
// once, and neither at the same time as close.
type socket struct {
	fd     int
	v6     bool // AF_INET6
	closed atomic.Bool
	drops  atomic.Uint64
	in     inbound
	out    outbound
}

// inbound are the arguments of recvmsg, kept so that no call allocates.
type inbound struct {
	msg     unix.Msghdr
	iov     unix.Iovec
	name    unix.RawSockaddrInet6 // or RawSockaddrInet4, which is shorter
	control [controlSize]byte
	scope   uint32 // of the last link-local source
	zone    string // scope as text
	dropped uint32 // the kernel's counter when last seen
}

// outbound is the last destination in the form of the kernel.
type outbound struct {
	to   netip.AddrPort
	name unix.RawSockaddrInet6
	size uintptr
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
	s.in.msg.Iov = &s.in.iov
	s.in.msg.SetIovlen(1)
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
	if s.closed.Load() {
		return 0, from, at, ErrSocket
	}
	for range maxEmpty {
		in := &s.in
		in.iov.Base = unsafe.SliceData(buf)
		in.iov.SetLen(len(buf))
		in.msg.Name = (*byte)(unsafe.Pointer(&in.name))
		in.msg.Namelen = unix.SizeofSockaddrInet6
		in.msg.Control = &in.control[0]
		in.msg.SetControllen(len(in.control))
		r, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&in.msg)), unix.MSG_DONTWAIT)
		if errno != 0 {
			return 0, from, at, socketErr(errno, true)
		}
		if r > 0 {
			return int(r), in.source(), s.control(), nil
		}
	}
	return 0, from, at, nil
}

// source is where the datagram came from.
func (in *inbound) source() netip.AddrPort {
	if in.name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&in.name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), hostOrder(v4.Port))
	}
	a := netip.AddrFrom16(in.name.Addr).Unmap()
	if in.name.Scope_id != 0 && a.IsLinkLocalUnicast() {
		if in.scope != in.name.Scope_id {
			in.scope = in.name.Scope_id
			in.zone = strconv.FormatUint(uint64(in.scope), 10)
		}
		a = a.WithZone(in.zone)
	}
	return netip.AddrPortFrom(a, hostOrder(in.name.Port))
}

// control reads the kernel's timestamp and drop counter.
func (s *socket) control() (at time.Time) {
	in := &s.in
	data := in.control[:min(uint64(in.msg.Controllen), controlSize)]
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
			at = time.Unix((*unix.Timespec)(unsafe.Pointer(&body[0])).Unix())
		case h.Type == unix.SO_RXQ_OVFL && len(body) >= 4:
			n := binary.NativeEndian.Uint32(body)
			s.drops.Add(uint64(n - in.dropped))
			in.dropped = n
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
	out := &s.out
	if to != out.to && !out.set(to, s.v6) {
		return ErrSocket
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(packet))), uintptr(len(packet)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&out.name)), out.size)
	if errno != 0 {
		return socketErr(errno, false)
	}
	return nil
}

// set prepares the destination; false if a socket of this family cannot reach it.
func (out *outbound) set(to netip.AddrPort, v6 bool) bool {
	out.to = netip.AddrPort{}
	if !to.IsValid() {
		return false
	}
	if v6 {
		zone, err := scopeOf(to.Addr().Zone())
		if err != nil {
			return false
		}
		out.name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: hostOrder(to.Port()), Addr: to.Addr().As16(), Scope_id: zone}
		out.size = unix.SizeofSockaddrInet6
	} else {
		if !to.Addr().Unmap().Is4() {
			return false
		}
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&out.name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: hostOrder(to.Port()), Addr: to.Addr().Unmap().As4()}
		out.size = unix.SizeofSockaddrInet4
	}
	out.to = to
	return true
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

// scopeOf is the number of an IPv6 zone, which may be the number itself or the
// name of an interface.
func scopeOf(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	return interfaceIndex(zone)
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
