package rtp

import (
	"runtime"
	"testing"
	"unsafe"

	"mediaserver/audio/g711"
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
	ends := make([]*Endpoint, calls)
	shares := make([]*Share, calls)
	for i := range shares {
		var err error
		if shares[i], err = s.shared.Open(hereAddr, Peer{Remote: port(phoneAddr, uint16(10000+2*i)), Signalling: phoneAddr.Addr()}); err != nil {
			t.Fatal(err)
		}
	}
	s.shared.Gather(0, s.now)
	before := heap()
	for i := range ends {
		var err error
		if ends[i], err = NewEndpoint(EndpointConfig{RTP: shares[i].RTP(), RTCP: shares[i].RTCP(), Params: testParams(g711.PCMU())}); err != nil {
			t.Fatal(err)
		}
	}
	endpoint := int(heap()-before) / calls
	runtime.KeepAlive(ends)
	share := int(unsafe.Sizeof(Share{})) + inboxBytes + controlBytes
	t.Logf("an endpoint takes %d bytes, its part of a shared port %d", endpoint, share)
	if endpoint+share > budget {
		t.Errorf("%d bytes, budget %d", endpoint+share, budget)
	}
}
