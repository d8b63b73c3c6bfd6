package rtp

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

func TestNewEndpointRefusesWhatCannotBe(t *testing.T) {
	io := &memIO{now: new(time.Time)}
	good := testParams(g711.PCMU())
	with := func(f func(*Params)) EndpointConfig {
		p := good
		f(&p)
		return EndpointConfig{RTP: io, Params: p}
	}
	tests := []struct {
		name string
		cfg  EndpointConfig
		want error
	}{
		{"no IO", EndpointConfig{Params: good}, ErrConfig},
		{"no codec", with(func(p *Params) { p.Codec = nil }), ErrParams},
		{"packet time too long", with(func(p *Params) { p.Ptime = 80 * ms }), ErrParams},
		{"packet time too short", with(func(p *Params) { p.Ptime = 5 * ms }), ErrParams},
		{"payload type of eight bits", with(func(p *Params) { p.PayloadType = 128 }), ErrParams},
		{"event payload type of eight bits", with(func(p *Params) { p.EventPT = 200 }), ErrParams},
		{"our event payload type of eight bits", with(func(p *Params) { p.OwnEventPT = 200 }), ErrParams},
		{"accepted without codec", with(func(p *Params) { p.Accept = []PayloadCodec{{3, nil}} }), ErrParams},
		{"accepted at another rate", with(func(p *Params) { p.Accept = []PayloadCodec{{9, fastCodec{g711.PCMU()}}} }), ErrParams},
		{"jitter bounds crossed", EndpointConfig{RTP: io, Params: good, Jitter: JitterConfig{MinMS: 100, MaxMS: 50}}, ErrConfig},
		{"jitter beyond the buffer", EndpointConfig{RTP: io, Params: good, Jitter: JitterConfig{MaxMS: 5000}}, ErrConfig},
		{"as usual", EndpointConfig{RTP: io, Params: good}, nil},
	}
	for _, tt := range tests {
		if _, err := NewEndpoint(tt.cfg); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
}

// fastCodec claims another rate.
type fastCodec struct{ audio.Codec }

func (fastCodec) Rate() int { return 16000 }

func TestFarEndThatNeverSpokeIsSilence(t *testing.T) {
	s := newSim(t)
	s.run(5 * time.Second)
	s.wantNoConcealment()
	for i, f := range s.heard {
		if s.sound[i] || level(f) != 0 {
			t.Fatalf("frame %d is not silent", i)
		}
	}
	if at := s.e.LastReceived(); !at.IsZero() {
		t.Errorf("last received %v, want never", at)
	}
}

func TestFarEndThatStopsFadesAndIsSilence(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(time.Second, onTime)
	s.run(10 * time.Second)
	st := s.stats()
	if st.TotalConcealed() != 3 || st.Concealed[ConcealUnderrun] != 3 || st.Lost != 0 {
		t.Errorf("concealed %v, lost %d, want three frames of underrun", st.Concealed, st.Lost)
	}
	last := 0
	for i, sound := range s.sound {
		if sound {
			last = i
		}
	}
	if last < 52 || last > 56 {
		t.Errorf("sound until frame %d, want about 54", last)
	}
	if got, want := s.e.LastReceived(), simStart.Add(time.Second); !got.Equal(want) {
		t.Errorf("last received %v, want %v", got, want)
	}
	// It comes back as if it had only paused.
	p.ts += 9 * 8000
	p.talk(time.Second, onTime)
	s.run(time.Second)
	if got := s.stats().TotalConcealed(); got != 3 {
		t.Errorf("%d frames concealed after the pause, want 3 as before", got)
	}
	s.wantDelay(45 * ms)
}

func TestSilenceSuppressionIsNoLoss(t *testing.T) {
	for name, noise := range map[string]bool{"with comfort noise": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			p := s.phone()
			for range 10 { // half a second of sound, then of silence
				p.mark = true
				p.talk(500*ms, onTime)
				if noise {
					s.rtp.arrive(p.raw(ptComfortNoise, 50), phoneAddr, s.now.Add(507*ms))
				}
				s.run(time.Second)
				p.ts += 4000
			}
			st := s.stats()
			if st.Lost != 0 || st.Concealed[ConcealLoss]+st.Concealed[ConcealLate] != 0 {
				t.Errorf("lost %d, concealed %v", st.Lost, st.Concealed)
			}
			if noise {
				s.wantNoConcealment()
				if l := audio.LevelDBov(s.heard[45]); l < -52 || l > -48 {
					t.Errorf("comfort noise at %.1f dBov, want -50", l)
				}
			}
			loud := 0
			for _, f := range s.heard {
				if level(f) > 5000 {
					loud++
				}
			}
			if loud < 248 || loud > 262 {
				t.Errorf("%d frames of sound, want about 250", loud)
			}
			s.wantDelay(45 * ms)
		})
	}
}

// Where a far end breaks off in mid-sound there is no step: the sound before goes on
// and fades, and is blended into what comes within 60 ms.
func TestSoundThatBreaksOffFades(t *testing.T) {
	rest := func(p *phone, ms int) { // the far end is silent for so long, though the tone goes on
		p.ts += uint32(8 * ms)
		p.phase += 2 * math.Pi * 400 / 8000 * float64(8*ms)
	}
	for name, test := range map[string]struct {
		gap    int           // [ms]
		jitter time.Duration // as much is waited for
		before func(p *phone) []byte
		whole  bool // nothing of the sound may be missing
	}{
		"a frame left out":       {20, 30 * ms, nil, true},
		"two frames left out":    {40, 80 * ms, nil, true},
		"a pause":                {200, 80 * ms, nil, false},
		"comfort noise":          {100, 80 * ms, func(p *phone) []byte { return p.raw(ptComfortNoise, 70) }, false},
		"a key":                  {100, 0, func(p *phone) []byte { return p.raw(101, 5, 0x8a, 3, 32) }, false},
		"a key, the buffer full": {100, 80 * ms, func(p *phone) []byte { return p.raw(101, 5, 0x8a, 3, 32) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			p := s.phone()
			p.phase = math.Pi / 2 // packets begin and end at the peak
			at := 7 * ms
			for i := range 400 {
				if i == 390 {
					if test.before != nil {
						s.rtp.arrive(test.before(p), phoneAddr, simStart.Add(at))
					}
					rest(p, test.gap)
					at += time.Duration(test.gap) * ms
				}
				late := time.Duration(0)
				if i%10 == 1 {
					late = test.jitter
				}
				p.send(at + late)
				at += frameTime
			}
			s.run(at - 40*ms)
			last, silent := s.heard[200][0], 0
			for i, f := range s.heard[200:] {
				for k, v := range f {
					if d := math.Abs(float64(v) - float64(last)); d > 3000 && (k > 0 || silent == 0) {
						t.Fatalf("a step of %.0f in frame %d", d, 200+i)
					}
					last = v
				}
				if level(f) < 100 {
					silent++
				}
			}
			if holes := s.holes(200); test.whole && holes > 0 || !test.whole && silent == 0 {
				t.Errorf("%d frames are quiet, %d silent", holes, silent)
			}
		})
	}
}

func TestEventsAreHandedOnAndAreNoLoss(t *testing.T) {
	type event struct {
		ts   uint32
		mark bool
		data string
	}
	var got []event
	s := newSim(t, func(c *EndpointConfig) {
		c.OnEvent = func(ts uint32, marker bool, payload []byte, _ time.Time) {
			got = append(got, event{ts, marker, string(payload)})
		}
	})
	p := s.phone()
	p.talk(time.Second, onTime)
	s.run(time.Second)
	start := p.ts
	for i := range 8 {
		p.mark = i == 0
		b := p.raw(101, 5, 10, byte(160*(i+1)>>8), byte(160*(i+1)&0xff))
		s.rtp.arrive(b, phoneAddr, s.now.Add(7*ms))
		if i == 3 {
			s.rtp.arrive(b, phoneAddr, s.now.Add(8*ms)) // duplicate
		}
		s.tick()
	}
	p.ts += 8 * 160
	p.talk(time.Second, onTime)
	s.run(time.Second)
	if len(got) != 8 || got[0] != (event{start, true, "\x05\x0a\x00\xa0"}) || got[7].ts != start || got[7].mark {
		t.Errorf("events %v", got)
	}
	s.wantNoConcealment()
	if st := s.stats(); st.Lost != 0 || st.Dropped[DropDuplicate] != 1 {
		t.Errorf("lost %d, dropped %v", st.Lost, st.Dropped)
	}
	s.wantDelay(45 * ms)
}

// TestEventsMayComeByEitherNumber: the far end wants events as 96, and sends them
// as we have offered, as 101.
func TestEventsMayComeByEitherNumber(t *testing.T) {
	got := 0
	s := newSim(t, func(c *EndpointConfig) {
		c.Params.EventPT, c.Params.OwnEventPT = 96, 101
		c.OnEvent = func(uint32, bool, []byte, time.Time) { got++ }
	})
	p := s.phone()
	for _, pt := range []uint8{96, 101, 102} {
		s.rtp.arrive(p.raw(pt, 5, 10, 0, 160), phoneAddr, s.now)
		s.tick()
	}
	if got != 2 {
		t.Errorf("%d events", got)
	}
}

func TestKeepAlivesAndUnknownPayloadsAreNoLoss(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	for i := range 200 {
		p.send(7 * ms)
		switch i % 20 {
		case 3:
			s.rtp.arrive(p.raw(0), phoneAddr, s.now.Add(8*ms)) // RFC 6263 §4.1
		case 7:
			s.rtp.arrive(p.raw(55, 1, 2, 3), phoneAddr, s.now.Add(8*ms))
		}
		s.tick()
	}
	s.wantNoConcealment()
	if st := s.stats(); st.Lost != 0 || st.Dropped[DropPayloadType] != 10 {
		t.Errorf("lost %d, dropped %v", st.Lost, st.Dropped)
	}
}

func TestOnlyWhatIsRTPFromTheFarEndIsHeard(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	arrive := func(b []byte, from netip.AddrPort) { s.rtp.arrive(b, from, s.now) }
	p.send(0)
	s.tick()
	arrive([]byte{0x80, 0, 0}, phoneAddr)
	arrive([]byte(strings.Repeat("OPTIONS ", 4)), phoneAddr)
	b := p.packet()
	b[0] = 0x8f // fifteen contributing sources that are not there
	arrive(b[:40], phoneAddr)
	arrive(p.packet(), otherAddr)
	arrive(p.raw(77), otherAddr)
	arrive(p.raw(0, make([]byte, 600)...), phoneAddr)
	arrive(appendBye(nil, 5), phoneAddr)
	b = appendReport(nil, 5, nil, &block{})
	arrive(b, phoneAddr)
	s.run(40 * ms)
	want := [numDropCauses]uint64{DropMalformed: 4, DropSource: 1, DropPayloadType: 1, DropOversize: 1, DropRTCP: 1}
	if st := s.stats(); st.Dropped != want {
		t.Errorf("dropped %v, want %v", st.Dropped, want)
	}
}

func TestSourceIsLatchedAndProtected(t *testing.T) {
	s := newSim(t)
	var payload [160]byte
	target := func() netip.AddrPort {
		s.t.Helper()
		s.e.Send(s.frame, s.now, payload[:])
		return s.rtp.out[len(s.rtp.out)-1].addr
	}
	if got := target(); got != phoneAddr {
		t.Fatalf("before anything came: to %v, want the signalled address", got)
	}
	nat, thief := s.phone(), s.phone()
	nat.from, thief.from = natAddr, otherAddr
	nat.talk(3*time.Second, onTime)
	s.run(time.Second)
	if got := target(); got != natAddr {
		t.Fatalf("after its packets: to %v, want %v", got, natAddr)
	}
	thief.talk(2*time.Second, onTime)
	s.run(2 * time.Second)
	if got := target(); got != natAddr {
		t.Fatalf("with a thief: to %v, want %v", got, natAddr)
	}
	if st := s.stats(); st.Dropped[DropSource] < 95 || st.SourceChanges != 0 {
		t.Errorf("dropped %v, changes %d", st.Dropped, st.SourceChanges)
	}
	s.run(900 * ms)
	thief.send(0)
	s.tick()
	if got := target(); got != natAddr {
		t.Fatalf("within a second of silence: to %v", got)
	}
	s.run(200 * ms)
	thief.send(0)
	s.tick()
	if got := target(); got != natAddr {
		t.Fatalf("after one packet of another source: to %v", got)
	}
	for range minSequential - 1 {
		thief.send(0)
		s.tick()
	}
	if got := target(); got != otherAddr {
		t.Fatalf("after a second of silence: to %v, want the new source", got)
	}
	// The signalled address is always believed.
	real := s.phone()
	real.seq = thief.seq
	real.send(0)
	thief.send(0)
	s.tick()
	if got := target(); got != phoneAddr {
		t.Fatalf("signalled address heard: to %v", got)
	}
	if st := s.stats(); st.SourceChanges != 2 {
		t.Errorf("%d source changes, want 2", st.SourceChanges)
	}
}

func TestStrayPacketsDoNotTakeTheAudioOfASilentFarEnd(t *testing.T) {
	s := newSim(t)
	var payload [160]byte
	stray := s.phone()
	stray.from = otherAddr
	for range 10 {
		stray.send(0)
		stray.seq += 5 // anything but in sequence
		s.tick()
		s.e.Send(s.frame, s.now, payload[:])
		if got := s.rtp.out[len(s.rtp.out)-1].addr; got != phoneAddr {
			t.Fatalf("sent to %v, want the signalled address", got)
		}
	}
	if st := s.stats(); st.Dropped[DropSource] != 10 || st.Received != 0 {
		t.Errorf("dropped %v, received %d", st.Dropped, st.Received)
	}
}

func TestUpdateMovesTheFarEnd(t *testing.T) {
	s := newSim(t)
	var payload [160]byte
	target := func() netip.AddrPort {
		s.e.Send(s.frame, s.now, payload[:])
		return s.rtp.out[len(s.rtp.out)-1].addr
	}
	old := s.phone()
	old.talk(3*time.Second, onTime)
	s.run(time.Second)
	p := testParams(g711.PCMU())
	p.Remote = otherAddr
	if err := s.e.Update(p); err != nil {
		t.Fatal(err)
	}
	s.tick()
	if got := target(); got != otherAddr {
		t.Errorf("after the update: to %v, want %v", got, otherAddr)
	}
	s.run(200 * ms)
	s.wantNoConcealment() // the old source is still heard
	next := s.phone()
	next.from = natAddr
	next.ssrc = 7
	next.talk(time.Second, onTime)
	s.run(100 * ms)
	if got := target(); got != natAddr {
		t.Errorf("new source heard: to %v, want %v", got, natAddr)
	}
	s.run(500 * ms)
	if st := s.stats(); st.Dropped[DropSource] < 20 || st.SourceChanges != 1 || st.SSRCChanges != 1 {
		t.Errorf("dropped %v, source changes %d, SSRC changes %d", st.Dropped, st.SourceChanges, st.SSRCChanges)
	}
}

func TestUpdateBehindTheSameNATReturnsToTheSource(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.from = natAddr
	p.talk(4*time.Second, onTime)
	s.run(time.Second)
	params := testParams(g711.PCMU())
	params.Remote = netip.MustParseAddrPort("10.0.0.1:5000")
	if err := s.e.Update(params); err != nil {
		t.Fatal(err)
	}
	s.run(1200 * ms)
	s.wantNoConcealment()
	if got := s.e.far.target(); got != natAddr {
		t.Errorf("to %v, want %v", got, natAddr)
	}
}

func TestUpdateChangesTheCodecWithoutNoise(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(time.Second, onTime)
	s.run(time.Second)
	params := testParams(g711.PCMA())
	params.PayloadType, params.Accept = 8, []PayloadCodec{{0, g711.PCMU()}}
	if err := s.e.Update(params); err != nil {
		t.Fatal(err)
	}
	p.pt = 8
	p.talk(time.Second, onTime)
	s.run(time.Second)
	s.wantNoConcealment()
	for i, f := range s.heard[5:] {
		if l := level(f); l < 5400 || l > 5900 {
			t.Fatalf("frame %d: level %.0f", i+5, l)
		}
	}
	if s.e.Codec() != g711.PCMA() {
		t.Error("codec not in effect")
	}
	if err := s.e.Update(testParams(fastCodec{g711.PCMU()})); !errors.Is(err, ErrParams) {
		t.Errorf("another rate: %v", err)
	}
}

func TestDirectionForbidsHearing(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(6*time.Second, onTime)
	s.run(2 * time.Second)
	params := testParams(g711.PCMU())
	params.Receive = false
	if err := s.e.Update(params); err != nil {
		t.Fatal(err)
	}
	s.run(2 * time.Second)
	for i, f := range s.heard[101:200] {
		if s.sound[i+101] || level(f) != 0 {
			t.Fatalf("frame %d is heard", i+101)
		}
	}
	if err := s.e.Update(testParams(g711.PCMU())); err != nil {
		t.Fatal(err)
	}
	s.run(2*time.Second - 20*ms)
	st := s.stats()
	if st.Lost != 0 || st.Dropped[DropDirection] < 98 || st.TotalConcealed() > 3 {
		t.Errorf("lost %d, dropped %v, concealed %v", st.Lost, st.Dropped, st.Concealed)
	}
	if n := s.holes(205); n > 0 {
		t.Errorf("%d quiet frames after the hold", n)
	}
}

func TestSocketErrorsEndNothing(t *testing.T) {
	s := newSim(t)
	s.rtp.errs = []error{ErrUnreachable, ErrUnreachable, ErrBusy, errors.New("odd")}
	s.rtcp.errs = []error{ErrUnreachable}
	p := s.phone()
	p.talk(time.Second, onTime)
	s.run(time.Second)
	s.rtp.ack = ErrUnreachable
	s.e.Send(s.frame, s.now, make([]byte, 160))
	s.wantNoConcealment()
	if got, want := s.stats().SocketErrors, [numSocketErrors]uint64{4, 1, 1}; got != want {
		t.Errorf("socket errors %v, want %v", got, want)
	}
}

func TestFloodIsBoundedPerFrame(t *testing.T) {
	s := newSim(t)
	for range 1000 {
		s.rtp.arrive([]byte("junk"), otherAddr, s.now)
	}
	s.tick()
	if s.rtp.reads > maxDrain {
		t.Errorf("%d reads in a frame", s.rtp.reads)
	}
}

func TestMetricsSumLiveAndClosedEndpoints(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg)
	for range 2 {
		s := newSim(t, func(c *EndpointConfig) { c.Metrics = m })
		p := s.phone()
		p.talk(time.Second, func(i int) time.Duration {
			if i == 20 {
				return -1
			}
			return 7 * ms
		})
		s.run(time.Second)
		s.e.Send(s.frame, s.now, make([]byte, 160))
		if err := s.e.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.e.Close(); err != nil || s.rtp.closed != 1 || s.rtcp.closed != 1 {
			t.Errorf("second close: %v, closed %d and %d times", err, s.rtp.closed, s.rtcp.closed)
		}
	}
	live := newSim(t, func(c *EndpointConfig) { c.Metrics = m })
	live.e.Send(0, live.now, make([]byte, 160))
	want := map[string]float64{
		"mediaserver_frames_concealed_total late":     0,
		"mediaserver_frames_concealed_total loss":     2,
		"mediaserver_frames_concealed_total underrun": 0,
		"mediaserver_rtp_endpoints":                   1,
		"mediaserver_rtp_packets_total in":            96,
		"mediaserver_rtp_packets_total out":           3,
		"mediaserver_rtp_packets_lost_total":          2,
	}
	got := gather(t, reg)
	for name, v := range want {
		if x, ok := got[name]; !ok || x != v {
			t.Errorf("%s = %v (there: %v), want %v", name, x, ok, v)
		}
	}
}

// gather reads all metrics: name and label value.
func gather(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

func TestReceiveAndSendDoNotAllocate(t *testing.T) {
	s := newSim(t)
	s.keep = false
	s.rtp.forget = true
	p := s.phone()
	r := testRand()
	p.talk(60*time.Second, func(int) time.Duration { // all kinds of trouble
		if r.IntN(20) == 0 {
			return -1
		}
		return time.Duration(r.Int64N(int64(50 * ms)))
	})
	payload := make([]byte, 160)
	s.run(time.Second)
	allocs := testing.AllocsPerRun(2500, func() {
		s.tick()
		s.e.Send(s.frame, s.now, payload)
	})
	if allocs != 0 {
		t.Errorf("%v allocations per frame", allocs)
	}
}

func TestCloseGivesThePortsBack(t *testing.T) {
	ports, err := NewPorts(PortsConfig{Min: 41000, Max: 41999})
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := ports.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEndpoint(EndpointConfig{RTP: sockets.RTP(), RTCP: sockets.RTCP(), Params: testParams(g711.PCMU())})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Close(), sockets.Close()); err != nil {
		t.Fatal(err)
	}
	if q := ports.pairs[sockets.index]; q.used || q.rest.IsZero() {
		t.Errorf("ports after the close: %+v", q)
	}
	if _, _, _, err := sockets.RTP().Drain(make([]byte, 10)); err != ErrSocket {
		t.Errorf("socket after the close: %v", err)
	}
}

func TestUpdateForgetsPacketsOfACodecThatIsGone(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.pt = 8
	p.talk(time.Second, onTime)
	s.run(time.Second)
	params := testParams(g711.PCMU())
	params.Accept = nil
	if err := s.e.Update(params); err != nil {
		t.Fatal(err)
	}
	s.run(time.Second)
	s.checkBooks()
	if st := s.stats(); st.Lost != 0 {
		t.Errorf("lost %d", st.Lost)
	}
}

func TestNamesOfTheCauses(t *testing.T) {
	for _, s := range []fmt.Stringer{
		DropMalformed, DropRTCP, ConcealLoss, ConcealUnderrun, SocketUnreachable, SocketOther,
	} {
		if s.String() == "" || s.String() == "unknown" {
			t.Errorf("%#v has no name", s)
		}
	}
	for _, s := range []fmt.Stringer{numDropCauses, numConcealCauses, numSocketErrors} {
		if s.String() != "unknown" {
			t.Errorf("%#v has the name %s", s, s)
		}
	}
}

func TestPayloadsOfLinearPCM(t *testing.T) {
	if n := soundIn(linear{g711.PCMU()}, 320); n != 160 {
		t.Errorf("%d samples in 320 bytes", n)
	}
}

type linear struct{ audio.Codec }

func (linear) Encoding() audio.Encoding { return audio.Linear }
