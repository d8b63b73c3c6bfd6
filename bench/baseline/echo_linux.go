package baseline

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize    = 64
	bufferSize   = 8 << 20 // of a shared port [bytes]
	secondEvery  = 16      // frames until a second packet is looked for
	lateMax      = 3 * frameTime
	serviceClass = 46 << 2 // DSCP EF, as the media server marks its packets
)

// server echoes what its slots hold.
type server interface {
	// slot serves one slot.
	slot(slot int, frame int64)
}

func openEcho(c *Config) (serve func(context.Context), ports []int, err error) {
	servers := make([]server, max(c.Workers, 1))
	n := c.Participants
	if c.Kind == Shared {
		n = max(c.Ports, len(servers))
	}
	single, shared := make([]*echoes, len(servers)), make([]*sharedPorts, len(servers))
	for i := range servers {
		single[i], shared[i] = &echoes{}, &sharedPorts{}
		if servers[i] = single[i]; c.Kind == Shared {
			servers[i] = shared[i]
		}
	}
	for i := range n {
		fd, port, err := openSocket(c.Kind == Shared)
		if err != nil {
			return nil, nil, fmt.Errorf("bench: open socket %d of %d: %w", i+1, n, err) // the process ends
		}
		ports = append(ports, port)
		worker := i % len(servers)
		if c.Kind == Shared {
			shared[worker].ports = append(shared[worker].ports, newSharedPort(fd))
		} else {
			at := &single[worker].slots[i/len(servers)%slotsPerFrame]
			*at = append(*at, line{fd: fd})
		}
	}
	return func(ctx context.Context) { work(ctx, servers) }, ports, nil
}

// openSocket opens a socket of 127.0.0.1.
func openSocket(large bool) (fd, port int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, os.NewSyscallError("socket", err)
	}
	if large && unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferSize) // as much as there is
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, serviceClass)                    // a wish
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE) // saves 7 %: decision 0016
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, 0, os.NewSyscallError("bind", err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return 0, 0, os.NewSyscallError("getsockname", err)
	}
	return fd, own.(*unix.SockaddrInet4).Port, nil
}

// work runs each server on a thread of its own until ctx ends.
func work(ctx context.Context, servers []server) {
	var tasks sync.WaitGroup
	for _, s := range servers {
		tasks.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // a wish
			var now unix.Timespec
			_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // cannot fail
			next := now.Nano()
			for slot := int64(0); ctx.Err() == nil; slot++ {
				s.slot(int(slot%slotsPerFrame), slot/slotsPerFrame)
				next += int64(slotTime)
				_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
				if now.Nano()-next > int64(lateMax) {
					next = now.Nano()
				}
				due := unix.NsecToTimespec(next)
				sleepUntil(&due)
			}
		})
	}
	tasks.Wait()
}

// sleepUntil sleeps until a time of CLOCK_MONOTONIC. The runtime is not told
// of it, for it would look after the thread many times meanwhile: an echo shall
// cost what the kernel costs.
func sleepUntil(due *unix.Timespec) {
	for {
		_, _, errno := syscall.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(due)), 0, 0, 0)
		if errno != unix.EINTR {
			return
		}
	}
}

// line is the socket of a participant. As the media server does, it connects
// the socket to whom it hears, and then asks no more from whom a packet is.
type line struct {
	fd        int
	connected bool
}

// echoes are sockets of one participant each.
type echoes struct {
	slots [slotsPerFrame][]line
	buf   [datagramSize]byte
	from  unix.RawSockaddrInet4
}

func (e *echoes) slot(slot int, frame int64) {
	lines := e.slots[slot]
	for i := range lines {
		if e.one(&lines[i]) && (frame+int64(i))%secondEvery == 0 {
			e.one(&lines[i])
		}
	}
}

// one sends one packet back, if there is one.
func (e *echoes) one(l *line) bool {
	if !l.connected {
		return e.first(l)
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(l.fd), uintptr(unsafe.Pointer(&e.buf[0])), datagramSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return false
	}
	_, _, _ = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(l.fd), uintptr(unsafe.Pointer(&e.buf[0])), n,
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0) // lost packets are seen at the other end
	return true
}

// first is one for a socket that has heard nobody yet.
func (e *echoes) first(l *line) bool {
	size := uint32(unix.SizeofSockaddrInet4)
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(l.fd), uintptr(unsafe.Pointer(&e.buf[0])), datagramSize,
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&e.from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return false
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_CONNECT, uintptr(l.fd), uintptr(unsafe.Pointer(&e.from)), unix.SizeofSockaddrInet4)
	l.connected = errno == 0
	_, _, _ = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(l.fd), uintptr(unsafe.Pointer(&e.buf[0])), n,
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&e.from)), unix.SizeofSockaddrInet4) // as above
	return true
}

// message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	size   uint32
}

// sharedPort is a socket of many participants.
type sharedPort struct {
	fd       int
	messages [batchSize]message
	vectors  [batchSize]unix.Iovec
	names    [batchSize]unix.RawSockaddrInet4
	data     [batchSize][datagramSize]byte
}

func newSharedPort(fd int) *sharedPort {
	p := &sharedPort{fd: fd}
	for i := range p.messages {
		p.vectors[i].Base = &p.data[i][0]
		p.vectors[i].SetLen(datagramSize)
		h := &p.messages[i].header
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&p.names[i])), unix.SizeofSockaddrInet4
		h.Iov = &p.vectors[i]
		h.SetIovlen(1)
	}
	return p
}

// echo sends a batch back and returns its size.
func (p *sharedPort) echo() int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&p.messages[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	for i := range int(n) {
		p.vectors[i].SetLen(int(p.messages[i].size))
	}
	for at := uintptr(0); at < n; {
		r, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(p.fd), uintptr(unsafe.Pointer(&p.messages[at])), n-at, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno != 0 {
			break // lost packets are seen at the other end
		}
		at += r
	}
	for i := range int(n) {
		p.vectors[i].SetLen(datagramSize)
	}
	return int(n)
}

// sharedPorts are those of one worker.
type sharedPorts struct{ ports []*sharedPort }

func (s *sharedPorts) slot(int, int64) {
	const most = 64 // batches of a port and slot
	for _, p := range s.ports {
		for range most {
			if p.echo() < batchSize {
				break
			}
		}
	}
}
