package generator

import (
	"math"
	"time"

	"mediaserver/bench/tone"
)

const (
	// heard is the share of a talker's amplitude that counts as hearing it.
	heard = 0.5
	// quiet is the share below which a probe's tone counts as absent.
	quiet = 0.04
	// late is how far behind its schedule a packet may be: one frame.
	late = frameTime
	// nearest is how old a burst may be whose echo is timed.
	nearest = time.Second / 2
)

// reception is what is known of the packets that one participant gets.
type reception struct {
	begun    bool
	sequence uint16 // expected
	first    uint32 // timestamp of the first packet
	start    int64  // when that came [ns of the wall clock]
	earliest int64  // least delay against start and first, of the window [ns]
	last     int64  // when the latest packet came
	payload  [tone.Samples]byte
	missing  int       // talkers not in payload
	faults   uint64    // packets with somebody missing, of the window
	levels   []float64 // of each probe in payload, as a share of its amplitude
}

func newReception(p Participant) reception {
	return reception{levels: make([]float64, len(p.Probes)), missing: len(p.Hears)}
}

// open begins a window: what came before it, when the call had not come to its
// room yet, sets no schedule.
func (in *reception) open() { in.faults, in.earliest = 0, math.MaxInt64 }

// take examines a packet that came at a time [ns of the wall clock].
func (s *stream) take(sequence uint16, timestamp uint32, payload *[tone.Samples]byte, at int64, l *lane) {
	in, w := &s.in, &l.window
	w.Received++
	if !in.begun {
		in.begun, in.sequence, in.first, in.start, in.last = true, sequence, timestamp, at, at
	} else {
		w.Gap.Add(time.Duration(at - in.last))
	}
	in.order(sequence, w)
	const perSample = int64(frameTime) / tone.Samples
	delay := at - in.start - int64(int32(timestamp-in.first))*perSample
	in.earliest = min(in.earliest, delay)
	behind := time.Duration(delay - in.earliest)
	w.Lateness.Add(behind)
	if behind > late {
		w.Late++
	}
	if len(s.Hears)+len(s.Probes) > 0 {
		s.listen(payload, at, l)
	}
	in.last = at
}

// order counts gaps in the sequence, and packets that close them afterwards.
func (in *reception) order(sequence uint16, w *Window) {
	switch ahead := int16(sequence - in.sequence); {
	case ahead >= 0:
		w.Lost += int64(ahead)
		in.sequence = sequence + 1
	default:
		w.Reordered++
		w.Lost--
	}
}

// listen looks for the talkers and times the probes.
func (s *stream) listen(payload *[tone.Samples]byte, at int64, l *lane) {
	in, w := &s.in, &l.window
	if *payload != in.payload {
		in.payload = *payload
		l.detector.Load(payload)
		in.missing = 0
		for _, bin := range s.Hears {
			if l.detector.Amplitude(bin) < heard*l.amplitude {
				in.missing++
			}
		}
		for i, p := range s.Probes {
			level := min(1, l.detector.Amplitude(p.bin)/l.amplitude)
			if onset, ok := begins(in.levels[i], level, in.last, at); ok {
				if delay := time.Duration(onset - p.begun.Load()); delay < nearest {
					w.Latency.Add(delay)
				}
			}
			in.levels[i] = level
		}
	}
	if len(s.Hears) > 0 {
		w.Examined++
		w.Missing += uint64(in.missing)
		if in.missing > 0 {
			w.Faults++
			in.faults++
		}
	}
}

// begins says when a tone began [ns] whose share in the packet before, that
// came at last, and in this one, that came at now, are known. A tone that
// begins within a packet has that share of its amplitude.
func begins(before, here float64, last, now int64) (onset int64, ok bool) {
	if before >= heard || here < heard {
		return 0, false
	}
	if before > quiet {
		return last + int64((1-before)*float64(frameTime)), true
	}
	return now + int64((1-here)*float64(frameTime)), true
}
