//go:build linux && !rtpnet

package rtp

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/internal/cputime"
)

// loadedBundle gives a packet of every call for each frame, a part of them in each
// slot, and takes what is sent.
type loadedBundle struct {
	packets [][]byte
	from    []address
	given   int   // of this frame
	due     int   // in this slot and those before
	came    int64 // when those of this slot came [ns]
}

func (b *loadedBundle) take(in *intake) (n int, err error) {
	for n < intakeLength && b.given < b.due {
		in.data[n] = in.buf[n][:copy(in.buf[n][:], b.packets[b.given])]
		in.from[n], in.at[n] = b.from[b.given], b.came
		n++
		b.given++
	}
	return n, nil
}

func (b *loadedBundle) put(out *outbox, _ *batchSystem) { out.clear() }

func (b *loadedBundle) flush([]byte, netip.AddrPort) error { return nil }

func (b *loadedBundle) close() error { return nil }

// next makes the packets of the next slot, one of so many in a frame, which came
// at a time.
func (b *loadedBundle) next(slot, slots int, came time.Time) {
	b.came = came.UnixNano()
	b.due = len(b.packets) * (slot + 1) / slots
	if slot > 0 {
		return
	}
	b.given = 0
	for _, p := range b.packets {
		binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
		binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+160)
	}
}

// BenchmarkColdShared is a packet in and one out of each of 2000 calls on shared
// ports, without the kernel, whose memory has left the caches before each slot of a
// frame, as many as two workers have. What is gathered in a slot is mostly of calls
// that others serve.
func BenchmarkColdShared(b *testing.B) {
	const calls, ahead, slots = 2000, 8, 8
	const begins = 10 // frames in which calls begin, so that they do not all do at once what is done now and then
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var bundles []*loadedBundle
	shared, err := newShared(SharedConfig{First: 20000, Ports: 4, Workers: 1}, func(netip.AddrPort) (bundle, error) {
		bundles = append(bundles, new(loadedBundle))
		return bundles[len(bundles)-1], nil
	})
	if err != nil {
		b.Fatal(err)
	}
	now, frame := time.Now(), int64(0)
	ends := make([]*Endpoint, calls, calls+ahead)
	for i := range ends {
		p := testParams(g711.PCMU())
		p.Remote = netip.AddrPortFrom(loopback, uint16(10000+2*i))
		share, err := shared.Open(loopback, Peer{Remote: p.Remote, Signalling: loopback})
		if err != nil {
			b.Fatal(err)
		}
		if ends[i], err = NewEndpoint(EndpointConfig{RTP: share.RTP(), RTCP: share.RTCP(), Params: p}); err != nil {
			b.Fatal(err)
		}
		packet := make([]byte, headerSize+160)
		packet[0], packet[11], packet[10] = 0x80, byte(i), byte(i>>8)
		x := bundles[share.Port()-20000]
		x.packets, x.from = append(x.packets, packet), append(x.from, keyOf(p.Remote))
	}
	memory, pcm, payload := new(coldCaches), make([]int16, 160), make([]byte, 160)
	var k kinds
	k.spent = make([][]float64, 2)
	turn := func(slot int) (all, gather float64) {
		for _, x := range bundles {
			x.next(slot, slots, now)
		}
		now = now.Add(frameTime / slots)
		served := slots - 1 - slot
		ends := ends[calls*served/slots : calls*(served+1)/slots]
		memory.empty()
		began := cputime.Thread()
		shared.Gather(0, now)
		gathered := cputime.Thread()
		for i, e := range ends {
			if i+ahead < len(ends) {
				ends[i+ahead].Prefetch(0)
			}
			if i+ahead/2 < len(ends) {
				ends[i+ahead/2].Prefetch(1)
			}
			if frame <= int64(i%begins) {
				continue
			}
			e.Receive(frame, now, pcm)
			e.Via(0)
			e.Send(frame, now, payload)
		}
		shared.Scatter(0, now)
		return float64(cputime.Thread() - began), float64(gathered - began)
	}
	round := func() {
		frame++
		var all, gather float64
		for slot := range slots {
			a, g := turn(slot)
			all, gather = all+a, gather+g
		}
		k.spent[0] = append(k.spent[0], all/calls)
		k.spent[1] = append(k.spent[1], gather/calls)
	}
	for range 100 {
		round()
	}
	for i := range k.spent {
		k.spent[i] = k.spent[i][:0]
	}
	for range b.N {
		round()
	}
	k.report(b, "all", "gather")
	if st := ends[calls-1].Stats(); st.Received+begins+1 < uint64(frame) || st.Sent+begins < uint64(frame) {
		b.Errorf("%d packets in, %d out, want %d", st.Received, st.Sent, frame)
	}
}
