package mixer

import (
	"sync/atomic"
	"time"

	"mediaserver/audio"
)

// slot is a place for rooms: one of the quarters of a frame of one worker.
type slot struct {
	engine *Engine
	worker *worker
	index  int // quarter of the frame
	queue  queue
	meter  meter

	// Placement; under Engine.mu, but for load.
	load     atomic.Int64 // what is here weighs
	placed   int          // sections
	capacity int          // sections for which the worker has memory

	// All below belongs to the worker.
	sections  []*section // first those that are awake
	awake     int
	line      lineup
	told      *events // to be told after the sends; the worker's
	departing *move   // ports that leave after the sends
	early     *move   // ports that have come before their frame
	handed    bool    // something was given to another slot
	final     bool    // the workers have ended
	ports     int     // served in this frame
	scratch   scratch
	classes   classes
}

// scratch is memory that a slot uses for one room after the other.
type scratch struct {
	now     time.Time
	in      []int16 // a received frame; changes places with input.pcm
	source  []int16 // a frame of a source
	own     []int32 // what one member hears, before its limiter
	mix     mixture
	out     []int16 // for one member
	silence []int16
	payload []byte // for one member
}

// payloadSize is enough for one frame of n samples in any codec.
func payloadSize(n int) int { return max(2*n, 1500) }

func newSlot(e *Engine, w *worker, index int) *slot {
	n := e.samples
	s := &slot{
		engine: e, worker: w, index: index, told: &w.told,
		scratch: scratch{
			in: make([]int16, n), source: make([]int16, n), own: make([]int32, n),
			mix: newMixture(n), out: make([]int16, n), silence: make([]int16, n),
			payload: make([]byte, payloadSize(n)),
		},
		classes: newClasses(n),
	}
	return s
}

// turn is when the slot begins in a frame, in parts of a slot: as many as there
// are workers.
func (s *slot) turn() int { return s.index*s.engine.cfg.Workers + s.worker.index }

// idle reports whether there is nothing to do.
func (s *slot) idle() bool {
	return len(s.sections) == 0 && s.early == nil && s.queue.empty()
}

// serve carries out the commands and gives every section its frame. What is to be
// told of it is in s.told afterwards.
func (s *slot) serve(frame int64, now time.Time) {
	s.scratch.now = now
	s.control(frame)
	transport := s.engine.cfg.Transport
	if transport != nil {
		transport.Gather(s.worker.index, now)
	}
	s.ports = 0
	s.serveSections(frame)
	if transport != nil {
		transport.Scatter(s.worker.index, now)
	}
	s.depart(frame)
}

// serveSections serves the sections that are awake.
func (s *slot) serveSections(frame int64) {
	awake := s.sections[:s.awake]
	s.line.begin(awake)
	for _, c := range awake[:min(leadOfSections, len(awake))] {
		c.prefetch(false)
	}
	prefetchFirst(s.line.members)
	for i := 0; i < s.awake; i++ {
		if k := i + leadOfSections; k < s.awake {
			s.sections[k].prefetch(false)
		}
		if k := i + leadOfSections/2; k < s.awake {
			s.sections[k].prefetch(true)
		}
		c := s.sections[i]
		c.serve(s, frame)
		if c.ports == 0 && c.still() {
			s.rest(c)
			i-- // another has taken its place
		}
	}
}

// rest takes a section out of those that are served.
func (s *slot) rest(c *section) {
	if c.index < s.awake {
		s.awake--
		s.swap(c.index, s.awake)
		s.line.stale = true
	}
}

// wake has a section served from this frame on.
func (s *slot) wake(c *section) {
	if c.index >= s.awake {
		s.swap(c.index, s.awake)
		s.awake++
		s.line.stale = true
	}
}

// swap lets two sections change places.
func (s *slot) swap(i, j int) {
	a, b := s.sections[i], s.sections[j]
	s.sections[i], b.index = b, i
	s.sections[j], a.index = a, j
}

// control carries out the commands that have come in.
func (s *slot) control(frame int64) {
	early := s.early
	s.early = nil
	for c := early; c != nil; {
		next := c.later
		c.later = nil
		c.arrive(s, frame)
		c = next
	}
	for n := s.queue.takeAll(); n != nil; {
		next := n.next
		n.next = nil
		n.cmd.apply(s, frame)
		n = next
	}
}

// finish is control after the workers have ended; it closes all sections. It
// reports whether there was anything to do.
func (s *slot) finish() bool {
	busy := !s.idle()
	s.final = true
	s.control(0)
	for len(s.sections) > 0 {
		s.sections[0].close(s, 0)
	}
	s.line.begin(nil)
	s.told.deliver()
	return busy
}

// classes are the encodes that members of a room share, one for each codec.
// They are used for one room after the other.
type classes struct {
	all   [maxClasses]class
	used  int
	round uint64 // changes with each room and frame
}

// maxClasses is the number of codecs per slot whose encodes are shared. A
// member with another codec is encoded for alone.
const maxClasses = 8

// class is one encode shared by members with equal codecs.
type class struct {
	codec   audio.Codec
	round   uint64 // in which payload was made
	payload []byte
	encoded int // bytes in payload
	silence []byte
	quiet   int // bytes in silence
}

func newClasses(samples int) classes {
	var c classes
	for i := range c.all {
		c.all[i].payload = make([]byte, payloadSize(samples))
		c.all[i].silence = make([]byte, payloadSize(samples))
	}
	return c
}

// add makes the class of a codec; nil when there are too many.
func (c *classes) add(codec audio.Codec, silence []int16) *class {
	if c.used == len(c.all) {
		return nil
	}
	k := &c.all[c.used]
	c.used++
	k.codec = codec
	k.quiet = codec.Encode(k.silence, silence)
	return k
}

// shareable reports whether frames of the codec may be encoded once for
// several members: it has no state.
func shareable(codec audio.Codec) bool {
	switch codec.Encoding() {
	case audio.Linear, audio.PCMU, audio.PCMA:
		return true
	default:
		return false
	}
}

// class is the class of a codec; nil when its frames are not shared.
func (s *slot) class(codec audio.Codec) *class {
	for i := range s.classes.all[:s.classes.used] {
		if k := &s.classes.all[i]; k.codec == codec {
			return k
		}
	}
	if !s.encodes(codec) || !shareable(codec) {
		return nil
	}
	return s.classes.add(codec, s.scratch.silence)
}

// encodes reports whether the codec fits the rate of the engine.
func (s *slot) encodes(codec audio.Codec) bool { return codec.Rate() == s.engine.cfg.Format.Rate }

// payload is the shared frame of the room being served, or silence, in a codec.
// It stays valid until the next room if `kept`, else until the next encode.
func (s *slot) payload(codec audio.Codec, out *Output) (payload []byte, kept bool) {
	if codec == nil {
		return nil, true
	}
	k := s.class(codec)
	switch {
	case k == nil:
		return s.encode(codec, out.PCM), false
	case out.Silent:
		return k.silence[:k.quiet], true
	case k.round != s.classes.round:
		k.round = s.classes.round
		k.encoded = codec.Encode(k.payload, out.PCM)
	}
	return k.payload[:k.encoded], true
}

// encode encodes a frame for one member; nil when the codec does not fit.
func (s *slot) encode(codec audio.Codec, pcm []int16) []byte {
	if !s.encodes(codec) {
		return nil
	}
	return s.scratch.payload[:codec.Encode(s.scratch.payload, pcm)]
}
