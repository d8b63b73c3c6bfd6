package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"mediaserver/call"
)

// roomPrefix is that of the user part by which a room is called without an
// application: sip:conf-NAME@….
const roomPrefix = "conf-"

// notFound is the answer to who calls a room that is not here.
const notFound = 404

// directRoom is the room that an address calls, if it calls one.
func directRoom(uri string) (name string, ok bool) {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, hasHost := strings.Cut(rest, "@")
	if name, ok = strings.CutPrefix(user, roomPrefix); !ok || !hasHost || name == "" {
		return "", false
	}
	return name, true
}

// serveCall is what happens to an inbound call: conference.direct_dial puts
// those that call a room into it, the rest have an application. A room that
// conference.destinations puts elsewhere is not joined in this way: the caller
// would choose what we dial.
func (s *server) serveCall(ctx context.Context, c *call.Call) {
	name, ok := s.roomCalled(c.Info())
	if !ok {
		s.parts.apps.ServeCall(ctx, c)
		return
	}
	s.serveRoom(ctx, c, name)
}

// roomCalled is the room that an inbound call is for itself.
func (s *server) roomCalled(info call.Info) (name string, ok bool) {
	if !s.cfg.Conference.DirectDial {
		return "", false
	}
	if info.RequestURI == "" {
		return directRoom(info.To)
	}
	return directRoom(info.RequestURI)
}

// awaits says whether an inbound call is for a service or for a room that is here.
func (s *server) awaits(info call.Info) bool {
	name, ok := s.roomCalled(info)
	if !ok || info.Service != "" {
		return s.parts.apps.Awaits(info)
	}
	return !s.isElsewhere(name)
}

// isElsewhere says whether a room is with another focus.
func (s *server) isElsewhere(name string) bool {
	_, elsewhere := destinations(s.cfg.Conference.Destinations).Place(name)
	return elsewhere
}

// serveRoom puts an inbound call into the room it is for.
func (s *server) serveRoom(ctx context.Context, c *call.Call, name string) {
	if s.isElsewhere(name) {
		_ = c.Reject(ctx, notFound) // it has hung up
		return
	}
	if err := joinRoom(ctx, c, name); err != nil && !errors.Is(err, call.ErrEnded) && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "cannot join the room that was called", slog.String("call_id", c.Info().ID), slog.String("conference", name), slog.Any("error", err))
	}
}

// joinRoom answers a call and has it talk in a room until one of them ends.
func joinRoom(ctx context.Context, c *call.Call, name string) error {
	if err := c.Answer(ctx); err != nil {
		return err
	}
	seat, err := c.DialConference(ctx, call.ConferenceOptions{
		Name: name, Participant: call.ParticipantOptions{Talker: true, StartOnEntry: true},
	})
	if err != nil {
		return err
	}
	_, err = c.Connect(ctx, seat)
	return err
}
