package call

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// reservedGrace is how long after the end of a reservation nobody may make a
// room of its name.
const reservedGrace = 5 * time.Minute

// maxReservations bounds what is booked at a time, all names together.
const maxReservations = 10000

// What asking for a reservation may come to.
var (
	// ErrReserved: the time overlaps with another reservation of the name.
	ErrReserved = errors.New("call: reserved already")
	// ErrNoReservation: no reservation has that token.
	ErrNoReservation = errors.New("call: no such reservation")
	// ErrTooManyReservations: nothing more can be booked.
	ErrTooManyReservations = errors.New("call: too many reservations")
)

// Keeper keeps documents over a restart of the process, as JSON. Put and
// Delete are durable when they return; they may wait for a disk.
type Keeper interface {
	Put(key string, v any) error
	Delete(key string) error
	Each(f func(key string, v []byte) error) error
}

// Reservation keeps the name of a room for a time. The room exists from Start
// to End whoever is in it; at End everybody is hung up.
type Reservation struct {
	Token           string    `json:"token"` // its name, made by Reserve
	Conference      string    `json:"conference"`
	MaxParticipants int       `json:"max_participants"` // beside the server's own limit; 0: only that
	Start           time.Time `json:"start"`
	End             time.Time `json:"end"`
	Divert          string    `json:"divert,omitempty"` // inbound service for early callers; "": they are told busy
}

// ReservationState says where a reservation stands.
type ReservationState uint8

// The states of a reservation: Booked before its start, Open in its period,
// Over within the five minutes after its end.
const (
	Booked ReservationState = iota
	Open
	Over
)

// State is where r stands at a time.
func (r Reservation) State(now time.Time) ReservationState {
	switch {
	case now.Before(r.Start):
		return Booked
	case now.Before(r.End):
		return Open
	default:
		return Over
	}
}

// reservations are those of a Manager, by token. Safe for concurrent use.
type reservations struct {
	keeper Keeper // nil: they are forgotten at the end of the process

	mu      sync.Mutex
	byToken map[string]Reservation
	changed chan struct{} // closed and made anew at every change
}

func newReservations(keeper Keeper) *reservations {
	return &reservations{keeper: keeper, byToken: map[string]Reservation{}, changed: make(chan struct{})}
}

// load takes up what was kept.
func (r *reservations) load(now time.Time) error {
	if r.keeper == nil {
		return nil
	}
	return r.keeper.Each(func(key string, v []byte) error {
		var one Reservation
		if err := json.Unmarshal(v, &one); err != nil {
			return fmt.Errorf("reservation %s: %w", key, err)
		}
		if now.Before(one.End.Add(reservedGrace)) {
			r.byToken[one.Token] = one
		}
		return nil
	})
}

// Reserve books a room. r comes without Token. It fails with ErrReserved and
// ErrTooManyReservations; what else comes is a fault of the Keeper.
func (m *Manager) Reserve(r Reservation) (Reservation, error) {
	r.Token = "v-" + rand.Text()
	if err := m.reserved.put(r); err != nil {
		return Reservation{}, err
	}
	if err := m.reserved.keep(r); err != nil {
		m.reserved.remove(r.Token)
		return Reservation{}, err
	}
	return r, nil
}

// Extend moves the end of a reservation that is not over. It fails with
// ErrNoReservation and ErrReserved; what else comes is a fault of the Keeper, and
// the end is where it was.
func (m *Manager) Extend(token string, by time.Duration) (Reservation, error) {
	r, err := m.reserved.extend(token, by, time.Now())
	if err != nil {
		return Reservation{}, err
	}
	if err := m.reserved.keep(r); err != nil {
		m.reserved.shorten(token, by, time.Now())
		return Reservation{}, err
	}
	return r, nil
}

// Unreserve removes a reservation; if its room is open everybody in it is
// hung up. It fails with ErrNoReservation.
func (m *Manager) Unreserve(token string) error {
	r, ok := m.reserved.get(token)
	if !ok {
		return fmt.Errorf("%w: %q", ErrNoReservation, token)
	}
	was := r.State(time.Now())
	m.reserved.remove(token)
	if was == Open {
		m.closeRoom(r.Conference)
	}
	return m.reserved.drop(token)
}

// Reservation finds a reservation by its token.
func (m *Manager) Reservation(token string) (Reservation, bool) { return m.reserved.get(token) }

// Reservations are all that are booked, open, or over for less than five
// minutes, by start and name.
func (m *Manager) Reservations() []Reservation { return m.reserved.all() }

// RunReservations ends the rooms of reservations at their time, until ctx
// ends. Without it reservations do not end.
func (m *Manager) RunReservations(ctx context.Context) error {
	done := time.Now() // what ended until then has been seen to
	for {
		now := time.Now()
		m.endOver(done, now)
		done = now
		over, next, changed := m.reserved.due(now)
		for _, r := range over {
			if err := m.reserved.drop(r.Token); err != nil {
				m.cfg.Logger.Error("reservation cannot be forgotten", "conference", r.Conference, "error", err)
			}
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// endOver ends the rooms of the reservations that ended after one time and
// up to another.
func (m *Manager) endOver(after, until time.Time) {
	for _, r := range m.reserved.all() {
		if r.End.After(after) && !r.End.After(until) {
			m.cfg.Logger.Info("reservation ends", "conference", r.Conference)
			m.closeRoom(r.Conference)
		}
	}
}

// closeRoom takes a room out of use and hangs up everybody in it.
func (m *Manager) closeRoom(name string) {
	m.mu.Lock()
	f := m.rooms[name]
	m.mu.Unlock()
	if f == nil {
		return
	}
	calls := f.close()
	m.forget(f)
	for _, c := range calls {
		c.requestEnd(HungUp)
	}
}

// close takes the room out of use; it returns who is in it.
func (f *Conference) close() []*Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaveUse()
	return f.calls()
}

// errDiverted: the room is not open yet, and who calls it is sent to an
// inbound service.
type errDiverted struct{ service string }

func (e *errDiverted) Error() string {
	return fmt.Sprintf("call: diverted to service %q", e.service)
}

// admits says who may enter a room now: its own maximum, 0 for the server's
// only; or ErrConferenceBusy or *errDiverted while it is not open.
func (r *reservations) admits(name string, now time.Time) (most int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var booked, over *Reservation
	for _, one := range r.byToken {
		if one.Conference != name {
			continue
		}
		switch one.State(now) {
		case Open:
			return one.MaxParticipants, nil
		case Booked:
			if booked == nil || one.Start.Before(booked.Start) {
				booked = &one
			}
		case Over:
			if now.Before(one.End.Add(reservedGrace)) {
				over = &one
			}
		}
	}
	switch {
	case booked != nil && booked.Divert != "":
		return 0, &errDiverted{service: booked.Divert}
	case booked != nil:
		return 0, fmt.Errorf("%w: it is reserved and opens at %s", ErrConferenceBusy, booked.Start.UTC().Format(time.RFC3339))
	case over != nil:
		return 0, fmt.Errorf("%w: its reservation ended at %s", ErrConferenceBusy, over.End.UTC().Format(time.RFC3339))
	}
	return 0, nil
}

// open is the reservation in whose period a room is.
func (r *reservations) open(name string, now time.Time) (Reservation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.byToken {
		if one.Conference == name && one.State(now) == Open {
			return one, true
		}
	}
	return Reservation{}, false
}

// put books r, or books it anew, unless it overlaps with another one of its
// name.
func (r *reservations) put(one Reservation) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.putLocked(one)
}

// extend is put for one that is booked, or open, with a later end.
func (r *reservations) extend(token string, by time.Duration, now time.Time) (Reservation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.byToken[token]
	if !ok || one.State(now) == Over {
		return Reservation{}, fmt.Errorf("%w: %q", ErrNoReservation, token)
	}
	one.End = one.End.Add(by)
	return one, r.putLocked(one)
}

// shorten takes back what extend did; an end that has passed meanwhile is now,
// so that it is seen.
func (r *reservations) shorten(token string, by time.Duration, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.byToken[token]
	if !ok {
		return
	}
	one.End = one.End.Add(-by)
	if one.End.Before(now) {
		one.End = now
	}
	r.byToken[token] = one
	r.tell()
}

func (r *reservations) putLocked(one Reservation) error {
	for _, other := range r.byToken {
		if other.Conference == one.Conference && other.Token != one.Token && other.Start.Before(one.End) && one.Start.Before(other.End) {
			return fmt.Errorf("%w: %q from %s to %s", ErrReserved, one.Conference,
				other.Start.UTC().Format(time.RFC3339), other.End.UTC().Format(time.RFC3339))
		}
	}
	if _, known := r.byToken[one.Token]; !known && len(r.byToken) >= maxReservations {
		return ErrTooManyReservations
	}
	r.byToken[one.Token] = one
	r.tell()
	return nil
}

// tell wakes who waits for a change; r.mu is held.
func (r *reservations) tell() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *reservations) get(token string) (Reservation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.byToken[token]
	return one, ok
}

func (r *reservations) remove(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byToken, token)
	r.tell()
}

func (r *reservations) all() []Reservation {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Reservation, 0, len(r.byToken))
	for _, one := range r.byToken {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Reservation) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Conference, b.Conference))
	})
	return list
}

// longestNap bounds the sleep of RunReservations.
const longestNap = time.Hour

// due forgets what is over for good and returns it; next is when to look
// again, earlier if changed is closed.
func (r *reservations) due(now time.Time) (over []Reservation, next time.Time, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = now.Add(longestNap)
	for token, one := range r.byToken {
		end := one.End
		if !end.After(now) {
			end = end.Add(reservedGrace)
		}
		switch {
		case !end.After(now):
			delete(r.byToken, token)
			over = append(over, one)
		case end.Before(next):
			next = end
		}
	}
	return over, next, r.changed
}

// keep makes a reservation last over a restart. Others may change or remove it
// while it is being written: what is kept last is how it stands then.
func (r *reservations) keep(one Reservation) error {
	if r.keeper == nil {
		return nil
	}
	for {
		if err := r.keeper.Put(one.Token, one); err != nil {
			return err
		}
		now, ok := r.get(one.Token)
		switch {
		case !ok:
			return r.keeper.Delete(one.Token)
		case now.End.Equal(one.End):
			return nil
		}
		one = now
	}
}

// drop forgets a reservation for good.
func (r *reservations) drop(token string) error {
	if r.keeper == nil {
		return nil
	}
	return r.keeper.Delete(token)
}
