package sip

import "sync"

// owner starts goroutines and waits for them. After close it starts no more.
type owner struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// run starts f unless the owner is closed; it says whether it did.
func (o *owner) run(f func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.wg.Go(f)
	return true
}

// close refuses new goroutines.
func (o *owner) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// wait returns when all goroutines have.
func (o *owner) wait() { o.wg.Wait() }
