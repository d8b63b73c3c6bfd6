package mixer

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"mediaserver/internal/cputime"
)

// timerClock sleeps until absolute times of CLOCK_MONOTONIC, which is what
// package time reads too, by a timerfd that the runtime's poller watches: the
// goroutine parks, no thread and no processor is held meanwhile. Of one
// goroutine.
type timerClock struct {
	file  *os.File
	fd    int
	base  time.Time
	since time.Duration // CLOCK_MONOTONIC at base
	fired [8]byte       // expirations, as the kernel writes them
}

// newSystemClock is the most precise clock there is. A worker closes its own
// if it is an io.Closer.
func newSystemClock() (Clock, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("mixer: timerfd: %w", err)
	}
	c := &timerClock{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		c.Close() //nolint:errcheck // the other error counts
		return nil, fmt.Errorf("mixer: clock: %w", err)
	}
	c.base, c.since = time.Now(), time.Duration(ts.Nano())
	return c, nil
}

// Now is time.Now.
func (c *timerClock) Now() time.Time { return time.Now() }

// SleepUntil sleeps until t.
func (c *timerClock) SleepUntil(t time.Time) {
	if !t.After(time.Now()) {
		return
	}
	due := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(c.since + t.Sub(c.base)))}
	if err := unix.TimerfdSettime(c.fd, unix.TFD_TIMER_ABSTIME, &due, nil); err != nil {
		time.Sleep(time.Until(t))
		return
	}
	if _, err := c.file.Read(c.fired[:]); err != nil {
		time.Sleep(time.Until(t))
	}
}

// Processor is the processor time that the calling thread has used.
func (c *timerClock) Processor() time.Duration { return cputime.Thread() }

// Close frees the timer.
func (c *timerClock) Close() error { return c.file.Close() }
