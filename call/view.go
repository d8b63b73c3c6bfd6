package call

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ConferenceState is what a room is for the web services.
type ConferenceState uint8

// The states: reserved and not open yet, stopped, started, and reserved and
// over for less than five minutes.
const (
	ConferenceReserved ConferenceState = iota
	ConferenceHolding
	ConferenceActive
	ConferenceCompleted
)

// String is the word of the web services.
func (s ConferenceState) String() string {
	return [...]string{"RESERVED", "HOLDING", "ACTIVE", "COMPLETED"}[s]
}

// ConferenceInfo is a snapshot of a room.
type ConferenceInfo struct {
	Name         string
	State        ConferenceState
	Started      bool // State is ConferenceActive
	Reserved     bool
	Locked       bool              // nobody enters any more
	Recorded     bool              // room control records it
	Since        time.Time         // its first entry, or the start of its reservation
	Participants []ParticipantInfo // in order of entry
}

// ParticipantInfo is a snapshot of a participant. Levels are those of the
// last frames [dBov].
type ParticipantInfo struct {
	ID            string // of the application instance; without one, CallID
	CallID        string // of the secondary call
	From          string
	Talker        bool
	Muted         bool
	DTMF          bool // its digits act
	StartOnEntry  bool
	DestroyOnExit bool
	Connected     bool
	Entered       time.Time
	Speaking      bool    // its input is in the mix
	Level         float64 // of its input
	Heard         float64 // of what it hears
}

// Conferences are the rooms of this process and those that are reserved, by
// name.
func (m *Manager) Conferences() []ConferenceInfo {
	m.mu.Lock()
	rooms := make([]*Conference, 0, len(m.rooms))
	for _, f := range m.rooms {
		rooms = append(rooms, f)
	}
	m.mu.Unlock()
	infos := make([]ConferenceInfo, 0, len(rooms))
	for _, f := range rooms {
		infos = append(infos, f.info())
	}
	infos = m.reserved.mark(infos, time.Now())
	slices.SortStableFunc(infos, func(a, b ConferenceInfo) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), a.Since.Compare(b.Since))
	})
	return infos
}

// Conference is the room of a name that is in use or open now.
func (m *Manager) Conference(name string) (ConferenceInfo, bool) {
	m.mu.Lock()
	f := m.rooms[name]
	m.mu.Unlock()
	r, open := m.reserved.open(name, time.Now())
	switch {
	case f != nil:
		info := f.info()
		if open {
			info.Reserved, info.Since = true, r.Start
		}
		return info, true
	case open:
		return ConferenceInfo{Name: name, State: ConferenceHolding, Reserved: true, Since: r.Start}, true
	}
	return ConferenceInfo{}, false
}

// mark says of rooms that they are reserved and adds those that nobody is in.
func (r *reservations) mark(infos []ConferenceInfo, now time.Time) []ConferenceInfo {
	rooms := make(map[string]int, len(infos))
	for i, info := range infos {
		rooms[info.Name] = i
	}
	for _, one := range r.all() {
		i, inUse := rooms[one.Conference]
		info := ConferenceInfo{Name: one.Conference, State: ConferenceHolding, Reserved: true, Since: one.Start}
		switch state := one.State(now); {
		case state == Booked:
			info.State = ConferenceReserved
		case state == Over && now.Before(one.End.Add(reservedGrace)):
			info.State = ConferenceCompleted
		case state == Over:
			continue
		case inUse:
			infos[i].Reserved, infos[i].Since = true, one.Start
			continue
		}
		infos = append(infos, info)
	}
	return infos
}

func (f *Conference) info() ConferenceInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := ConferenceInfo{Name: f.name, State: ConferenceHolding, Started: f.started, Since: f.since, Locked: f.locked, Recorded: f.tape != nil}
	if f.started {
		i.State = ConferenceActive
	}
	for _, p := range f.participants {
		i.Participants = append(i.Participants, p.info())
	}
	return i
}

// info is a snapshot; the Conference's lock is held.
func (p *Participant) info() ParticipantInfo {
	p.call.mu.Lock()
	deaf := p.call.joined.noDigits
	p.call.mu.Unlock()
	return ParticipantInfo{
		ID: p.id(), CallID: p.call.base.ID, From: p.call.base.From,
		Talker: p.opts.Talker, Muted: p.muted, DTMF: !deaf,
		StartOnEntry: p.opts.StartOnEntry, DestroyOnExit: p.opts.DestroyOnExit,
		Connected: p.connected, Entered: p.entered,
		Speaking: p.member.Contributing(), Level: p.member.Level(), Heard: p.member.HeardLevel(),
	}
}
