//go:build !rtpnet

package rtp

import (
	"math"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/internal/cputime"
)

// coldCaches is memory to walk over, so that nothing else is left in the caches
// near the core.
type coldCaches [8 << 20 / 8]uint64

func (c *coldCaches) empty() {
	for i := 0; i < len(c); i += 8 {
		c[i]++
	}
}

// kinds are ways to do the same that are compared in turn.
type kinds struct {
	spent [][]float64 // of each kind [ns], by rounds
}

// report has a benchmark tell the median time of each kind, and how it compares
// to the first in the same round.
func (k *kinds) report(b *testing.B, names ...string) {
	for i, name := range names {
		times, ratios := slices.Clone(k.spent[i]), slices.Clone(k.spent[i])
		for r := range ratios {
			ratios[r] /= k.spent[0][r]
		}
		slices.Sort(times)
		slices.Sort(ratios)
		b.ReportMetric(times[len(times)/2], "ns/"+name)
		if i > 0 {
			b.ReportMetric(ratios[len(ratios)/2], name+"/"+names[0])
		}
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkColdSockets is a packet in and one out of each of 512 calls with
// sockets of their own, whose memory has left the caches: all asked when they
// came, or few.
func BenchmarkColdSockets(b *testing.B) {
	const calls = 512
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ports, err := NewPorts(PortsConfig{})
	if err != nil {
		b.Fatal(err)
	}
	var far, here [calls]*Sockets
	var ends [calls]*Endpoint
	for i := range calls {
		for _, s := range []**Sockets{&far[i], &here[i]} {
			if *s, err = ports.Open(loopback); err != nil {
				b.Fatal(err)
			}
			defer (*s).Close() //nolint:errcheck // of a benchmark
		}
		p := testParams(g711.PCMU())
		p.Remote = netip.AddrPortFrom(loopback, uint16(far[i].Port()))
		if ends[i], err = NewEndpoint(EndpointConfig{RTP: here[i].RTP(), RTCP: here[i].RTCP(), Params: p}); err != nil {
			b.Fatal(err)
		}
	}
	memory, now, frame := new(coldCaches), time.Now(), int64(0)
	pcm, payload, buf := make([]int16, 160), make([]byte, 160), make([]byte, datagramSize)
	phones := make([]phone, calls)
	for i := range phones {
		phones[i] = phone{s: &sim{e: ends[i]}, ssrc: uint32(i), size: 160}
	}
	round := func(alert int64) float64 {
		for i := range calls {
			_ = far[i].RTP().Flush(phones[i].packet(), netip.AddrPortFrom(loopback, uint16(here[i].Port())))
		}
		frame++
		now = now.Add(frameTime)
		for _, e := range ends {
			e.receiver.player.tuner.alert = alert
		}
		memory.empty()
		began := cputime.Thread()
		for _, e := range ends {
			e.Receive(frame, now, pcm)
			e.Send(frame, now, payload)
		}
		spent := cputime.Thread() - began
		for i := range calls {
			_, _, _, _ = far[i].RTP().Drain(buf)
		}
		return float64(spent) / calls
	}
	for range 70 {
		round(math.MaxInt64)
	}
	k := kinds{make([][]float64, 2)}
	for range b.N {
		k.spent[0] = append(k.spent[0], round(math.MaxInt64))
		k.spent[1] = append(k.spent[1], round(0))
	}
	k.report(b, "asked", "calm")
}
