package management

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"mediaserver/call"
)

// conferenceList is a page of rooms.
type conferenceList struct {
	Body struct {
		Conferences []Conference `json:"conferences"`
		Next        string       `json:"next,omitempty" doc:"the value of after for the next page; left out at the end"`
	}
}

// oneConference names a room.
type oneConference struct {
	Name string `path:"conference" maxLength:"128"`
}

// conferenceAnswer is a room.
type conferenceAnswer struct{ Body Conference }

// lockRequest locks or unlocks a room.
type lockRequest struct {
	Name string `path:"conference" maxLength:"128"`
	Body struct {
		Locked bool `json:"locked" doc:"nobody enters any more"`
	}
}

// oneParticipant names somebody in a room.
type oneParticipant struct {
	Name string `path:"conference" maxLength:"128"`
	ID   string `path:"participant_id" maxLength:"100" doc:"participant_id or call_id"`
}

// muteRequest mutes or unmutes somebody.
type muteRequest struct {
	Name string `path:"conference" maxLength:"128"`
	ID   string `path:"participant_id" maxLength:"100" doc:"participant_id or call_id"`
	Body struct {
		Muted bool `json:"muted"`
	}
}

// participantAnswer is somebody in a room.
type participantAnswer struct{ Body Participant }

func (a *API) registerRooms() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-conferences", Method: http.MethodGet, Path: Prefix + "/conferences", Tags: []string{"conferences"},
		Summary: "Rooms in use or reserved, by name",
	}, func(_ context.Context, in *Page) (*conferenceList, error) {
		out := &conferenceList{}
		var all []Conference
		for _, c := range a.cfg.Rooms.Conferences() {
			all = append(all, conferenceOf(c))
		}
		out.Body.Conferences, out.Body.Next = cut(all, *in, func(c Conference) string { return c.Name })
		return out, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-conference", Method: http.MethodGet, Path: Prefix + "/conferences/{conference}", Tags: []string{"conferences"},
		Summary: "A room and who is in it", Errors: []int{http.StatusNotFound},
	}, func(_ context.Context, in *oneConference) (*conferenceAnswer, error) { return a.conference(in.Name) })
	huma.Register(a.huma, huma.Operation{
		OperationID: "change-conference", Method: http.MethodPatch, Path: Prefix + "/conferences/{conference}", Tags: []string{"conferences"},
		Summary: "Lock or unlock a room", Errors: []int{http.StatusNotFound},
		Description: "Newcomers of a locked room are answered busy (CONFERENCE_BUSY). The lock goes with the room.",
	}, func(_ context.Context, in *lockRequest) (*conferenceAnswer, error) {
		if err := a.cfg.Rooms.Lock(in.Name, in.Body.Locked); err != nil {
			return nil, a.domainProblem(err)
		}
		return a.conference(in.Name)
	})
	participant := Prefix + "/conferences/{conference}/participants/{participant_id}"
	huma.Register(a.huma, huma.Operation{
		OperationID: "change-participant", Method: http.MethodPatch, Path: participant, Tags: []string{"conferences"},
		Summary: "Mute or unmute a participant", Errors: []int{http.StatusNotFound},
	}, func(_ context.Context, in *muteRequest) (*participantAnswer, error) {
		if err := a.cfg.Rooms.Mute(in.Name, in.ID, in.Body.Muted); err != nil {
			return nil, a.domainProblem(err)
		}
		return a.participant(in.Name, in.ID)
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "eject-participant", Method: http.MethodDelete, Path: participant, Tags: []string{"conferences"},
		Summary: "Eject a participant", DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound},
		Description: "Its secondary call ends; the primary call goes on with its next action. The event participant.left says when.",
	}, func(_ context.Context, in *oneParticipant) (*accepted, error) {
		if err := a.cfg.Rooms.Eject(in.Name, in.ID); err != nil {
			return nil, a.domainProblem(err)
		}
		return &accepted{}, nil
	})
}

// conference is the answer with a room.
func (a *API) conference(name string) (*conferenceAnswer, error) {
	c, ok := a.cfg.Rooms.Conference(name)
	if !ok {
		return nil, a.domainProblem(call.ErrNoConference)
	}
	return &conferenceAnswer{Body: conferenceOf(c)}, nil
}

// participant is the answer with somebody in a room.
func (a *API) participant(conference, id string) (*participantAnswer, error) {
	c, err := a.conference(conference)
	if err != nil {
		return nil, err
	}
	for _, p := range c.Body.Participants {
		if p.ID == id || p.Call == id {
			return &participantAnswer{Body: p}, nil
		}
	}
	return nil, a.domainProblem(call.ErrNoParticipant)
}
