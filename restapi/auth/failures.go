package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Bounds of failed logins.
const (
	maxFailures    = 10 // of one address in failureWindow
	failureWindow  = time.Minute
	maxAddresses   = 4096 // that are remembered at a time
	ipv6NetworkLen = 64   // bits: whoever has one address of it has them all
)

// failures counts failed logins by address. Safe for concurrent use.
type failures struct {
	mu     sync.Mutex
	byAddr map[netip.Prefix]*window
}

// window is the failures of one address since a time.
type window struct {
	since time.Time
	count int
}

func newFailures() *failures { return &failures{byAddr: map[netip.Prefix]*window{}} }

// network is what counts as one address.
func network(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = ipv6NetworkLen
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: all of them count together
	}
	return p
}

// tooMany says whether an address has used up its failures.
func (f *failures) tooMany(a netip.Addr, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.byAddr[network(a)]
	return w != nil && now.Sub(w.since) < failureWindow && w.count > maxFailures
}

// add counts a failure.
func (f *failures) add(a netip.Addr, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := network(a)
	w := f.byAddr[key]
	if w == nil || now.Sub(w.since) >= failureWindow {
		f.makeRoom(now)
		w = &window{since: now}
		f.byAddr[key] = w
	}
	w.count++
}

// makeRoom forgets windows that are over when there are many; if all are
// fresh, the one with the fewest failures among them.
func (f *failures) makeRoom(now time.Time) {
	if len(f.byAddr) < maxAddresses {
		return
	}
	var fewest netip.Prefix
	least := 0
	for key, w := range f.byAddr {
		if now.Sub(w.since) >= failureWindow {
			delete(f.byAddr, key)
			continue
		}
		if least == 0 || w.count < least {
			fewest, least = key, w.count
		}
	}
	if len(f.byAddr) >= maxAddresses {
		delete(f.byAddr, fewest)
	}
}
