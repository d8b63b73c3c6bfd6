//go:build !linux

package calls

import (
	"net/netip"

	"mediaserver/bench/generator"
)

// socket does not exist here.
type socket struct{ own netip.AddrPort }

func openSocket(netip.AddrPort) (*socket, error) { return nil, generator.ErrPlatform }

func (s *socket) receive() string   { return "" }
func (s *socket) send(string) error { return generator.ErrPlatform }
func (s *socket) close() error      { return nil }
