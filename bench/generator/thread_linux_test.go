package generator

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// settled is where threads are that have settled, n of them.
func settled(t *testing.T, n int) (all [][]int) {
	t.Helper()
	for i := range n {
		where := make(chan []int)
		go func() {
			runtime.LockOSThread() // for ever: the thread ends here
			settle(i, n)
			var set unix.CPUSet
			if err := unix.SchedGetaffinity(0, &set); err != nil {
				t.Error(err)
			}
			where <- processors(&set)
		}()
		all = append(all, <-where)
	}
	return all
}

func TestThreadsSettleOnProcessorsOfTheirOwn(t *testing.T) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	p := processors(&set)
	for _, n := range []int{1, 2, len(p), 2 * len(p)} {
		threads := map[int]int{} // by processor
		for i, on := range settled(t, n) {
			if len(on) != 1 || !slices.Contains(p, on[0]) {
				t.Fatalf("thread %d of %d is on %v of %v", i, n, on, p)
			}
			threads[on[0]]++
		}
		if want := min(n, len(p)); len(threads) != want {
			t.Errorf("%d threads are on %d processors, want %d", n, len(threads), want)
		}
	}
}
