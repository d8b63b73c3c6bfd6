//go:build !linux || rtpnet

package rtp

import "net/netip"

// canShare says that this system has no recvmmsg and sendmmsg.
const canShare = false

// batchSystem is what the calls of the system need: nothing here.
type batchSystem struct{}

func newBatchSystem() *batchSystem { return nil }

// openShared fails: there are no calls that move many datagrams here.
func openShared(netip.AddrPort) (bundle, error) { return nil, ErrNoShared }
