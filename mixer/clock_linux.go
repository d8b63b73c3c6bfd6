package mixer

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mediaserver/internal/cputime"
)

// timerClock sleeps until absolute times of CLOCK_MONOTONIC, which is what
// package time reads too, by a timerfd that the runtime's poller watches: the
// goroutine parks, no thread and no processor is held meanwhile. Of one
// goroutine.
//
// The timer is never read: setting it anew forgets that it has fired. So the
// runtime is told of none of its system calls, each of which would wake the
// runtime's monitor.
type timerClock struct {
	file  *os.File
	timer syscall.RawConn // of file
	come  func(fd uintptr) bool
	base  time.Time
	since time.Duration // CLOCK_MONOTONIC at base

	until time.Time       // of the sleep
	due   unix.ItimerSpec // the same
	err   error           // of setting the timer
}

// newSystemClock is the most precise clock there is. A worker closes its own
// if it is an io.Closer.
func newSystemClock() (Clock, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("mixer: timerfd: %w", err)
	}
	c := &timerClock{file: os.NewFile(uintptr(fd), "timerfd")}
	c.come = c.hasCome
	if c.timer, err = c.file.SyscallConn(); err != nil {
		c.Close() //nolint:errcheck // the other error counts
		return nil, fmt.Errorf("mixer: timerfd: %w", err)
	}
	c.base = time.Now() // not after the other time, or the timer would be early
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		c.Close() //nolint:errcheck // the other error counts
		return nil, fmt.Errorf("mixer: clock: %w", err)
	}
	c.since = time.Duration(ts.Nano())
	return c, nil
}

// Now is time.Now.
func (c *timerClock) Now() time.Time { return time.Now() }

// SleepUntil sleeps until t.
func (c *timerClock) SleepUntil(t time.Time) {
	c.until, c.due.Value = t, unix.NsecToTimespec(int64(c.since+t.Sub(c.base)))
	if err := c.timer.Read(c.come); err != nil || c.err != nil {
		time.Sleep(time.Until(t))
	}
}

// hasCome tells whether the time has come. When it has not the timer is set, and
// the poller waits for it.
func (c *timerClock) hasCome(fd uintptr) bool {
	if !time.Now().Before(c.until) {
		return true
	}
	c.err = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &c.due, nil)
	return c.err != nil
}

// Processor is the processor time that the calling thread has used.
func (c *timerClock) Processor() time.Duration { return cputime.Thread() }

// Close frees the timer.
func (c *timerClock) Close() error { return c.file.Close() }
