package recording

import (
	"runtime"
	"testing"
)

// TestQueueBetweenTwoGoroutines: frames come out in order and whole; those that
// found no room are the only ones missing.
func TestQueueBetweenTwoGoroutines(t *testing.T) {
	const n = 20000
	q := newQueue(8, 4)
	lost := make(chan int64)
	go func() {
		missed := int64(0)
		for i := range int64(n) {
			v := int16(i)
			if !q.put(i, []int16{v, v, v, v}, []int16{-v, -v, -v, -v}) {
				missed++
				runtime.Gosched()
			}
		}
		lost <- missed
	}()
	got, last := int64(0), int64(-1)
	missed := int64(-1)
	for missed < 0 || q.waiting() > 0 {
		at, said, heard, ok := q.first()
		if !ok {
			select {
			case missed = <-lost:
			default:
				runtime.Gosched()
			}
			continue
		}
		if at <= last || said[0] != int16(at) || said[3] != int16(at) || heard[0] != -int16(at) || heard[3] != -int16(at) {
			t.Fatalf("frame %d after %d: %v %v", at, last, said, heard)
		}
		got, last = got+1, at
		q.next()
	}
	if got+missed != n {
		t.Errorf("%d came out, %d were refused, of %d", got, missed, n)
	}
}

func TestQueueKeepsSidesThatAreSilent(t *testing.T) {
	q := newQueue(3, 2) // room for 4
	q.put(1, []int16{1, 2}, nil)
	q.put(2, nil, []int16{3, 4})
	q.put(3, []int16{5}, []int16{6, 7, 8}) // not whole frames
	q.put(4, nil, nil)
	if q.put(5, nil, nil) {
		t.Error("room for five")
	}
	for _, tc := range []struct{ said, heard bool }{{true, false}, {false, true}, {false, false}, {false, false}} {
		_, said, heard, ok := q.first()
		if !ok || (said != nil) != tc.said || (heard != nil) != tc.heard {
			t.Errorf("%v %v %v", said, heard, ok)
		}
		q.next()
	}
	if _, _, _, ok := q.first(); ok {
		t.Error("a fifth")
	}
}
