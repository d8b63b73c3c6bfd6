package memnet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Conditions are those of the way from one socket to another. Shares are from
// 0 to 1. The zero value is a perfect network without delay.
type Conditions struct {
	Loss      float64       // share of datagrams that never arrive
	Duplicate float64       // share that arrive twice
	Reorder   float64       // share that arrive ReorderBy later than they should
	ReorderBy time.Duration // 0 = 30 ms
	Delay     time.Duration // of every datagram
	Jitter    time.Duration // up to so much more, evenly distributed; may reorder too
}

// DefaultReorderBy is how late a reordered datagram is unless said otherwise:
// later than its successor in a stream of 20 ms packets.
const DefaultReorderBy = 30 * time.Millisecond

// Config of a Network. The zero value is a perfect network.
type Config struct {
	Seed       uint64 // of every fate
	Conditions Conditions
	Now        func() time.Time // nil = time.Now
	QueueLimit int              // datagrams that wait at a socket or travel to it; more are dropped; 0 = DefaultQueueLimit
}

// DefaultQueueLimit of Config.
const DefaultQueueLimit = 1024

// Stats counts what became of the datagrams of a Network.
type Stats struct {
	Sent        uint64 // given to the network
	Delivered   uint64 // read by a receiver
	Lost        uint64 // by Conditions.Loss
	Duplicated  uint64
	Reordered   uint64 // by Conditions.Reorder
	Overflowed  uint64 // queue full
	Unreachable uint64 // nobody at the address
}

// ErrNoPorts: no port is free at the address.
var ErrNoPorts = errors.New("memnet: no free port")

// The ports that are given out for port 0.
const (
	firstPort = 40000
	lastPort  = 65535
)

// Network carries datagrams between its sockets.
type Network struct {
	now   func() time.Time
	limit int

	mu      sync.Mutex
	rng     *rand.Rand
	cond    Conditions
	between map[way]Conditions
	sockets map[netip.AddrPort]*Socket
	next    int // port to try
	order   uint64
	stats   Stats
}

// way is from one address to another.
type way struct{ from, to netip.AddrPort }

// New makes a network without sockets.
func New(cfg Config) *Network {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.QueueLimit <= 0 {
		cfg.QueueLimit = DefaultQueueLimit
	}
	return &Network{
		now:     cfg.Now,
		limit:   cfg.QueueLimit,
		rng:     rand.New(rand.NewPCG(cfg.Seed, 0x6d656d6e6574)),
		cond:    cfg.Conditions,
		between: make(map[way]Conditions),
		sockets: make(map[netip.AddrPort]*Socket),
		next:    firstPort,
	}
}

// SetConditions replaces those between all sockets for which SetBetween was
// not called. Datagrams on their way are not touched.
func (n *Network) SetConditions(c Conditions) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cond = c
}

// SetBetween gives the way from one address to another, in this direction,
// conditions of its own.
func (n *Network) SetBetween(from, to netip.AddrPort, c Conditions) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.between[way{from, to}] = c
}

// Stats is a snapshot.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Listen makes a socket at an address. Port 0 takes a free one, an even one
// whose successor is free too. The error wraps syscall.EADDRINUSE or is
// ErrNoPorts.
func (n *Network) Listen(addr netip.AddrPort) (*Socket, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr.Port() == 0 {
		var err error
		if addr, err = n.freePort(addr.Addr()); err != nil {
			return nil, err
		}
	}
	if n.sockets[addr] != nil {
		return nil, fmt.Errorf("memnet: listen %v: %w", addr, syscall.EADDRINUSE)
	}
	s := &Socket{net: n, addr: addr}
	n.sockets[addr] = s
	return s, nil
}

// ListenPair makes a socket for RTP at an even port and one for RTCP at the
// next.
func (n *Network) ListenPair(host netip.Addr) (rtp, rtcp *Socket, err error) {
	if rtp, err = n.Listen(netip.AddrPortFrom(host, 0)); err != nil {
		return nil, nil, err
	}
	if rtcp, err = n.Listen(netip.AddrPortFrom(host, rtp.addr.Port()+1)); err != nil {
		return nil, nil, errors.Join(err, rtp.Close())
	}
	return rtp, rtcp, nil
}

// freePort finds an even port that is free with its successor.
func (n *Network) freePort(host netip.Addr) (netip.AddrPort, error) {
	for range (lastPort - firstPort + 1) / 2 {
		a := netip.AddrPortFrom(host, uint16(n.next))
		b := netip.AddrPortFrom(host, uint16(n.next+1))
		if n.next += 2; n.next > lastPort {
			n.next = firstPort
		}
		if n.sockets[a] == nil && n.sockets[b] == nil {
			return a, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%v: %w", host, ErrNoPorts)
}

// send decides the fate of a datagram.
func (n *Network) send(from netip.AddrPort, packet []byte, to netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stats.Sent++
	c, ok := n.between[way{from, to}]
	if !ok {
		c = n.cond
	}
	if n.happens(c.Loss) {
		n.stats.Lost++
		return
	}
	s := n.sockets[to]
	if s == nil {
		n.stats.Unreachable++
		return
	}
	now := n.now()
	n.deliver(s, from, packet, now.Add(n.travel(c)))
	if n.happens(c.Duplicate) {
		n.stats.Duplicated++
		n.deliver(s, from, packet, now.Add(n.travel(c)))
	}
}

// happens is true for so large a share of its calls.
func (n *Network) happens(share float64) bool { return share > 0 && n.rng.Float64() < share }

// travel is how long one datagram takes.
func (n *Network) travel(c Conditions) time.Duration {
	d := c.Delay
	if c.Jitter > 0 {
		d += time.Duration(n.rng.Int64N(int64(c.Jitter)))
	}
	if n.happens(c.Reorder) {
		n.stats.Reordered++
		if c.ReorderBy > 0 {
			return d + c.ReorderBy
		}
		return d + DefaultReorderBy
	}
	return d
}

// deliver queues a copy of a datagram at a socket.
func (n *Network) deliver(s *Socket, from netip.AddrPort, packet []byte, at time.Time) {
	if len(s.queue) >= n.limit {
		n.stats.Overflowed++
		return
	}
	n.order++
	s.put(from, packet, at, n.order)
}
