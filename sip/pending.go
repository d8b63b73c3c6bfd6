package sip

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"

	sipgo "github.com/emiago/sipgo/sip"
)

// pending counts the calls of sources that are not vouched for and that are
// not finished: without a final response, with a refusal that is not
// acknowledged, or answered without an ACK. Each of them costs memory, and an
// answer may go to somebody who has not called.
type pending struct {
	all, each int

	mu       sync.Mutex
	total    int
	bySource map[netip.Addr]int
}

func newPending(all, each int) *pending {
	return &pending{all: all, each: each, bySource: make(map[netip.Addr]int)}
}

// holders of a place: the transaction of the INVITE, and its dialog until it
// is acknowledged.
const holders = 2

// place is one call's share. nil is a call that needs none.
type place struct {
	of   *pending
	who  netip.Addr
	left atomic.Int32 // holders
}

// enter takes a place; false when there is none.
func (p *pending) enter(a netip.Addr) (*place, bool) {
	a = networkOfSource(a)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total >= p.all || p.bySource[a] >= p.each {
		return nil, false
	}
	p.total++
	p.bySource[a]++
	s := &place{of: p, who: a}
	s.left.Store(holders)
	return s, true
}

// leave gives up one holder's share; the last one frees the place.
func (s *place) leave() {
	if s == nil || s.left.Add(-1) != 0 {
		return
	}
	p := s.of
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.bySource[s.who]--; p.bySource[s.who] == 0 {
		delete(p.bySource, s.who)
	}
}

// prefixV6 is how much of an IPv6 address counts as one source [bits].
const prefixV6 = 64

// networkOfSource is what counts as one source of an address.
func networkOfSource(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(prefixV6); err == nil {
			return p.Addr()
		}
	}
	return a
}

// seat takes the place of a new call; nil and true for a source that needs
// none.
func (g *gate) seat(src source) (*place, bool) {
	a := bare(src.addr.Addr())
	if g.open || g.cfg.Off || g.trusted(a) || g.watch.Vouched(a, g.now()) {
		return nil, true
	}
	s, ok := g.pending.enter(a)
	if !ok {
		g.blame(src, offenceFlood, false)
	}
	return s, ok
}

// leavePlace gives up the dialog's share of its place: it has been
// acknowledged, or is over.
func (d *Dialog) leavePlace() {
	d.mu.Lock()
	s := d.seat
	d.seat = nil
	d.mu.Unlock()
	s.leave()
}

// refusalHeard: an ACK that bears the tag of our refusal is from somebody who
// has read it. A source that is vouched for is not blamed for less.
func (g *gate) refusalHeard(in *incoming, t *inviteTx) {
	t.mu.Lock()
	final := t.final
	t.mu.Unlock()
	if final == codeNotFound && in.toTag == t.toTag && g.vouched(in.src) {
		g.blame(in.src, offenceUnknown, true)
	}
}

// sayByeOnce sends the BYE of a call that was never acknowledged to a source
// that may never have called: once, without a transaction, and not where more has
// been sent than one may.
func (d *Dialog) sayByeOnce() {
	if !d.ua.own.run(func() {
		defer d.remove()
		ctx, done := context.WithTimeout(context.Background(), d.ua.cfg.Timers.transaction())
		defer done()
		req, next := d.peer.request(sipgo.BYE, d.peer.nextSeq())
		if !d.invite.in.back.spare.room(size(req)) {
			return
		}
		if f, err := d.peer.way(ctx, next); err == nil {
			stamp(req, f, newBranch())
			_ = f.send(req) // counted there
		}
	}) {
		d.remove()
	}
}
