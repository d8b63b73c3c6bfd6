package call

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/internal/leaktest"
	"mediaserver/sip"
)

// TestCallsEndWhateverHappensAtOnce has applications work on calls that are ended
// from all sides meanwhile. Every call must end, and nothing be left of it.
func TestCallsEndWhateverHappensAtOnce(t *testing.T) {
	for _, processors := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(processors, " processors"), func(t *testing.T) {
			leaktest.Check(t)
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			w := &crowd{begun: map[string]bool{}, ended: map[string]bool{}}
			m, stop := newTurnManager(t, func(cfg *Config) {
				cfg.Events, cfg.Dialer, cfg.Loader, cfg.Outbound.Local = w, w, w, w.local
			})
			w.manager = m
			var all sync.WaitGroup
			for i := range 64 {
				all.Go(func() { w.visits(t, rand.New(rand.NewPCG(uint64(processors), uint64(i)))) })
			}
			finished := make(chan struct{})
			go func() { all.Wait(); stop(); close(finished) }()
			select {
			case <-finished:
			case <-time.After(time.Minute):
				t.Fatal("calls are left")
			}
			if a, rooms := m.Active(), m.Conferences(); a != 0 || len(rooms) != 0 {
				t.Errorf("%d calls and rooms %v are left", a, rooms)
			}
			w.check(t)
		})
	}
}

// crowd is many calls at once; it is what their manager works with.
type crowd struct {
	manager *Manager

	mu    sync.Mutex
	begun map[string]bool
	ended map[string]bool
	after []string // events of calls that have ended
}

// visits is some calls, one after the other.
func (w *crowd) visits(t *testing.T, r *rand.Rand) {
	for range 6 {
		if r.IntN(3) == 0 {
			w.dials(t, r)
		} else {
			w.comes(t, r)
		}
	}
}

// comes is an inbound call, disturbed at any time.
func (w *crowd) comes(t *testing.T, r *rand.Rand) {
	far, m := newVisitor(), w.manager
	o := ConferenceOptions{
		Name: fmt.Sprint("room", r.IntN(5)), MaxDuration: soon(r), HoldMedia: Playlist{{File: "hold"}},
		Participant: ParticipantOptions{
			Talker: true, StartOnEntry: r.IntN(2) == 0, DestroyOnExit: r.IntN(4) == 0, BeepOnEntry: true,
			WhileStopped: Playlist{{File: "music"}}, Name: Playlist{{File: "name"}},
		},
	}
	disturbances := []func(c *Call){
		func(c *Call) { c.HangUp(Failed) },
		func(c *Call) { _ = m.HangUp(c.base.ID, Dropped) },
		func(c *Call) { c.SetMaxDuration(time.Millisecond) },
		func(c *Call) { c.report(press{digit: '#', method: byEvent, at: time.Now()}) },
		func(c *Call) { c.report(press{digit: '1', method: byInfo, at: time.Now()}) },
		func(*Call) { w.eject(o.Name) },
		func(c *Call) { m.watch.news(c); c.lookAgain() },
		func(*Call) { _ = m.callBy(sip.Replaces{}) },
		func(*Call) { m.Calls() },
		w.exchange,
	}
	var disturbing sync.WaitGroup
	m.HandleInvite(t.Context(), far, func(ctx context.Context, c *Call) {
		for range 5 {
			disturb := disturbances[r.IntN(len(disturbances))]
			disturbing.Add(1)
			time.AfterFunc(soon(r), func() { defer disturbing.Done(); disturb(c) })
		}
		disturbing.Add(1)
		time.AfterFunc(soon(r), func() { defer disturbing.Done(); far.leaves(sip.ErrRemoteBye) })
		w.serve(ctx, r, c, o)
	})
	disturbing.Wait()
}

// exchange puts another far end in the place of that of c.
func (w *crowd) exchange(c *Call) {
	x := c.newcomer(newVisitor())
	if was, err := x.answerFor(context.Background(), c, "another"); err == nil {
		was.leave()
	} else {
		x.discard()
	}
}

// serve is an application.
func (w *crowd) serve(ctx context.Context, r *rand.Rand, c *Call, o ConferenceOptions) {
	if c.Answer(ctx) != nil {
		return
	}
	_, _ = c.Play(ctx, Playlist{{File: "greeting"}}, PlayOptions{BargeIn: true})
	for range 2 {
		var s *Call
		var err error
		if r.IntN(2) == 0 {
			s, err = c.DialConference(ctx, o)
		} else {
			s, _, err = c.DialOut(ctx, w.destinations(r, o))
		}
		if err != nil {
			continue
		}
		_, _ = c.Connect(ctx, s)
		s.HangUp(Completed)
	}
}

// destinations are one with early media, or some without.
func (w *crowd) destinations(r *rand.Rand, o ConferenceOptions) DialOutOptions {
	all := []Destination{
		{Kind: ToSIP, Value: "sip:a@far.example"},
		{Kind: ToSIP, Value: "sip:b@far.example"},
		{Kind: ToRoom, Value: o.Name},
		{Kind: ToService, Value: "service"},
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	n := 1 + r.IntN(3)
	return DialOutOptions{Destinations: all[:n], EarlyMedia: n == 1, AnswerTimeout: soon(r), MaxDuration: soon(r)}
}

// local is the application of a service.
func (w *crowd) local(c *Call) {
	if c.EarlyMedia(context.Background()) == nil && c.Answer(context.Background()) == nil {
		_ = c.Sleep(context.Background(), rand.N(100*time.Millisecond))
	}
}

// dials is a call that we place.
func (w *crowd) dials(t *testing.T, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(t.Context(), soon(r))
	defer cancel()
	c, err := w.manager.Dial(ctx, DialOptions{Destination: Destination{Kind: ToSIP, Value: "sip:a@far.example"}, MaxDuration: soon(r)})
	if err != nil {
		return
	}
	c.HangUp(Completed)
}

func (w *crowd) eject(room string) {
	i, _ := w.manager.Conference(room)
	for _, p := range i.Participants {
		_ = w.manager.Eject(room, p.ID)
		return
	}
}

func soon(r *rand.Rand) time.Duration {
	return time.Duration(1 + r.Int64N(int64(150*time.Millisecond)))
}

func (w *crowd) Load(context.Context, MediaItem) (audio.Clip, error) { return audio.Beep(8000), nil }

func (w *crowd) Route(context.Context, string) (netip.Addr, error) {
	return netip.MustParseAddr("192.0.2.1"), nil
}

// Dial has media from the beginning, and is answered or refused after a moment. The
// callee hangs up a moment later.
func (w *crowd) Dial(ctx context.Context, _ sip.InviteRequest, onProgress func(sip.Progress)) (OutboundDialog, error) {
	far := newVisitor()
	onProgress(sip.Progress{Code: codeProgress, Body: far.RemoteBody()})
	select {
	case <-time.After(rand.N(100 * time.Millisecond)):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if rand.N(4) == 0 {
		return nil, &sip.StatusError{Code: codeBusy}
	}
	time.AfterFunc(rand.N(150*time.Millisecond), func() { far.leaves(sip.ErrRemoteBye) })
	return far, nil
}

// Emit notes the beginning and the end of calls, and what is told after it.
func (w *crowd) Emit(e Event) {
	if e.Call == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.ended[e.Call]:
		w.after = append(w.after, string(e.Type))
	case e.Type == CallStarted:
		w.begun[e.Call] = true
	case e.Type == CallEnded:
		w.ended[e.Call] = true
	}
}

func (w *crowd) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.begun) != len(w.ended) {
		t.Errorf("%d calls, of which %d have ended", len(w.begun), len(w.ended))
	}
	if len(w.after) > 0 {
		t.Errorf("told after the end: %v", w.after)
	}
}
