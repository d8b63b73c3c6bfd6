package rtp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func TestInboxHandsOnWhatWasPushedInOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	b := new(inbox)
	var want [][]byte
	for i := range 100_000 {
		if rnd.IntN(2) == 0 {
			d := bytes.Repeat([]byte{byte(i)}, 12+rnd.IntN(500))
			if b.push(d, keyOf(phoneAddr), int64(i)) {
				want = append(want, d)
			} else if len(want) == 0 {
				t.Fatalf("step %d: an empty inbox refuses %d bytes", i, len(d))
			}
			continue
		}
		got, from, _ := b.next()
		if len(want) == 0 {
			if got != nil {
				t.Fatalf("step %d: got %d bytes out of nothing", i, len(got))
			}
			continue
		}
		if !bytes.Equal(got, want[0]) || from != keyOf(phoneAddr) {
			t.Fatalf("step %d: got %d bytes of %d, want %d of %d", i, len(got), got[0], len(want[0]), want[0][0])
		}
		b.done()
		want = want[1:]
	}
}

func TestInboxOfACallThatKeepsUpUsesTheSameMemory(t *testing.T) {
	b := new(inbox)
	for range 100 {
		b.push(make([]byte, 172), keyOf(phoneAddr), 0)
		if off := b.places[(b.few.put.Load()-1)%fewDatagrams]; off != 0 || b.grown != nil {
			t.Fatalf("at %d", off)
		}
		b.next()
		b.done()
	}
}

func TestInboxHoldsSixteenPacketsOfTwentyMilliseconds(t *testing.T) {
	b := new(inbox)
	n := 0
	for b.push(make([]byte, 172), keyOf(phoneAddr), 0) {
		n++
	}
	if n < 16 {
		t.Fatalf("holds %d", n)
	}
	for i := range n {
		if d, _, _ := b.next(); len(d) != 172 {
			t.Fatalf("datagram %d of %d has %d bytes", i, n, len(d))
		}
		b.done()
	}
	if d, _, _ := b.next(); d != nil {
		t.Fatal("there is more")
	}
}

func TestInboxThatHasGrownGoesBackToItsFirstMemory(t *testing.T) {
	b := new(inbox)
	for range 100 {
		for range fewDatagrams + 1 {
			b.push(make([]byte, 172), keyOf(phoneAddr), 0)
		}
		for range fewDatagrams + 1 {
			b.next()
			b.done()
		}
		if b.grown == nil || b.more.put.Load() == 0 {
			t.Fatal("nothing has gone to more memory")
		}
		more := b.more.put.Load()
		b.push(make([]byte, 172), keyOf(phoneAddr), 0)
		b.next()
		b.done()
		if b.more.put.Load() != more {
			t.Fatal("a single datagram has")
		}
	}
}

func TestInboxGrowsOnce(t *testing.T) {
	b, d := new(inbox), make([]byte, 172)
	burst := func() {
		for range 16 {
			b.push(d, keyOf(phoneAddr), 0)
		}
		for range 16 {
			b.next()
			b.done()
		}
	}
	burst()
	if n := testing.AllocsPerRun(100, burst); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestAnInboxTakesTheLongestDatagram(t *testing.T) {
	b := new(inbox)
	for range 2 {
		if !b.push(make([]byte, datagramSize), keyOf(phoneAddr), 0) {
			t.Fatal("refused")
		}
	}
}

// What every datagram of a call needs is in four lines of memory.
func TestTheWayOfADatagramTouchesFourLines(t *testing.T) {
	const line = 64
	s := newSharedSim(t, 1)
	c := s.mustOpen(phoneAddr, phoneAddr.Addr())
	first := uintptr(unsafe.Pointer(c.share))
	end := first + unsafe.Offsetof(c.share.in) + unsafe.Offsetof(c.share.in.memory) + noteSize + headerSize + frameSamples
	if n := (end+line-1)/line - first/line; n > 4 {
		t.Errorf("%d lines, from %d to %d", n, first%line, end-first)
	}
}

func TestInboxIsSafeForOnePusherAndOneReader(t *testing.T) {
	const count = 20_000
	b := new(inbox)
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		for i := 0; i < count; {
			if b.push([]byte{byte(i), byte(i >> 8)}, keyOf(phoneAddr), int64(i)) {
				i++
			}
		}
	}()
	for i := 0; i < count; {
		d, _, at := b.next()
		if d == nil {
			continue
		}
		if at != int64(i) || d[0] != byte(i) || d[1] != byte(i>>8) {
			t.Fatalf("datagram %d is %v at %d", i, d, at)
		}
		b.done()
		i++
	}
	<-pushed
}
