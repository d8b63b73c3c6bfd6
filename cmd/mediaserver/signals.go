package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// echo is how long after a signal another is the same wish: timeout(1) and
// some supervisors signal a process, and then once more its whole group.
const echo = 50 * time.Millisecond

// signalled waits for a signal; false when ended is closed before.
func (p *program) signalled(ended <-chan struct{}) bool {
	select {
	case <-p.signals:
		return true
	case <-ended:
		return false
	}
}

// forgetEchoes drops signals that only repeat the one that has just come.
func (p *program) forgetEchoes() {
	over := time.After(echo)
	for {
		select {
		case <-p.signals:
		case <-over:
			return
		}
	}
}

// outliveLog has the process live on, until stop is called, when what reads its log has
// gone: a write to a pipe of standard output or standard error would end it, with all
// calls. The signal is taken, not ignored, for programs that are started inherit that.
func outliveLog() (stop func()) {
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	return func() { signal.Stop(broken) }
}
