package sip

import (
	"context"
	"time"
)

const (
	// idleTime is how long a connection that we have opened stays open after the last
	// message by it; RFC 3261 §18 wants the longest of a transaction at least.
	idleTime = 10 * time.Minute
	// crowdedTime is the same for one that was accepted, while few more can be.
	crowdedTime = 2 * time.Minute
	maxQuiet    = maxAccepted * 3 / 4 // connections, beyond which few more can be accepted
	sweepEvery  = time.Minute
)

// every runs f time and again until ctx or the user agent ends.
func (u *UA) every(ctx context.Context, pause func() time.Duration, f func(now time.Time)) {
	for {
		t := time.NewTimer(pause())
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		case <-u.stop:
			t.Stop()
			return
		}
		f(time.Now())
	}
}

// sweep closes the connections that nobody needs: those by which nothing of ours but
// keep-alives has gone for a while, and that no call and no registration uses. What
// the far end sends does not count: it would be answered if it were of any use. A
// connection is taken out of sight one round before, so that none is closed that
// somebody has just chosen to send by.
func (u *UA) sweep(now time.Time) {
	all := u.streams.list()
	crowded := len(all) > maxQuiet
	var used map[*streamConn]bool // found out for those that may go
	for _, c := range all {
		patience := idleTime
		if c.listener != nil {
			if patience = crowdedTime; !crowded {
				continue
			}
		}
		idle := now.Sub(time.Unix(0, c.sent.Load()))
		if idle < patience || now.UnixNano() < c.wanted.Load() {
			continue
		}
		if used == nil {
			used = u.connsInUse()
		}
		switch {
		case used[c]:
		case idle < patience+sweepEvery:
			u.streams.hide(c)
		default:
			c.close()
		}
	}
}

// connsInUse are the connections of calls and of phones that have registered.
func (u *UA) connsInUse() map[*streamConn]bool {
	used := make(map[*streamConn]bool)
	for _, d := range u.dialogs.list() {
		used[d.peer.conn()] = true
	}
	for _, c := range u.phones.registrar.conns() {
		used[c] = true
	}
	return used
}

// conn is the connection to the far end, nil for none.
func (p *peer) conn() *streamConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flow.conn
}

// conns are the connections of all contacts.
func (r *registrar) conns() []*streamConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*streamConn
	for _, all := range r.contacts {
		for _, b := range all {
			list = append(list, b.flow.conn)
		}
	}
	return list
}

// want keeps a connection open for so long at least: what comes by it is for us.
func (c *streamConn) want(d time.Duration) {
	if until := time.Now().Add(d).UnixNano(); c != nil && until > c.wanted.Load() {
		c.wanted.Store(until)
	}
}

// list are all connections.
func (t *streamTable) list() []*streamConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*streamConn, 0, len(t.all))
	for c := range t.all {
		list = append(list, c)
	}
	return list
}

// hide lets no more requests be sent by a connection but those that know it.
func (t *streamTable) hide(c *streamConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hideLocked(c)
}

func (t *streamTable) hideLocked(c *streamConn) {
	if t.ways[c.way()] == c {
		delete(t.ways, c.way())
	}
}
