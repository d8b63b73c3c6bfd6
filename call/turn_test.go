package call

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/mixer"
	"mediaserver/recording"
	"mediaserver/sip"
)

// visitor is a far end that does what a test wants of it.
type visitor struct {
	passer
	why     error        // of its end
	session sip.Session  // given to it
	ringing func() error // in the place of the 180; nil: it is sent
	early   func() error // the same of a 183
	answer  func() error // the same of the 200
	noOffer bool         // in its INVITE
	callID  string       // of its INVITE, or of ours
}

func newVisitor() *visitor { return &visitor{passer: passer{ended: make(chan struct{})}} }

// leaves ends the call at the far end.
func (c *visitor) leaves(why error) {
	c.why = why
	close(c.ended)
}

func (c *visitor) Err() error               { return c.why }
func (c *visitor) SetSession(s sip.Session) { c.session = s }
func (c *visitor) RemoteBody() []byte       { return c.passer.Invitation().Offer }

func (c *visitor) Invitation() sip.Invitation {
	inv := c.passer.Invitation()
	inv.CallID = c.callID
	if c.noOffer {
		inv.Offer = nil
	}
	return inv
}

func (c *visitor) Progress(code int, _ string, _ []byte) error {
	switch {
	case code == codeRinging && c.ringing != nil:
		return c.ringing()
	case code == codeProgress && c.early != nil:
		return c.early()
	default:
		return nil
	}
}

func (c *visitor) Answer([]byte, ...sip.Header) error {
	select {
	case <-c.ended:
		return fmt.Errorf("%w: %w", sip.ErrEnded, c.why)
	default:
	}
	if c.answer == nil {
		return nil
	}
	return c.answer()
}

// diary keeps the types of the events of calls.
type diary struct {
	mu    sync.Mutex
	types []EventType
	told  func(Event) // as it happens; nil: nobody
}

func (d *diary) Emit(e Event) {
	d.mu.Lock()
	d.types = append(d.types, e.Type)
	d.mu.Unlock()
	if d.told != nil {
		d.told(e)
	}
}

// count is how many events of a type there were.
func (d *diary) count(of EventType) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.types {
		if t == of {
			n++
		}
	}
	return n
}

func (d *diary) want(t *testing.T, want ...EventType) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.types, want) {
		t.Errorf("events %v, want %v", d.types, want)
	}
}

// newTurnManager makes a manager and runs its engine; stop hangs up all calls and
// waits for all that works for them.
func newTurnManager(t testing.TB, change func(*Config)) (m *Manager, stop func()) {
	t.Helper()
	engine, err := mixer.New(mixer.Config{Workers: 1, Clock: mixer.TimeClock{}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Engine: engine, Loader: Sources{}, OpenSockets: func(SocketRequest) (Sockets, error) { return &passer{}, nil },
		Admission: Admission{Unmeasured: true}, // whatever else this machine does
	}
	if change != nil {
		change(&cfg)
	}
	if m, err = NewManager(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) })
	return m, func() {
		m.HangUpAll(Dropped)
		m.Wait()
		cancel()
		running.Wait()
	}
}

// takesTurns runs test in virtual time with a manager that tells a diary.
func takesTurns(t *testing.T, change func(*Config), test func(t *testing.T, m *Manager, d *diary)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		m, stop := newTurnManager(t, func(cfg *Config) {
			cfg.Events = d
			if change != nil {
				change(cfg)
			}
		})
		test(t, m, d)
		stop()
	})
}

// comes begins a call whose application is serve, and returns it. served is closed
// when the application has ended.
func (c *visitor) comes(m *Manager, serve func(c *Call)) (call *Call, served chan struct{}) {
	begun := make(chan *Call)
	served = make(chan struct{})
	m.tasks.Go(func() {
		defer close(served)
		m.HandleInvite(context.Background(), c, func(_ context.Context, c *Call) {
			begun <- c
			serve(c)
		})
	})
	return <-begun, served
}

// answered is a call that has been answered and lasts until it is hung up.
func (c *visitor) answered(t *testing.T, m *Manager) *Call {
	t.Helper()
	call, _ := c.comes(m, func(c *Call) { <-c.Done() })
	if err := call.Answer(t.Context()); err != nil {
		t.Fatal(err)
	}
	return call
}

func wantEnd(t *testing.T, c *Call, cause Cause, raw int) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(time.Second): // the media take a frame or two
	}
	if i := c.Info(); !c.hasEnded() || i.Cause != cause || i.RawCause != raw {
		t.Errorf("ended %v, %v (%d), want %v (%d)", c.hasEnded(), i.Cause, i.RawCause, cause, raw)
	}
}

func TestTurnsAreTakenInTheOrderOfAsking(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c := newVisitor().answered(t, m)
		c.taken <- struct{}{}
		var order []int
		var asking sync.WaitGroup
		for i := range 20 {
			asking.Go(func() { _ = c.ask(t.Context(), func() error { order = append(order, i); return nil }) })
			synctest.Wait()
		}
		<-c.taken
		asking.Wait()
		if !slices.IsSorted(order) || len(order) != 20 {
			t.Errorf("order %v", order)
		}
	})
}

func TestWaitForATurnEnds(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c := newVisitor().answered(t, m)
		c.taken <- struct{}{}
		ctx, cancel := context.WithCancelCause(t.Context())
		withdrawn := errors.New("withdrawn")
		var asking sync.WaitGroup
		asking.Go(func() {
			if err := c.ask(ctx, func() error { t.Error("done after it was withdrawn"); return nil }); !errors.Is(err, withdrawn) {
				t.Errorf("withdrawn: %v", err)
			}
		})
		asking.Go(func() {
			if err := c.ask(t.Context(), func() error { t.Error("done after the end"); return nil }); !errors.Is(err, ErrEnded) {
				t.Errorf("ended: %v", err)
			}
		})
		asking.Go(func() { c.HangUp(Completed) })
		synctest.Wait()
		cancel(withdrawn)
		synctest.Wait()
		c.work(func() { c.end(Failed, 0) })
		asking.Wait()
		wantEnd(t, c, Failed, codeInternal)
	})
}

func TestHangUpWaitsForItsTurn(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		c := newVisitor().answered(t, m)
		c.taken <- struct{}{}
		var asking sync.WaitGroup
		asking.Go(func() { c.HangUp(Busy) })
		synctest.Wait()
		asking.Go(func() { c.HangUp(Completed) })
		synctest.Wait()
		if c.hasEnded() {
			t.Error("ended in the turn of another")
		}
		<-c.taken
		asking.Wait()
		wantEnd(t, c, Busy, codeOK)
		d.want(t, CallStarted, CallRinging, CallAnswered, CallEnded)
	})
}

func TestTurnIsGivenBackByAFault(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c := newVisitor().answered(t, m)
		func() {
			defer func() { _ = recover() }()
			_ = c.ask(t.Context(), func() error { panic("fault") })
			t.Error("went on after the fault")
		}()
		if err := c.ask(t.Context(), func() error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

// A fault of one application is not the end of the others: what it meets in the
// end of its call must leave nobody waiting.
func TestFaultInTheEndLeavesNobodyWaiting(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		d.told = func(e Event) {
			if e.Type == CallEnded {
				panic("fault")
			}
		}
		c := newVisitor().answered(t, m)
		func() {
			defer func() { _ = recover() }()
			c.HangUp(Completed)
			t.Error("went on after the fault")
		}()
		wantEnd(t, c, Completed, codeOK)
		if n := m.Active(); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestFaultOfAnAttemptLeavesNobodyWaiting(t *testing.T) {
	takesTurns(t, func(cfg *Config) { cfg.Dialer = dialling{fault: true} }, func(t *testing.T, m *Manager, d *diary) {
		func() {
			defer func() { _ = recover() }()
			_, _ = m.Dial(t.Context(), DialOptions{Destination: Destination{Kind: ToSIP, Value: "sip:a@far.example"}})
			t.Error("went on after the fault")
		}()
		d.want(t, CallStarted, CallEnded)
		if n := m.Active(); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestFaultInTheSignallingOfAnInviteLeavesNothing(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		far := newVisitor()
		far.ringing = func() error { panic("fault") }
		func() {
			defer func() { _ = recover() }()
			m.HandleInvite(t.Context(), far, func(context.Context, *Call) {})
			t.Error("went on after the fault")
		}()
		d.want(t)
	})
}

func TestRingingIsToldBeforeTheEnd(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		far := newVisitor()
		far.ringing = func() error {
			far.leaves(sip.ErrCancelled)
			synctest.Wait()
			return sip.ErrEnded
		}
		c, served := far.comes(m, func(c *Call) { _ = c.Answer(t.Context()) })
		<-served
		wantEnd(t, c, HungUp, codeCancelled)
		d.want(t, CallStarted, CallRinging, CallEnded)
	})
}

// A call that nobody takes does not ring before it is refused.
func TestACallForNobodyDoesNotRing(t *testing.T) {
	for awaited, events := range map[bool][]EventType{true: {CallStarted, CallRinging, CallEnded}, false: {CallStarted, CallEnded}} {
		await := func(c *Config) { c.Admission.Awaited = func(info Info) bool { return awaited && info.Direction == In } }
		takesTurns(t, await, func(t *testing.T, m *Manager, d *diary) {
			far, rang := newVisitor(), false
			far.ringing = func() error { rang = true; return nil }
			c, served := far.comes(m, func(c *Call) { _ = c.Reject(t.Context(), codeNotFound) })
			<-served
			wantEnd(t, c, Completed, codeNotFound)
			if rang != awaited {
				t.Errorf("awaited: %v, rang: %v", awaited, rang)
			}
			d.want(t, events...)
		})
	}
}

// A call to a room of this process is taken by that, and rings at both ends.
func TestACallToARoomRings(t *testing.T) {
	ringing := map[string]int{} // by call
	nobody := func(c *Config) { c.Admission.Awaited = func(Info) bool { return false } }
	takesTurns(t, nobody, func(t *testing.T, m *Manager, d *diary) {
		d.told = func(e Event) {
			if e.Type == CallRinging {
				d.mu.Lock()
				defer d.mu.Unlock()
				ringing[e.Call]++
			}
		}
		c, err := m.Dial(t.Context(), DialOptions{Destination: Destination{Kind: ToRoom, Value: "room"}})
		if err != nil {
			t.Fatal(err)
		}
		c.HangUp(Completed)
		if n := d.count(CallRinging); n != 2 || len(ringing) != 2 || ringing[c.Info().ID] != 1 {
			t.Errorf("ringing: %v, want once at both ends", ringing)
		}
	})
}

// Who calls within the process and looks only after the callee has decided is told that
// it rang.
func TestRingingWithinTheProcessIsNotLost(t *testing.T) {
	for name, decide := range map[string]func(*localEnd) error{
		"answered": func(e *localEnd) error { return e.Answer(nil) },
		"refused":  func(e *localEnd) error { return e.Reject(codeBusy, "") },
	} {
		for range 20 { // select may choose the right one
			l := &localCall{progress: make(chan sip.Progress, maxLocalProgress), answered: make(chan struct{})}
			l.caller = &localEnd{call: l, ended: make(chan struct{})}
			l.callee = &localEnd{call: l, ended: make(chan struct{})}
			_ = l.callee.Progress(codeRinging, "", nil) // never fails
			if err := decide(l.callee); err != nil {
				t.Fatal(err)
			}
			rang := false
			_ = l.await(t.Context(), func(p sip.Progress) { rang = p.Code == codeRinging })
			if !rang {
				t.Fatalf("%s: nobody heard that it rang", name)
			}
		}
	}
}

func TestCallerWhoCancelsMeanwhileHasHungUp(t *testing.T) {
	for name, test := range map[string]struct {
		reaction func(*visitor) *func() error
		verb     func(*Call) error
	}{
		"answer":      {func(c *visitor) *func() error { return &c.answer }, func(c *Call) error { return c.Answer(context.Background()) }},
		"early media": {func(c *visitor) *func() error { return &c.early }, func(c *Call) error { return c.EarlyMedia(context.Background()) }},
	} {
		t.Run(name, func(t *testing.T) {
			takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
				far := newVisitor()
				*test.reaction(far) = func() error {
					far.leaves(sip.ErrCancelled)
					return fmt.Errorf("%w: %w", sip.ErrEnded, sip.ErrCancelled)
				}
				var err error
				c, served := far.comes(m, func(c *Call) { err = test.verb(c) })
				<-served
				if !errors.Is(err, ErrEnded) {
					t.Errorf("error %v", err)
				}
				wantEnd(t, c, HungUp, codeCancelled)
			})
		})
	}
}

// departing is a Loader and a Recorder: before anything is there the call ends.
type departing struct {
	call  *Call
	store *recording.Store
}

func (l *departing) Load(context.Context, MediaItem) (audio.Clip, error) {
	l.call.HangUp(Completed)
	return audio.Beep(8000), nil
}

func (l *departing) Open(ctx context.Context, o recording.Options) (*recording.Recording, error) {
	l.call.HangUp(Completed)
	if synctest.Wait(); ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return l.store.Open(ctx, o)
}

func TestNothingIsToldAfterTheEnd(t *testing.T) {
	for name, verb := range map[string]func(*Call) error{
		"play": func(c *Call) error {
			_, err := c.Play(context.Background(), Playlist{{File: "a"}}, PlayOptions{})
			return err
		},
		"record": func(c *Call) error {
			_, err := c.Record(context.Background(), RecordOptions{InstanceID: "a", MaxDuration: time.Second})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, directory := &departing{}, t.TempDir()
			begin := func(cfg *Config) {
				var err error
				if l.store, err = recording.NewStore(recording.Config{Directory: directory}); err != nil {
					t.Fatal(err)
				}
				cfg.Loader, cfg.Recorder = l, l
			}
			takesTurns(t, begin, func(t *testing.T, m *Manager, d *diary) {
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { _ = l.store.Run(ctx) })
				l.call = newVisitor().answered(t, m)
				if err := verb(l.call); !errors.Is(err, ErrEnded) {
					t.Errorf("error %v", err)
				}
				d.want(t, CallStarted, CallRinging, CallAnswered, CallEnded)
				stop()
				running.Wait()
				if files := filesIn(t, directory); len(files) != 0 {
					t.Errorf("files %v are left", files)
				}
			})
		})
	}
}

// filesIn are the files in a directory and below.
func filesIn(t *testing.T, directory string) (files []string) {
	t.Helper()
	if err := filepath.WalkDir(directory, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

// What cannot be made of a room twice must not leave a file the second time.
func TestRoomIsRecordedOnce(t *testing.T) {
	directory := t.TempDir()
	var store *recording.Store
	begin := func(cfg *Config) {
		var err error
		if store, err = recording.NewStore(recording.Config{Directory: directory}); err != nil {
			t.Fatal(err)
		}
		cfg.Recorder = store
	}
	takesTurns(t, begin, func(t *testing.T, m *Manager, _ *diary) {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = store.Run(ctx) })
		s, err := newVisitor().answered(t, m).enterRoom(ConferenceOptions{Name: "room", MaxDuration: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = m.RecordRoom(ctx, "room", "a"); err != nil {
			t.Fatal(err)
		}
		if _, err = m.RecordRoom(ctx, "room", "b"); !errors.Is(err, ErrRecorded) {
			t.Errorf("the second time: %v", err)
		}
		s.HangUp(Completed)
		time.Sleep(time.Second) // the file is completed
		stop()
		running.Wait()
		if files := filesIn(t, directory); len(files) != 1 {
			t.Errorf("files %v", files)
		}
	})
}

func TestFaultOnTheWayIntoARoomLeavesNoSeat(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		c := newVisitor().answered(t, m)
		d.told = func(e Event) {
			if e.Type == ParticipantEntered {
				panic("fault")
			}
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = c.enterRoom(ConferenceOptions{Name: "room", MaxDuration: time.Minute})
			t.Error("went on after the fault")
		}()
		if rooms := m.Conferences(); len(rooms) != 0 {
			t.Errorf("rooms %+v", rooms)
		}
		d.want(t, CallStarted, CallRinging, CallAnswered,
			ConferenceCreated, CallStarted, CallAnswered, ParticipantEntered, ParticipantLeft, ConferenceEnded, CallEnded)
	})
}

func TestParticipantThatHasLeftIsNotMuted(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		s, err := newVisitor().answered(t, m).enterRoom(ConferenceOptions{Name: "room", MaxDuration: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		s.HangUp(Completed)
		s.seat.setMuted(func(bool) bool { return true })
		d.want(t, CallStarted, CallRinging, CallAnswered,
			ConferenceCreated, CallStarted, CallAnswered, ParticipantEntered, ParticipantLeft, ConferenceEnded, CallEnded)
	})
}

// stuckLoader is a Loader that does not come to an end before it is let go, whatever
// its context says.
type stuckLoader struct{ free chan struct{} }

func (l stuckLoader) Load(context.Context, MediaItem) (audio.Clip, error) {
	<-l.free
	return audio.Beep(8000), nil
}

func TestCallEndsWhileItsHoldMediaAreBeingLoaded(t *testing.T) {
	l := stuckLoader{}
	takesTurns(t, func(cfg *Config) { l.free = make(chan struct{}); cfg.Loader = l }, func(t *testing.T, m *Manager, _ *diary) {
		far := newVisitor()
		c := far.answered(t, m)
		c.startHold(Playlist{{File: "music"}}, audio.RingingPattern{})
		far.leaves(sip.ErrRemoteBye)
		wantEnd(t, c, HungUp, codeOK)
		close(l.free)
	})
}

func TestRingingIsToldOnce(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		a := m.newAttempt(Destination{Kind: ToSIP, Value: "sip:a@far.example"}, "", nil)
		for range 3 {
			a.progress(nil, nil, sip.Progress{Code: codeRinging})
		}
		d.want(t, CallRinging)
	})
}

func TestCalleeHereThatHangsUpAtOnceHasAnswered(t *testing.T) {
	for range 100 {
		l := &localCall{answered: make(chan struct{})}
		l.caller = &localEnd{call: l, ended: make(chan struct{})}
		l.callee = &localEnd{call: l, ended: make(chan struct{})}
		if err := l.callee.Answer(nil); err != nil {
			t.Fatal(err)
		}
		if err := l.callee.Bye(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.await(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLongestDurationCountsFromTheAnswer(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c, _ := newVisitor().comes(m, func(c *Call) { <-c.Done() })
		c.SetMaxDuration(time.Minute)
		time.Sleep(50 * time.Second)
		if err := c.Answer(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The clock from before the answer may have run out at that very moment.
		_ = c.ask(t.Context(), func() error { c.overdue.Store(true); c.lookAgain(); return nil })
		time.Sleep(59 * time.Second)
		if synctest.Wait(); c.hasEnded() {
			t.Error("ended before its time")
		}
		time.Sleep(2 * time.Second)
		wantEnd(t, c, Dropped, codeOK)
	})
}

func TestCallThatIsNeverAnsweredEnds(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c, _ := newVisitor().comes(m, func(c *Call) { <-c.Done() })
		c.SetMaxDuration(time.Minute)
		time.Sleep(50 * time.Second)
		c.report(press{digit: '1', method: byEvent, at: time.Now()})
		time.Sleep(50 * time.Second)
		if synctest.Wait(); c.hasEnded() {
			t.Error("ended before its time")
		}
		time.Sleep(10 * time.Second)
		wantEnd(t, c, Dropped, codeDecline)
	})
}

// A far end that hangs up when it has sent us to somebody else is not missed before
// that comes to nothing, nor when somebody else has taken its place.
func TestFarEndThatHasSentUsOnMayLeave(t *testing.T) {
	for name, answers := range map[string]bool{"nobody takes its place": false, "somebody does": true} {
		t.Run(name, func(t *testing.T) {
			takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
				far := newVisitor()
				c := far.answered(t, m)
				c.moves.under.Store(true)
				far.leaves(sip.ErrRemoteBye)
				if synctest.Wait(); c.hasEnded() {
					t.Fatal("ended before that")
				}
				if !answers {
					if err := c.ask(t.Context(), c.stays); err != nil {
						t.Error(err)
					}
					wantEnd(t, c, HungUp, codeOK)
					return
				}
				next := newVisitor()
				was, err := c.newcomer(next).answerFor(t.Context(), c, "next")
				if err != nil {
					t.Fatal(err)
				}
				was.leave()
				if synctest.Wait(); c.hasEnded() {
					t.Error("ended with the far end that was")
				}
				next.leaves(sip.ErrRemoteBye)
				wantEnd(t, c, HungUp, codeOK)
			})
		})
	}
}

func TestCallEndsWithWhatItsNewFarEndHasSaidBefore(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		c := newVisitor().answered(t, m)
		next := newVisitor()
		next.noOffer = true // so that the answer comes with the ACK
		next.answer = func() error {
			next.session.Acknowledged([]byte("no answer to our offer"))
			return nil
		}
		was, err := c.newcomer(next).answerFor(t.Context(), c, "next")
		if err != nil {
			t.Fatal(err)
		}
		was.leave()
		wantEnd(t, c, Failed, codeInternal)
		d.want(t, CallStarted, CallRinging, CallAnswered, CallTransferred, CallEnded)
	})
}

// A secondary call to a room has no goroutine of its own.
func TestSeatInARoomEnds(t *testing.T) {
	o := ConferenceOptions{Name: "room", MaxDuration: time.Minute, Participant: DefaultParticipant()}
	for name, test := range map[string]struct {
		end   func(m *Manager, s *Call)
		cause Cause
	}{
		"after its longest duration": {func(*Manager, *Call) { time.Sleep(time.Minute + time.Second) }, Dropped},
		"by ejection":                {func(m *Manager, s *Call) { _ = m.Eject("room", s.base.ID) }, HungUp},
		"by its application":         {func(_ *Manager, s *Call) { s.HangUp(Completed) }, Completed},
		"with its primary":           {func(_ *Manager, s *Call) { s.primary.HangUp(Completed) }, Dropped},
	} {
		for adopted, when := range map[bool]string{true: "", false: " before it is tied to its primary"} {
			t.Run(name+when, func(t *testing.T) {
				takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
					c := newVisitor().answered(t, m)
					s, err := c.enterRoom(o)
					if err != nil {
						t.Fatal(err)
					}
					if adopted {
						c.adopt(s)
					}
					test.end(m, s)
					synctest.Wait()
					if !adopted && !c.adopt(s) {
						s.HangUp(Dropped)
					}
					wantEnd(t, s, test.cause, codeOK)
					if c.secondary() != nil {
						t.Error("it is still tied to its primary")
					}
					if n := len(m.Conferences()); n != 0 {
						t.Errorf("%d rooms", n)
					}
				})
			})
		}
	}
}

func TestHangUpEndsTheWaitForAnAnswer(t *testing.T) {
	for name, answers := range map[string]bool{"nobody answers": false, "it is answered at that moment": true} {
		t.Run(name, func(t *testing.T) {
			d := dialling{answers: answers}
			takesTurns(t, func(cfg *Config) { cfg.Dialer = d }, func(t *testing.T, m *Manager, _ *diary) {
				var dialling sync.WaitGroup
				dialling.Go(func() {
					_, err := m.Dial(t.Context(), DialOptions{Destination: Destination{Kind: ToSIP, Value: "sip:a@far.example"}})
					fault, ok := errors.AsType[*DialError](err)
					if !ok || fault.Cause != Busy || fault.Info.Cause != Busy {
						t.Errorf("error %v", err)
					}
				})
				synctest.Wait()
				m.live()[0].HangUp(Busy)
				dialling.Wait()
			})
		})
	}
}

// dialling is a Dialer whose far end does not answer until the attempt is given up.
type dialling struct {
	answers bool // even then
	fault   bool // at once
}

func (d dialling) Route(context.Context, string) (netip.Addr, error) {
	return netip.MustParseAddr("192.0.2.1"), nil
}

func (d dialling) Dial(ctx context.Context, _ sip.InviteRequest, _ func(sip.Progress)) (OutboundDialog, error) {
	if d.fault {
		panic("fault")
	}
	<-ctx.Done()
	if d.answers {
		return newVisitor(), nil
	}
	return nil, context.Cause(ctx)
}

func TestIdleEndsWithTheLastCall(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		over := func(idle <-chan struct{}) bool {
			select {
			case <-idle:
				return true
			default:
				return false
			}
		}
		if !over(m.Idle()) {
			t.Error("without a call: busy")
		}
		a, b := newVisitor().answered(t, m), newVisitor().answered(t, m)
		one, two := m.Idle(), m.Idle()
		a.HangUp(Completed)
		wantEnd(t, a, Completed, codeOK)
		if over(one) || over(two) {
			t.Error("with a call: idle")
		}
		b.HangUp(Completed)
		wantEnd(t, b, Completed, codeOK)
		if !over(one) || !over(two) || !over(m.Idle()) {
			t.Error("after the last call: busy")
		}
	})
}
