package mixer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// script is an input made of frames given beforehand; nil frames are no sound.
func script(frames [][]int16) func(int64, []int16) Status {
	return func(frame int64, pcm []int16) Status {
		if frame >= int64(len(frames)) || frames[frame] == nil {
			return 0
		}
		copy(pcm, frames[frame])
		return Sound
	}
}

// randomFrames are frames of noise with the given peak.
func randomFrames(seed uint64, count, samples, peak int) [][]int16 {
	rnd := rand.New(rand.NewPCG(seed, 7))
	frames := make([][]int16, count)
	for f := range frames {
		frames[f] = make([]int16, samples)
		for i := range frames[f] {
			frames[f][i] = int16(rnd.IntN(2*peak+1) - peak)
		}
	}
	return frames
}

// TestEachHearsTheOthersExactly: N−1, sample by sample, for several formats.
func TestEachHearsTheOthersExactly(t *testing.T) {
	for _, tc := range []struct {
		name   string
		format audio.Format
		n      int
	}{
		{"two at 8 kHz", audio.Narrowband(), 2},
		{"three at 8 kHz", audio.Narrowband(), 3},
		{"thirty at 8 kHz", audio.Narrowband(), 30},
		{"three at 16 kHz in frames of 10 ms", audio.Format{Rate: 16000, Ptime: 10 * time.Millisecond}, 3},
		{"three at 48 kHz in frames of 60 ms", audio.Format{Rate: 48000, Ptime: 60 * time.Millisecond}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const frames = 20
			e := newTestEngine(t, Config{Workers: 1, Format: tc.format})
			r := e.NewRoom("r")
			ports := make([]*memPort, tc.n)
			inputs := make([][][]int16, tc.n)
			for i := range ports {
				inputs[i] = randomFrames(uint64(i), frames, e.samples, 1000)
				ports[i] = &memPort{keep: true, input: script(inputs[i])}
				r.Add(MemberOptions{Port: ports[i], Talk: true, Hear: true})
			}
			st := stepper{e: e}
			st.frames(frames)
			delay := audio.NewLimiter(tc.format.Rate).Delay()
			for i, p := range ports {
				if len(p.heard) != frames*e.samples {
					t.Fatalf("port %d was sent %d samples, want %d", i, len(p.heard), frames*e.samples)
				}
				for k := delay; k < len(p.heard); k++ {
					at := k - delay
					var want int16
					for j := range inputs {
						if j != i {
							want += inputs[j][at/e.samples][at%e.samples]
						}
					}
					if p.heard[k] != want {
						t.Fatalf("port %d sample %d: heard %d, want %d", i, k, p.heard[k], want)
					}
				}
			}
		})
	}
}

// TestLoudTalkersAreHeardUndistorted: a sum that saturates would leave A 2767
// of B's 20000.
func TestLoudTalkersAreHeardUndistorted(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	a := &memPort{keep: true, input: constant(30000)}
	b := &memPort{keep: true, input: constant(20000)}
	c := &memPort{keep: true}
	for _, p := range []*memPort{a, b, c} {
		r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
	}
	st := stepper{e: e}
	st.frames(100)
	delay := audio.NewLimiter(8000).Delay()
	for i, v := range a.heard[delay:] {
		if v != 20000 {
			t.Fatalf("A hears %d at %d, want B's 20000", v, i)
		}
	}
	for i, v := range b.heard[delay:] {
		if v != 30000 {
			t.Fatalf("B hears %d at %d, want A's 30000", v, i)
		}
	}
	for i, v := range c.heard[delay:] {
		if v < 32000 {
			t.Fatalf("C hears %d at %d, want the sum brought to full scale", v, i)
		}
	}
}

// TestSumNeverWraps: a thousand at full scale, all in phase. In a wide room
// they come in over three frames.
func TestSumNeverWraps(t *testing.T) {
	for _, most := range []int{1000, DefaultMixedTalkers} {
		e := newTestEngine(t, Config{Workers: 1, MixedTalkers: most})
		r := e.NewRoom("r")
		square := func(frame int64, pcm []int16) Status {
			for i := range pcm {
				pcm[i] = math.MaxInt16
				if (int(frame)*len(pcm)+i)/40%2 == 1 {
					pcm[i] = math.MinInt16
				}
			}
			return Sound
		}
		ports := make([]*memPort, 1000)
		for i := range ports {
			ports[i] = &memPort{keep: i < 3, input: square}
			r.Add(MemberOptions{Port: ports[i], Talk: true, Hear: true})
		}
		st := stepper{e: e}
		st.frames(10)
		for i, p := range ports[:3] {
			for k, v := range p.heard {
				at := k - audio.NewLimiter(8000).Delay()
				if at < 0 {
					continue
				}
				if positive := at/40%2 == 0; positive != (v > 0) || k > 3*160 && v > -20000 && v < 20000 {
					t.Fatalf("most %d, port %d sample %d: heard %d of a positive=%v square wave", most, i, k, v, positive)
				}
			}
		}
	}
}

// TestNobodyClicks: what a member hears goes on sample by sample while it
// starts and stops contributing, gets private plays, is muted, and while others
// come and go. Its own input is so loud that those who hear it need the limiter.
func TestNobodyClicks(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	talker := &memPort{input: tone(8000, 437, 15000)}
	speaking := false
	listener := &memPort{keep: true, input: func(frame int64, pcm []int16) Status {
		if !speaking {
			return 0
		}
		return tone(8000, 1001, 30000)(frame, pcm)
	}}
	r.Add(MemberOptions{Port: talker, Talk: true, Hear: true})
	m := r.Add(MemberOptions{Port: listener, Talk: true, Hear: true})
	third := r.Add(MemberOptions{Port: &memPort{}, Talk: true, Hear: true})
	st := stepper{e: e}
	rnd := rand.New(rand.NewPCG(3, 3))
	apart, shared := 0, 0
	for range 2000 {
		switch rnd.IntN(200) {
		case 0, 1, 2, 3:
			speaking = !speaking
		case 4, 5, 6:
			m.Set(rnd.IntN(2) == 0, true)
		case 7, 8:
			m.Play(clip(0, 200)) // silence, but private
		case 9, 10:
			r.Add(MemberOptions{Port: &memPort{}, Hear: true}).Remove()
		case 11, 12:
			third.Set(true, rnd.IntN(2) == 0)
		}
		st.frames(1)
		if m.out.path == alone {
			apart++
		} else {
			shared++
		}
	}
	if apart < 200 || shared < 200 {
		t.Fatalf("path changed too rarely: alone %d, shared %d", apart, shared)
	}
	delay := audio.NewLimiter(8000).Delay()
	want := make([]int16, len(listener.heard))
	tone(8000, 437, 15000)(0, want)
	for i, v := range listener.heard[delay:] {
		if v != want[i] {
			t.Fatalf("sample %d (frame %d): heard %d, want %d", i, i/160, v, want[i])
		}
	}
}

// TestNobodyClicksWhileLimiting: changes between shared and own limiter keep
// the tone smooth also when both limit.
func TestNobodyClicksWhileLimiting(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	for range 3 {
		r.Add(MemberOptions{Port: &memPort{input: tone(8000, 200, 30000)}, Talk: true, Hear: true})
	}
	speaking := false
	p := &memPort{keep: true, input: func(frame int64, pcm []int16) Status {
		if !speaking {
			return 0
		}
		return tone(8000, 200, 30000)(frame, pcm)
	}}
	r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
	st := stepper{e: e}
	for range 20 {
		speaking = !speaking
		st.frames(30)
	}
	// The largest step of a full-scale sine of 200 Hz at 8 kHz is 5147.
	for i := 400; i < len(p.heard); i++ {
		if d := int(p.heard[i]) - int(p.heard[i-1]); d > 5600 || d < -5600 {
			t.Fatalf("step of %d at sample %d (frame %d, sample %d of it)", d, i, i/160, i%160)
		}
	}
}

// TestGateOpensAtOnceAndClosesLate: the first loud frame is heard whole, and
// the input goes on being mixed for the hangover.
func TestGateOpensAtOnceAndClosesLate(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	faint, loud := slices.Repeat([]int16{8}, 160), slices.Repeat([]int16{500}, 160)
	frames := [][]int16{faint, faint, loud}
	for range 20 {
		frames = append(frames, faint)
	}
	p := &memPort{keep: true}
	talker := r.Add(MemberOptions{Port: &memPort{input: script(frames)}, Talk: true, Hear: true})
	r.Add(MemberOptions{Port: p, Hear: true})
	st := stepper{e: e}
	var contributed []int
	for f := range frames {
		st.frames(1)
		if talker.Contributing() {
			contributed = append(contributed, f)
		}
	}
	delay := audio.NewLimiter(8000).Delay()
	heard := p.heard[delay:]
	for f := range 22 {
		want := int16(0)
		switch {
		case f == 2:
			want = 500
		case f > 2 && f <= 12: // 200 ms
			want = 8
		}
		for i, v := range heard[f*160 : f*160+160] {
			if v != want {
				t.Fatalf("frame %d sample %d: heard %d, want %d", f, i, v, want)
			}
		}
	}
	if contributed[0] != 2 || contributed[len(contributed)-1] != 12 {
		t.Errorf("contributing in frames %v, want 2 to 12", contributed)
	}
}

// TestOnlyTheLoudestAreMixed, and they keep their place against those who are
// a little louder.
func TestOnlyTheLoudestAreMixed(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1, MixedTalkers: 2})
	r := e.NewRoom("r")
	level := []int16{1000, 2000, 3000, 0}
	members := make([]*Member, len(level))
	for i := range level {
		members[i] = r.Add(MemberOptions{Talk: true, Hear: true, Port: &memPort{input: func(f int64, pcm []int16) Status {
			return constant(level[i])(f, pcm)
		}}})
	}
	p := &memPort{keep: true}
	r.Add(MemberOptions{Port: p, Hear: true})
	st := stepper{e: e}
	contributing := func() (c [4]bool) {
		for i, m := range members {
			c[i] = m.Contributing()
		}
		return c
	}
	check := func(what string, want [4]bool) {
		t.Helper()
		st.frames(3)
		if got := contributing(); got != want {
			t.Fatalf("%s: %v contribute, want %v", what, got, want)
		}
	}
	check("the two loudest of three", [4]bool{false, true, true, false})
	level[0] = 2600 // 2.3 dB above the weaker of those who talk
	check("a little louder than a talker", [4]bool{false, true, true, false})
	level[3] = 8000 // 12 dB above
	check("much louder than a talker", [4]bool{false, false, true, true})
	level[3] = 0
	st.frames(60)
	check("one has stopped: the next loudest", [4]bool{true, false, true, false})
	if v := p.heard[len(p.heard)-1]; v != 5600 {
		t.Errorf("heard %d, want 2600+3000", v)
	}
}

func TestPutLoudestFirst(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + rnd.IntN(60)
		k := 1 + rnd.IntN(n)
		m := make([]*talker, n)
		for i := range m {
			m[i] = &talker{id: uint64(i), rank: uint64(rnd.IntN(10))}
		}
		rnd.Shuffle(n, func(i, j int) { m[i], m[j] = m[j], m[i] })
		sorted := slices.Clone(m)
		slices.SortFunc(sorted, func(a, b *talker) int {
			if louder(a, b) {
				return -1
			}
			return 1
		})
		putLoudestFirst(m, k)
		for _, x := range m[:k] {
			if !slices.Contains(sorted[:k], x) {
				t.Fatalf("n=%d k=%d: member %d rank %d is not among the loudest", n, k, x.id, x.rank)
			}
		}
	}
}

// countingCodec counts its encodes.
type countingCodec struct {
	audio.Codec
	encoding audio.Encoding
	rate     int
	encodes  int
}

func (c *countingCodec) Encoding() audio.Encoding { return c.encoding }
func (c *countingCodec) Rate() int                { return c.rate }
func (c *countingCodec) Encode(dst []byte, src []int16) int {
	c.encodes++
	return c.Codec.Encode(dst, src)
}

// TestListenersShareOneEncodePerCodec.
func TestListenersShareOneEncodePerCodec(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	mu := &countingCodec{Codec: g711.PCMU(), encoding: audio.PCMU, rate: 8000}
	a := &countingCodec{Codec: g711.PCMA(), encoding: audio.PCMA, rate: 8000}
	own := &countingCodec{Codec: g711.PCMU(), encoding: 77, rate: 8000}
	wide := &countingCodec{Codec: g711.PCMU(), encoding: audio.PCMU, rate: 16000}
	r.Add(MemberOptions{Port: &memPort{codec: mu, input: tone(8000, 500, 5000)}, Talk: true, Hear: true})
	r.Add(MemberOptions{Port: &memPort{codec: mu, input: tone(8000, 700, 5000)}, Talk: true, Hear: true})
	ports := []*memPort{}
	for i := range 30 {
		p := &memPort{keep: true, codec: []audio.Codec{mu, a, own}[i%3]}
		ports = append(ports, p)
		r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
	}
	odd := &memPort{keep: true, codec: wide}
	linear := &memPort{keep: true}
	r.Add(MemberOptions{Port: odd, Hear: true})
	r.Add(MemberOptions{Port: linear, Hear: true})
	st := stepper{e: e}
	st.frames(1)
	mu.encodes, a.encodes, own.encodes = 0, 0, 0
	st.frames(10)
	if mu.encodes != 10*3 || a.encodes != 10 || own.encodes != 10*10 || wide.encodes != 0 {
		t.Errorf("encodes in 10 frames: µ-law %d, A-law %d, with state %d, 16 kHz %d; want 30 (1 shared, 2 talkers), 10, 100, 0",
			mu.encodes, a.encodes, own.encodes, wide.encodes)
	}
	for i, p := range ports {
		if !slices.Equal(p.heard, linear.heard) {
			t.Fatalf("listener %d hears other samples than the linear one", i)
		}
		want := make([]byte, len(p.heard))
		p.codec.(*countingCodec).Codec.Encode(want, p.heard)
		if !slices.Equal(p.payload, want) {
			t.Fatalf("listener %d: payload is not its samples encoded", i)
		}
	}
	if len(odd.payload) != 0 || !slices.Equal(odd.heard, linear.heard) {
		t.Errorf("a codec of another rate got %d bytes of payload; want linear samples only", len(odd.payload))
	}
}

// TestOwnFramesDoNotSpoilOthers: members with a codec that is encoded for alone,
// in turn with talkers and with members that want no payload.
func TestOwnFramesDoNotSpoilOthers(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	own := &countingCodec{Codec: g711.PCMU(), encoding: 77, rate: 8000}
	var ports []*memPort
	for i := range 12 {
		p := &memPort{keep: true, codec: own}
		talk := false
		switch i % 4 {
		case 1:
			p.input, talk = tone(8000, float64(300+100*i), 3000), true
		case 3:
			p.codec = nil
		}
		ports = append(ports, p)
		r.Add(MemberOptions{Port: p, Talk: talk, Hear: true})
	}
	st := stepper{e: e}
	st.frames(5)
	for i, p := range ports {
		want := make([]byte, len(p.heard))
		if p.codec == nil {
			want = want[:0]
		} else {
			g711.EncodeULaw(want, p.heard)
		}
		if !slices.Equal(p.payload, want) {
			t.Errorf("port %d: the payload is not what it hears", i)
		}
	}
}

// TestManyCodecs: more codecs than shared encodes there are.
func TestManyCodecs(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	r.Add(MemberOptions{Port: &memPort{input: tone(8000, 500, 5000)}, Talk: true})
	var ports []*memPort
	for range 3 * maxClasses {
		p := &memPort{keep: true, codec: &countingCodec{Codec: g711.PCMU(), encoding: audio.PCMU, rate: 8000}}
		ports = append(ports, p)
		r.Add(MemberOptions{Port: p, Hear: true})
	}
	st := stepper{e: e}
	st.frames(5)
	for i, p := range ports {
		if len(p.payload) != 800 || !slices.Equal(p.payload, ports[0].payload) {
			t.Fatalf("port %d: %d bytes, or other than port 0", i, len(p.payload))
		}
	}
}

// TestNothingToHearIsEncodedSilence, once per codec.
func TestNothingToHearIsEncodedSilence(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	mu := &countingCodec{Codec: g711.PCMU(), encoding: audio.PCMU, rate: 8000}
	ports := []*memPort{{keep: true, codec: mu}, {keep: true, codec: mu}, {keep: true, codec: mu, input: tone(8000, 300, 3000)}}
	r.Add(MemberOptions{Port: ports[0], Talk: true, Hear: true})
	r.Add(MemberOptions{Port: ports[1], Talk: true})
	r.Add(MemberOptions{Port: ports[2], Hear: true}) // may not talk
	st := stepper{e: e}
	st.frames(50)
	for i, p := range ports {
		if p.silent != 50 {
			t.Errorf("port %d: %d of 50 frames silent", i, p.silent)
		}
		if k := slices.IndexFunc(p.payload, func(b byte) bool { return b != g711.SilenceULaw }); k >= 0 || len(p.payload) != 8000 {
			t.Errorf("port %d: payload of %d bytes, byte %d is not silence", i, len(p.payload), k)
		}
	}
	if mu.encodes != 1 {
		t.Errorf("silence was encoded %d times, want once for all", mu.encodes)
	}
}

// TestTheLimitersTailIsHeard: the last 2.5 ms come in the frame after, which is
// not silent yet.
func TestTheLimitersTailIsHeard(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	shared, own := &memPort{keep: true}, &memPort{keep: true}
	r.Add(MemberOptions{Port: shared, Hear: true})
	m := r.Add(MemberOptions{Port: own})
	a, b := r.Announce(clip(700, 320)), m.Play(clip(900, 320))
	st := stepper{e: e}
	st.frames(10)
	for name, p := range map[string]*memPort{"shared": shared, "own": own} {
		v := map[string]int16{"shared": 700, "own": 900}[name]
		n := 0
		for _, s := range p.heard {
			if s == v {
				n++
			} else if s != 0 {
				t.Fatalf("%s: heard %d", name, s)
			}
		}
		if n != 320 || p.silent != 7 {
			t.Errorf("%s: %d samples heard, %d frames silent; want 320, 7", name, n, p.silent)
		}
	}
	if !a.Ended() || !b.Ended() || a.Samples() != 320 {
		t.Error("not ended by itself")
	}
}

// TestLevels are those of the input and of what is heard.
func TestLevels(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	a := r.Add(MemberOptions{Port: &memPort{input: constant(3277)}, Talk: true, Hear: true})
	b := r.Add(MemberOptions{Port: &memPort{input: constant(328)}, Talk: true, Hear: true})
	c := r.Add(MemberOptions{Port: &memPort{input: constant(328)}, Hear: true})
	st := stepper{e: e}
	st.frames(20)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.1 {
			t.Errorf("%s: %.2f dBov, want %.2f", what, got, want)
		}
	}
	near("A speaks", a.Level(), -20)
	near("A hears B", a.HeardLevel(), -40)
	near("B hears A", b.HeardLevel(), -20)
	near("C hears both", c.HeardLevel(), -19.17)
	near("the room", r.HeardLevel(), -19.17)
	near("C may not talk", c.Level(), audio.MinDBov)
	if !a.Contributing() || c.Contributing() {
		t.Error("A contributes and C does not")
	}
	b.Remove()
	a.Set(false, true)
	st.frames(1)
	if a.Contributing() {
		t.Error("A contributes after it was muted")
	}
	st.frames(20)
	near("A hears nobody", a.HeardLevel(), audio.MinDBov)
	near("A is muted", a.Level(), audio.MinDBov)
	near("B has gone", b.HeardLevel(), audio.MinDBov)
}
