package mixer

// lookout keeps a thread waiting for the timers of workers while another works.
//
// The thread that has waited for timers serves the worker whose time has come,
// and the runtime has none take its place at the poller: what is due meanwhile it
// finds when it comes back, or when its monitor looks, 10 ms later. That is soon
// enough while slots are shorter than the time between the turns of two workers.
type lookout struct {
	calls chan struct{}
}

func newLookout() lookout { return lookout{calls: make(chan struct{})} }

// run has nothing to do, until close; what counts is what comes after it.
func (l lookout) run() {
	for range l.calls {
	}
}

// call has a thread go to the poller: run is ready to go on, for that the runtime
// wakes a thread, and a thread with nothing more to do waits there. It takes
// some microseconds and never waits.
func (l lookout) call() {
	select {
	case l.calls <- struct{}{}:
	default: // one is on its way
	}
}

// close ends run. Nobody may call any more.
func (l lookout) close() { close(l.calls) }
