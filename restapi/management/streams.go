package management

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"mediaserver/call"
	"mediaserver/restapi/events"
)

const (
	streamWriteTimeout = 10 * time.Second // for one write to a client
	keepAlive          = 15 * time.Second // between signs of life
)

// Reasons for the end of a stream.
const (
	reasonClient   = "client"   // it went away
	reasonSlow     = "slow"     // it takes events too slowly
	reasonExpired  = "expired"  // the history went over it
	reasonStopping = "stopping" // the server ends
)

// streamQuery asks for the event stream.
type streamQuery struct {
	After string `query:"after" pattern:"^([0-9]{1,19}|oldest)$" doc:"go on after this sequence number; oldest is the beginning of the history. Without it the stream begins with what happens next."`
	Last  string `header:"Last-Event-ID" doc:"as after, sent by browsers when they connect again; it wins"`
	Types string `query:"types" maxLength:"1000" doc:"only these types of event, separated by commas; conference.* is all that begin so" example:"call.*,participant.entered"`
}

// StreamNotice is what a stream says of itself: that it begins, and why it
// ends. It is no event and has no sequence number.
type StreamNotice struct {
	Type   string `json:"type" enum:"stream.opened,stream.cut"`
	After  uint64 `json:"after" doc:"go on after this one to miss nothing"`
	Reason string `json:"reason,omitempty" enum:"slow,expired,stopping"`
}

// Types of StreamNotice.
const (
	streamOpened = "stream.opened"
	streamCut    = "stream.cut"
)

// eventList is a part of the history.
type eventList struct {
	Body struct {
		Events []call.Event `json:"events"`
		Oldest uint64       `json:"oldest" doc:"in the history"`
		Latest uint64       `json:"latest"`
	}
}

func (a *API) registerStreams() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: Prefix + "/events", Tags: []string{"events"},
		Summary: "Events of the history, in order", Errors: []int{http.StatusGone},
	}, func(_ context.Context, in *eventQuery) (*eventList, error) { return a.history(in) })
	registry := a.huma.OpenAPI().Components.Schemas
	event := registry.Schema(reflect.TypeFor[call.Event](), true, "Event")
	notice := registry.Schema(reflect.TypeFor[StreamNotice](), true, "StreamNotice")
	either := &huma.Schema{OneOf: []*huma.Schema{event, notice}}
	huma.Register(a.huma, huma.Operation{
		OperationID: "stream-events", Method: http.MethodGet, Path: Prefix + "/events/stream", Tags: []string{"events"},
		Summary: "Events as they happen, as server-sent events", Errors: []int{http.StatusGone, http.StatusServiceUnavailable},
		Description: "Each message has the sequence number as its id, the type as its event and the event as its data. " +
			"stream.opened comes first, stream.cut last when the server ends the stream.",
		Responses: map[string]*huma.Response{"200": {
			Description: "the stream", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: either}},
		}},
	}, func(_ context.Context, in *streamQuery) (*huma.StreamResponse, error) {
		return a.stream(in, a.serveSSE)
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "stream-events-websocket", Method: http.MethodGet, Path: Prefix + "/events/websocket", Tags: []string{"events"},
		Summary: "Events as they happen, over a WebSocket", Errors: []int{http.StatusGone, http.StatusServiceUnavailable},
		Description: "Each text message is an event, or a stream.opened at the beginning and a stream.cut at the end. Nothing need be sent.",
		Responses: map[string]*huma.Response{"101": {
			Description: "the stream; each message is one of these", Content: map[string]*huma.MediaType{"application/json": {Schema: either}},
		}},
	}, func(_ context.Context, in *streamQuery) (*huma.StreamResponse, error) {
		return a.stream(in, a.serveWebSocket)
	})
}

// history answers with events that have been.
func (a *API) history(in *eventQuery) (*eventList, error) {
	oldest, latest := a.cfg.Events.Range()
	after := in.After
	if after == 0 {
		after = oldest - 1
	}
	messages, err := a.cfg.Events.Read(after, in.Limit)
	if err != nil {
		return nil, a.rangeProblem(err, "query.after")
	}
	out := &eventList{}
	out.Body.Oldest, out.Body.Latest, out.Body.Events = oldest, latest, []call.Event{}
	for _, m := range messages {
		var e call.Event
		if err := json.Unmarshal(m.JSON, &e); err != nil {
			return nil, a.domainProblem(err)
		}
		out.Body.Events = append(out.Body.Events, e)
	}
	return out, nil
}

// rangeProblem says which places in the history there are.
func (a *API) rangeProblem(err error, where string) error {
	var outside *events.RangeError
	if !errors.As(err, &outside) {
		return a.domainProblem(err)
	}
	return problemOf(http.StatusGone, "the history does not go on there",
		detail(where, "%d is not in it; %d to %d or oldest are allowed", outside.After, outside.Oldest-1, outside.Latest))
}

// feed is a client of the event stream.
type feed struct {
	reader *events.Reader
	wants  func(call.EventType) bool
	kind   string
}

// sender writes to a client. What is begun is written to its end, for a
// message cut short would be the last that the client understands. Every method
// fails when the client takes longer than streamWriteTimeout.
type sender interface {
	send(m events.Message) error
	notice(n StreamNotice) error
	alive() error
}

// stream checks a request for the stream and makes the answer that is one.
func (a *API) stream(in *streamQuery, serve func(http.ResponseWriter, *http.Request, *feed)) (*huma.StreamResponse, error) {
	wants, err := wantedTypes(in.Types)
	if err != nil {
		return nil, err
	}
	reader, err := a.reader(in)
	if err != nil {
		return nil, err
	}
	if err := a.admit(); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer a.streams.Done()
		defer func() { <-a.places }()
		r, w := humago.Unwrap(ctx)
		serve(w, r, &feed{reader: reader, wants: wants})
	}}, nil
}

// reader is the place from which a client goes on.
func (a *API) reader(in *streamQuery) (*events.Reader, error) {
	oldest, latest := a.cfg.Events.Range()
	place, where := in.After, "query.after"
	if in.Last != "" {
		place, where = in.Last, "header.Last-Event-ID"
	}
	after := latest
	switch place {
	case "":
	case "oldest":
		after = oldest - 1
	default:
		n, err := strconv.ParseUint(place, 10, 64)
		if err != nil {
			return nil, problemOf(http.StatusUnprocessableEntity, "validation failed", detail(where, "a sequence number is allowed"))
		}
		after = n
	}
	reader, err := a.cfg.Events.ReadFrom(after)
	if err != nil {
		return nil, a.rangeProblem(err, where)
	}
	return reader, nil
}

// wantedTypes reads a list of types of events; an empty one is all.
func wantedTypes(list string) (func(call.EventType) bool, error) {
	if list == "" {
		return func(call.EventType) bool { return true }, nil
	}
	wanted := map[call.EventType]bool{}
	for _, one := range strings.Split(list, ",") {
		found := false
		group, isGroup := strings.CutSuffix(one, "*")
		for _, t := range call.EventTypes() {
			if string(t) == one || isGroup && strings.HasSuffix(group, ".") && strings.HasPrefix(string(t), group) {
				wanted[t], found = true, true
			}
		}
		if !found {
			return nil, problemOf(http.StatusUnprocessableEntity, "validation failed",
				detail("query.types", "%q is no type of event; allowed: %v", one, call.EventTypes()))
		}
	}
	return func(t call.EventType) bool { return wanted[t] }, nil
}

// pump moves events to a client until either has had enough, and returns the
// reason.
func (a *API) pump(ctx context.Context, f *feed, to sender) string {
	a.metrics.streams.WithLabelValues(f.kind).Inc()
	defer a.metrics.streams.WithLabelValues(f.kind).Dec()
	ctx, stop := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer stop(nil)
	watch.Go(func() {
		select {
		case <-a.closed:
			stop(errStopping)
		case <-ctx.Done():
		}
	})
	err := to.notice(StreamNotice{Type: streamOpened, After: f.reader.After()})
	for err == nil {
		err = a.turn(ctx, f, to)
	}
	reason := reasonOf(err)
	if reason != reasonClient {
		err = to.notice(StreamNotice{Type: streamCut, After: f.reader.After(), Reason: reason})
	}
	a.metrics.cut.WithLabelValues(f.kind, reason).Inc()
	a.cfg.Logger.Debug("event stream ended", "kind", f.kind, "reason", reason, "after", f.reader.After(), "error", err)
	return reason
}

// turn sends what there is, or a sign of life when there is nothing for long.
func (a *API) turn(ctx context.Context, f *feed, to sender) error {
	wait, cancel := context.WithTimeoutCause(ctx, keepAlive, errQuiet)
	defer cancel()
	messages, err := f.reader.Next(wait)
	if errors.Is(err, errQuiet) {
		return to.alive()
	}
	if err != nil {
		return err
	}
	for _, m := range messages {
		if !f.wants(m.Type) {
			continue
		}
		if err := to.send(m); err != nil {
			return err
		}
	}
	return nil
}

var (
	errQuiet    = errors.New("management: nothing has happened")
	errStopping = errors.New("management: the server is stopping")
	errTooSlow  = fmt.Errorf("management: the client did not take it within %v", streamWriteTimeout)
)

func reasonOf(err error) string {
	var expired *events.RangeError
	switch {
	case errors.Is(err, events.ErrSlow), errors.Is(err, errTooSlow):
		return reasonSlow
	case errors.As(err, &expired):
		return reasonExpired
	case errors.Is(err, errStopping):
		return reasonStopping
	default:
		return reasonClient
	}
}

// admit takes a place for a client of the event stream.
func (a *API) admit() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.closed:
		return problemOf(http.StatusServiceUnavailable, "the server is stopping")
	default:
	}
	select {
	case a.places <- struct{}{}:
		a.streams.Add(1)
		return nil
	default:
		return problemOf(http.StatusServiceUnavailable, "too many clients of the event stream",
			detail("configuration", "events.max_streams allows %d", a.cfg.MaxStreams))
	}
}
