package generator

import (
	"testing"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/bench/tone"
)

// arrival is a packet: number and timestamp [frames] as sent, time of arrival
// [ms].
type arrival struct{ number, frame, at int }

func receiveAll(t *testing.T, p Participant, payload [tone.Samples]byte, arrivals ...arrival) (*stream, *lane) {
	t.Helper()
	cfg := Config{Amplitude: tone.Amplitude(3), Capacity: 1}
	l := &lane{detector: tone.NewDetector(cfg.Law), amplitude: cfg.Amplitude, silence: tone.Silence(cfg.Law)}
	s := newStream(0, p, &cfg)
	for _, a := range arrivals {
		s.take(uint16(a.number), uint32(a.frame*tone.Samples), &payload, int64(a.at)*int64(time.Millisecond), l)
	}
	return s, l
}

func TestSequence(t *testing.T) {
	for _, tt := range []struct {
		name            string
		arrivals        []arrival
		lost            int64
		reordered, late uint64
		gapMax, behind  time.Duration
	}{
		{"even", []arrival{{5, 5, 0}, {6, 6, 20}, {7, 7, 40}}, 0, 0, 0, 20, 0},
		{"one lost", []arrival{{5, 5, 0}, {7, 7, 40}}, 1, 0, 0, 40, 0},
		{"two in the other order", []arrival{{5, 5, 0}, {7, 7, 41}, {6, 6, 42}, {8, 8, 60}}, 0, 1, 1, 41, 22},
		{"around the end of the numbers", []arrival{{65535, 0, 0}, {65536, 1, 20}, {65537, 2, 40}}, 0, 0, 0, 20, 0},
		{"one held up", []arrival{{1, 1, 0}, {2, 2, 50}, {3, 3, 51}}, 0, 0, 1, 50, 30},
		{"the first was late", []arrival{{1, 1, 10}, {2, 2, 20}, {3, 3, 40}, {4, 4, 70}}, 0, 0, 0, 30, 10},
		{"a pause in the timestamps", []arrival{{1, 1, 0}, {2, 6, 100}}, 0, 0, 0, 100, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, l := receiveAll(t, Participant{}, tone.Silence(tone.ULaw), tt.arrivals...)
			w := &l.window
			if w.Lost != tt.lost || w.Reordered != tt.reordered || w.Late != tt.late {
				t.Errorf("%d lost, %d reordered, %d late; want %d, %d, %d", w.Lost, w.Reordered, w.Late, tt.lost, tt.reordered, tt.late)
			}
			if w.Gap.Max() != tt.gapMax*time.Millisecond || w.Lateness.Max() != tt.behind*time.Millisecond {
				t.Errorf("gap %v, behind %v; want %d, %d ms", w.Gap.Max(), w.Lateness.Max(), tt.gapMax, tt.behind)
			}
			if w.Received != uint64(len(tt.arrivals)) || w.Gap.Count() != uint64(len(tt.arrivals)-1) {
				t.Errorf("%d received, %d gaps", w.Received, w.Gap.Count())
			}
		})
	}
}

func TestAMissingTalkerIsAFaultInEachPacket(t *testing.T) {
	p := Participant{Hears: []int{tone.Bin(0), tone.Bin(1)}}
	only := tone.Payload(tone.ULaw, tone.Bin(0), tone.Amplitude(3))
	s, l := receiveAll(t, p, only, arrival{1, 1, 0}, arrival{2, 2, 20}, arrival{3, 3, 40})
	if w := &l.window; w.Examined != 3 || w.Faults != 3 || w.Missing != 3 || s.in.faults != 3 {
		t.Errorf("%d examined, %d faults, %d missing; of the listener %d", w.Examined, w.Faults, w.Missing, s.in.faults)
	}
	_, l = receiveAll(t, Participant{Hears: []int{tone.Bin(0)}}, only, arrival{1, 1, 0}, arrival{2, 2, 20})
	if w := &l.window; w.Examined != 2 || w.Faults != 0 {
		t.Errorf("%d examined, %d faults, want 2 and 0", w.Examined, w.Faults)
	}
}

func TestBegin(t *testing.T) {
	const ms = int64(time.Millisecond)
	for _, tt := range []struct {
		name         string
		before, here float64
		ok           bool
		onset        int64 // [ms], the packet before came at 100, this one at 120
	}{
		{"silence goes on", 0, 0.01, false, 0},
		{"at the first sample", 0, 1, true, 120},
		{"in the middle", 0, 0.5, true, 130},
		{"late in the packet before", 0.2, 1, true, 116},
		{"too late to tell yet", 0, 0.2, false, 0},
		{"it goes on", 1, 1, false, 0},
		{"it ends", 1, 0.3, false, 0},
	} {
		onset, ok := begins(tt.before, tt.here, 100*ms, 120*ms)
		if ok != tt.ok || (onset+ms/2)/ms != tt.onset {
			t.Errorf("%s: %v, %d ms; want %v, %d ms", tt.name, ok, onset/ms, tt.ok, tt.onset)
		}
	}
}

func TestTheLatencyOfABurstIsTimed(t *testing.T) {
	const ms = int64(time.Millisecond)
	probe := NewProbe(tone.Bin(4))
	cfg := Config{Amplitude: tone.Amplitude(3), Capacity: 1}
	l := &lane{detector: tone.NewDetector(cfg.Law), amplitude: cfg.Amplitude}
	s := newStream(0, Participant{Probes: []*Probe{probe}}, &cfg)
	quiet, loud := tone.Silence(cfg.Law), tone.Payload(cfg.Law, tone.Bin(4), cfg.Amplitude)
	partly := quiet
	copy(partly[40:], loud[:]) // the last three quarters
	probe.begun.Store(1000 * ms)
	for i, payload := range [][tone.Samples]byte{quiet, quiet, partly, loud, loud} {
		s.take(uint16(i), uint32(i*tone.Samples), &payload, (980+20*int64(i))*ms, l)
	}
	// The third packet came at 1020 ms, and the tone begins 5 ms into it.
	if w := &l.window; w.Latency.Count() != 1 || (w.Latency.Max()-25*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("%d bursts, %v", w.Latency.Count(), w.Latency.Max())
	}
}

// TestTheVerdictOnAPacketDoesNotHangOnTheOneBefore has a listener of two
// talkers, who times a probe as well, hear all of them, then something else.
func TestTheVerdictOnAPacketDoesNotHangOnTheOneBefore(t *testing.T) {
	cfg := Config{Amplitude: tone.Amplitude(3), Capacity: 1}
	packet := func(gain float64, bins ...int) (b [tone.Samples]byte) {
		sum := [tone.Samples]int16{}
		for _, bin := range bins {
			one, pcm := tone.Payload(cfg.Law, bin, gain*cfg.Amplitude), [tone.Samples]int16{}
			g711.DecodeULaw(pcm[:], one[:])
			for i, v := range pcm {
				sum[i] += v
			}
		}
		g711.EncodeULaw(b[:], sum[:])
		return b
	}
	first, second, probe, other := tone.Bin(0), tone.Bin(1), tone.Bin(2), tone.Bin(3)
	for _, tt := range []struct {
		name    string
		then    [tone.Samples]byte
		missing int
	}{
		{"both go on", packet(1, first, second), 0},
		{"both and the probe go on", packet(1, first, second, probe), 0},
		{"a limiter holds both down a little", packet(0.7, first, second), 0},
		{"one is missing", packet(1, first), 1},
		{"one is missing while the probe goes on", packet(1, first, probe), 1},
		{"another is in its place", packet(1, first, other), 1},
		{"both are much too low", packet(0.3, first, second), 2},
		{"silence", tone.Silence(cfg.Law), 2},
	} {
		l := &lane{detector: tone.NewDetector(cfg.Law), amplitude: cfg.Amplitude, silence: tone.Silence(cfg.Law)}
		s := newStream(0, Participant{Hears: []int{first, second}, Probes: []*Probe{NewProbe(probe)}}, &cfg)
		all := packet(1, first, second, probe)
		for i, payload := range [][tone.Samples]byte{all, all, tt.then, tt.then} {
			s.take(uint16(i), uint32(i*tone.Samples), &payload, int64(i)*int64(frameTime), l)
		}
		if w := &l.window; w.Examined != 4 || w.Missing != uint64(2*tt.missing) {
			t.Errorf("%s: %d examined, %d missing; want 4 and %d", tt.name, w.Examined, w.Missing, 2*tt.missing)
		}
	}
}

// TestAMeasurementHasItsOwnSchedule: a stream that has moved for good since the
// call was set up is not late.
func TestAMeasurementHasItsOwnSchedule(t *testing.T) {
	payload := tone.Silence(tone.ULaw)
	s, l := receiveAll(t, Participant{}, payload, arrival{1, 1, 0}, arrival{2, 2, 25})
	l.streams = []*stream{s}
	l.begin()
	for i, at := range []int64{45, 66, 85} {
		s.take(uint16(3+i), uint32((3+i)*tone.Samples), &payload, at*int64(time.Millisecond), l)
	}
	if got := l.window.Lateness.Max(); got != time.Millisecond {
		t.Errorf("at most %v late, want 1 ms", got)
	}
}
