package call

import (
	"slices"
	"strings"
	"time"
)

// ConferenceInfo is a snapshot of a room.
type ConferenceInfo struct {
	Name         string
	Started      bool
	Participants []ParticipantInfo // in order of entry
}

// ParticipantInfo is a snapshot of a participant. Levels are those of the
// last frames [dBov].
type ParticipantInfo struct {
	CallID    string // of the secondary call
	From      string
	Talker    bool
	Muted     bool
	Connected bool
	Entered   time.Time
	Speaking  bool    // its input is in the mix
	Level     float64 // of its input
	Heard     float64 // of what it hears
}

// Conferences are the rooms of this process, by name.
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
	slices.SortFunc(infos, func(a, b ConferenceInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos
}

func (f *Conference) info() ConferenceInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := ConferenceInfo{Name: f.name, Started: f.started}
	for _, p := range f.participants {
		i.Participants = append(i.Participants, ParticipantInfo{
			CallID: p.call.base.ID, From: p.call.base.From,
			Talker: p.opts.Talker, Muted: p.muted, Connected: p.connected, Entered: p.entered,
			Speaking: p.member.Contributing(), Level: p.member.Level(), Heard: p.member.HeardLevel(),
		})
	}
	return i
}
