package rtp

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// sharedPort is a pair of ports that many calls use. One worker at a time reads
// it: the one that has set busy, which is what "the port's worker" means.
type sharedPort struct {
	rtp, rtcp bundle
	number    int
	busy      atomic.Bool
	workers   []*sharedWorker
	out       []*outbox // of each worker
	commands  atomic.Pointer[command]
	stats     portCounts
	seed      uint64

	// Of the worker that reads the port.
	last     int64  // time of the last gather [ns]
	rounds   int    // gathers, or where a port begins to count them
	table    *table // sources of RTP, and SSRCs
	controls *table // sources of RTCP
	shares   []*Share
	waiting  []*Share // nothing heard of them yet
	resting  []*Share // ended a moment ago, oldest first
	scans    int      // searches among all calls that are still allowed in this gather

	bookings
}

// bookings are the calls of a shared port as those see it that open and close
// them; under Shared.mu.
type bookings struct {
	claimed map[netip.AddrPort]int // calls that were announced there, until their rest is over
	calls   int
	size    int    // of the tables
	place   *Share // the one call that may come from anywhere; nil = free
	rests   []rest // oldest first
}

// portCounts are the counters of a shared port. The worker writes, anyone reads.
type portCounts struct {
	strangers atomic.Uint64 // datagrams that are for no call
	malformed atomic.Uint64
	late      atomic.Uint64 // for calls that have ended
	backlog   atomic.Uint64 // older than any jitter buffer wants them
	errors    [numSocketErrors]atomic.Uint64
}

// kernelDrops is how many datagrams the system threw away.
func (p *sharedPort) kernelDrops() (n uint64) {
	for _, x := range []bundle{p.rtp, p.rtcp} {
		if k, ok := x.(kernelDrops); ok {
			n += k.Dropped()
		}
	}
	return n
}

// rest is a call whose address is not given to another one until then.
type rest struct {
	share *Share
	until time.Time
}

// admits tells whether a call can be told from all others at the port: nobody
// else has its address, and if it may come from another one, it is the only
// such call of which nothing has been heard. With Shared.mu.
func (p *sharedPort) admits(peer Peer, now time.Time) bool {
	for len(p.rests) > 0 && !now.Before(p.rests[0].until) {
		x := p.rests[0].share
		p.rests[0] = rest{}
		p.rests = p.rests[1:]
		for _, a := range x.claimed {
			p.unclaim(a)
		}
		x.claimed = nil
		if p.place == x {
			p.place = nil
		}
	}
	if p.claimed[peer.Remote] > 0 {
		return false
	}
	return peer.certain() || p.place == nil || p.place.heard.Load()
}

// claim reserves an address for a call. With Shared.mu.
func (p *sharedPort) claim(x *Share, a netip.AddrPort) {
	x.claimed = append(x.claimed, a)
	p.claimed[a]++
}

// unclaim gives an address back. With Shared.mu.
func (p *sharedPort) unclaim(a netip.AddrPort) {
	if p.claimed[a]--; p.claimed[a] <= 0 {
		delete(p.claimed, a)
	}
}

// command changes what the worker of a port knows. It carries the memory that
// takes.
type command struct {
	next            *command
	kind            commandKind
	share           *Share
	remote, rtcp    address
	until           int64  // end of the rest [ns]
	table, controls *table // larger ones, or nil
}

type commandKind uint8

const (
	cmdEnter commandKind = iota
	cmdAnnounce
	cmdLeave
)

// post queues a command. Any goroutine.
func (p *sharedPort) post(c *command) {
	for {
		c.next = p.commands.Load()
		if p.commands.CompareAndSwap(c.next, c) {
			return
		}
	}
}

// obey carries out the commands that have come, in order.
func (p *sharedPort) obey(now int64) {
	if p.commands.Load() == nil {
		return
	}
	var first *command
	for c := p.commands.Swap(nil); c != nil; {
		c.next, first, c = first, c, c.next
	}
	for c := first; c != nil; c = c.next {
		p.apply(c, now)
	}
}

func (p *sharedPort) apply(c *command, now int64) {
	if c.table != nil {
		p.table.growTo(c.table)
		p.controls.growTo(c.controls)
	}
	d := &c.share.demux
	switch c.kind {
	case cmdEnter:
		d.index = len(p.shares)
		p.shares = append(p.shares, c.share)
		c.share.stream.last = now
		p.expect(c)
	case cmdAnnounce:
		p.expect(c)
	case cmdLeave:
		// It stays among those of which nothing has been heard, if it is one of
		// them, so that its first packets do not pass for those of another.
		c.share.stream.dead, d.until = true, c.until
		p.resting = append(p.resting, c.share)
	}
}

// expect has a call wait for packets from where they are announced.
func (p *sharedPort) expect(c *command) {
	s := c.share
	d := &s.demux
	if d.expected == c.remote && d.claims.used > 0 {
		p.takeRTCP(s, c.rtcp)
		return
	}
	d.expected = c.remote
	if c.remote != (address{}) {
		d.hosts[0] = c.remote.host()
	}
	if d.waiting < 0 {
		d.waiting, s.stream.unheard = len(p.waiting), true
		p.waiting = append(p.waiting, s)
	}
	p.take(s, c.remote)
	p.takeRTCP(s, c.rtcp)
}

// take has the datagrams from an address go to a call.
func (p *sharedPort) take(s *Share, k address) { p.assign(p.table, &s.demux.claims, s, k) }

// takeRTCP has the RTCP from an address go to a call.
func (p *sharedPort) takeRTCP(s *Share, k address) { p.assign(p.controls, &s.demux.rtcp, s, k) }

// assign enters an address among the claims of a call and in a table.
func (p *sharedPort) assign(t *table, c *claims, s *Share, k address) {
	if k.port == 0 || slices.Contains(c.all(), k) {
		return
	}
	if gone, full := c.add(k); full {
		p.release(t, s, gone)
	}
	occupy(t, s, k)
}

// occupy enters a key for a call, beside those who have it already.
func occupy(t *table, s *Share, k address) {
	if e := t.get(k); e != nil {
		e.contested = e.contested || e.share != s
		if e.share.stream.dead {
			e.share = s
		}
		return
	}
	t.put(k, s)
}

// release takes a key away from a call. If others want it one of them gets it, as
// its own if there is only one.
func (p *sharedPort) release(t *table, s *Share, k address) {
	e := t.get(k)
	if e == nil || !e.contested && e.share != s {
		return
	}
	var heir *Share
	others := 0
	for _, x := range p.shares {
		if !e.contested || x == s || !x.demux.wants(t == p.table, k) {
			continue
		}
		if others++; heir == nil || heir.stream.dead {
			heir = x
		}
	}
	if heir == nil {
		t.remove(k)
		return
	}
	e.share, e.contested = heir, others > 1
}

// wants tells whether the call has claimed an address, of RTP or of RTCP.
func (d *demux) wants(rtp bool, k address) bool {
	if rtp {
		return slices.Contains(d.claims.all(), k)
	}
	return slices.Contains(d.rtcp.all(), k)
}

// known takes a call from those of which nothing has been heard.
func (p *sharedPort) known(s *Share) {
	i := s.demux.waiting
	if i < 0 {
		return
	}
	last := len(p.waiting) - 1
	p.waiting[i] = p.waiting[last]
	p.waiting[i].demux.waiting = i
	p.waiting[last] = nil
	p.waiting = p.waiting[:last]
	s.demux.waiting, s.stream.unheard = -1, false
}

// forget takes out the calls whose rest is over.
func (p *sharedPort) forget(now int64) {
	n := 0
	for n < len(p.resting) && p.resting[n].demux.until <= now {
		p.remove(p.resting[n])
		n++
	}
	if n > 0 {
		p.resting = slices.Delete(p.resting, 0, n)
	}
}

func (p *sharedPort) remove(s *Share) {
	d := &s.demux
	p.known(s)
	for _, k := range d.claims.all() {
		p.release(p.table, s, k)
	}
	for _, k := range d.rtcp.all() {
		p.release(p.controls, s, k)
	}
	if s.stream.keyed {
		p.table.remove(ssrcKey(s.stream.ssrc))
	}
	last := len(p.shares) - 1
	p.shares[d.index] = p.shares[last]
	p.shares[d.index].demux.index = d.index
	p.shares[last] = nil
	p.shares = p.shares[:last]
}
