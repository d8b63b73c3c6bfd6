package baseline

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"mediaserver/rtp"
	"mediaserver/rtp/srtp"
)

// phone is a far end with a socket.
type phone struct {
	conn   *net.UDPConn
	end    FarEnd
	secure *srtp.Session // nil: in the clear
	first  int           // number of its first packet
}

func newPhone(t *testing.T, suite srtp.Suite, number int) *phone {
	t.Helper()
	const apart = 1000
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := &phone{conn: conn, first: apart * number}
	p.end.Remote = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if suite != srtp.NoSuite {
		if p.secure, err = p.end.Protect(suite); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// talk sends a packet every 20 ms until so many of them have come back, and says
// what is wrong.
func (p *phone) talk(t *testing.T, port, packets int) {
	const most = 1000 // a busy machine takes its time
	last := p.first - 1
	for n := p.first; n < p.first+most; n++ {
		b := append(make([]byte, 0, datagramSize), packetOf(n)...)
		if p.secure != nil {
			b, _ = p.secure.Protect(b)
		}
		_, err := p.conn.WriteToUDP(b, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err := errors.Join(err, p.conn.SetReadDeadline(time.Now().Add(frameTime))); err != nil {
			t.Error(err)
			return
		}
		for b := p.next(t); b != nil; b = p.next(t) {
			switch k := p.which(b, last); {
			case k < 0:
				t.Errorf("after packet %d comes % x", last, b[:headerSize+8])
				return
			case k > last:
				last = k
				packets--
			}
		}
		if packets <= 0 {
			return
		}
	}
	t.Errorf("%d packets have not come", packets)
}

// next is a packet that has come, nil when there is none until it is time to send.
func (p *phone) next(t *testing.T) []byte {
	b := make([]byte, datagramSize)
	n, err := p.conn.Read(b)
	if err == nil && p.secure != nil {
		b, err = p.secure.Unprotect(b[:n])
		n = len(b)
	}
	if err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		return nil
	}
	return b[:n]
}

// which of its packets, last or a later one, has come back in packet b of the
// server; -1: none.
func (p *phone) which(b []byte, last int) int {
	if binary.BigEndian.Uint32(b[8:]) == farSSRC {
		return -1
	}
	for n := max(last, p.first); n < last+samples; n++ {
		if bytes.Equal(b[headerSize:], spoken(n)) {
			return n
		}
	}
	return -1
}

// started runs a baseline at ports that are free; stop ends it.
func started(t *testing.T, c Config, ends []FarEnd) (ports []int, stop func() error) {
	t.Helper()
	const attempts, step = 20, 100
	for i := range attempts {
		c.FirstPort = 41000 + i*step
		in, tell := io.Pipe()
		listen, out := io.Pipe()
		failed := make(chan error, 1)
		go func() {
			err := Run(t.Context(), c, in, out)
			out.Close()
			failed <- err
		}()
		if err := json.NewEncoder(tell).Encode(ends); err != nil {
			t.Fatal(err)
		}
		var r Ready
		if err := json.NewDecoder(listen).Decode(&r); err == nil {
			return r.Ports, func() error { return errors.Join(tell.Close(), <-failed) }
		}
		err := <-failed
		if errors.Is(err, rtp.ErrNoShared) {
			t.Skip(err)
		}
		t.Log(err)
	}
	t.Fatal("no ports are free")
	return nil, nil
}

func TestInAnUnmixedServerEverybodyHearsHimselfAlone(t *testing.T) {
	for name, c := range map[string]struct {
		kind  Kind
		suite srtp.Suite
	}{
		"sockets":                {UnmixedSockets, srtp.NoSuite},
		"sockets with SRTP":      {UnmixedSockets, srtp.GCM128},
		"shared ports":           {UnmixedShared, srtp.NoSuite},
		"shared ports with SRTP": {UnmixedShared, srtp.CM128Tag80},
	} {
		t.Run(name, func(t *testing.T) {
			phones, ends := make([]*phone, 3), make([]FarEnd, 3)
			for i := range phones {
				phones[i] = newPhone(t, c.suite, i)
				ends[i] = phones[i].end
			}
			ports, stop := started(t, Config{Kind: c.kind, Participants: len(ends), Workers: 2, RoomSize: 2, Ports: 2}, ends)
			var talking sync.WaitGroup
			for i, p := range phones {
				talking.Go(func() { p.talk(t, ports[i], 20) })
			}
			talking.Wait()
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnUnmixedServerWantsToKnowItsFarEnds(t *testing.T) {
	for name, told := range map[string]string{"nothing": "", "something else": "{"} {
		if err := Run(t.Context(), Config{Kind: UnmixedSockets, Workers: 1}, bytes.NewBufferString(told), io.Discard); err == nil {
			t.Errorf("%s: it serves", name)
		}
	}
}
