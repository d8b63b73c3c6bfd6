package lone_test

import (
	"sync/atomic"
	"testing"

	"mediaserver/internal/lone"
)

func TestValuesAreKept(t *testing.T) {
	var n lone.Uint64
	var v lone.Int64
	var x [3]lone.Uint32
	for i := range int64(10) {
		n.Add(1 << 40)
		v.Store(-i)
		x[1].Add(1 << 30)
		if n.Load() != uint64(i+1)<<40 || v.Load() != -i {
			t.Fatalf("%d and %d after %d", n.Load(), v.Load(), i)
		}
		if x[0].Load() != 0 || x[1].Load() != uint32(i+1)<<30 || x[2].Load() != 0 {
			t.Fatalf("%v after %d", &x, i)
		}
	}
}

// What is seen of a second number was written after what is then seen of the first.
func TestAReaderSeesWritesInTheirOrder(t *testing.T) {
	const last = 100_000
	var first, second lone.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range last {
			first.Add(1)
			second.Add(1)
		}
	}()
	for seen := uint64(0); seen < last; {
		b := second.Load()
		a := first.Load()
		if a < b || b < seen {
			t.Fatalf("%d after %d, %d of the first", b, seen, a)
		}
		seen = b
	}
	<-done
}

// BenchmarkAdd is two additions after a packet has been written to memory that
// has left the caches.
func BenchmarkAdd(b *testing.B) {
	const packet = 192
	memory := make([]byte, 64<<20)
	payload := make([]byte, packet)
	run := func(b *testing.B, add func()) {
		at := 0
		for b.Loop() {
			copy(memory[at:at+packet], payload)
			add()
			at = (at + 4096 + 64*3) % (len(memory) - packet)
		}
	}
	b.Run("atomic", func(b *testing.B) {
		var x [2]atomic.Uint64
		run(b, func() { x[0].Add(1); x[1].Add(160) })
	})
	b.Run("lone", func(b *testing.B) {
		var x [2]lone.Uint64
		run(b, func() { x[0].Add(1); x[1].Add(160) })
	})
}
