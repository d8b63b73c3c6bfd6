package phone

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/rtp"
	"mediaserver/rtp/srtp"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// open makes a phone and opens it.
func open(t *testing.T, cfg Config) *Phone {
	t.Helper()
	cfg.Jitter.MinMS = 60 // the machine may be busy
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// answered is what Phone.Answer returned.
type answered struct {
	call *Call
	err  error
}

// connect lets one phone call another.
func connect(t *testing.T, ctx context.Context, caller, callee *Phone) (out, in *Call) {
	t.Helper()
	got := make(chan answered, 1)
	go func() {
		c, err := callee.Answer(ctx)
		got <- answered{c, err}
	}()
	out, err := caller.Dial(ctx, callee.URI())
	if err != nil {
		t.Fatal(err)
	}
	a := <-got
	if a.err != nil {
		t.Fatal(a.err)
	}
	return out, a.call
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func tone(freq float64) func(int) audio.Source {
	return func(rate int) audio.Source { return audio.NewTone(rate, []float64{freq}, -12) }
}

// attempts is how often a test listens again when the machine, too busy for
// the phones, may have spoilt what it heard. A fault of theirs spoils all.
const attempts = 5

const (
	tooLate = 20 * time.Millisecond // for sound to be as it should
	longest = time.Minute           // that a machine may be too busy
)

// tries gives attempts of a check of sound in real time. One during which this
// process itself was kept from running does not count, for a minute at most.
func tries(yield func(int) bool) {
	for begin, n := time.Now(), 0; n < attempts && time.Since(begin) < longest; {
		over, late := make(chan struct{}), make(chan bool)
		go func() { late <- starved(over) }()
		more := yield(n)
		close(over)
		if !<-late {
			n++
		}
		if !more {
			return
		}
	}
}

// starved says whether a wait of this process took too long before over.
func starved(over <-chan struct{}) bool {
	const step = 5 * time.Millisecond
	was := false
	for timer := time.NewTimer(step); ; timer.Reset(step) {
		asked := time.Now()
		select {
		case <-over:
			return was
		case <-timer.C:
			was = was || time.Since(asked) > step+tooLate
		}
	}
}

// hears checks that a call hears one tone and nothing else from now on.
func hears(t *testing.T, ctx context.Context, c *Call, freq float64) {
	t.Helper()
	for range tries {
		if _, err := c.Listen(ctx, 200*time.Millisecond); err != nil { // what was on its way
			t.Fatal(err)
		}
		clip, err := c.Listen(ctx, 600*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		// In pieces of 100 ms, of which two may hold a correction by the jitter
		// buffer, which changes the phase.
		var shares []float64
		for piece := range slices.Chunk(clip.Samples, clip.Rate/10) {
			shares = append(shares, audio.ToneShare(piece, clip.Rate, freq))
		}
		slices.Sort(shares)
		level := audio.LevelDBov(clip.Samples)
		if shares[2] >= 0.99 && level >= -16 {
			return
		}
		t.Logf("hears %v Hz with shares of %.4f at %.1f dBov", freq, shares, level)
	}
	t.Errorf("does not hear %v Hz", freq)
}

// hearsNothing checks that a call has become quiet.
func hearsNothing(t *testing.T, ctx context.Context, c *Call) {
	t.Helper()
	var level float64
	for range tries {
		if _, err := c.Listen(ctx, 300*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		clip, err := c.Listen(ctx, 300*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if level = audio.LevelDBov(clip.Samples); level <= -70 {
			return
		}
	}
	t.Errorf("%.1f dBov are heard", level)
}

// gets checks that keys pressed at one end come to the other, each once. Tones
// in the sound are pressed again where there were holes in the sound.
func gets(t *testing.T, ctx context.Context, out, in *Call, digits string, method dtmf.Method) {
	t.Helper()
	for range tries {
		had, whole := len(in.Digits(method)), in.Stats()
		if err := out.Press(ctx, digits, method); err != nil {
			t.Errorf("%v: %v", method, err)
			return
		}
		for range 5 * attempts {
			if _, err := in.Listen(ctx, 200*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			if len(in.Digits(method)) >= had+len(digits) {
				break
			}
		}
		got, now := in.Digits(method)[had:], in.Stats()
		if got == digits {
			return
		}
		if method != dtmf.InBand || now.TotalConcealed() == whole.TotalConcealed() && now.Stretched == whole.Stretched && now.Shrunk == whole.Shrunk {
			t.Errorf("%v: got %q", method, got)
			return
		}
		t.Logf("%v: got %q, of a sound with holes: %+v", method, got, now)
	}
	t.Errorf("%v: %q does not come through", method, digits)
}

func TestTwoPhonesHearEachOtherAndPressKeysInAllWays(t *testing.T) {
	for _, tt := range []struct {
		name           string
		caller, callee Config
	}{
		{"UDP", Config{User: "ann"}, Config{User: "bob"}},
		{"TCP", Config{User: "ann", Listen: []string{"tcp://127.0.0.1:0"}}, Config{User: "bob", Listen: []string{"tcp://127.0.0.1:0"}}},
		{"IPv6", Config{User: "ann", Listen: []string{"udp://[::1]:0"}}, Config{User: "bob", Listen: []string{"udp://[::1]:0"}}},
		{"A-law only", Config{User: "ann"}, Config{User: "bob", Can: sdp.Capability{Codecs: []sdp.CodecSpec{sdp.PCMA}, Events: true}}},
		{"late offer", Config{User: "ann", Dial: DialOptions{LateOffer: true}}, Config{User: "bob"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := within(t, 5*time.Minute)
			tt.caller.Source, tt.callee.Source = tone(440), tone(880)
			out, in := connect(t, ctx, open(t, tt.caller), open(t, tt.callee))
			hears(t, ctx, out, 880)
			hears(t, ctx, in, 440)
			digits := "5#"
			if tt.name == "UDP" {
				digits = "159*#D"
			}
			for _, method := range []dtmf.Method{dtmf.RFC4733, dtmf.Info, dtmf.InBand} {
				gets(t, ctx, out, in, digits, method)
			}
			if p := out.Presses(); len(p) > 0 {
				t.Errorf("the caller got %v", p)
			}
			if err := out.HangUp(ctx); err != nil {
				t.Error(err)
			}
			select {
			case <-in.Ended():
			case <-ctx.Done():
				t.Fatal("the far end does not learn of the end")
			}
			if !errors.Is(in.Err(), sip.ErrRemoteBye) || !errors.Is(out.Err(), sip.ErrLocalBye) {
				t.Errorf("ended by %v and %v", in.Err(), out.Err())
			}
			if s := in.Stats(); t.Failed() {
				t.Logf("stats %+v", s)
			}
		})
	}
}

func TestHoldAndResume(t *testing.T) {
	t.Parallel()
	ctx := within(t, 5*time.Minute)
	out, in := connect(t, ctx, open(t, Config{User: "ann", Source: tone(440)}), open(t, Config{User: "bob", Source: tone(880)}))
	hears(t, ctx, in, 440)
	for _, c := range []struct {
		name         string
		holder, held *Call
		freq         float64
	}{{"by the caller", out, in, 880}, {"by the callee", in, out, 440}} {
		if err := c.holder.Hold(ctx); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, side := range []*Call{c.holder, c.held} {
			hearsNothing(t, ctx, side)
		}
		if err := c.holder.Resume(ctx); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		hears(t, ctx, c.holder, c.freq)
		hears(t, ctx, c.held, 440+880-c.freq)
		if err := c.holder.Renew(ctx); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		hears(t, ctx, c.holder, c.freq)
	}
}

func TestCallsAreProtectedAsBothWant(t *testing.T) {
	with := func(s sdp.Security) sdp.Capability { return sdp.Capability{Security: s} }
	for _, tt := range []struct {
		name           string
		caller, callee sdp.Security
		late           bool
		want           srtp.Suite
		refused        bool
	}{
		{"both require it", sdp.SecurityRequired, sdp.SecurityRequired, false, srtp.GCM128, false},
		{"both can", sdp.SecurityOptional, sdp.SecurityOptional, false, srtp.GCM128, false},
		{"late offer", sdp.SecurityRequired, sdp.SecurityOptional, true, srtp.GCM128, false},
		{"the callee cannot", sdp.SecurityOptional, sdp.SecurityOff, false, srtp.NoSuite, false},
		{"the caller cannot", sdp.SecurityOff, sdp.SecurityOptional, false, srtp.NoSuite, false},
		{"the caller requires it in vain", sdp.SecurityRequired, sdp.SecurityOff, false, srtp.NoSuite, true},
		{"the callee requires it in vain", sdp.SecurityOff, sdp.SecurityRequired, false, srtp.NoSuite, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := within(t, 5*time.Minute)
			ann := open(t, Config{User: "ann", Can: with(tt.caller), Source: tone(440), Dial: DialOptions{LateOffer: tt.late}})
			bob := open(t, Config{User: "bob", Can: with(tt.callee), Source: tone(880)})
			if tt.refused {
				go func() { _, _ = bob.Answer(ctx) }()
				var status *sip.StatusError
				if _, err := ann.Dial(ctx, bob.URI()); !errors.As(err, &status) || status.Code != sip488 {
					t.Errorf("%v, want 488", err)
				}
				return
			}
			out, in := connect(t, ctx, ann, bob)
			hears(t, ctx, out, 880)
			hears(t, ctx, in, 440)
			if out.Suite() != tt.want || in.Suite() != tt.want {
				t.Errorf("protected by %q and %q, want %q", out.Suite(), in.Suite(), tt.want)
			}
			if err := out.Hold(ctx); err != nil {
				t.Fatal(err)
			}
			if err := out.Resume(ctx); err != nil {
				t.Fatal(err)
			}
			if out.Suite() != tt.want || in.Suite() != tt.want {
				t.Errorf("after a hold protected by %q and %q, want %q", out.Suite(), in.Suite(), tt.want)
			}
			hears(t, ctx, out, 880)
			hears(t, ctx, in, 440)
			for _, s := range []rtp.Stats{out.Stats(), in.Stats()} {
				if n := s.Dropped[rtp.DropForged]; n > 0 {
					t.Errorf("%d packets forged", n)
				}
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	caller, callee := open(t, Config{}), open(t, Config{})
	refused := make(chan error, 1)
	go func() { refused <- callee.Refuse(ctx, 486) }()
	_, err := caller.Dial(ctx, callee.URI())
	var status *sip.StatusError
	if !errors.As(err, &status) || status.Code != 486 {
		t.Errorf("dial: %v", err)
	}
	if err := <-refused; err != nil {
		t.Error(err)
	}
}

func TestNoCommonCodecIsRefused(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	caller := open(t, Config{Can: sdp.Capability{Codecs: []sdp.CodecSpec{sdp.PCMU}}})
	callee := open(t, Config{Can: sdp.Capability{Codecs: []sdp.CodecSpec{sdp.PCMA}}})
	got := make(chan answered, 1)
	go func() {
		c, err := callee.Answer(ctx)
		got <- answered{c, err}
	}()
	_, err := caller.Dial(ctx, callee.URI())
	var status *sip.StatusError
	if !errors.As(err, &status) || status.Code != 488 {
		t.Errorf("dial: %v", err)
	}
	if a := <-got; !errors.Is(a.err, sdp.ErrNoCommonCodec) {
		t.Errorf("answer: %v", a.err)
	}
}

func TestDialIsCancelledAndForgotten(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	caller, callee := open(t, Config{}), open(t, Config{})
	dialling, cancel := context.WithCancel(ctx)
	rang := make(chan *sip.Dialog, 1)
	go func() {
		rang <- <-callee.incoming
		cancel()
	}()
	if _, err := caller.Dial(dialling, callee.URI()); !errors.Is(err, context.Canceled) {
		t.Fatalf("dial: %v", err)
	}
	// The cancelled call is passed over by Answer.
	d := <-rang
	<-d.Ended()
	callee.incoming <- d
	out, in := connect(t, ctx, caller, callee)
	if out.Invitation().CallID != in.Invitation().CallID {
		t.Error("another call was answered")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	caller, callee := open(t, Config{}), open(t, Config{})
	out, in := connect(t, ctx, caller, callee)
	if err := callee.Close(); err != nil {
		t.Error(err)
	}
	<-in.Ended()
	<-out.Ended()
	if _, err := callee.Answer(ctx); !errors.Is(err, ErrEnded) {
		t.Errorf("answer after close: %v", err)
	}
	if err := in.Press(ctx, "1", dtmf.RFC4733); !errors.Is(err, ErrEnded) {
		t.Errorf("press after the end: %v", err)
	}
	if err := in.Press(ctx, "1", dtmf.Info); err == nil {
		t.Error("INFO after the end")
	}
}

func TestRTPPortsComeBack(t *testing.T) {
	t.Parallel()
	ctx := within(t, 5*time.Minute)
	ports, err := rtp.NewPorts(rtp.PortsConfig{Min: 21900, Max: 21903, Drain: -1})
	if err != nil {
		t.Fatal(err)
	}
	caller, callee := open(t, Config{Ports: ports}), open(t, Config{Ports: ports})
	for range 3 {
		out, in := connect(t, ctx, caller, callee)
		if _, err := caller.Dial(ctx, callee.URI()); !errors.Is(err, rtp.ErrNoPorts) {
			t.Fatalf("a call without ports: %v", err)
		}
		if err := in.HangUp(ctx); err != nil {
			t.Fatal(err)
		}
		if err := out.HangUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
