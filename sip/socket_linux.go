package sip

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setReceiveBuffer asks for a large receive buffer [bytes]: beyond the
// system's limit where we may, else as much as it gives.
func setReceiveBuffer(c syscall.RawConn, size int) error {
	var err error
	ctl := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size)
		if err != nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, size)
		}
	})
	if ctl != nil {
		return ctl
	}
	return err
}
