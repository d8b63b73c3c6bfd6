package baseline

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"time"

	"mediaserver/audio/g711"
)

// naive is a conference server as one writes it without thinking of load.
type naive struct{ rooms []*naiveRoom }

type naiveRoom struct{ members []*naiveMember }

// naiveMember is one participant.
type naiveMember struct {
	conn *net.UDPConn

	mu    sync.Mutex
	peer  netip.AddrPort
	queue [][]byte // payloads

	sequence  uint16
	timestamp uint32
}

func openNaive(c *Config) (serve func(context.Context), ports []int, err error) {
	size := c.RoomSize
	if size == 0 {
		size = c.Participants
	}
	s := &naive{}
	for i := range c.Participants {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, nil, fmt.Errorf("bench: open a socket: %w", err) // the process ends
		}
		if i%size == 0 {
			s.rooms = append(s.rooms, &naiveRoom{})
		}
		room := s.rooms[len(s.rooms)-1]
		room.members = append(room.members, &naiveMember{conn: conn})
		ports = append(ports, conn.LocalAddr().(*net.UDPAddr).Port)
	}
	return s.serve, ports, nil
}

func (s *naive) serve(ctx context.Context) {
	var tasks sync.WaitGroup
	for _, r := range s.rooms {
		tasks.Go(func() { r.run(ctx) })
		for _, m := range r.members {
			tasks.Go(m.read)
		}
	}
	<-ctx.Done()
	for _, r := range s.rooms {
		for _, m := range r.members {
			m.conn.Close() //nolint:errcheck // the process ends
		}
	}
	tasks.Wait()
}

// read waits for packets until the socket is closed.
func (m *naiveMember) read() {
	buf := make([]byte, datagramSize)
	for {
		n, from, err := m.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if n <= headerSize {
			continue
		}
		payload := append([]byte(nil), buf[headerSize:n]...)
		m.mu.Lock()
		m.peer = from
		m.queue = append(m.queue, payload)
		m.mu.Unlock()
	}
}

// take is the next payload, nil if there is none.
func (m *naiveMember) take() (payload []byte, peer netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) > 0 {
		payload, m.queue = m.queue[0], m.queue[1:]
	}
	return payload, m.peer
}

// run mixes every 20 ms until ctx ends.
func (r *naiveRoom) run(ctx context.Context) {
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.frame()
		}
	}
}

// frame sends everybody the sum of the others.
func (r *naiveRoom) frame() {
	sum := make([]int32, samples)
	heard := make([][]int16, len(r.members))
	peers := make([]netip.AddrPort, len(r.members))
	for i, m := range r.members {
		var payload []byte
		if payload, peers[i] = m.take(); payload == nil {
			continue
		}
		heard[i] = make([]int16, samples)
		g711.DecodeULaw(heard[i], payload)
		for j, v := range heard[i] {
			sum[j] += int32(v)
		}
	}
	for i, m := range r.members {
		if !peers[i].IsValid() {
			continue
		}
		out := make([]int16, samples)
		for j := range out {
			v := sum[j]
			if heard[i] != nil {
				v -= int32(heard[i][j])
			}
			out[j] = int16(max(math.MinInt16, min(math.MaxInt16, v)))
		}
		m.send(out, peers[i])
	}
}

func (m *naiveMember) send(pcm []int16, to netip.AddrPort) {
	packet := make([]byte, headerSize+samples)
	packet[0] = 2 << 6
	binary.BigEndian.PutUint16(packet[2:], m.sequence)
	binary.BigEndian.PutUint32(packet[4:], m.timestamp)
	g711.EncodeULaw(packet[headerSize:], pcm)
	m.sequence++
	m.timestamp += samples
	m.conn.WriteToUDPAddrPort(packet, to) //nolint:errcheck // a load test: lost packets are seen at the other end
}
