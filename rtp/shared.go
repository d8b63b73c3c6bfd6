package rtp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of Shared.
var (
	// ErrNoShared: this system has no calls that receive and send many
	// datagrams at once.
	ErrNoShared = errors.New("rtp: no shared ports on this system")
	// ErrApart: on every shared port the new call could be mistaken for another
	// one. It needs sockets of its own.
	ErrApart = errors.New("rtp: a call that shared ports cannot tell apart")
)

const (
	// maxSharedPorts bounds SharedConfig.Ports.
	maxSharedPorts = 1024
	// maxHomes bounds the local addresses with shared ports.
	maxHomes = 64
	// keysPerCall is how many table entries a call has at most.
	keysPerCall = maxClaims + 1
)

// SharedConfig says which ports all calls share.
type SharedConfig struct {
	First   int // the first RTP port; RTCP has the next, and so on
	Ports   int // how many RTP ports
	Workers int // of the engine that calls Gather and Scatter
	// Drain is how long datagrams of a call that has ended are told from those of
	// later ones; 0 = 5 s.
	Drain   time.Duration
	Now     func() time.Time // nil = time.Now
	Metrics *Metrics         // nil = not counted
}

func (c SharedConfig) withDefaults() SharedConfig {
	if c.First == 0 {
		c.First = DefaultMinPort
	}
	c.First += c.First & 1
	if c.Drain == 0 {
		c.Drain = DefaultDrain
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c SharedConfig) validate() error {
	if c.Ports < 1 || c.Ports > maxSharedPorts || c.Workers < 1 || c.First < 1 || c.First+2*c.Ports-1 > 65535 {
		return fmt.Errorf("%w: %d shared ports from %d, %d workers", ErrPortRange, c.Ports, c.First, c.Workers)
	}
	return nil
}

// Shared lets all calls use a few ports: a datagram is for the call that its
// source address belongs to. See the package documentation, "Shared ports". It
// implements the Transport of a mixer: Gather and Scatter are called by each
// worker for itself. Open and the methods of a Share are safe for concurrent
// use.
type Shared struct {
	cfg  SharedConfig
	open func(netip.AddrPort) (bundle, error)

	mu    sync.Mutex
	homes map[netip.Addr]*sharedHome

	workers []*sharedWorker
}

// sharedHome are the shared ports at one local address; under Shared.mu.
type sharedHome struct {
	ports []*sharedPort
	next  int // where the search begins
}

// Peer is what is known of the far end when a call begins.
type Peer struct {
	Remote     netip.AddrPort // where it wants RTP; zero if not known yet
	RemoteRTCP netip.AddrPort // where it wants RTCP; zero = the port after
	Signalling netip.Addr     // where its signalling comes from
}

// certain tells whether packets will surely come from Remote: the far end
// knows its own address, as its signalling or the public internet sees it.
func (p Peer) certain() bool {
	a := p.Remote.Addr().Unmap()
	if !reachable(p.Remote) {
		return false
	}
	return a == p.Signalling.Unmap() || !a.IsPrivate() && !a.IsLinkLocalUnicast() && !carrierNAT.Contains(a)
}

// carrierNAT is the range of addresses behind the NAT of a carrier. RFC 6598.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// NewShared makes shared ports. They are opened when the first call needs them.
// The error is ErrNoShared on systems without them, else wraps ErrPortRange.
func NewShared(cfg SharedConfig) (*Shared, error) {
	if !canShare {
		return nil, ErrNoShared
	}
	return newShared(cfg, openShared)
}

func newShared(cfg SharedConfig, open func(netip.AddrPort) (bundle, error)) (*Shared, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Shared{cfg: cfg, open: open, homes: make(map[netip.Addr]*sharedHome)}
	for range cfg.Workers {
		w := &sharedWorker{intake: newIntake(), out: newBatchSystem()}
		w.ports.Store(new([]*sharedPort))
		s.workers = append(s.workers, w)
	}
	return s, nil
}

// Open finds a place for a call at the shared ports of a local address, which
// must be one of the machine's. The error is ErrApart if there is none.
func (s *Shared) Open(local netip.Addr, peer Peer) (*Share, error) {
	peer.Remote, peer.RemoteRTCP = plain(peer.Remote), plain(peer.RemoteRTCP)
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.home(local.Unmap())
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	for range h.ports {
		p := h.ports[h.next]
		h.next = (h.next + 1) % len(h.ports)
		if p.admits(peer, now) {
			return s.enter(p, peer), nil
		}
	}
	s.cfg.Metrics.apart()
	return nil, ErrApart
}

// home is the group of ports at a local address, opened if need be.
func (s *Shared) home(local netip.Addr) (*sharedHome, error) {
	if h := s.homes[local]; h != nil {
		return h, nil
	}
	if len(s.homes) == maxHomes {
		return nil, fmt.Errorf("%w: too many local addresses", ErrApart)
	}
	h := &sharedHome{}
	for i := range s.cfg.Ports {
		p, err := s.openPort(local, s.cfg.First+2*i)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open shared RTP ports: %w", err), closePorts(h.ports))
		}
		h.ports = append(h.ports, p)
	}
	s.cfg.Metrics.addShared(h.ports)
	h.next = rand.IntN(len(h.ports))
	s.homes[local] = h
	for i, w := range s.workers {
		// Each begins with another port, so that they do not meet.
		first := i * len(h.ports) / len(s.workers)
		all := append(slices.Clone(*w.ports.Load()), h.ports[first:]...)
		all = append(all, h.ports[:first]...)
		w.ports.Store(&all)
	}
	return h, nil
}

func (s *Shared) openPort(local netip.Addr, number int) (*sharedPort, error) {
	a, err := s.open(netip.AddrPortFrom(local, uint16(number)))
	if err != nil {
		return nil, err
	}
	b, err := s.open(netip.AddrPortFrom(local, uint16(number+1)))
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	p := &sharedPort{rtp: a, rtcp: b, number: number, rounds: number, bookings: bookings{claimed: make(map[netip.AddrPort]int)}}
	p.workers = s.workers
	p.seed, p.size = rand.Uint64(), minTable
	p.table, p.controls = newTable(p.size, p.seed), newTable(p.size, p.seed)
	for range s.cfg.Workers {
		p.out = append(p.out, new(outbox))
	}
	return p, nil
}

// enter makes a call known to a port. With Shared.mu.
func (s *Shared) enter(p *sharedPort, peer Peer) *Share {
	x := newShare(s, p, peer)
	p.calls++
	c := &command{kind: cmdEnter, share: x, remote: keyOf(peer.Remote), rtcp: rtcpKey(peer.Remote, peer.RemoteRTCP)}
	if need := 3 * keysPerCall * (p.calls + len(p.rests)) / 2; need > p.size {
		for p.size < need {
			p.size *= 2
		}
		c.table, c.controls = newTable(p.size, p.seed), newTable(p.size, p.seed)
	}
	if reachable(peer.Remote) {
		p.claim(x, peer.Remote)
	}
	if !peer.certain() {
		p.place = x
	}
	p.post(c)
	s.cfg.Metrics.sharedTaken(1)
	return x
}

// announce makes another remote address of a call known, unless it has left.
func (s *Shared) announce(x *Share, remote, rtcp netip.AddrPort) {
	remote, rtcp = plain(remote), plain(rtcp)
	if !reachable(remote) {
		return // on hold: it stays where it is
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.left {
		return
	}
	p := x.port
	if !slices.Contains(x.claimed, remote) {
		if len(x.claimed) == maxClaims {
			p.unclaim(x.claimed[0])
			x.claimed = x.claimed[1:]
		}
		p.claim(x, remote)
	}
	p.post(&command{kind: cmdAnnounce, share: x, remote: keyOf(remote), rtcp: rtcpKey(remote, rtcp)})
}

// leave ends the part of a call.
func (s *Shared) leave(x *Share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := x.port
	x.left = true
	p.calls--
	p.rests = append(p.rests, rest{share: x, until: s.cfg.Now().Add(s.cfg.Drain)})
	p.post(&command{kind: cmdLeave, share: x, until: steady(s.cfg.Now().Add(s.cfg.Drain))})
	s.cfg.Metrics.sharedTaken(-1)
}

// Gather takes in what has come at the ports of a worker and hands it to the
// calls.
func (s *Shared) Gather(worker int, now time.Time) {
	ns := steady(now)
	s.workers[worker].gather(ns, wallAhead(now, ns))
}

// Scatter sends what the endpoints served by a worker have to send.
func (s *Shared) Scatter(worker int, _ time.Time) {
	w := s.workers[worker]
	for i := range w.dirty {
		d := w.dirty[i]
		d.box.listed = false
		if d.box.length > 0 {
			d.port.rtp.put(d.box, w.out)
		}
		w.dirty[i] = dirtyBox{}
	}
	w.dirty = w.dirty[:0]
}

// Close closes all ports. The workers must have ended and the endpoints be
// closed.
func (s *Shared) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, h := range s.homes {
		errs = append(errs, closePorts(h.ports))
	}
	clear(s.homes)
	for _, w := range s.workers {
		w.ports.Store(new([]*sharedPort))
	}
	return errors.Join(errs...)
}

func closePorts(ports []*sharedPort) error {
	var errs []error
	for _, p := range ports {
		errs = append(errs, p.rtp.close(), p.rtcp.close())
	}
	return errors.Join(errs...)
}

// rtcpKey is the key of the address that RTCP will come from.
func rtcpKey(remote, rtcp netip.AddrPort) address {
	if reachable(rtcp) {
		return keyOf(rtcp)
	}
	return keyOf(nextPort(remote))
}

// sharedWorker is what a worker has for its shared ports.
type sharedWorker struct {
	ports  atomic.Pointer[[]*sharedPort] // all of them, in the order it reads them
	intake *intake
	out    *batchSystem
	dirty  []dirtyBox // outboxes with something in them
}

// dirtyBox is an outbox that Scatter has to send.
type dirtyBox struct {
	port *sharedPort
	box  *outbox
}
