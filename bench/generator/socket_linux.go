package generator

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize    = 64      // datagrams of one call
	datagramSize = 256     // of those that are of interest
	bufferSize   = 8 << 20 // wanted for the queue of a socket [bytes]
	controlSize  = 96      // receive time and destination
	pairAttempts = 200
)

// message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	size   uint32
}

// socket is a UDP socket of all addresses of this machine, and the batch last
// read from it.
type socket struct {
	fd       int
	port     uint16
	messages [batchSize]message
	vectors  [batchSize]unix.Iovec
	data     [batchSize][datagramSize]byte
	controls [batchSize][controlSize]byte
}

// openPair opens a socket at an even port and one at the port above.
func openPair() (rtp, control *socket, err error) {
	for range pairAttempts {
		if rtp, err = openSocket(0); err != nil {
			return nil, nil, err
		}
		if rtp.port%2 == 0 {
			if control, err = openSocket(rtp.port + 1); err == nil {
				return rtp, control, nil
			}
		}
		rtp.close() //nolint:errcheck // another port is tried
	}
	return nil, nil, fmt.Errorf("bench: no free pair of ports found: %w", errors.Join(err, unix.EADDRINUSE))
}

func openSocket(port uint16) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd}
	if err := s.setUp(port); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *socket) setUp(port uint16) error {
	// More than the system's maximum needs a privilege; without it the maximum
	// has to do.
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize); err != nil {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferSize); err != nil {
			return os.NewSyscallError("setsockopt SO_RCVBUF", err)
		}
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_TIMESTAMPNS", err)
	}
	if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
		return os.NewSyscallError("setsockopt IP_PKTINFO", err)
	}
	// Datagrams that are never broken up need no number of their own from the
	// system, which is a tenth of what it takes to send one.
	_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE) // a wish
	if err := unix.Bind(s.fd, &unix.SockaddrInet4{Port: int(port)}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	own, err := unix.Getsockname(s.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	s.port = uint16(own.(*unix.SockaddrInet4).Port)
	for i := range s.messages {
		s.vectors[i].Base = &s.data[i][0]
		s.vectors[i].SetLen(datagramSize)
		h := &s.messages[i].header
		h.Iov = &s.vectors[i]
		h.SetIovlen(1)
		h.Control = &s.controls[i][0]
		h.SetControllen(controlSize)
	}
	return nil
}

func (s *socket) close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }

// receive reads at most batchSize datagrams, without waiting.
func (s *socket) receive() int {
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.messages[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0 // nothing there; or an error of an earlier send, which is gone now
	}
	return int(r)
}

// message is what came as number i of the batch, the address it was sent to,
// and when it came [ns of the wall clock].
func (s *socket) message(i int) (b []byte, to [4]byte, at int64) {
	m := &s.messages[i]
	data := s.controls[i][:min(uint64(m.header.Controllen), controlSize)]
	for len(data) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&data[0]))
		size := int(h.Len)
		if size < unix.CmsgLen(0) || size > len(data) {
			break
		}
		body := data[unix.CmsgLen(0):size]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS:
			at = (*unix.Timespec)(unsafe.Pointer(&body[0])).Nano()
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO:
			to = (*unix.Inet4Pktinfo)(unsafe.Pointer(&body[0])).Addr
		}
		data = data[min(unix.CmsgSpace(size-unix.CmsgLen(0)), len(data)):]
	}
	m.header.SetControllen(controlSize)
	return s.data[i][:min(m.size, datagramSize)], to, at
}
