package call

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/sip"
)

// mediaNever is a Loader whose media fail after ten seconds.
type mediaNever struct {
	stubborn bool            // it does not heed the context
	ended    func(MediaItem) // told when a load has ended; nil: nobody
}

func (l *mediaNever) Load(ctx context.Context, item MediaItem) (audio.Clip, error) {
	if l.stubborn {
		ctx = context.Background()
	}
	select {
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
	if l.ended != nil {
		l.ended(item)
	}
	return audio.Clip{}, ErrMediaInvalid
}

// A verb that waits for media when its call ends, or its context, ends with that,
// and says so: the media are at fault for nothing.
func TestVerbsEndWhileTheyWaitForMedia(t *testing.T) {
	why := errors.New("interrupted")
	list := Playlist{{Digits: "1"}, {URL: "http://app.test/never"}}
	play := func(ctx context.Context, c *Call) error {
		_, err := c.Play(ctx, list, PlayOptions{})
		return err
	}
	collect := func(ctx context.Context, c *Call) error {
		_, err := c.Collect(ctx, CollectOptions{Prompt: list})
		return err
	}
	hangUp := func(far *visitor, _ context.CancelCauseFunc) { far.leaves(sip.ErrRemoteBye) }
	interrupt := func(_ *visitor, stop context.CancelCauseFunc) { stop(why) }
	for _, test := range []struct {
		name     string
		verb     func(context.Context, *Call) error
		ends     func(*visitor, context.CancelCauseFunc)
		stubborn bool
		want     error
		after    time.Duration
	}{
		{"play, the call ends", play, hangUp, false, ErrEnded, 1500 * time.Millisecond},
		{"prompt, the call ends", collect, hangUp, false, ErrEnded, 1500 * time.Millisecond},
		{"play, its context ends", play, interrupt, false, why, 1500 * time.Millisecond},
		{"media that fail after the end", play, hangUp, true, ErrEnded, 10 * time.Second},
		{"media that fail after the context", play, interrupt, true, why, 10 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			loader := func(cfg *Config) { cfg.Loader = &mediaNever{stubborn: test.stubborn} }
			takesTurns(t, loader, func(t *testing.T, m *Manager, d *diary) {
				far := newVisitor()
				c := far.answered(t, m)
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				time.AfterFunc(1500*time.Millisecond, func() { test.ends(far, stop) })
				start := time.Now()
				if err := test.verb(ctx, c); !errors.Is(err, test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
				if took := time.Since(start).Truncate(100 * time.Millisecond); took != test.after {
					t.Errorf("took %v, want %v", took, test.after)
				}
				if n := d.count(PlayStarted); n != 0 {
					t.Errorf("%d plays have begun", n)
				}
			})
		})
	}
}

func TestErrandEndsWithItsCall(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c := newVisitor().answered(t, m)
		one, done := c.lasting(t.Context())
		done(nil)
		if !errors.Is(context.Cause(one), context.Canceled) || len(c.errands) != 0 {
			t.Errorf("given back: %v, %d are left", context.Cause(one), len(c.errands))
		}
		two, done := c.lasting(t.Context())
		defer done(nil)
		c.HangUp(Completed)
		three, done := c.lasting(t.Context())
		defer done(nil)
		synctest.Wait()
		for _, ctx := range []context.Context{two, three} {
			if !errors.Is(context.Cause(ctx), ErrEnded) {
				t.Errorf("after the end: %v", context.Cause(ctx))
			}
		}
	})
}

// Nobody waits for media that are to be played to a room which has ended.
func TestPlayToARoomEndsWithIt(t *testing.T) {
	takesTurns(t, func(cfg *Config) { cfg.Loader = &mediaNever{} }, func(t *testing.T, m *Manager, _ *diary) {
		s, err := newVisitor().answered(t, m).enterRoom(ConferenceOptions{Name: "room", Participant: DefaultParticipant()}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() { s.HangUp(Completed) })
		_, err = m.PlayToRoom(t.Context(), "room", Playlist{{File: "never.wav"}})
		if took := time.Since(start); !errors.Is(err, ErrNoConference) || took > 1100*time.Millisecond {
			t.Errorf("after %v: %v", took, err)
		}
	})
}
