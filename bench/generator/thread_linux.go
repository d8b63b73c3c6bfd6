package generator

import (
	"math/bits"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hurry has the calling thread run before all others of the machine as soon as
// it is due, as a network's packets come when they come, whatever the receiver
// is busy with: else the server under test would hold up its own load. It says
// what could be had.
func hurry() Priority {
	const (
		first = 2 // of SCHED_FIFO: above a server that runs in real time
		nice  = -20
	)
	a := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Flags: unix.SCHED_FLAG_RESET_ON_FORK, Priority: first}
	if unix.SchedSetAttr(0, &a, 0) == nil {
		return Realtime
	}
	if unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice) == nil {
		return Favoured
	}
	return Normal
}

// settle keeps the calling thread, number i of n, on one of the processors that the
// program may use, so that as much of each is left to the server. Left to itself
// the system may have the server's threads wait on one while another is idle.
func settle(i, n int) {
	var all, one unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil {
		return
	}
	p := processors(&all)
	one.Set(p[i*len(p)/n])
	_ = unix.SchedSetaffinity(0, &one) // a wish
}

// processors are the numbers of those in a set.
func processors(set *unix.CPUSet) (all []int) {
	for cpu := range len(set) * bits.UintSize {
		if set.IsSet(cpu) {
			all = append(all, cpu)
		}
	}
	return all
}

// clock is CLOCK_MONOTONIC, from which a thread that sleeps is woken exactly.
type clock struct {
	base  time.Time
	since time.Duration // CLOCK_MONOTONIC at base
}

func newClock() clock {
	const slack = 1                                        // [ns]
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0) // a wish
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return clock{time.Now(), time.Duration(ts.Nano())}
}

// now is the time since the clock was made.
func (c clock) now() time.Duration { return time.Since(c.base) }

// sleepUntil sleeps until a time as now tells it. The runtime is not told of
// it: telling would have it look after the thread fifty times in a millisecond,
// which costs more than the sleep. So a processor of the runtime is held
// meanwhile, for at most a slot.
func (c clock) sleepUntil(t time.Duration) {
	due := unix.NsecToTimespec(int64(c.since + t))
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&due)), 0, 0, 0)
		if errno != unix.EINTR {
			return
		}
	}
}
