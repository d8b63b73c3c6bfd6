package generator

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"mediaserver/bench/tone"
	"mediaserver/rtp/srtp"
)

// receiver is a far end that keeps what comes, by participant.
type receiver struct {
	conn *net.UDPConn
	got  map[int][][]byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // the test is over
	return &receiver{conn: conn, got: map[int][][]byte{}}
}

func (r *receiver) address() netip.AddrPort { return r.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// drain reads what lies in the queue.
func (r *receiver) drain(t *testing.T) {
	t.Helper()
	for {
		if err := r.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2048)
		n, from, err := r.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		number, ok := participant(from.Addr().As4())
		if !ok {
			t.Errorf("a packet from %v", from)
		}
		r.got[number] = append(r.got[number], b[:n])
	}
}

// TestWhatIsSentIsEachParticipantsOwn has participants come and go between
// slots: each packet must come from its participant's address, with its number,
// time, source and payload, and nothing may come of one that is gone.
func TestWhatIsSentIsEachParticipantsOwn(t *testing.T) {
	eachWay(t, func(t *testing.T, cfg Config) { sentIsOwn(t, &cfg) })
}

// eachWay runs a test for packets that are sent by sockets, and for injected ones
// where that can be.
func eachWay(t *testing.T, test func(t *testing.T, cfg Config)) {
	t.Helper()
	for _, byMail := range []bool{true, false} {
		cfg := Config{Amplitude: tone.Amplitude(3), Capacity: 1000, Sockets: 1, ByMail: byMail}
		t.Run(map[bool]string{true: "by mail", false: "injected"}[byMail], func(t *testing.T) { test(t, cfg) })
	}
}

// openLane makes a lane, or skips the test if it cannot send as it should.
func openLane(t *testing.T, cfg *Config) *lane {
	t.Helper()
	l, err := newLane(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close() }) //nolint:errcheck // the test is over
	if l.injector == nil && !cfg.ByMail {
		t.Skip("packets cannot be injected here")
	}
	return l
}

func sentIsOwn(t *testing.T, cfg *Config) {
	l, r := openLane(t, cfg), newReceiver(t)
	sent := map[int]uint32{}
	there := map[int]bool{}
	send := func() {
		l.send(0)
		r.drain(t)
		for n := range there {
			sent[n]++
		}
	}
	for n := range 40 { // the lists grow several times
		l.add(newStream(n, Participant{To: r.address(), Role: Talker, Bin: tone.Bin(n)}, cfg), 0, 0)
		there[n] = true
		if n%13 == 0 {
			send()
		}
	}
	send()
	for _, n := range []int{39, 0, 17, 1} { // the last, the first, two more
		l.remove(n)
		delete(there, n)
		send()
	}
	l.add(newStream(44, Participant{To: r.address(), Role: Talker, Bin: tone.Bin(44)}, cfg), 0, 0)
	there[44] = true
	send()
	for n, count := range sent {
		if len(r.got[n]) != int(count) {
			t.Errorf("participant %d: %d packets, want %d", n, len(r.got[n]), count)
		}
	}
	for n, packets := range r.got {
		payload := tone.Payload(cfg.Law, tone.Bin(n), cfg.Amplitude)
		for i, b := range packets {
			if len(b) != headerSize+tone.Samples || string(b[headerSize:]) != string(payload[:]) {
				t.Fatalf("participant %d, packet %d: %d bytes, or not its tone", n, i, len(b))
			}
			sequence, timestamp, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
			if int(sequence) != i || int(timestamp) != i*tone.Samples || int(ssrc) != n+1 {
				t.Errorf("participant %d, packet %d: number %d, time %d, source %d", n, i, sequence, timestamp, ssrc)
			}
		}
	}
	if l.window.SendErrors != 0 {
		t.Errorf("%d packets refused", l.window.SendErrors)
	}
}

// TestProtectedAndBurstingPacketsAreMadeAnew covers those streams whose packets
// are more than the one before with another number.
func TestProtectedAndBurstingPacketsAreMadeAnew(t *testing.T) {
	eachWay(t, func(t *testing.T, cfg Config) { protectedAndBursting(t, &cfg) })
}

func protectedAndBursting(t *testing.T, cfg *Config) {
	for _, suite := range []srtp.Suite{srtp.NoSuite, srtp.GCM128, srtp.CM128Tag80} {
		l, r := openLane(t, cfg), newReceiver(t)
		p := Participant{To: r.address(), Role: Prober, Probe: NewProbe(tone.Bin(3))}
		var far *srtp.Session
		var err error
		if suite != srtp.NoSuite {
			ours, theirs := srtp.NewKey(suite), srtp.NewKey(suite)
			if p.SRTP, err = srtp.New(srtp.Keys{Suite: suite, Send: ours, Receive: theirs}); err != nil {
				t.Fatal(err)
			}
			if far, err = srtp.New(srtp.Keys{Suite: suite, Send: theirs, Receive: ours}); err != nil {
				t.Fatal(err)
			}
		}
		l.add(newStream(0, p, cfg), 0, 0)
		const frames = burstLength + 3
		for range frames {
			l.send(0)
		}
		r.drain(t)
		if len(r.got[0]) != frames {
			t.Fatalf("suite %v: %d packets, want %d", suite, len(r.got[0]), frames)
		}
		loud, silent := tone.Payload(cfg.Law, tone.Bin(3), cfg.Amplitude), tone.Silence(cfg.Law)
		for i, b := range r.got[0] {
			if far != nil {
				if b, err = far.Unprotect(b); err != nil {
					t.Fatalf("suite %v, packet %d: %v", suite, i, err)
				}
			}
			want := silent
			if i < burstLength {
				want = loud
			}
			if int(binary.BigEndian.Uint16(b[2:])) != i || string(b[headerSize:]) != string(want[:]) {
				t.Errorf("suite %v, packet %d: number %d, or another payload", suite, i, binary.BigEndian.Uint16(b[2:]))
			}
		}
	}
}

// TestAThreadThatHurriesSaysSo checks that what is claimed was granted, and
// that it ends with the run.
func TestAThreadThatHurriesSaysSo(t *testing.T) {
	g, err := New(Config{Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx) }()
	g.Begin()
	w := g.End()
	cancel()
	<-done
	if w.Priority < Normal || w.Priority > Realtime || w.Priority.String() == "" {
		t.Errorf("priority %d", w.Priority)
	}
}
