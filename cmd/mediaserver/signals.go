package main

import "time"

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
