package interop

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// The sampling of all calls.
const (
	rate         = 8000 // samples per second
	packetTime   = 20 * time.Millisecond
	packetFrames = rate / 50 // samples of a packet
	rtpHeader    = 12        // bytes
)

// packet is an RTP packet as it came.
type packet struct {
	at          time.Time
	payloadType byte
	marker      bool
	seq         uint16
	timestamp   uint32
	ssrc        uint32
	payload     []byte
}

// recorder is a socket to which the server sends RTP.
type recorder struct {
	conn *net.UDPConn

	mu      sync.Mutex
	packets []packet
	broken  int // datagrams that are no RTP
}

// record opens a recorder on a loopback address, until the end of the test.
func record(t *testing.T, host string) *recorder {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host), Port: freePorts(t, host)})
	if err != nil {
		t.Fatal(err)
	}
	if err := stampArrivals(conn); err != nil {
		t.Fatal(err)
	}
	r := &recorder{conn: conn}
	ended := make(chan error, 1)
	go func() { ended <- r.run() }()
	t.Cleanup(func() {
		conn.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// port is the port as text.
func (r *recorder) port() string {
	_, port, err := net.SplitHostPort(r.conn.LocalAddr().String())
	if err != nil {
		return err.Error()
	}
	return port
}

// run keeps what comes until the socket is closed.
func (r *recorder) run() error {
	buf, control := make([]byte, 2048), make([]byte, 128)
	for {
		n, controls, _, _, err := r.conn.ReadMsgUDP(buf, control)
		now := time.Now()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		r.mu.Lock()
		if n < rtpHeader || buf[0] != 0x80 { // version 2, nothing optional
			r.broken++
		} else {
			r.packets = append(r.packets, packet{
				at: arrival(control[:controls], now), payloadType: buf[1] & 0x7f, marker: buf[1]&0x80 != 0,
				seq: binary.BigEndian.Uint16(buf[2:]), timestamp: binary.BigEndian.Uint32(buf[4:]),
				ssrc: binary.BigEndian.Uint32(buf[8:]), payload: append([]byte(nil), buf[rtpHeader:n]...),
			})
		}
		r.mu.Unlock()
	}
}

// heard is what has come so far.
func (r *recorder) heard() []packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]packet(nil), r.packets...)
}

// between is what came in a stretch of time.
func between(packets []packet, from, to time.Time) []packet {
	var found []packet
	for _, p := range packets {
		if !p.at.Before(from) && p.at.Before(to) {
			found = append(found, p)
		}
	}
	return found
}

// decode is the sound of consecutive packets, by their timestamps.
func decode(t *testing.T, packets []packet) audio.Clip {
	t.Helper()
	clip := audio.Clip{Rate: rate}
	for _, p := range packets {
		at := int(int32(p.timestamp - packets[0].timestamp))
		if at < 0 || at > len(packets)*2*packetFrames+rate {
			t.Fatalf("timestamp %d after %d", p.timestamp, packets[0].timestamp)
		}
		for len(clip.Samples) < at+len(p.payload) {
			clip.Samples = append(clip.Samples, 0)
		}
		codec := g711.PCMU()
		if p.payloadType == 8 {
			codec = g711.PCMA()
		}
		codec.Decode(clip.Samples[at:], p.payload)
	}
	return clip
}

// expectCleanStream checks what every receiver relies on: one source, every
// sequence number once and in order, timestamps that count samples, packets of
// 20 ms of the payload type agreed, sent at the pace of their timestamps. Only
// where the machine left the server without processor time for more than
// 60 ms, which the server counts, may timestamps jump.
func (r *recorder) expectCleanStream(t *testing.T, m *mediaserver, payloadType byte) []packet {
	t.Helper()
	packets := r.heard()
	if len(packets) == 0 {
		t.Fatal("the server sent no RTP")
	}
	if r.broken > 0 {
		t.Errorf("%d datagrams are no plain RTP", r.broken)
	}
	skipped := 0
	for i, p := range packets {
		if p.payloadType != payloadType || len(p.payload) != packetFrames {
			t.Fatalf("packet %d: payload type %d, %d bytes", i, p.payloadType, len(p.payload))
		}
		if i == 0 {
			continue
		}
		last := packets[i-1]
		step := int32(p.timestamp - last.timestamp)
		if p.ssrc != last.ssrc || p.seq != last.seq+1 || step <= 0 || step%packetFrames != 0 {
			t.Fatalf("packet %d: SSRC %x sequence %d timestamp %d after %x %d %d",
				i, p.ssrc, p.seq, p.timestamp, last.ssrc, last.seq, last.timestamp)
		}
		skipped += int(step)/packetFrames - 1
	}
	if allowed := m.metric(t, "mediaserver_frames_skipped_total"); float64(skipped) > allowed {
		t.Errorf("%d packets are missing, the server knows of %v", skipped, allowed)
	}
	took := packets[len(packets)-1].at.Sub(packets[0].at)
	due := time.Duration(len(packets)-1+skipped) * packetTime
	if (took - due).Abs() > 300*time.Millisecond {
		t.Errorf("%d packets in %v, due in %v", len(packets), took, due)
	}
	t.Logf("%d packets, %d left out for want of processor time, %v late at the end", len(packets), skipped, took-due)
	return packets
}
