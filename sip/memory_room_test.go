package sip

import (
	"runtime"
	"testing"
	"time"
)

// TestMemoryOfAFloodIsGivenBack: with the first message after it, whether others
// have come meanwhile or not.
func TestMemoryOfAFloodIsGivenBack(t *testing.T) {
	const flood = 50_000
	held := func() int {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int(s.HeapAlloc >> 10)
	}
	for name, meanwhile := range map[string]int{"nothing comes after it": 0, "calls go on": 100} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1, 0)
			m := newMemory[int, [64]byte](32*time.Second, flood, func() time.Time { return now })
			before := held()
			for i := range flood {
				m.put(i, [64]byte{})
			}
			full := held()
			now = now.Add(20 * time.Second)
			for i := range meanwhile {
				m.put(flood+i, [64]byte{})
			}
			now = now.Add(20 * time.Second)
			m.put(-1, [64]byte{})
			after := held()
			t.Logf("%d KiB before, %d in the flood, %d after it", before, full, after)
			if after-before > (full-before)/20 {
				t.Errorf("%d of %d KiB stay", after-before, full-before)
			}
			for i := range meanwhile {
				if _, ok := m.get(flood + i); !ok {
					t.Fatal("what is not over is forgotten")
				}
			}
			if _, ok := m.get(0); ok || len(m.keys()) != meanwhile+1 {
				t.Errorf("%d entries", len(m.keys()))
			}
		})
	}
}
