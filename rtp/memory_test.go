package rtp

import (
	"runtime"
	"testing"
	"time"
)

// TestMemoryOfAnEndpoint holds the media state of a call to a budget: what an
// endpoint takes with its part of a shared port, the most there is.
func TestMemoryOfAnEndpoint(t *testing.T) {
	const calls, budget = 500, 13 << 10
	s := newSharedSim(t, 1)
	s.shared.cfg.Metrics = nil
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	ends := make([]*sharedCall, calls)
	before := heap()
	for i := range ends {
		from := port(phoneAddr, uint16(10000+2*i))
		ends[i] = s.mustOpen(from, phoneAddr.Addr())
	}
	s.run(100 * time.Millisecond)
	for range 10 {
		for _, c := range ends {
			c.send(c.far.from)
		}
		s.tick()
	}
	for _, b := range s.bundles {
		b.in, b.out = nil, nil
	}
	endpoint := int(heap()-before) / calls
	runtime.KeepAlive(ends)
	t.Logf("an endpoint takes %d bytes with its part of a shared port", endpoint)
	if endpoint > budget {
		t.Errorf("%d bytes, budget %d", endpoint, budget)
	}
}
