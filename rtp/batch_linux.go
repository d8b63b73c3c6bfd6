//go:build !rtpnet

package rtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canShare says that this system has recvmmsg and sendmmsg.
const canShare = true

// sharedReceiveBuffer is what is asked for as the receive queue of a shared
// port [bytes]: half a second of the packets of some hundred calls.
const sharedReceiveBuffer = 16 << 20

// mmsghdr is struct mmsghdr: one datagram of recvmmsg or sendmmsg.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// batchSystem is what a worker's calls of recvmmsg and sendmmsg need.
type batchSystem struct {
	hdr     [intakeLength]mmsghdr
	iov     [intakeLength]unix.Iovec
	name    [intakeLength]unix.RawSockaddrInet6
	control [intakeLength][controlSize]byte
	ready   bool // for receiving
}

func newBatchSystem() *batchSystem { return new(batchSystem) }

// prepare points the headers at the memory of in.
func (b *batchSystem) prepare(in *intake) {
	if b.ready {
		return
	}
	b.ready = true
	for i := range b.hdr {
		b.iov[i].Base = &in.buf[i][0]
		b.iov[i].SetLen(len(in.buf[i]))
		h := &b.hdr[i].hdr
		h.Iov = &b.iov[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.name[i]))
		h.Control = &b.control[i][0]
	}
}

// openShared opens a socket for many calls.
func openShared(local netip.AddrPort) (bundle, error) {
	s, err := openSocket(local)
	if err != nil {
		return nil, err
	}
	// FORCE needs a privilege; without it the system's own limit counts.
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, sharedReceiveBuffer); err != nil {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, sharedReceiveBuffer); err != nil {
			return nil, errors.Join(fmt.Errorf("UDP %v: %w", local, os.NewSyscallError("setsockopt", err)), s.close())
		}
	}
	return s, nil
}

// take implements bundle.
func (s *socket) take(in *intake) (int, error) {
	b := in.sys
	b.prepare(in)
	for i := range b.hdr {
		h := &b.hdr[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize)
	}
	r, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.hdr)), intakeLength, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, socketErr(errno, true)
	}
	n := int(r)
	for i := range n {
		h := &b.hdr[i]
		in.data[i] = in.buf[i][:min(int(h.len), datagramSize)]
		in.from[i] = keyOfName(&b.name[i])
		in.at[i] = s.control(b.control[i][:min(uint64(h.hdr.Controllen), controlSize)])
	}
	return n, nil
}

// keyOfName is the key of an address in the form of the kernel.
func keyOfName(name *unix.RawSockaddrInet6) address {
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return address{lo: 0xffff<<32 | uint64(binary.BigEndian.Uint32(v4.Addr[:])), port: hostOrder(v4.Port)}
	}
	k := address{hi: binary.BigEndian.Uint64(name.Addr[:8]), lo: binary.BigEndian.Uint64(name.Addr[8:]), port: hostOrder(name.Port)}
	if name.Addr[0] == 0xfe && name.Addr[1]&0xc0 == 0x80 {
		k.scope = name.Scope_id
	}
	return k
}

// put implements bundle.
func (s *socket) put(out *outbox, b *batchSystem) {
	n := 0
	for i := range out.item[:out.length] {
		x := &out.item[i]
		size := setName(&b.name[n], x.to, s.v6)
		if size == 0 {
			x.counts.socketError(ErrSocket)
			continue
		}
		b.iov[n].Base = &out.data[x.off]
		b.iov[n].SetLen(int(x.end - x.off))
		if x.end-x.off > unbroken {
			s.breakUp()
		}
		h := &b.hdr[n].hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.name[n])), size
		h.Iov = &b.iov[n]
		h.SetIovlen(1)
		out.item[n].counts = x.counts
		n++
	}
	for first := 0; first < n; {
		r, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.hdr[first])), uintptr(n-first),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0: // concerns the first one only
			out.item[first].counts.socketError(socketErr(errno, false))
			first++
		default:
			first += max(1, int(r))
		}
	}
	out.clear()
}

// flush implements bundle.
func (s *socket) flush(packet []byte, to netip.AddrPort) error { return s.Flush(packet, to) }
