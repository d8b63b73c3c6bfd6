package rtp

import (
	"errors"
	"net"
	"syscall"
)

// wsaeaddrinuse is EADDRINUSE as Windows says it.
const wsaeaddrinuse = syscall.Errno(10048)

// portTaken tells whether the port could not be opened because something else
// holds it.
func portTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeaddrinuse)
}

// interfaceIndex is the scope number of an interface name.
func interfaceIndex(name string) (uint32, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return uint32(i.Index), nil
}
