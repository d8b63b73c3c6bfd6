package rtp

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Share is one call's part of a shared port. It takes the place of Sockets: its
// RTP and RTCP are for one endpoint.
type Share struct {
	// What every datagram needs comes first, with the memory where the one of a call
	// that keeps up is put: four lines of 64 bytes.

	stream stream
	in     inbox

	port      *sharedPort
	home      *Shared
	demux     demux
	control   controls
	heard     atomic.Bool      // a source is known; the port's worker sets it
	claimed   []netip.AddrPort // remote addresses reserved at the port; under Shared.mu
	left      bool             // the call has ended; under Shared.mu
	closing   sync.Once
	rtp, rtcp shareIO
}

// stream is what the worker of a shared port knows of the stream that a call
// hears. Only that worker touches it.
type stream struct {
	last    int64 // when a packet came last [ns]
	ssrc    uint32
	known   bool // ssrc is valid
	keyed   bool // ssrc is in the table
	dead    bool // the call has ended
	unheard bool // it is in sharedPort.waiting
}

// demux is what the worker of a shared port knows of a call besides. Only that
// worker touches it.
type demux struct {
	expected  address // announced last
	waiting   int     // in sharedPort.waiting; -1: not there
	claims    claims  // whose datagrams are for the call
	rtcp      claims
	hosts     [2]address // where the far end is likely to be: signalled addresses
	candidate candidate
	until     int64 // end of the rest of a call that has ended [ns]
	index     int   // in sharedPort.shares
}

// maxClaims is how many addresses are taken for one call's: those announced
// before and now, those heard before and now.
const maxClaims = 4

// claims are addresses taken for one call's.
type claims struct {
	keys   [maxClaims]address
	used   uint8
	oldest uint8 // goes next when there are too many
}

// all are the addresses, in no order.
func (c *claims) all() []address { return c.keys[:c.used] }

// add takes an address in. Where there are too many the oldest goes.
func (c *claims) add(k address) (gone address, full bool) {
	if c.used < maxClaims {
		c.keys[c.used] = k
		c.used++
		return gone, false
	}
	gone, c.keys[c.oldest] = c.keys[c.oldest], k
	c.oldest = (c.oldest + 1) % maxClaims
	return gone, true
}

// newShare makes the part of a call; nothing knows it yet.
func newShare(home *Shared, p *sharedPort, peer Peer) *Share {
	s := &Share{home: home, port: p}
	s.rtp, s.rtcp = shareIO{share: s}, shareIO{share: s, rtcp: true}
	s.demux.waiting, s.demux.index = -1, -1
	s.demux.hosts = [2]address{hostKey(peer.Remote.Addr()), hostKey(peer.Signalling)}
	return s
}

// RTP is the call's part of the even port.
func (s *Share) RTP() IO { return &s.rtp }

// RTCP is the call's part of the odd port.
func (s *Share) RTCP() IO { return &s.rtcp }

// Port is the RTP port; RTCP has the next.
func (s *Share) Port() int { return s.port.number }

// Close gives up the part. Datagrams of the call's far end are thrown away for
// a while, so that they do not reach a later call. The endpoint must not be
// used any more. A second Close does nothing.
func (s *Share) Close() error {
	s.closing.Do(func() { s.home.leave(s) })
	return nil
}

// announce tells the port where the far end says it is.
func (s *Share) announce(remote, rtcp netip.AddrPort) { s.home.announce(s, remote, rtcp) }

// reserve is room for a packet in the batch of a worker; nil if it is too long
// for any.
func (p *sharedPort) reserve(worker, n int, to netip.AddrPort, c *counts) []byte {
	w, o := p.workers[worker], p.out[worker]
	b := o.reserve(n, to, c)
	if b == nil {
		p.rtp.put(o, w.out)
		b = o.reserve(n, to, c)
	}
	if b != nil && !o.listed {
		o.listed = true
		w.dirty = append(w.dirty, dirtyBox{port: p, box: o})
	}
	return b
}

// shareIO is the RTP or the RTCP side of a Share.
type shareIO struct {
	share *Share
	rtcp  bool
}

// datagrams are what waits for an endpoint.
type datagrams interface {
	next() (datagram []byte, from address, at int64)
	done()
}

// side is what the IO is made of.
func (x *shareIO) side() (datagrams, bundle) {
	if x.rtcp {
		return &x.share.control, x.share.port.rtcp
	}
	return &x.share.in, x.share.port.rtp
}

// Drain implements IO.
func (x *shareIO) Drain(buf []byte) (n int, from netip.AddrPort, at time.Time, err error) {
	inbox, _ := x.side()
	b, key, ns := inbox.next()
	if b == nil {
		return 0, from, at, nil
	}
	n, from = copy(buf, b), key.addrPort()
	if ns != 0 {
		at = time.Unix(0, ns)
	}
	inbox.done()
	return n, from, at, nil
}

// Flush implements IO. It sends at once, not with a batch.
func (x *shareIO) Flush(packet []byte, to netip.AddrPort) error {
	_, out := x.side()
	return out.flush(packet, to)
}

// Close closes the Share.
func (x *shareIO) Close() error { return x.share.Close() }
