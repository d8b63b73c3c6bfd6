package realtime

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// priority is above all that is of no real-time class, and below all else.
	priority = 1
	// passes is how often threads are looked for at most: new ones come meanwhile.
	passes = 10
)

// Begin has the threads of the process run in real time but for some, by their
// numbers; those that they make do so from the start. The error, mostly
// unix.EPERM, says why they do not.
func Begin(except ...int) error {
	for range passes {
		changed, err := pass(except)
		if err != nil {
			return fmt.Errorf("realtime: sched_setattr: %w", err)
		}
		if changed == 0 {
			return nil
		}
	}
	return nil // what is left follows by Thread
}

// pass has those threads run in real time that are there and do not.
func pass(except []int) (changed int, err error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, err
	}
	for _, task := range tasks {
		thread, err := strconv.Atoi(task.Name())
		if err != nil || slices.Contains(except, thread) || inRealTime(thread) {
			continue
		}
		switch err := set(thread); {
		case errors.Is(err, unix.ESRCH): // it has ended
		case err != nil:
			return changed, err
		default:
			changed++
		}
	}
	return changed, nil
}

// Thread has the calling thread run in real time if it does not: one that a thread
// left out of Begin has made. It takes some 0.1 µs, allocates nothing, and does not
// wait, so the runtime is not told of the call.
func Thread() {
	const self = 0
	if !inRealTime(self) {
		_ = set(self) // the process was allowed to
	}
}

// set has a thread run in real time.
func set(thread int) error {
	return unix.SchedSetAttr(thread, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: priority}, 0)
}

// inRealTime reports whether a thread is of a real-time class; false if there is
// none of that number.
func inRealTime(thread int) bool {
	policy, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(thread), 0, 0)
	return errno == 0 && (policy == unix.SCHED_RR || policy == unix.SCHED_FIFO)
}
