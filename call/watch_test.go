package call

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// watchWorld runs test in virtual time with a manager of calls that may be
// without RTP for so long.
func watchWorld(t *testing.T, limit time.Duration, test func(t *testing.T, m *Manager)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		engine, err := mixer.New(mixer.Config{Workers: 1, Clock: mixer.TimeClock{}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewManager(Config{
			Engine: engine, Loader: Sources{}, MediaTimeout: limit,
			OpenSockets: func(SocketRequest) (Sockets, error) { return nil, rtp.ErrNoPorts },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() { _ = engine.Run(ctx) })
		test(t, m)
		m.HangUpAll(Dropped)
		m.Wait()
		stop()
		tasks.Wait()
	})
}

// watchedEnd is a call with audio and its far end.
type watchedEnd struct {
	*Call
	wire *memoryEnd // of the far end
	seq  uint16
}

func newWatchedEnd(t *testing.T, m *Manager) *watchedEnd {
	t.Helper()
	near, far := newMemoryPath()
	l := &localCall{}
	l.caller = &localEnd{call: l, ended: make(chan struct{})}
	l.callee = &localEnd{call: l, ended: make(chan struct{})}
	c := newCall(m, Info{ID: newCallID(), Direction: In}, l.callee)
	s := &session{call: c, changed: time.Now(), media: sdp.Media{Receive: true}}
	params := rtp.Params{Remote: near.peer, Codec: codecOf("PCMU"), Send: true, Receive: true}
	if err := c.openPort(near, s, params, &portParams{codec: params.Codec, events: true}); err != nil {
		t.Fatal(err)
	}
	m.begin(c)
	m.start(c, defaultMaxDuration)
	return &watchedEnd{Call: c, wire: far}
}

// pickUp lets the time without RTP begin.
func (c *watchedEnd) pickUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.life.state, c.life.answered = Answered, time.Now()
}

// hold settles whether the far end need not send.
func (c *watchedEnd) hold(held bool) {
	s := c.audio().session
	s.mu.Lock()
	defer s.mu.Unlock()
	s.media.OnHold, s.changed = held, time.Now()
}

// talk sends packets for a while.
func (c *watchedEnd) talk(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		packet := make([]byte, 172)
		packet[0], packet[2], packet[3] = 0x80, byte(c.seq>>8), byte(c.seq)
		c.seq++
		_ = c.wire.Flush(packet, netip.AddrPort{}) // a full path is no fault here
	}
}

// lasts asserts that the call ends so long from now, or a look and a few frames later.
func (c *watchedEnd) lasts(t *testing.T, want time.Duration) {
	t.Helper()
	begin := time.Now()
	select {
	case <-c.Done():
	case <-time.After(want + time.Hour):
	}
	if d := time.Since(begin); d <= want-100*time.Millisecond || d > want+watchInterval+100*time.Millisecond {
		t.Errorf("ended after %v, want %v", d, want)
	}
	if i := c.Info(); i.Cause != Failed {
		t.Errorf("ended by %v", i.Cause)
	}
}

func TestCallWithoutRTPEnds(t *testing.T) {
	const limit = 10 * time.Second
	for name, play := range map[string]func(*watchedEnd){
		"from its answer on":             func(c *watchedEnd) { c.pickUp() },
		"not before it is answered":      func(c *watchedEnd) { time.Sleep(time.Minute); c.pickUp() },
		"counted from the last packet":   func(c *watchedEnd) { c.pickUp(); c.talk(25 * time.Second) },
		"counted from the end of a hold": func(c *watchedEnd) { c.pickUp(); c.hold(true); time.Sleep(95 * time.Second); c.hold(false) },
		"after pauses that are shorter": func(c *watchedEnd) {
			c.pickUp()
			for range 4 {
				c.talk(time.Second)
				time.Sleep(limit - time.Second)
			}
			c.talk(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			watchWorld(t, limit, func(t *testing.T, m *Manager) {
				c := newWatchedEnd(t, m)
				play(c)
				c.lasts(t, limit)
			})
		})
	}
}

// A far end that has sent us to somebody else and gone is not missed before that
// comes to nothing.
func TestCallWaitsForItsNewFarEndWithoutRTP(t *testing.T) {
	watchWorld(t, 10*time.Second, func(t *testing.T, m *Manager) {
		c := newWatchedEnd(t, m)
		c.pickUp()
		c.moves.under.Store(true)
		c.dialog.(*localEnd).call.end(sip.ErrLocalBye, sip.ErrRemoteBye)
		time.Sleep(25 * time.Second)
		if c.hasEnded() {
			t.Error("ended before that")
		}
		if err := c.ask(t.Context(), c.stays); err != nil {
			t.Error(err)
		}
		wantEnd(t, c.Call, HungUp, codeOK)
	})
}

func TestWatchLastsAsLongAsThereAreCalls(t *testing.T) {
	watchWorld(t, 5*time.Second, func(t *testing.T, m *Manager) {
		watching := func(calls int) {
			t.Helper()
			synctest.Wait() // goroutines end after their calls
			m.watch.mu.Lock()
			defer m.watch.mu.Unlock()
			if len(m.watch.places) != calls || (m.watch.gone != nil) != (calls > 0) {
				t.Errorf("%d calls are watched, by anybody: %v; want %d", len(m.watch.places), m.watch.gone != nil, calls)
			}
		}
		watching(0)
		for range 3 {
			var all []*watchedEnd
			for range 5 {
				all = append(all, newWatchedEnd(t, m))
			}
			watching(5)
			all[1].HangUp(Completed)
			all[4].HangUp(Completed)
			watching(3)
			for _, i := range []int{0, 2, 3} {
				all[i].pickUp()
			}
			all[3].hold(true)
			all[0].lasts(t, 5*time.Second)
			<-all[2].Done()
			watching(1)
			m.HangUpAll(Dropped)
			watching(0)
		}
	})
}

// Where nothing can be told a call is never looked at again.
func TestWatchLeavesCallsAloneThatHaveNothingToTell(t *testing.T) {
	watchWorld(t, 0, func(t *testing.T, m *Manager) {
		c := newWatchedEnd(t, m)
		c.pickUp()
		time.Sleep(2 * watchInterval)
		m.watch.mu.Lock()
		defer m.watch.mu.Unlock()
		if m.watch.places[0].due != never {
			t.Errorf("looked at again after %v", m.watch.places[0].due)
		}
	})
}
