package management

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"mediaserver/call"
)

// Answers about the server.
type (
	healthAnswer struct{ Body Health }
	serviceList  struct {
		Body struct {
			Services []Service `json:"services" doc:"in the order in which they are matched"`
		}
	}
	trunkList struct {
		Body struct {
			Trunks []Trunk `json:"trunks"`
		}
	}
	reservationList struct {
		Body struct {
			Reservations []Reservation `json:"reservations"`
		}
	}
)

func (a *API) registerServer() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-health", Method: http.MethodGet, Path: Prefix + "/health", Tags: []string{"server"},
		Summary: "How the server does, and how much more it can take",
	}, func(context.Context, *struct{}) (*healthAnswer, error) { return &healthAnswer{Body: a.health()}, nil })
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-services", Method: http.MethodGet, Path: Prefix + "/services", Tags: []string{"server"},
		Summary: "Services of the configuration",
	}, func(context.Context, *struct{}) (*serviceList, error) {
		out := &serviceList{}
		out.Body.Services = append([]Service{}, a.cfg.Services()...)
		return out, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-trunks", Method: http.MethodGet, Path: Prefix + "/trunks", Tags: []string{"server"},
		Summary: "SIP trunks of the configuration",
	}, func(context.Context, *struct{}) (*trunkList, error) {
		out := &trunkList{}
		out.Body.Trunks = append([]Trunk{}, a.cfg.Trunks()...)
		return out, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-reservations", Method: http.MethodGet, Path: Prefix + "/reservations", Tags: []string{"conferences"},
		Summary: "Booked rooms, by start",
	}, func(context.Context, *struct{}) (*reservationList, error) { return a.reservations(), nil })
}

// health puts together what the process and the parts say.
func (a *API) health() Health {
	h := a.cfg.Health()
	room := a.cfg.Calls.Headroom()
	h.Version, h.Fit, h.Busy = a.cfg.Version, room.Fit, room.Busy
	for _, c := range a.cfg.Calls.Calls() {
		if c.Conference == "" {
			h.Calls++
		}
	}
	h.Conferences = len(a.cfg.Rooms.Conferences())
	h.OldestEvent, h.LatestEvent = a.cfg.Events.Range()
	h.EventStreams = len(a.places)
	return h
}

func (a *API) reservations() *reservationList {
	out := &reservationList{}
	out.Body.Reservations = []Reservation{}
	if a.cfg.Reservations == nil {
		return out
	}
	now := time.Now()
	for _, r := range a.cfg.Reservations.Reservations() {
		out.Body.Reservations = append(out.Body.Reservations, Reservation{
			Token: r.Token, Conference: r.Conference, Start: r.Start, End: r.End,
			MaxParticipants: r.MaxParticipants, State: reservationState(r.State(now)),
		})
	}
	return out
}

// reservationState is the word for a state of a reservation.
func reservationState(s call.ReservationState) string {
	switch s {
	case call.Booked:
		return "booked"
	case call.Open:
		return "open"
	default:
		return "over"
	}
}
