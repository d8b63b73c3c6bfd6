package webservice

import (
	"errors"

	"mediaserver/call"
)

// conferenceName is the mandatory name of a room.
func (q *request) conferenceName() string { return q.required("conference_name", maxParameter) }

// roomAnswer is a room in conference_list.
type roomAnswer struct {
	Name         string `json:"conference_name"`
	State        string `json:"state"`
	Participants int    `json:"participants"`
	Reserved     bool   `json:"reserved"`
	StartTime    int64  `json:"start_time"`
}

func (s *Services) conferenceList(*request) (any, error) {
	list := []roomAnswer{}
	for _, c := range s.cfg.Rooms.Conferences() {
		list = append(list, roomAnswer{
			Name: c.Name, State: c.State.String(), Participants: len(c.Participants), Reserved: c.Reserved, StartTime: c.Since.Unix(),
		})
	}
	return map[string]any{"conferences": list}, nil
}

// participantAnswer is a participant in conference_participant_list.
type participantAnswer struct {
	ID            string `json:"participant_id"`
	From          string `json:"call_from"`
	Talker        bool   `json:"talker"`
	Muted         bool   `json:"muted"`
	DTMF          bool   `json:"enable_dtmf"`
	StartOnEntry  bool   `json:"start_on_entry"`
	DestroyOnExit bool   `json:"destroy_on_exit"`
	Connected     bool   `json:"connected"`
	EntryTime     int64  `json:"entry_time"`
}

func (s *Services) participantList(q *request) (any, error) {
	name := q.conferenceName()
	if err := q.fault(); err != nil {
		return nil, err
	}
	c, ok := s.cfg.Rooms.Conference(name)
	if !ok {
		return nil, notFound("conference", "conference_name")
	}
	answer := struct {
		Name         string              `json:"conference_name"`
		Participants []participantAnswer `json:"participants"`
	}{Name: name, Participants: []participantAnswer{}}
	for _, p := range c.Participants {
		answer.Participants = append(answer.Participants, participantAnswer{
			ID: p.ID, From: p.From, Talker: p.Talker, Muted: p.Muted, DTMF: p.DTMF,
			StartOnEntry: p.StartOnEntry, DestroyOnExit: p.DestroyOnExit, Connected: p.Connected, EntryTime: p.Entered.Unix(),
		})
	}
	return answer, nil
}

func (s *Services) setOptions(q *request) (any, error) {
	name, id := q.conferenceName(), q.required("participant_id", maxParameter)
	change := call.ParticipantChange{Muted: q.boolean("mute"), DTMF: q.boolean("enable_dtmf")}
	if !q.has("mute") && !q.has("enable_dtmf") {
		q.missing = append(q.missing, "mute", "enable_dtmf")
	}
	if err := q.fault(); err != nil {
		return nil, err
	}
	p, err := s.cfg.Rooms.Change(name, id, change)
	if err != nil {
		return nil, roomFault(err)
	}
	return struct {
		ID    string `json:"participant_id"`
		Muted bool   `json:"muted"`
		DTMF  bool   `json:"enable_dtmf"`
	}{p.ID, p.Muted, p.DTMF}, nil
}

func (s *Services) eject(q *request) (any, error) {
	name, id := q.conferenceName(), q.required("participant_id", maxParameter)
	if err := q.fault(); err != nil {
		return nil, err
	}
	if err := s.cfg.Rooms.Eject(name, id); err != nil {
		return nil, roomFault(err)
	}
	return map[string]string{"participant_id": id, "result": "ejected"}, nil
}

// roomFault says what is not there.
func roomFault(err error) error {
	switch {
	case errors.Is(err, call.ErrNoConference):
		return notFound("conference", "conference_name")
	case errors.Is(err, call.ErrNoParticipant):
		return notFound("participant", "participant_id")
	}
	return err
}
