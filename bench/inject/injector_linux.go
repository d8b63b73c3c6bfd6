package inject

import (
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Injector holds the records of packets and the device by which they come in.
type Injector struct {
	fd      int
	records []byte
}

// Open makes an Injector with room for so many records.
func Open(records int) (*Injector, error) {
	const line = 64 // of a cache
	memory := make([]byte, max(records, 1)*RecordSize+line)
	aligned := -uintptr(unsafe.Pointer(&memory[0])) % line
	i := &Injector{records: memory[aligned:]}
	var err error
	if i.fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("%w: open /dev/net/tun: %w", ErrUnavailable, err)
	}
	if err = i.setUp(); err == nil {
		err = i.try()
	}
	if err != nil {
		_ = i.Close() // nothing is lost
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return i, nil
}

// setUp makes the device ready. What it may let in is set before it is up.
func (i *Injector) setUp() error {
	r, err := unix.NewIfreq("inject%d")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(i.fd, unix.TUNSETIFF, r); err != nil {
		return os.NewSyscallError("ioctl TUNSETIFF", err)
	}
	settings := "/proc/sys/net/ipv4/conf/" + r.Name() + "/"
	// Nobody but us can send by this device. 0 of rp_filter: answers to our
	// addresses take another one, loopback.
	for name, value := range map[string]string{"route_localnet": "1", "accept_local": "1", "rp_filter": "0"} {
		if err := os.WriteFile(settings+name, []byte(value), 0); err != nil {
			return err
		}
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(s) //nolint:errcheck // nothing is lost
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, r); err != nil {
		return os.NewSyscallError("ioctl SIOCGIFFLAGS", err)
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	return os.NewSyscallError("ioctl SIOCSIFFLAGS", unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r))
}

// try sends a packet to a socket and sees whether it arrives: filters or rules of
// this machine may stop it.
func (i *Injector) try() error {
	const patience = 200 * time.Millisecond
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(s) //nolint:errcheck // nothing is lost
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	own, err := unix.Getsockname(s)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	wait := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(s, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return os.NewSyscallError("setsockopt SO_RCVTIMEO", err)
	}
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(own.(*unix.SockaddrInet4).Port))
	from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 31, 255, 255}), to.Port())
	Header(i.Record(0), from, to, 1)
	if sent, err := i.Send(0, 1, HeaderSize+1); sent != 1 {
		return fmt.Errorf("try to send: %w", err)
	}
	if _, _, err := unix.Recvfrom(s, make([]byte, RecordSize), 0); err != nil {
		return fmt.Errorf("the first packet does not arrive: %w", err)
	}
	return nil
}

// Record is the memory of record n, which lies in cache lines of its own.
func (i *Injector) Record(n int) []byte {
	return i.records[n*RecordSize : (n+1)*RecordSize : (n+1)*RecordSize]
}

// Send injects the packets of records from..to-1, each of which fills so many bytes of
// its record, and tells how many the system took. They are in the queues of their
// sockets then. One that the system refuses is left out; the error is the last of those.
func (i *Injector) Send(from, to, size int) (sent int, err error) {
	for n := from; n < to; n++ {
		_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(i.fd), uintptr(unsafe.Pointer(&i.records[n*RecordSize])), uintptr(size))
		if errno != 0 {
			err = os.NewSyscallError("write", errno)
			continue
		}
		sent++
	}
	return sent, err
}

// Close ends the device.
func (i *Injector) Close() error { return os.NewSyscallError("close", unix.Close(i.fd)) }
