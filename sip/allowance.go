package sip

import "sync/atomic"

// What is sent for one request of a UDP source that has not proven its address.
//
// Deviation: RFC 3261 §13.3.1.4 and §17.2.1 want up to ten copies of a response in 32 s.
// They would go to whoever's address a forger has written into the INVITE.
const (
	maxCopies = 3  // of all its responses, beside the first of each
	maxGain   = 12 // times its bytes, beyond which nothing is sent again
)

// allowance is what is left of that. nil has no bounds.
type allowance struct{ copies, bytes atomic.Int32 }

// newAllowance is that of a request of so many bytes.
func newAllowance(size int) *allowance {
	a := &allowance{}
	a.copies.Store(maxCopies)
	a.bytes.Store(int32(maxGain * size))
	return a
}

// spend notes what is sent.
func (a *allowance) spend(n int) {
	if a != nil {
		a.bytes.Add(int32(-n))
	}
}

// again says whether something may be sent that has been sent before.
func (a *allowance) again(n int) bool { return a.room(n) && (a == nil || a.copies.Add(-1) >= 0) }

// room says whether so many bytes may be sent that need not be.
func (a *allowance) room(n int) bool { return a == nil || int(a.bytes.Load()) >= n }
