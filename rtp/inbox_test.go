package rtp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestInboxHandsOnWhatWasPushedInOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	b := &inbox{data: make([]byte, inboxBytes)}
	var want [][]byte
	for i := range 100_000 {
		if rnd.IntN(2) == 0 {
			d := bytes.Repeat([]byte{byte(i)}, 12+rnd.IntN(500))
			if b.push(d, phoneAddr, int64(i)) {
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
		if !bytes.Equal(got, want[0]) || from != phoneAddr {
			t.Fatalf("step %d: got %d bytes of %d, want %d of %d", i, len(got), got[0], len(want[0]), want[0][0])
		}
		b.done()
		want = want[1:]
	}
}

func TestInboxOfACallThatKeepsUpUsesTheSameMemory(t *testing.T) {
	b := &inbox{data: make([]byte, inboxBytes)}
	for range 100 {
		b.push(make([]byte, 172), phoneAddr, 0)
		if off := b.notes[(b.put.Load()-1)%inboxLength].off; off != 0 {
			t.Fatalf("at %d", off)
		}
		b.next()
		b.done()
	}
}

func TestInboxHoldsSixteenPacketsOfTwentyMilliseconds(t *testing.T) {
	b := &inbox{data: make([]byte, inboxBytes)}
	n := 0
	for b.push(make([]byte, 172), phoneAddr, 0) {
		n++
	}
	if n != inboxLength {
		t.Fatalf("holds %d", n)
	}
}

func TestInboxIsSafeForOnePusherAndOneReader(t *testing.T) {
	const count = 20_000
	b := &inbox{data: make([]byte, inboxBytes)}
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		for i := 0; i < count; {
			if b.push([]byte{byte(i), byte(i >> 8)}, phoneAddr, int64(i)) {
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
