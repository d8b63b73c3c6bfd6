//go:build !linux || rtpnet

package rtp

import (
	"net"
	"testing"
)

// portOf is the port a socket is bound to.
func portOf(t *testing.T, s *socket) uint16 {
	t.Helper()
	return s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}
