package call

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
)

func TestMemoryPathKeepsOrderAndLosesWhatFindsItFull(t *testing.T) {
	a, b := newMemoryPath()
	buf := make([]byte, 1500)
	for i := range packetRingSize + 2 {
		if err := a.Flush([]byte{byte(i)}, netip.AddrPort{}); (err == nil) != (i < packetRingSize) {
			t.Errorf("packet %d: %v", i, err)
		}
	}
	for i := range packetRingSize {
		n, from, at, _ := b.Drain(buf)
		if n != 1 || buf[0] != byte(i) || from.Port() != memoryPortA || at.IsZero() {
			t.Fatalf("packet %d: %d bytes, %d, from %v", i, n, buf[0], from)
		}
	}
	if n, _, _, _ := b.Drain(buf); n != 0 {
		t.Error("there is more")
	}
	if err := a.Flush(make([]byte, packetRingBytes+1), netip.AddrPort{}); err == nil {
		t.Error("a packet too long was taken")
	}
}

func TestMemoryPathUnderTwoGoroutines(t *testing.T) {
	a, b := newMemoryPath()
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		buf, last := make([]byte, 1500), -1
		for {
			n, _, _, _ := b.Drain(buf)
			if n == 0 {
				select {
				case <-done:
					return
				default:
					continue
				}
			}
			got := int(binary.BigEndian.Uint16(buf))
			if got <= last {
				t.Errorf("%d after %d", got, last)
			}
			last = got
		}
	})
	var packet [172]byte
	for i := range 20000 {
		binary.BigEndian.PutUint16(packet[:], uint16(i))
		_ = a.Flush(packet[:], netip.AddrPort{}) // a full path is no fault here
	}
	close(done)
	reader.Wait()
}

func TestMemoryPathDoesNotAllocate(t *testing.T) {
	a, b := newMemoryPath()
	packet, buf := make([]byte, 172), make([]byte, 1500)
	if n := testing.AllocsPerRun(100, func() {
		_ = a.Flush(packet, netip.AddrPort{})
		_, _, _, _ = b.Drain(buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLinear16(t *testing.T) {
	pcm := []int16{0, 1, -1, 32767, -32768}
	b := make([]byte, 10)
	back := make([]int16, 5)
	if n := (linear16{}).Encode(b, pcm); n != 10 || b[2] != 1 || b[3] != 0 {
		t.Errorf("%d bytes: %v", n, b)
	}
	if n := (linear16{}).Decode(back, b); n != 5 || back[4] != -32768 || back[2] != -1 {
		t.Errorf("%d samples: %v", n, back)
	}
}
