package sip

import (
	"slices"
	"sync"
	"time"
)

// nonceWindow is how far a request may come behind a later one of its nonce.
const nonceWindow = 64

// nonceBook remembers which requests were let in with which nonce, so that
// none is let in twice (RFC 7616 §3.4, nc). It knows only nonces that somebody
// has logged in with, and at most limit of them: when it is full the older half
// goes, and what was issued before then is no longer taken.
type nonceBook struct {
	limit int
	life  time.Duration

	mu    sync.Mutex
	used  map[string]*nonceUse
	floor time.Time // nonces issued up to then are not taken
}

// nonceUse is what happened with one nonce.
type nonceUse struct {
	issued  time.Time
	top     uint32 // highest count
	seen    uint64 // bit n: the count top-n was used
	request string // the last one, for its copies
	at      time.Time
}

// use is one request that shows a nonce.
type use struct {
	nonce   string
	issued  time.Time
	count   uint32 // nc
	request string // key of its transaction
}

func newNonceBook(limit int, life time.Duration) *nonceBook {
	return &nonceBook{limit: limit, life: life, used: make(map[string]*nonceUse)}
}

// copyTime is how long a copy of a request may come after it, 64*T1.
const copyTime = 64 * DefaultT1

// take lets a request in unless its count was used before. A copy of the
// request that used it, by UDP, is let in: it is known to its transaction.
func (b *nonceBook) take(u use, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !u.issued.After(b.floor) {
		return false
	}
	n, ok := b.used[u.nonce]
	if !ok {
		b.makeRoomLocked(now)
		if !u.issued.After(b.floor) {
			return false
		}
		n = &nonceUse{issued: u.issued, top: u.count}
		b.used[u.nonce] = n
	}
	switch behind := int64(n.top) - int64(u.count); {
	case behind < 0:
		if behind <= -nonceWindow {
			n.seen = 0
		} else {
			n.seen <<= -behind
		}
		n.top, n.seen = u.count, n.seen|1
	case behind >= nonceWindow:
		return false
	case n.seen&(1<<behind) != 0:
		return n.request == u.request && behind == 0 && now.Sub(n.at) < copyTime
	default:
		n.seen |= 1 << behind
	}
	n.request, n.at = u.request, now
	return true
}

// makeRoomLocked forgets nonces that are too old, and, where that is not
// enough, the older half of all.
func (b *nonceBook) makeRoomLocked(now time.Time) {
	if len(b.used) < b.limit {
		return
	}
	ages := make([]time.Time, 0, len(b.used))
	for k, n := range b.used {
		if now.Sub(n.issued) > b.life {
			delete(b.used, k)
			continue
		}
		ages = append(ages, n.issued)
	}
	if len(ages) <= b.limit/2 {
		return
	}
	slices.SortFunc(ages, time.Time.Compare)
	b.floor = ages[len(ages)/2]
	for k, n := range b.used {
		if !n.issued.After(b.floor) {
			delete(b.used, k)
		}
	}
}
