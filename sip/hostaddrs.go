package sip

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// hostAddrsEvery is how often the system is asked for the addresses of its
// interfaces, at most.
const hostAddrsEvery = 5 * time.Second

// hostAddrs are the addresses of this host. While the system cannot be asked, for
// want of files above all, those that it named last count.
type hostAddrs struct {
	ask   func() ([]net.Addr, error)
	next  atomic.Int64 // when to ask again [Unix ns]
	known atomic.Pointer[[]netip.Addr]
}

// addresses are those of now.
func (h *hostAddrs) addresses(now time.Time) []netip.Addr {
	if known := h.known.Load(); known != nil && now.UnixNano() < h.next.Load() {
		return *known
	}
	if list, err := h.ask(); err == nil {
		own := make([]netip.Addr, 0, len(list))
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok {
					own = append(own, ip.Unmap())
				}
			}
		}
		h.known.Store(&own)
		h.next.Store(now.Add(hostAddrsEvery).UnixNano())
	}
	if known := h.known.Load(); known != nil {
		return *known
	}
	return nil
}
