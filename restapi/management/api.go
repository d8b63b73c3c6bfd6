package management

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/call"
	"mediaserver/restapi/auth"
	"mediaserver/restapi/events"
	"mediaserver/restapi/store"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// defaultMaxStreams bounds the clients of the event stream.
const defaultMaxStreams = 100

// Calls are the calls of the server: *call.Manager.
type Calls interface {
	Calls() []call.LiveCall
	Call(id string) (call.LiveCall, bool)
	HangUp(id string, cause call.Cause) error
	Headroom() call.Headroom
	Transfer(ctx context.Context, id string, o call.TransferOptions, onProgress func(code int)) (code int, err error)
}

// Rooms are the conferences: *call.Manager.
type Rooms interface {
	Conferences() []call.ConferenceInfo
	Conference(name string) (call.ConferenceInfo, bool)
	Mute(conference, participant string, muted bool) error
	Eject(conference, participant string) error
	Lock(conference string, locked bool) error
}

// RoomMedia is sound to and from rooms: *call.Manager.
type RoomMedia interface {
	PlayToRoom(ctx context.Context, conference string, list call.Playlist) (string, error)
	RecordRoom(ctx context.Context, conference, id string) (string, error)
	StopRoomRecording(ctx context.Context, conference string) (call.RoomRecording, error)
}

// Reservations are booked rooms: *call.Manager.
type Reservations interface{ Reservations() []call.Reservation }

// Records keeps call records and the audit log: *store.Store.
type Records interface {
	Record(id string) (store.Record, bool, error)
	Records(before []byte, visit func(store.Record) bool) error
	Audit(before []byte, limit int) ([]store.AuditEntry, error)
}

// Guard lets requests through to those who have a role: (*auth.Auth).Wrap.
type Guard func(role auth.Role, h http.Handler) http.Handler

// Config says what an API works with. Calls, Rooms, Media and Events are
// required.
type Config struct {
	Version      string // of the server
	Calls        Calls
	Rooms        Rooms
	Media        RoomMedia
	Reservations Reservations // nil: none
	Records      Records      // nil: there is no store
	NoRecords    string       // why; "" = store.directory is empty
	Events       *events.Log
	Services     func() []Service // nil: none
	Trunks       func() []Trunk   // nil: none
	Phones       func() []Phone   // nil: none
	Bans         Bans             // nil: none
	Health       func() Health
	Guard        Guard // nil: everybody may do everything
	Audit        *Audit
	MaxStreams   int // clients of the event stream; 0 = 100
	Logger       *slog.Logger
	Registerer   prometheus.Registerer
}

func (c Config) withDefaults() Config {
	if c.Services == nil {
		c.Services = func() []Service { return nil }
	}
	if c.Trunks == nil {
		c.Trunks = func() []Trunk { return nil }
	}
	if c.Health == nil {
		c.Health = func() Health { return Health{Phase: "ready", ClockRuns: true} }
	}
	if c.Guard == nil {
		c.Guard = func(_ auth.Role, h http.Handler) http.Handler { return h }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Audit == nil {
		c.Audit = NewAudit(AuditConfig{Logger: c.Logger})
	}
	if c.NoRecords == "" {
		c.NoRecords = "store.directory is empty"
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = defaultMaxStreams
	}
	return c
}

// API is the handler of everything below Prefix.
type API struct {
	cfg     Config
	metrics *metrics
	mux     *http.ServeMux
	huma    huma.API

	mu      sync.Mutex // between the close of closed and admissions
	closed  chan struct{}
	streams sync.WaitGroup
	places  chan struct{} // one for each client of the event stream
}

// New makes an API. It starts nothing.
func New(cfg Config) (*API, error) {
	if cfg.Calls == nil || cfg.Rooms == nil || cfg.Media == nil || cfg.Events == nil {
		return nil, errors.New("management: Config needs Calls, Rooms, Media and Events")
	}
	a := &API{cfg: cfg.withDefaults(), mux: http.NewServeMux(), metrics: newMetrics(cfg.Registerer), closed: make(chan struct{})}
	a.places = make(chan struct{}, a.cfg.MaxStreams)
	a.huma = humago.New(guarded{a}, a.description())
	a.registerCalls()
	a.registerTransfer()
	a.registerRooms()
	a.registerRoomMedia()
	a.registerRecords()
	a.registerServer()
	a.registerPhones()
	a.registerBans()
	a.registerStreams()
	a.mux.Handle(Prefix+"/", a.cfg.Guard(auth.Read, http.HandlerFunc(a.elsewhere)))
	return a, nil
}

// description is what the OpenAPI document says of the API as a whole.
func (a *API) description() huma.Config {
	c := huma.DefaultConfig("Mediaserver management API", "1")
	c.Info.Description = "Calls, rooms, records and the event stream of a media server. Errors are problem details (RFC 9457)."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = Prefix+"/openapi", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"password": {Type: "http", Scheme: "basic"},
		"key":      {Type: "http", Scheme: "bearer", Description: "API key"},
	}
	c.Security = []map[string][]string{{"password": {}}, {"key": {}}, {}}
	c.Tags = []*huma.Tag{
		{Name: "calls"}, {Name: "conferences"}, {Name: "records"}, {Name: "events"}, {Name: "server"},
	}
	return c
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		problem(w, http.StatusBadRequest, "the query cannot be read", detail("query", "percent-encoding is broken"))
		return
	}
	for name, values := range query {
		if len(values) > 1 {
			problem(w, http.StatusBadRequest, "a parameter is given twice", detail("query."+name, "given %d times, once is allowed", len(values)))
			return
		}
	}
	a.mux.ServeHTTP(w, r)
}

// Close ends the streams and waits for them; requests for new ones are
// refused.
func (a *API) Close() {
	a.mu.Lock()
	select {
	case <-a.closed:
	default:
		close(a.closed)
	}
	a.mu.Unlock()
	a.streams.Wait()
}

// elsewhere answers what no operation does.
func (a *API) elsewhere(w http.ResponseWriter, r *http.Request) {
	probe := r.Clone(r.Context())
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
		probe.Method = method
		if _, pattern := a.mux.Handler(probe); pattern != Prefix+"/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		problem(w, http.StatusNotFound, "there is nothing at this address", detail("path", "see %s/openapi.json", Prefix))
		return
	}
	for _, method := range allowed {
		w.Header().Add("Allow", method)
	}
	problem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not possible here", r.Method), detail("method", "allowed: %v", allowed))
}

// guarded is the mux with logins and audit in front of each operation.
type guarded struct{ api *API }

// HandleFunc adds an operation.
func (g guarded) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	role, handler := roleOf(pattern), http.Handler(http.HandlerFunc(h))
	if role >= auth.Operate && pattern != auditPattern {
		handler = g.api.cfg.Audit.Wrap(handler)
	}
	g.api.mux.Handle(pattern, g.api.cfg.Guard(role, handler))
}

// ServeHTTP answers a request.
func (g guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.api.mux.ServeHTTP(w, r) }

// roleOf is the role an operation needs.
func roleOf(pattern string) auth.Role {
	switch method := pattern[:len(http.MethodGet)]; {
	case pattern == auditPattern:
		return auth.Admin
	case method == http.MethodGet:
		return auth.Read
	default:
		return auth.Operate
	}
}
