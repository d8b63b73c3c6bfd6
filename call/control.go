package call

import (
	"errors"
	"fmt"
)

// ErrNoParticipant: nobody of that name is in the room.
var ErrNoParticipant = errors.New("call: no such participant")

// ParticipantChange is what can be changed of a participant from outside;
// nil leaves a thing as it is.
type ParticipantChange struct {
	Muted *bool // the flag that the participant's digits change too
	DTMF  *bool // whether its exit, mute and unmute digits act
}

// Change changes a participant and returns what it is then. participant is
// the id of its application instance or that of its secondary call. It fails
// with ErrNoConference or ErrNoParticipant.
func (m *Manager) Change(conference, participant string, change ParticipantChange) (ParticipantInfo, error) {
	p, err := m.participant(conference, participant)
	if err != nil {
		return ParticipantInfo{}, err
	}
	if change.DTMF != nil {
		p.call.mu.Lock()
		p.call.joined.noDigits = !*change.DTMF
		p.call.mu.Unlock()
	}
	if change.Muted != nil {
		p.setMuted(func(bool) bool { return *change.Muted })
	}
	p.focus.mu.Lock()
	defer p.focus.mu.Unlock()
	return p.info(), nil
}

// Mute switches the input of a participant off or on.
func (m *Manager) Mute(conference, participant string, muted bool) error {
	_, err := m.Change(conference, participant, ParticipantChange{Muted: &muted})
	return err
}

// SetDTMF says whether the digits of a participant act.
func (m *Manager) SetDTMF(conference, participant string, enabled bool) error {
	_, err := m.Change(conference, participant, ParticipantChange{DTMF: &enabled})
	return err
}

// Eject hangs up a participant's secondary call with HungUp; its primary
// lives on. It does not wait for the end.
func (m *Manager) Eject(conference, participant string) error {
	p, err := m.participant(conference, participant)
	if err != nil {
		return err
	}
	p.call.requestEnd(HungUp)
	return nil
}

// participant finds a member of a room that is in use.
func (m *Manager) participant(conference, id string) (*Participant, error) {
	f, err := m.room(conference)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.participants {
		if p.id() == id || p.call.base.ID == id {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNoParticipant, id)
}

// id is the participant's name in the web services: that of its application
// instance; without one, of its secondary call.
func (p *Participant) id() string {
	if p.instance != "" {
		return p.instance
	}
	return p.call.base.ID
}
