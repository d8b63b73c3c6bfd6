package restapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"mediaserver/call"
)

// Dialer places primary calls: *call.Manager.
type Dialer interface {
	// Dial blocks until the call is answered; what else becomes of it is a
	// *call.DialError.
	Dial(ctx context.Context, o call.DialOptions) (*call.Call, error)
}

// Bounds of outbound services and their calls.
const (
	DefaultMaxCalls  = 100    // of one service at a time
	DefaultMaxQueued = 10_000 // calls of one service that wait for their turn
	MaxStartCalls    = 100    // in one service_start

	maxAddress            = 2048     // of to and from [bytes]
	maxToken1             = 64 << 10 // token in version 1 [bytes]
	maxToken2             = 5000     // in version 2 [characters]
	maxOutboundParameters = 64 << 10 // [bytes]
	maxQueueAge           = time.Hour
	maxReferences         = 10_000 // finished ones that are remembered
)

// Outbound is what a service that places calls has beside the pages.
type Outbound struct {
	Password        string // for service_start; "": only users may start it
	Rooms           bool   // call_type conference: calls rooms, not telephones
	ClassifyCallee  bool   // without a classifier it has no effect
	HangUpOnMachine bool   // nor has this
	MaxCalls        int    // at a time; 0 = DefaultMaxCalls
	MaxQueued       int    // that wait; 0 = DefaultMaxQueued
}

func (o Outbound) withDefaults() Outbound {
	if o.MaxCalls == 0 {
		o.MaxCalls = DefaultMaxCalls
	}
	if o.MaxQueued == 0 {
		o.MaxQueued = DefaultMaxQueued
	}
	return o
}

// OutboundCall is one call that an outbound service is to place.
type OutboundCall struct {
	To         string  `json:"to"`
	From       string  `json:"from,omitempty"`  // caller's number or SIP address
	Token      *string `json:"token,omitempty"` // handed to the first page
	Parameters string  `json:"outbound_parameters,omitempty"`
}

// StartRequest asks an outbound service to place calls.
type StartRequest struct {
	Service string
	Calls   []OutboundCall
}

// What Start may return beside *CallError; test with errors.Is.
var (
	// ErrNoService: no outbound service has that name.
	ErrNoService = errors.New("restapi: no such outbound service")
	// ErrQueueFull: too many calls wait already.
	ErrQueueFull = errors.New("restapi: too many calls are waiting")
	// ErrDraining: the server takes no new calls.
	ErrDraining = errors.New("restapi: the server is shutting down")
)

// CallError says which call of a StartRequest cannot be placed, and why.
type CallError struct {
	Index int    // in Calls
	Field string // as in JSON
	Text  string
}

// Error names the place.
func (e *CallError) Error() string {
	return fmt.Sprintf("rest_calls[%d].%s: %s", e.Index, e.Field, e.Text)
}

// Start queues calls of an outbound service and returns their reference ids,
// in order. Either all are taken or none. It fails with *CallError,
// ErrNoService, ErrQueueFull or ErrDraining; what else comes is a fault of
// the store.
func (s *Server) Start(_ context.Context, r StartRequest) ([]string, error) {
	service := s.outboundService(r.Service)
	if service == nil {
		return nil, fmt.Errorf("%w: %q", ErrNoService, r.Service)
	}
	if s.cfg.Dialer == nil {
		return nil, fmt.Errorf("%w: calls cannot be placed", ErrDraining)
	}
	list := make([]*invocation, len(r.Calls))
	for i, c := range r.Calls {
		destination, err := service.destination(c)
		if err != nil {
			err.Index = i
			return nil, err
		}
		list[i] = &invocation{service: service, call: c, destination: destination}
	}
	return s.calls.enqueue(service, list)
}

func (s *Server) outboundService(name string) *Service {
	for _, svc := range *s.services.Load() {
		if svc.Name == name && svc.Direction == call.Out {
			return svc
		}
	}
	return nil
}

// destination checks a call of s and says whom it is to.
func (s *Service) destination(c OutboundCall) (call.Destination, *CallError) {
	bad := func(field, text string) (call.Destination, *CallError) {
		return call.Destination{}, &CallError{Field: field, Text: text}
	}
	if len(c.To) > maxAddress {
		return bad("to", fmt.Sprintf("longer than %d characters", maxAddress))
	}
	d, err := call.ParseDestination(c.To, true)
	switch {
	case err != nil:
		return bad("to", plain(err))
	case s.Outbound.Rooms && d.Kind != call.ToRoom:
		return bad("to", "not a room (con:), as call_type conference wants")
	case !s.Outbound.Rooms && d.Kind == call.ToRoom:
		return bad("to", "a room, but call_type is telephone")
	case len(c.From) > maxAddress || strings.ContainsFunc(c.From, unicode.IsControl):
		return bad("from", "not a number or SIP address")
	case c.Token != nil && s.version() == v2 && utf8.RuneCountInString(*c.Token) > maxToken2:
		return bad("token", fmt.Sprintf("longer than %d characters", maxToken2))
	case c.Token != nil && len(*c.Token) > maxToken1:
		return bad("token", fmt.Sprintf("longer than %d bytes", maxToken1))
	case len(c.Parameters) > maxOutboundParameters:
		return bad("outbound_parameters", fmt.Sprintf("longer than %d bytes", maxOutboundParameters))
	}
	return d, nil
}

// RunOutbound places the queued calls of outbound services, in order and as
// many at a time as each service may have, until ctx ends. It returns when
// the instances of those calls have ended.
func (s *Server) RunOutbound(ctx context.Context) error {
	return s.calls.run(ctx, func(ctx context.Context, v *invocation) { s.placeCall(ctx, v) })
}

// DrainOutbound takes no calls of outbound services any more and places none
// of those that wait. A store keeps them for the next process.
func (s *Server) DrainOutbound() { s.calls.drain() }

// placeCall places one call and runs its application.
func (s *Server) placeCall(ctx context.Context, v *invocation) {
	s.running.add()
	defer s.running.remove()
	d := newDossier(s.newID(), v.service)
	s.archive.open(d) // who knows its id may ask about it and interrupt it, from the ringing on
	v.begins(d.id)
	ringing, stop := d.helm.take(ctx)
	c, err := s.cfg.Dialer.Dial(ringing, call.DialOptions{
		Destination: v.destination, From: v.call.From, InstanceID: d.id, MaxDuration: v.service.MaxDuration,
	})
	stop(nil)
	if err != nil {
		s.unanswered(ctx, v, d, err)
		return
	}
	s.runOutbound(ctx, v, d, liveCall(c))
	c.HangUp(call.Completed) // after a fault of the instance
	v.ends(StatusCompleted, 0, "")
}

// runOutbound is the instance of an outbound call.
func (s *Server) runOutbound(ctx context.Context, v *invocation, d *dossier, calls verbs) {
	in := newInstance(s, d, calls)
	in.token, in.outbound = v.call.Token, &v.call.Parameters
	s.runInstance(ctx, in, in.run)
}

// unanswered is the instance of a call that was not answered: only its final
// page is asked.
func (s *Server) unanswered(ctx context.Context, v *invocation, d *dossier, err error) {
	info := call.Info{
		ID: v.reference, Direction: call.Out, From: v.call.From, To: v.call.To, Target: v.call.To, Cause: call.Failed,
	}
	code := 0
	if refused, ok := errors.AsType[*call.DialError](err); ok {
		info, code = refused.Info, refused.RawCause
		info.Cause, info.RawCause = refused.Cause, refused.RawCause
	}
	s.runOutbound(ctx, v, d, verbs{life: attempt{info}})
	if code == 0 {
		code = -1
	}
	v.ends(StatusCouldNotRun, code, info.Cause.String())
}
