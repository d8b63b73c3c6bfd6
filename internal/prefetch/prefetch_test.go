package prefetch_test

import (
	"sync"
	"testing"
	"unsafe"

	"mediaserver/internal/prefetch"
)

type parts struct {
	before [100]byte
	first  int64
	middle [200]byte
	last   int32
}

func TestAPrefetchChangesNothingAndNeverFails(t *testing.T) {
	p := &parts{first: 1, last: 2}
	p.before[0], p.middle[0] = 3, 4
	want := *p
	prefetch.Value(p)
	prefetch.First(p, 64)
	prefetch.First(p, 1<<20)
	prefetch.Part(p, unsafe.Offsetof(p.first), unsafe.Offsetof(p.last)+unsafe.Sizeof(p.last))
	prefetch.Slice(p.middle[:])
	prefetch.Value((*parts)(nil))
	prefetch.Slice[int64](nil)
	if *p != want {
		t.Errorf("%+v, was %+v", *p, want)
	}
}

// The race detector must have nothing against a prefetch of what others write.
func TestAPrefetchIsNoAccess(t *testing.T) {
	p := new(parts)
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range 1000 {
			p.first = int64(i)
		}
	})
	for range 1000 {
		prefetch.Value(p)
	}
	writer.Wait()
}

func BenchmarkTenLines(b *testing.B) {
	p := new([640]byte)
	for b.Loop() {
		prefetch.Value(p)
	}
}
