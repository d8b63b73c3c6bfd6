package limit

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const batchSize = 64

// systemCalls measures the calls of the kernel, with one packet on its way
// between two sockets of this process.
func (k *Kernels) systemCalls() error {
	k.RawSyscall = cost(1, func() { _, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) })
	a, b, err := socketPair()
	if err != nil {
		return err
	}
	var out, in [packetSize]byte
	failed := 0
	k.UDPPair = cost(1, func() {
		_, _, e1 := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(a), uintptr(unsafe.Pointer(&out[0])), packetSize, unix.MSG_DONTWAIT, 0, 0)
		_, _, e2 := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(b), uintptr(unsafe.Pointer(&in[0])), packetSize, unix.MSG_DONTWAIT, 0, 0)
		if e1 != 0 || e2 != 0 {
			failed++
		}
	})
	sends, receives := newBatch(), newBatch()
	k.UDPPairBatch = cost(batchSize, func() {
		n1, _, e1 := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(a), uintptr(unsafe.Pointer(&sends.messages[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		n2, _, e2 := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(b), uintptr(unsafe.Pointer(&receives.messages[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		if e1 != 0 || e2 != 0 || n1 != batchSize || n2 != batchSize {
			failed++
		}
	})
	if failed > 0 {
		err = fmt.Errorf("bench: %d packets were lost between two sockets", failed)
	}
	return errors.Join(err, unix.Close(a), unix.Close(b))
}

// socketPair are two connected UDP sockets.
func socketPair() (a, b int, err error) {
	var fds [2]int
	for i := range fds {
		if fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return 0, 0, os.NewSyscallError("socket", err)
		}
		if err := unix.Bind(fds[i], &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return 0, 0, os.NewSyscallError("bind", err)
		}
	}
	for i := range fds {
		other, err := unix.Getsockname(fds[1-i])
		if err != nil {
			return 0, 0, os.NewSyscallError("getsockname", err)
		}
		if err := unix.Connect(fds[i], other); err != nil {
			return 0, 0, os.NewSyscallError("connect", err)
		}
	}
	return fds[0], fds[1], nil
}

// batch are packets of one call.
type batch struct {
	messages [batchSize]struct {
		header unix.Msghdr
		size   uint32
	}
	vectors [batchSize]unix.Iovec
	data    [batchSize][packetSize]byte
}

func newBatch() *batch {
	b := &batch{}
	for i := range b.messages {
		b.vectors[i].Base = &b.data[i][0]
		b.vectors[i].SetLen(packetSize)
		b.messages[i].header.Iov = &b.vectors[i]
		b.messages[i].header.SetIovlen(1)
	}
	return b
}
