package main

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// monitorSlack is by how much the sleeps of the runtime's monitor may be
	// prolonged: prctl(2), PR_SET_TIMERSLACK. Decision 0020.
	monitorSlack = time.Millisecond
	// usualSlack, in the environment of a program that has begun once more, is the
	// slack that its other threads are to have [ns].
	usualSlack = "MEDIASERVER_TIMER_SLACK"
)

// relaxMonitor lets the runtime's monitor thread sleep roughly. A thread has the
// slack of the one that started it, and the monitor is there before main: so
// the program begins once more, with the slack that execve(2) keeps, and takes it
// back from the other threads. It returns if that is done or cannot be. No signal
// may be caught yet: it would be lost.
func relaxMonitor() {
	if usual, again := os.LookupEnv(usualSlack); again {
		_ = os.Unsetenv(usualSlack)
		if ns, err := strconv.ParseUint(usual, 10, 32); err == nil {
			restoreSlack(uintptr(ns))
		}
		return
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	runtime.LockOSThread() // the slack is that of the thread that begins once more
	defer runtime.UnlockOSThread()
	usual, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || setSlack(uintptr(monitorSlack)) != nil {
		return
	}
	again := usualSlack + "=" + strconv.Itoa(usual)
	if syscall.Exec(program, os.Args, append(slices.Clip(os.Environ()), again)) != nil {
		_ = setSlack(uintptr(usual)) // it was a wish
	}
}

// setSlack sets the slack of this thread.
func setSlack(ns uintptr) error { return unix.Prctl(unix.PR_SET_TIMERSLACK, ns, 0, 0, 0) }

// restoreSlack gives the usual slack to the threads that run Go code, as many at
// the same time as there are: the monitor is left out, and what threads the
// runtime keeps for itself.
func restoreSlack(ns uintptr) {
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	var set, end sync.WaitGroup
	set.Add(len(list))
	for range list {
		end.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			_ = setSlack(ns)
			set.Done()
			set.Wait()
		})
	}
	end.Wait()
}
