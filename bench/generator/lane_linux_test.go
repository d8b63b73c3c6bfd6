package generator

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"mediaserver/bench/tone"
)

// nowhere is where participants send who do not.
var nowhere = netip.MustParseAddrPort("127.0.0.1:9")

// server is what participants hear.
type server struct {
	conn *net.UDPConn
	to   *net.UDPAddr
	n    int // packets sent
}

// hear connects a server to participant n of a lane.
func hear(t *testing.T, l *lane, n int) *server {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // the test is over
	ip := address(n).As4()
	return &server{conn: conn, to: &net.UDPAddr{IP: ip[:], Port: int(l.sockets[0].port)}}
}

// send sends a packet with the number after that of the one before, or one that is
// so many later.
func (s *server) send(t *testing.T, payload [tone.Samples]byte, later int) {
	t.Helper()
	s.n += 1 + later
	b := make([]byte, headerSize, headerSize+tone.Samples)
	b[0] = 2 << 6
	binary.BigEndian.PutUint16(b[2:], uint16(s.n))
	binary.BigEndian.PutUint32(b[4:], uint32(s.n*tone.Samples))
	if _, err := s.conn.WriteToUDP(append(b, payload[:]...), s.to); err != nil {
		t.Fatal(err)
	}
}

// receiveFor has a lane look at its sockets until so many packets have come.
func receiveFor(t *testing.T, l *lane, packets uint64) {
	t.Helper()
	for begin := time.Now(); l.window.Received+l.window.Strange < packets; l.receive() {
		if time.Since(begin) > time.Minute {
			t.Fatalf("%d packets came, want %d", l.window.Received, packets)
		}
	}
}

// TestFaultyAudioIsCountedOnItsWayIn sends packets to three listeners of one
// talker, many of them waiting at a time, some with faults in a single one.
func TestFaultyAudioIsCountedOnItsWayIn(t *testing.T) {
	good, wrong, silence := tone.Payload(tone.ULaw, tone.Bin(0), tone.Amplitude(3)), tone.Payload(tone.ULaw, tone.Bin(1), tone.Amplitude(3)), tone.Silence(tone.ULaw)
	const rounds = 100 // more than one batch
	for _, tt := range []struct {
		name            string
		fault           func(t *testing.T, s *server)
		faults          uint64
		lost            int64
		reordered, came uint64
	}{
		{"nothing wrong", func(*testing.T, *server) {}, 0, 0, 0, 0},
		{"silence in one packet", func(t *testing.T, s *server) { s.send(t, silence, 0) }, 1, 0, 0, 1},
		{"silence in two equal packets", func(t *testing.T, s *server) { s.send(t, silence, 0); s.send(t, silence, 0) }, 2, 0, 0, 2},
		{"another talker in one packet", func(t *testing.T, s *server) { s.send(t, wrong, 0) }, 1, 0, 0, 1},
		{"one packet left out", func(t *testing.T, s *server) { s.send(t, good, 1) }, 0, 1, 0, 1},
		{"one packet twice", func(t *testing.T, s *server) { s.send(t, good, -1) }, 0, -1, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{Amplitude: tone.Amplitude(3), Capacity: 3, Sockets: 1}
			l, err := newLane(&cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer l.close() //nolint:errcheck // the test is over
			var servers []*server
			for n := range 3 {
				l.add(newStream(n, Participant{To: nowhere, Role: Listener, Hears: []int{tone.Bin(0)}}, &cfg), n, 0)
				servers = append(servers, hear(t, l, n))
			}
			for i := range rounds {
				for n, s := range servers {
					s.send(t, good, 0)
					if i == rounds/2 && n == 1 {
						tt.fault(t, s)
					}
				}
			}
			receiveFor(t, l, 3*rounds+tt.came)
			w := &l.window
			if w.Examined != 3*rounds+tt.came || w.Faults != tt.faults || w.Missing != tt.faults || l.streams[1].in.faults != tt.faults {
				t.Errorf("%d examined, %d faults, %d missing, %d of the listener; want %d faults in %d",
					w.Examined, w.Faults, w.Missing, l.streams[1].in.faults, tt.faults, 3*rounds+tt.came)
			}
			if w.Lost != tt.lost || w.Reordered != tt.reordered || w.Strange != 0 {
				t.Errorf("%d lost, %d reordered, %d strange; want %d, %d, none", w.Lost, w.Reordered, w.Strange, tt.lost, tt.reordered)
			}
		})
	}
}

func TestPacketsForNobodyAreStrange(t *testing.T) {
	cfg := Config{Amplitude: tone.Amplitude(3), Capacity: 3, Sockets: 1}
	l, err := newLane(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close() //nolint:errcheck // the test is over
	l.add(newStream(0, Participant{To: nowhere}, &cfg), 0, 0)
	for _, n := range []int{0, 1, 17} {
		hear(t, l, n).send(t, tone.Silence(tone.ULaw), 0)
	}
	receiveFor(t, l, 3)
	if l.window.Received != 1 || l.window.Strange != 2 {
		t.Errorf("%d received, %d strange; want 1 and 2", l.window.Received, l.window.Strange)
	}
}
