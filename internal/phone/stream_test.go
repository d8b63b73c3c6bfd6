package phone

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/dtmf"
	"mediaserver/internal/leaktest"
	"mediaserver/internal/memnet"
	"mediaserver/rtp"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const everyDigit = "1234567890*#ABCD"

// streams makes two streams that face each other on a network in memory.
func streams(t *testing.T, network *memnet.Network, edit func(*rtp.Params)) (a, b *Stream) {
	t.Helper()
	var sockets [2][2]*memnet.Socket
	for i := range sockets {
		var err error
		if sockets[i][0], sockets[i][1], err = network.ListenPair(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)})); err != nil {
			t.Fatal(err)
		}
	}
	var made [2]*Stream
	for i := range made {
		p := rtp.Params{
			Remote: sockets[1-i][0].Addr(), Codec: g711.PCMU(), Accept: []rtp.PayloadCodec{{PayloadType: 8, Codec: g711.PCMA()}},
			EventPT: 101, HasEvent: true, Send: true, Receive: true,
		}
		if edit != nil {
			edit(&p)
		}
		var err error
		made[i], err = NewStream(StreamConfig{RTP: sockets[i][0], RTCP: sockets[i][1], Params: p, Seed: uint64(1 + i)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := made[i].Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return made[0], made[1]
}

// clock steps streams in virtual time.
type clock struct {
	now     time.Time
	streams []*Stream
}

func (c *clock) Now() time.Time { return c.now }

func (c *clock) run(d time.Duration) {
	for range int(d / FrameTime) {
		for _, s := range c.streams {
			s.Step(c.now)
		}
		c.now = c.now.Add(FrameTime)
	}
}

func TestStreamsHearEachOthersTone(t *testing.T) {
	for _, codec := range []struct {
		codec audio.Codec
		pt    uint8
	}{{g711.PCMU(), 0}, {g711.PCMA(), 8}} {
		t.Run(codec.codec.Encoding().String(), func(t *testing.T) {
			clk := &clock{now: time.Unix(1000, 0)}
			a, b := streams(t, memnet.New(memnet.Config{Now: clk.Now}), func(p *rtp.Params) { p.Codec, p.PayloadType = codec.codec, codec.pt })
			clk.streams = []*Stream{a, b}
			a.Tone(440, -10)
			b.Tone(880, -20)
			clk.run(2 * time.Second)
			if share := a.ToneShare(880, time.Second); share < 0.99 {
				t.Errorf("a hears a share of %.4f of 880 Hz", share)
			}
			if share := b.ToneShare(440, time.Second); share < 0.99 {
				t.Errorf("b hears a share of %.4f of 440 Hz", share)
			}
			if level := a.ToneLevel(880, time.Second); level < -23.2 || level > -22.8 {
				t.Errorf("a hears 880 Hz at %.2f dBov, want -23", level)
			}
			if level := b.ToneLevel(880, time.Second); level > -60 {
				t.Errorf("b hears itself at %.1f dBov", level)
			}
			if p := append(a.Presses(), b.Presses()...); len(p) > 0 {
				t.Errorf("presses %v", p)
			}
		})
	}
}

func TestStreamMuteSilencesWithin60ms(t *testing.T) {
	clk := &clock{now: time.Unix(1000, 0)}
	a, b := streams(t, memnet.New(memnet.Config{Now: clk.Now}), nil)
	clk.streams = []*Stream{a, b}
	a.Tone(440, -10)
	clk.run(time.Second)
	from := b.Frame()
	a.Mute(true)
	clk.run(500 * time.Millisecond)
	if level := audio.LevelDBov(b.Heard(from+3, from+25).Samples); level > -70 {
		t.Errorf("muted, and 60 ms later still %.1f dBov", level)
	}
	a.Mute(false)
	clk.run(500 * time.Millisecond)
	if share := b.ToneShare(440, 300*time.Millisecond); share < 0.99 || a.Muted() {
		t.Errorf("not heard again: share %.3f", share)
	}
}

// pressed lets a stream press digits while the clock runs.
func pressed(t *testing.T, clk *clock, s *Stream, digits string, method dtmf.Method) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // queue, and do not wait
	if err := s.Press(ctx, digits, method); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	clk.run(time.Duration(len(digits))*200*time.Millisecond + 200*time.Millisecond)
}

func TestStreamPressesEveryDigit(t *testing.T) {
	for _, method := range []dtmf.Method{dtmf.RFC4733, dtmf.InBand} {
		t.Run(method.String(), func(t *testing.T) {
			clk := &clock{now: time.Unix(1000, 0)}
			a, b := streams(t, memnet.New(memnet.Config{Now: clk.Now}), nil)
			clk.streams = []*Stream{a, b}
			a.Tone(440, -10)
			clk.run(time.Second)
			pressed(t, clk, a, everyDigit, method)
			pressed(t, clk, a, "11", method)
			if got := b.Digits(method); got != everyDigit+"11" {
				t.Errorf("got %q", got)
			}
			if n := len(b.Presses()); n != 18 {
				t.Errorf("%d presses in all: %v", n, b.Presses())
			}
			clk.run(500 * time.Millisecond)
			if share := b.ToneShare(440, 300*time.Millisecond); share < 0.99 {
				t.Errorf("the tone does not go on: share %.3f", share)
			}
		})
	}
}

func TestStreamDigitsArriveOverABadNetwork(t *testing.T) {
	clk := &clock{now: time.Unix(1000, 0)}
	network := memnet.New(memnet.Config{Now: clk.Now, Seed: 5, Conditions: memnet.Conditions{
		Loss: 0.1, Duplicate: 0.05, Reorder: 0.05, Delay: 20 * time.Millisecond, Jitter: 20 * time.Millisecond,
	}})
	a, b := streams(t, network, nil)
	clk.streams = []*Stream{a, b}
	clk.run(time.Second)
	digits := strings.Repeat(everyDigit, 4)
	pressed(t, clk, a, digits, dtmf.RFC4733)
	if got := b.Digits(dtmf.RFC4733); got != digits {
		t.Errorf("got  %q\nwant %q", got, digits)
	}
	if s := network.Stats(); s.Lost == 0 || s.Duplicated == 0 || s.Reordered == 0 {
		t.Errorf("the network was too good: %+v", s)
	}
}

func TestStreamPressRefusals(t *testing.T) {
	clk := &clock{now: time.Unix(1000, 0)}
	a, _ := streams(t, memnet.New(memnet.Config{Now: clk.Now}), func(p *rtp.Params) { p.HasEvent = false })
	tests := []struct {
		name   string
		digits string
		method dtmf.Method
		want   error
	}{
		{"no events negotiated", "1", dtmf.RFC4733, ErrNoEvents},
		{"INFO without a call", "1", dtmf.Info, ErrNoSignalling},
		{"no digit", "1x", dtmf.InBand, dtmf.ErrDigit},
		{"too many", strings.Repeat("1", 65), dtmf.InBand, dtmf.ErrTooMany},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := a.Press(t.Context(), tt.digits, tt.method); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestStreamUpdateChangesCodecAndEvents(t *testing.T) {
	clk := &clock{now: time.Unix(1000, 0)}
	var remotes []netip.AddrPort
	a, b := streams(t, memnet.New(memnet.Config{Now: clk.Now}), func(p *rtp.Params) { remotes = append(remotes, p.Remote) })
	clk.streams = []*Stream{a, b}
	a.Tone(440, -10)
	clk.run(time.Second)
	p := rtp.Params{Remote: remotes[0], Codec: g711.PCMA(), PayloadType: 8, EventPT: 101, Send: true, Receive: true}
	if err := a.Update(p); err != nil {
		t.Fatal(err)
	}
	clk.run(time.Second)
	if share := b.ToneShare(440, 500*time.Millisecond); share < 0.99 {
		t.Errorf("share %.3f after the change of codec", share)
	}
	if err := a.Press(t.Context(), "1", dtmf.RFC4733); !errors.Is(err, ErrNoEvents) {
		t.Errorf("press without events: %v", err)
	}
}

func TestStreamRunsInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streams(t, memnet.New(memnet.Config{Conditions: memnet.Conditions{Delay: 30 * time.Millisecond}}), nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{}, 2)
		for _, s := range []*Stream{a, b} {
			go func() {
				s.Run(ctx)
				ended <- struct{}{}
			}()
		}
		start := time.Now()
		a.Tone(1000, -12)
		if _, err := b.Listen(ctx, time.Second); err != nil {
			t.Fatal(err)
		}
		clip, err := b.Listen(ctx, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if clip.Duration() != time.Minute {
			t.Errorf("heard %v", clip.Duration())
		}
		if share := audio.ToneShare(clip.Samples, clip.Rate, 1000); share < 0.99 {
			t.Errorf("share %.4f", share)
		}
		before := time.Now()
		if err := a.Press(ctx, "123", dtmf.RFC4733); err != nil {
			t.Error(err)
		}
		if took := time.Since(before); took < 600*time.Millisecond || took > 640*time.Millisecond {
			t.Errorf("three keys took %v", took)
		}
		if _, err := b.Listen(ctx, 100*time.Millisecond); err != nil {
			t.Error(err)
		}
		if got := b.Digits(dtmf.RFC4733); got != "123" {
			t.Errorf("got %q", got)
		}
		at, ok := b.TimeOf(b.Frame() - 1)
		if want := start.Add(time.Duration(b.Frame()-1) * FrameTime); !ok || !at.Equal(want) {
			t.Errorf("last frame at %v, want %v", at, want)
		}
		cancel()
		<-ended
		<-ended
		if _, err := b.Listen(ctx, time.Second); !errors.Is(err, context.Canceled) {
			t.Errorf("listen behind the end: %v", err)
		}
	})
}

func TestRecorderKeepsTheLastFrames(t *testing.T) {
	r := &recorder{rate: 8000, samples: 2, keep: 10}
	at := time.Unix(0, 0)
	for i := range int64(35) {
		r.add(i, at.Add(time.Duration(i)*time.Second), []int16{int16(i), int16(i)})
	}
	first, end := r.span()
	if end != 35 || first > 25 || first < 15 {
		t.Errorf("keeps %d to %d", first, end)
	}
	if got := r.clip(33, 99).Samples; !slices.Equal(got, []int16{33, 33, 34, 34}) {
		t.Errorf("last two frames: %v", got)
	}
	if len(r.clip(0, 5).Samples) != 0 {
		t.Error("something of the forgotten frames")
	}
	if when, ok := r.timeOf(30); !ok || when.Unix() != 30 {
		t.Errorf("frame 30 at %v, %v", when, ok)
	}
	if _, ok := r.timeOf(35); ok {
		t.Error("a frame to come has a time")
	}
	r.add(38, at, []int16{7, 7}) // three frames left out
	if got := r.clip(34, 39).Samples; !slices.Equal(got, []int16{34, 34, 0, 0, 0, 0, 0, 0, 7, 7}) {
		t.Errorf("around the gap: %v", got)
	}
	r.add(1000, at, []int16{9, 9})
	if first, end := r.span(); first != 1000 || end != 1001 {
		t.Errorf("after a long gap: %d to %d", first, end)
	}
}

func TestPressesAreBounded(t *testing.T) {
	p := newPresses(8000, 160)
	for range 5000 {
		p.add(Press{Digit: '1'})
	}
	if n := len(p.all()); n > maxPresses {
		t.Errorf("%d presses", n)
	}
}
