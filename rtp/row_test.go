package rtp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"mediaserver/audio/g711"
)

// rowSim are endpoints on sockets of one range, with a far end each, whose packets
// wait for others.
type rowSim struct {
	t    *testing.T
	rows *Rows
	ends []*Endpoint
	far  []*Sockets
	n    int64 // frames sent
}

func newRowSim(t *testing.T, calls int) *rowSim {
	t.Helper()
	s := &rowSim{t: t, rows: NewRows(2)}
	ports, err := NewPorts(PortsConfig{Rows: s.rows, Drain: -1})
	if err != nil {
		t.Fatal(err)
	}
	for range calls {
		own, err := ports.Open(loopback)
		if err != nil {
			t.Fatal(err)
		}
		far := openPair(t, loopback)
		p := testParams(g711.PCMU())
		p.Remote = netip.AddrPortFrom(loopback, uint16(far.Port()))
		e, err := NewEndpoint(EndpointConfig{RTP: own.RTP(), Params: p})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = e.Close(), far.Close() })
		s.ends, s.far = append(s.ends, e), append(s.far, far)
	}
	return s
}

// send sends a frame of so many samples from each endpoint by worker 1.
func (s *rowSim) send(samples int) {
	s.n++
	for _, e := range s.ends {
		e.frame = s.n
		e.Via(1)
		e.Send(s.n, time.Now(), make([]byte, samples))
	}
}

// got are the sequence numbers that have come to far end i, less the first that is
// sent to it.
func (s *rowSim) got(i int) (seqs []uint16) {
	s.t.Helper()
	for {
		b := make([]byte, datagramSize)
		n, _, _, err := s.far[i].RTP().Drain(b)
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			return seqs
		}
		seqs = append(seqs, binary.BigEndian.Uint16(b[2:]))
	}
}

func TestPacketsOfManySocketsWaitForEachOther(t *testing.T) {
	const calls = rowLength + 3
	s := newRowSim(t, calls)
	s.send(160)
	for i := range calls {
		if got, want := len(s.got(i)), i < rowLength; (got == 1) != want {
			t.Errorf("far end %d has got %d packets before the end of the slot", i, got)
		}
	}
	s.rows.Flush(0)
	if n := len(s.got(calls - 1)); n != 0 {
		t.Errorf("another worker sent %d packets", n)
	}
	s.rows.Flush(1)
	s.rows.Flush(1)
	for i := rowLength; i < calls; i++ {
		if got := len(s.got(i)); got != 1 {
			t.Errorf("far end %d has got %d packets, want 1", i, got)
		}
	}
	for i, e := range s.ends {
		if st := e.Stats(); st.Sent != 1 || st.SocketErrors != [numSocketErrors]uint64{} {
			t.Errorf("call %d: %d sent, errors %v", i, st.Sent, st.SocketErrors)
		}
	}
}

func TestNoPacketOvertakesThoseThatWait(t *testing.T) {
	s := newRowSim(t, 1)
	e := s.ends[0]
	e.Via(1)
	for _, size := range []int{160, 1000, 3500, 160} {
		if b := e.reserve(headerSize+size, e.far.target()); b != nil {
			e.sender.write(b, uint32(size), 0, nil)
			continue
		}
		b := make([]byte, headerSize+160)
		e.sender.write(b, uint32(size), 0, nil)
		if err := e.socket.Flush(b, e.far.target()); err != nil {
			t.Fatal(err)
		}
	}
	s.rows.Flush(1)
	want := []uint16{160, 1000, 3500, 160}
	got := s.got(0)
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestErrorsInARowAreCountedForTheCall(t *testing.T) {
	s := newRowSim(t, 2)
	s.send(160)
	_ = s.ends[0].socket.close()
	s.rows.Flush(1)
	if got := s.ends[0].Stats().SocketErrors; got[SocketOther] != 1 {
		t.Errorf("errors %v", got)
	}
	if got := s.ends[1].Stats().SocketErrors; got != [numSocketErrors]uint64{} || len(s.got(1)) != 1 {
		t.Errorf("errors %v of another call", got)
	}
}

func TestRowsAllocateNothing(t *testing.T) {
	s := newRowSim(t, 3)
	payload := make([]byte, 160)
	n := testing.AllocsPerRun(100, func() {
		s.n++
		for _, e := range s.ends {
			e.frame = s.n
			e.Via(1)
			e.Send(s.n, time.Time{}, payload)
		}
		s.rows.Flush(1)
	})
	if n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}
