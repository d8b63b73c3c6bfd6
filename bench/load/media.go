package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	frameTime   = 20 * time.Millisecond
	slotTime    = time.Millisecond
	slots       = int(frameTime / slotTime)
	payloadSize = 160
	headerSize  = 12
	bufferSize  = 4 << 20
)

// stream is the media of one participant: what it sends next, and where.
type stream struct {
	socket *net.UDPConn
	to     netip.AddrPort
	packet [headerSize + payloadSize]byte
	talks  bool
	phase  int // sample of the tone
}

// media sends the packets of all streams from a few sockets, staggered over
// the frame, and counts what comes back.
type media struct {
	sockets []*net.UDPConn
	tone    []byte // one second of tone, µ-law

	mu      sync.Mutex
	streams [slots][]*stream

	sent, received, late atomic.Int64
}

func newMedia(sockets int, tone []byte) (*media, error) {
	m := &media{tone: tone}
	for range sockets {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("open media socket: %w", err)
		}
		if err := c.SetReadBuffer(bufferSize); err != nil {
			return nil, fmt.Errorf("set receive buffer: %w", err)
		}
		m.sockets = append(m.sockets, c)
	}
	return m, nil
}

// port is where participant n receives.
func (m *media) port(n int) int {
	return m.sockets[n%len(m.sockets)].LocalAddr().(*net.UDPAddr).Port
}

// add begins the stream of participant n.
func (m *media) add(n int, to netip.AddrPort, talks bool) {
	s := &stream{socket: m.sockets[n%len(m.sockets)], to: to, talks: talks}
	s.packet[0] = 0x80
	binary.BigEndian.PutUint32(s.packet[8:], uint32(n+1))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams[n%slots] = append(m.streams[n%slots], s)
}

// run sends and receives until ctx ends.
func (m *media) run(ctx context.Context) {
	var tasks sync.WaitGroup
	for _, c := range m.sockets {
		tasks.Go(func() { m.receive(c) })
	}
	m.send(ctx)
	for _, c := range m.sockets {
		c.Close() //nolint:errcheck // the run is over
	}
	tasks.Wait()
}

func (m *media) receive(c *net.UDPConn) {
	buf := make([]byte, 2048)
	for {
		if _, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
			return
		}
		m.received.Add(1)
	}
}

// send serves one of twenty slots each millisecond, on an absolute schedule.
func (m *media) send(ctx context.Context) {
	next := time.Now()
	for slot := 0; ctx.Err() == nil; slot = (slot + 1) % slots {
		m.mu.Lock()
		streams := m.streams[slot]
		m.mu.Unlock()
		for _, s := range streams {
			m.sendOne(s)
		}
		next = next.Add(slotTime)
		if wait := time.Until(next); wait > 0 {
			time.Sleep(wait)
		} else if wait < -frameTime {
			m.late.Add(1)
		}
	}
}

func (m *media) sendOne(s *stream) {
	p := s.packet[:]
	binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
	binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+payloadSize)
	if s.talks {
		copy(p[headerSize:], m.tone[s.phase:s.phase+payloadSize])
		s.phase = (s.phase + payloadSize) % (len(m.tone) - payloadSize)
	} else {
		for i := range payloadSize {
			p[headerSize+i] = 0xff
		}
	}
	if _, err := s.socket.WriteToUDPAddrPort(p, s.to); err == nil {
		m.sent.Add(1)
	}
}
