package rtp

import (
	"errors"
	"net"
	"strconv"
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

// zoneOf is the zone with that number.
func zoneOf(scope uint32) string { return strconv.FormatUint(uint64(scope), 10) }
