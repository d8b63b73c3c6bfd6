package webservice

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"mediaserver/call"
)

// Bounds of reservations.
const (
	maxReservedName    = 47
	maxReserved        = 350 // participants
	maxReservedMinutes = 1440
	earliestStart      = 5 * time.Minute // ahead
	latestStart        = 24 * time.Hour
)

// startLayouts are the forms of ISO 8601 that a start may have; all are UTC.
var startLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "20060102T150405Z0700", "20060102T1504Z0700",
}

// reservationAnswer is a reservation.
type reservationAnswer struct {
	Token     string `json:"reservation_token"`
	StartTime int64  `json:"start_time"`
	EndTime   int64  `json:"end_time"`
}

func answerOf(r call.Reservation) reservationAnswer {
	return reservationAnswer{Token: r.Token, StartTime: r.Start.Unix(), EndTime: r.End.Unix()}
}

func (s *Services) reservationCreate(q *request) (any, error) {
	name := q.conferenceName()
	if name != "" && (len(name) > maxReservedName || !alphanumeric(name)) {
		q.bad("conference_name", "is not 1 to "+strconv.Itoa(maxReservedName)+" letters and digits")
	}
	most := maxReserved
	if own := s.cfg.MaxParticipants; own > 0 {
		most = min(most, own)
	}
	participants := q.number("max_participants", most)
	start := q.start("start_time", time.Now())
	minutes := q.number("duration_minutes", maxReservedMinutes)
	divert := q.optional("divert", maxParameter)
	if divert != "" && !slices.Contains(s.cfg.Inbound(), divert) {
		q.bad("divert", "is not an inbound service")
	}
	if err := q.fault(); err != nil {
		return nil, err
	}
	r, err := s.cfg.Reservations.Reserve(call.Reservation{
		Conference: name, MaxParticipants: participants, Divert: divert,
		Start: start, End: start.Add(time.Duration(minutes) * time.Minute),
	})
	if err != nil {
		return nil, reservationFault(err)
	}
	return answerOf(r), nil
}

// start is a mandatory time from 5 minutes to 24 hours ahead, rounded down to
// the minute.
func (f *form) start(name string, now time.Time) time.Time {
	v := f.required(name, maxParameter)
	if v == "" {
		return time.Time{}
	}
	for _, layout := range startLayouts {
		t, err := time.Parse(layout, v)
		if err != nil {
			continue
		}
		if _, offset := t.Zone(); offset != 0 {
			break
		}
		if ahead := t.Sub(now); ahead < earliestStart || ahead > latestStart {
			f.bad(name, "is not 5 minutes to 24 hours ahead")
		}
		return t.UTC().Truncate(time.Minute)
	}
	f.bad(name, "is not a time in ISO 8601 in UTC, such as 2026-03-02T10:00:00Z")
	return time.Time{}
}

func alphanumeric(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func (s *Services) reservationModify(q *request) (any, error) {
	token := q.required("reservation_token", maxParameter)
	minutes := q.number("additional_minutes", maxReservedMinutes)
	if err := q.fault(); err != nil {
		return nil, err
	}
	by := time.Duration(minutes) * time.Minute
	if r, ok := s.cfg.Reservations.Reservation(token); ok && r.End.Add(by).Sub(r.Start) > maxReservedMinutes*time.Minute {
		return nil, malformed("additional_minutes", "makes the reservation longer than "+strconv.Itoa(maxReservedMinutes)+" minutes")
	}
	r, err := s.cfg.Reservations.Extend(token, by)
	if err != nil {
		return nil, reservationFault(err)
	}
	return answerOf(r), nil
}

func (s *Services) reservationRemove(q *request) (any, error) {
	token := q.required("reservation_token", maxParameter)
	if err := q.fault(); err != nil {
		return nil, err
	}
	if err := s.cfg.Reservations.Unreserve(token); err != nil {
		return nil, reservationFault(err)
	}
	return map[string]string{"result": "removed"}, nil
}

func reservationFault(err error) error {
	switch {
	case errors.Is(err, call.ErrNoReservation):
		return parameterFault(codeToken, "Invalid token", "reservation_token")
	case errors.Is(err, call.ErrReserved):
		return statusFault(http.StatusConflict, strings.TrimPrefix(err.Error(), "call: "), "start_time")
	case errors.Is(err, call.ErrTooManyReservations):
		return statusFault(http.StatusServiceUnavailable, strings.TrimPrefix(err.Error(), "call: "))
	}
	return err
}
