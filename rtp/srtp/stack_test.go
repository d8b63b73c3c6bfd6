package srtp_test

import (
	"bytes"
	"runtime"
	"sync"
	"testing"

	"mediaserver/rtp/srtp"
)

// onStack protects and unprotects a packet that lies on a stack which has had
// depth frames put on it and no room for much more, so that it grows, and is moved,
// somewhere below.
func onStack(a, b *srtp.Session, seq uint16, depth int) bool {
	if depth > 0 {
		var frame [96]byte
		frame[depth%len(frame)] = 1
		ok := onStack(a, b, seq, depth-1)
		return ok && frame[depth%len(frame)] == 1
	}
	var memory [200]byte
	n := copy(memory[:], packet(seq))
	p, err := a.Protect(memory[:n])
	if err != nil || &p[0] != &memory[0] {
		return false
	}
	p, err = b.Unprotect(p)
	return err == nil && &p[0] == &memory[0] && bytes.Equal(memory[:n], packet(seq)) && bytes.Equal(p, memory[:n])
}

// A packet may be on the stack, wherever that grows and whenever the collector
// comes.
func TestPacketsOnAStackThatMoves(t *testing.T) {
	stop := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC() // stacks shrink too
			}
		}
	})
	for _, suite := range srtp.Suites() {
		a, b, _ := pair(t, suite)
		for seq := range uint16(300) {
			heard := make(chan bool)
			go func() { heard <- onStack(a, b, seq, int(seq)%150) }()
			if !<-heard {
				t.Fatalf("%v, packet %d", suite, seq)
			}
		}
	}
	close(stop)
	collector.Wait()
}
