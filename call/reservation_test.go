package call

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// documents is a Keeper in memory.
type documents struct {
	mu      sync.Mutex
	byKey   map[string][]byte
	failure error
}

func (d *documents) Put(key string, v any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, err := json.Marshal(v)
	if d.failure == nil {
		d.byKey[key] = text
	}
	return errors.Join(d.failure, err)
}

func (d *documents) Delete(key string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byKey, key)
	return d.failure
}

func (d *documents) Each(f func(key string, v []byte) error) error {
	d.mu.Lock()
	all := maps.Clone(d.byKey)
	d.mu.Unlock()
	for key, v := range all {
		if err := f(key, v); err != nil {
			return err
		}
	}
	return nil
}

func (d *documents) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.byKey)
}

// booking is a Manager that only books, over a Keeper.
func booking(t *testing.T, k Keeper) *Manager {
	t.Helper()
	m := &Manager{cfg: Config{}.withDefaults(), reserved: newReservations(k), rooms: map[string]*Conference{}}
	if err := m.reserved.load(time.Now()); err != nil {
		t.Fatal(err)
	}
	return m
}

// hour books a name for an hour from so long ahead.
func hour(name string, ahead time.Duration) Reservation {
	start := time.Now().Add(ahead)
	return Reservation{Conference: name, MaxParticipants: 3, Start: start, End: start.Add(time.Hour)}
}

func TestWhoMayEnterAReservedRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := booking(t, nil)
		r, err := m.Reserve(hour("a", time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		divert := hour("b", time.Hour)
		divert.Divert = "reception"
		if _, err := m.Reserve(divert); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			at   time.Duration // from the start
			most int
			busy bool
		}{
			{"long before", -59 * time.Minute, 0, true},
			{"just before", -time.Nanosecond, 0, true},
			{"at the start", 0, 3, false},
			{"just before the end", time.Hour - time.Nanosecond, 3, false},
			{"at the end", time.Hour, 0, true},
			{"just before five minutes later", time.Hour + 5*time.Minute - time.Nanosecond, 0, true},
			{"five minutes later", time.Hour + 5*time.Minute, 0, false},
		} {
			most, err := m.reserved.admits("a", r.Start.Add(tt.at))
			if most != tt.most || errors.Is(err, ErrConferenceBusy) != tt.busy {
				t.Errorf("%s: %d, %v", tt.name, most, err)
			}
		}
		if most, err := m.reserved.admits("A", r.Start); most != 0 || err != nil {
			t.Errorf("another name: %d %v", most, err)
		}
		_, err = m.reserved.admits("b", r.Start.Add(-time.Minute))
		if to, ok := errors.AsType[*errDiverted](err); !ok || to.service != "reception" {
			t.Errorf("divert: %v", err)
		}
		second := hour("a", 2*time.Hour)
		second.MaxParticipants = 7
		if _, err := m.Reserve(second); err != nil {
			t.Errorf("one after the other: %v", err)
		}
		if most, err := m.reserved.admits("a", second.Start); most != 7 || err != nil {
			t.Errorf("the second, within five minutes of the first: %d %v", most, err)
		}
	})
}

func TestReservationsOfANameDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := booking(t, nil)
		r, err := m.Reserve(hour("a", 2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for ahead, want := range map[time.Duration]error{
			time.Hour: nil, time.Hour + time.Minute: ErrReserved, 2 * time.Hour: ErrReserved, 3*time.Hour - time.Minute: ErrReserved, 3 * time.Hour: nil,
		} {
			got, err := m.Reserve(hour("a", ahead))
			if !errors.Is(err, want) {
				t.Errorf("%v ahead: %v, want %v", ahead, err, want)
			}
			if err == nil {
				if err := m.Unreserve(got.Token); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := m.Reserve(hour("a", 3*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Extend(r.Token, time.Minute); !errors.Is(err, ErrReserved) {
			t.Errorf("extended into the next: %v", err)
		}
		if got, _ := m.Reservation(r.Token); !got.End.Equal(r.End) {
			t.Error("a refused extension changes the end")
		}
		for _, err := range []error{m.Unreserve("x"), func() error { _, err := m.Extend("x", time.Hour); return err }()} {
			if !errors.Is(err, ErrNoReservation) {
				t.Errorf("an unknown token: %v", err)
			}
		}
	})
}

func TestReservationsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &documents{byKey: map[string][]byte{}}
		before := booking(t, k)
		kept, err := before.Reserve(hour("kept", time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if kept, err = before.Extend(kept.Token, time.Hour); err != nil {
			t.Fatal(err)
		}
		removed, err := before.Reserve(hour("removed", time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if err := before.Unreserve(removed.Token); err != nil {
			t.Fatal(err)
		}
		after := booking(t, k)
		got, ok := after.Reservation(kept.Token)
		if !ok || got.Conference != "kept" || !got.End.Equal(kept.End) || got.MaxParticipants != 3 || len(after.Reservations()) != 1 {
			t.Errorf("%+v", after.Reservations())
		}
		time.Sleep(4 * time.Hour)
		if late := booking(t, k); len(late.Reservations()) != 0 {
			t.Errorf("what was over long ago comes back: %+v", late.Reservations())
		}
		k.byKey["bad"] = []byte("{")
		if err := newReservations(k).load(time.Now()); err == nil {
			t.Error("a broken document is no error")
		}
	})
}

func TestReservationsAreForgottenFiveMinutesAfterTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &documents{byKey: map[string][]byte{}}
		m := booking(t, k)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.RunReservations(ctx) }()
		if _, err := m.Reserve(hour("a", time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			after time.Duration
			state ConferenceState
			count int
		}{
			{time.Minute, ConferenceReserved, 1},
			{time.Hour, ConferenceHolding, 1},
			{time.Hour, ConferenceCompleted, 1},
			{5 * time.Minute, 0, 0},
		} {
			time.Sleep(tt.after)
			synctest.Wait()
			list := m.Conferences()
			if len(list) != tt.count || tt.count == 1 && list[0].State != tt.state || k.len() != tt.count {
				t.Errorf("%+v, want %v; %d are kept", list, tt.state, k.len())
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAReservationThatCannotBeKeptIsAnError(t *testing.T) {
	m := booking(t, &documents{byKey: map[string][]byte{}, failure: errors.New("disk full")})
	if _, err := m.Reserve(hour("a", time.Hour)); err == nil {
		t.Error("it was booked")
	}
	if list := m.Reservations(); len(list) != 0 {
		t.Errorf("it holds the name all the same: %+v", list)
	}
}

// failingDisk fails after a while, when it is told to.
type failingDisk struct {
	*documents
	fails bool
}

func (d *failingDisk) Put(key string, v any) error {
	if !d.fails {
		return d.documents.Put(key, v)
	}
	time.Sleep(10 * time.Second)
	return errors.New("disk full")
}

func TestAReservationThatCannotBeKeptLongerEndsWhenItDid(t *testing.T) {
	for name, left := range map[string]time.Duration{"long before its end": 30 * time.Minute, "just before its end": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &failingDisk{documents: &documents{byKey: map[string][]byte{}}}
				room := &Conference{name: "a", gone: make(chan struct{})}
				m := booking(t, disk)
				m.rooms["a"], m.metrics = room, newMetrics(nil)
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { _ = m.RunReservations(ctx) })
				r, err := m.Reserve(hour("a", 0))
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Until(r.End) - left)
				disk.fails = true
				if got, err := m.Extend(r.Token, time.Hour); err == nil || got != (Reservation{}) {
					t.Errorf("extended: %+v, %v", got, err)
				}
				time.Sleep(left)
				if !room.isGone() {
					t.Error("the room goes on after its end")
				}
				cancel()
				running.Wait()
			})
		})
	}
}

// overtaken is a disk on which the first of two writes ends last.
type overtaken struct {
	*documents
	slow bool
}

func (d *overtaken) Put(key string, v any) error {
	if d.slow {
		d.slow = false
		time.Sleep(10 * time.Second)
	}
	return d.documents.Put(key, v)
}

// What is done to a reservation while it is being written lasts over a restart.
func TestReservationIsKeptAsItStands(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(m *Manager, token string) error
		kept      int
	}{
		"extended again": {func(m *Manager, token string) error { _, err := m.Extend(token, time.Hour); return err }, 1},
		"removed":        {(*Manager).Unreserve, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &overtaken{documents: &documents{byKey: map[string][]byte{}}}
				m := booking(t, disk)
				r, err := m.Reserve(hour("a", time.Hour))
				if err != nil {
					t.Fatal(err)
				}
				disk.slow = true
				var extending sync.WaitGroup
				extending.Go(func() {
					if _, err := m.Extend(r.Token, time.Minute); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
				if err := test.meanwhile(m, r.Token); err != nil {
					t.Fatal(err)
				}
				extending.Wait()
				list := booking(t, disk).Reservations() // after a restart
				if len(list) != test.kept {
					t.Fatalf("kept %+v", list)
				}
				for _, one := range list {
					if !one.End.Equal(r.End.Add(time.Hour + time.Minute)) {
						t.Errorf("it ends %v later", one.End.Sub(r.End))
					}
				}
			})
		})
	}
}

// slowDocuments takes its time to forget.
type slowDocuments struct{ *documents }

func (d slowDocuments) Delete(key string) error {
	time.Sleep(10 * time.Second)
	return d.documents.Delete(key)
}

// The end of a reservation may come while the disk is busy with another one, and
// something is booked at the same time.
func TestReservedRoomIsClosedHoweverLateItIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := &Conference{name: "second", gone: make(chan struct{})}
		m := booking(t, slowDocuments{&documents{byKey: map[string][]byte{}}})
		m.rooms["second"], m.metrics = room, newMetrics(nil)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = m.RunReservations(ctx) })
		first, second := hour("first", time.Minute), hour("second", time.Minute)
		second.End = first.End.Add(reservedGrace + 5*time.Second)
		for _, r := range []Reservation{first, second} {
			if _, err := m.Reserve(r); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Until(second.End) - 3*time.Second) // the first one is being forgotten
		if _, err := m.Reserve(hour("third", time.Hour)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !room.isGone() {
			t.Error("the room goes on after its end")
		}
		cancel()
		running.Wait()
	})
}

func TestReservationsAreExtendedByAllWhoAsk(t *testing.T) {
	m := booking(t, nil)
	r, err := m.Reserve(hour("a", time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	const askers = 64
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			if _, err := m.Extend(r.Token, time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if now, _ := m.Reservation(r.Token); !now.End.Equal(r.End.Add(askers * time.Minute)) {
		t.Errorf("it ends %v later", now.End.Sub(r.End))
	}
}
