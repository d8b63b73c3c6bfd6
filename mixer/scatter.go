package mixer

import "mediaserver/audio"

// path says how a member was served in the last frame.
type path uint8

const (
	fresh   path = iota // not at all
	sharing             // with what all hear who contribute nothing
	deaf                // with silence, shared too
	alone               // with what nobody else hears
)

const (
	// limiterRest is how many frames without sound a limiter is run, so that
	// its gain is back at one when sound returns.
	limiterRest = 100
	// longestLinger is for how many frames a member whose limiter, or that of
	// those it joins, is at work stays alone before it joins them all the same.
	longestLinger = 100
	// levelEvery is how often levels of outputs are taken [frames], a power of two.
	levelEvery = 8
)

// stream is a sequence of frames that goes out, to one or to many.
type stream struct {
	quiet   int   // frames since the last with sound
	level   gauge // [energy of a frame]
	limiter audio.Limiter
}

func newStream(rate int) stream {
	return stream{limiter: *audio.NewLimiter(rate), quiet: limiterRest}
}

// reset makes the stream one that never had sound.
func (t *stream) reset() {
	if t.quiet < limiterRest {
		t.limiter.Reset()
		t.quiet = limiterRest
	}
}

// copyFrom makes the stream go on where o is.
func (t *stream) copyFrom(o *stream) {
	t.limiter.CopyFrom(&o.limiter)
	t.quiet = o.quiet
	t.level.set(o.level.Load() &^ asRoom)
}

// step begins a frame, with sound coming in or not. It says whether the
// limiter must run, and whether anything can be heard of what comes out: the
// limiter holds back the end of the sound for one frame.
func (t *stream) step(sound bool) (run, audible bool) {
	if sound {
		t.quiet = 0
		return true, true
	}
	if t.quiet < limiterRest {
		t.quiet++
		return true, t.quiet == 1
	}
	return false, false
}

// output is what goes to a member.
type output struct {
	path   path
	linger int // frames alone without a reason
	stream     // when alone
}

// drop forgets what was sent: the port has changed or gone.
func (o *output) drop() {
	o.path = fresh
	o.level.set(0)
}

// scatter sends one frame to every member that has a port.
func (c *section) scatter(s *slot, frame int64, mix *mixture) {
	silence := offer{out: Output{PCM: s.scratch.silence, Silent: true, Worker: s.worker.index}}
	room := silence
	if mix.audible {
		room.out = Output{PCM: mix.pcm, Worker: s.worker.index}
	}
	s.classes.round++
	portless := 0
	for _, m := range c.members {
		switch m.out.path {
		case sharing:
			m.send(s, frame, &room)
		case deaf:
			m.send(s, frame, &silence)
		case alone:
			m.sendAlone(s, frame, mix)
		case fresh:
			m.readPlay(s) // it goes on, though nobody hears it
			portless++
		}
	}
	c.ports = len(c.members) - portless
	s.ports += c.ports
}

// offer is a frame for several members. The payload is kept from one to the
// next: mostly all have the same codec.
type offer struct {
	codec audio.Codec
	kept  bool // out.Payload is that of codec
	out   Output
}

// route decides for each member how it is served. Who changes between shared
// and alone takes the state of the limiter along. When the shared stream was not
// made in the last frame it goes on where that of a member is that is sent it
// now. It reports whether anybody is.
func (c *section) route() (any bool) {
	shared, kept := &c.shared, c.kept
	var donor *stream
	for _, m := range c.members {
		o := &m.out
		if m.port == nil {
			o.drop()
			continue
		}
		want := m.wants()
		if want != o.path {
			want = m.change(want, shared, kept)
			if o.path == alone && want == sharing {
				donor = &o.stream
			}
			o.path = want
		}
		if want == sharing {
			any = true
		}
	}
	switch {
	case kept || !any:
	case donor != nil:
		shared.copyFrom(donor)
	default:
		shared.reset()
	}
	return any
}

// wants is the path that would do.
func (m *Member) wants() path {
	switch {
	case m.play != nil || m.minus != nil && m.hear:
		m.out.linger = 0
		return alone
	case m.hear:
		return sharing
	default:
		return deaf
	}
}

// change prepares a member for another path, and returns the one to take.
// running says that the shared stream was used in the last frame.
func (m *Member) change(want path, shared *stream, running bool) path {
	o := &m.out
	switch {
	case want == alone && o.path == sharing:
		o.copyFrom(shared)
	case want == alone:
		o.reset()
		o.level.set(0)
	case o.path == alone && !o.joins(running && want == sharing && shared.limiter.Active()):
		o.linger++
		return alone
	case want == sharing:
		o.level.set(asRoom)
	default:
		o.level.set(0)
	}
	return want
}

// joins reports whether a member that is alone without a reason can go over to
// others without a click: it has had one frame of what they hear, so that both
// limiters hold the same samples, and both have a gain of one.
func (o *output) joins(othersLimited bool) bool {
	if o.linger == 0 {
		return false
	}
	return o.linger >= longestLinger || !o.limiter.Active() && !othersLimited
}

// mixShared makes the frame that is shared.
func (c *section) mixShared(mix *mixture, frame int64) {
	run, audible := c.shared.step(mix.sounds(0))
	if run {
		c.shared.limiter.Process(mix.pcm, mix.sum)
	}
	switch {
	case !audible:
		c.shared.level.set(0)
	case frame%levelEvery == 0:
		c.shared.level.set(energyBits(audio.Energy(mix.pcm)))
	}
	mix.audible = audible
}

// send sends a frame that others are sent too.
func (m *Member) send(s *slot, frame int64, o *offer) {
	if codec := m.port.Codec(); !o.kept || codec != o.codec {
		o.codec = codec
		o.out.Payload, o.kept = s.payload(codec, &o.out)
	}
	m.port.Send(frame, s.scratch.now, o.out)
}

// sendAlone makes what one member hears and sends it.
func (m *Member) sendAlone(s *slot, frame int64, mix *mixture) {
	o := &m.out
	own := 0
	if m.minus != nil {
		own = 1
	}
	hears := m.hear && mix.sounds(own)
	played := m.readPlay(s)
	run, audible := o.step(hears || played > 0)
	if run {
		m.limitAlone(s, mix, hears, played)
	}
	if !audible {
		o.level.set(0)
		m.sendSilence(s, frame)
		return
	}
	out := Output{PCM: s.scratch.out, Worker: s.worker.index}
	if (frame+int64(m.in.id))%levelEvery == 0 {
		o.level.set(energyBits(audio.Energy(out.PCM)))
	}
	if codec := m.port.Codec(); codec != nil {
		out.Payload = s.encode(codec, out.PCM)
	}
	m.port.Send(frame, s.scratch.now, out)
}

// limitAlone puts into scratch.out what one member hears: the room without its
// own part, if it hears anything of it, and the `played` samples of its private
// play in scratch.source.
func (m *Member) limitAlone(s *slot, mix *mixture, hears bool, played int) {
	c, own, o := &s.scratch, m.minus, &m.out
	ownSound := own != nil && own.sound
	ownSource := own != nil && own.injecting
	if hears && played == 0 && !ownSource {
		if ownSound {
			o.limiter.ProcessMinus(c.out, mix.sum, own.pcm)
		} else {
			o.limiter.Process(c.out, mix.sum)
		}
		return
	}
	if hears {
		copy(c.own, mix.sum)
		if ownSound {
			audio.Sub(c.own, own.pcm)
		}
		if ownSource {
			audio.Sub(c.own, own.injected)
		}
	} else {
		clear(c.own)
	}
	audio.Add(c.own, c.source[:played])
	o.limiter.Process(c.out, c.own)
}

// readPlay reads one frame of the private play into scratch.source and returns
// the number of samples.
func (m *Member) readPlay(s *slot) int {
	p := m.play
	if p == nil {
		return 0
	}
	n := p.read(s, s.scratch.source)
	if p.over {
		m.play = nil
	}
	return n
}

// sendSilence sends a frame in which there is nothing to hear.
func (m *Member) sendSilence(s *slot, frame int64) {
	m.send(s, frame, &offer{out: Output{PCM: s.scratch.silence, Silent: true, Worker: s.worker.index}})
}
