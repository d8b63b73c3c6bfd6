package main

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// timerSlack is by how much sleeps of the process may be prolonged, so that
	// what wakes up does so together: prctl(2), PR_SET_TIMERSLACK. Decision 0020.
	timerSlack = 200 * time.Microsecond
	// relaxed is set in the environment of a program that has begun once more.
	relaxed = "MEDIASERVER_TIMER_SLACK"
)

// relaxTimers gives all threads of the process timerSlack. A thread has that of
// the thread that started it, and the runtime's own are there before main: so
// the program begins once more, with the slack that execve(2) keeps. It returns
// if that is done or cannot be. No signal may be caught yet: it would be lost.
func relaxTimers() {
	if _, done := os.LookupEnv(relaxed); done {
		_ = os.Unsetenv(relaxed)
		return
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	runtime.LockOSThread() // the slack is that of the thread that begins once more
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil {
		return
	}
	_ = syscall.Exec(program, os.Args, append(slices.Clip(os.Environ()), relaxed+"=1")) // a wish
}
