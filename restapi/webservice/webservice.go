package webservice

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"mediaserver/call"
	"mediaserver/restapi"
	"mediaserver/restapi/auth"
)

// Applications run the services' pages: *restapi.Server.
type Applications interface {
	Start(ctx context.Context, r restapi.StartRequest) (references []string, err error)
	Cancel(service string, references []string) (map[string]string, error)
	InvocationStatuses(service string, references []string) (map[string]restapi.InvocationStatus, error)
	Status(instance string) (restapi.InstanceStatus, bool)
	Interrupt(instance string, redirect restapi.Page) restapi.Interrupt
}

// Rooms are the conferences of this server: *call.Manager.
type Rooms interface {
	Conferences() []call.ConferenceInfo
	Conference(name string) (call.ConferenceInfo, bool)
	Change(conference, participant string, c call.ParticipantChange) (call.ParticipantInfo, error)
	Eject(conference, participant string) error
}

// Reservations keep rooms for a time: *call.Manager.
type Reservations interface {
	Reserve(r call.Reservation) (call.Reservation, error)
	Extend(token string, by time.Duration) (call.Reservation, error)
	Unreserve(token string) error
	Reservation(token string) (call.Reservation, bool)
}

// Config is what the services work on.
type Config struct {
	Applications    Applications
	Rooms           Rooms
	Reservations    Reservations
	MaxParticipants int                               // of a room; 0: unlimited
	Inbound         func() []string                   // names of the inbound services; nil: there are none
	MediaDirectory  string                            // files of type media
	LogDirectory    string                            // files of type rest
	Audit           func(h http.Handler) http.Handler // notes every request to a service that changes something; nil: nobody
	Logger          *slog.Logger
}

// Services answers the web services.
type Services struct {
	cfg     Config
	uploads chan struct{} // holds one for each file that is being written
	swept   sweeps
}

// New makes the Services; it starts nothing.
func New(cfg Config) *Services {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Inbound == nil {
		cfg.Inbound = func() []string { return nil }
	}
	return &Services{cfg: cfg, uploads: make(chan struct{}, maxUploads)}
}

// service is one web service.
type service struct {
	path    string
	role    auth.Role
	login   bool // a login for one outbound service is enough
	changes bool // is noted in the log
	raw     bool // the body is no form
	answer  func(s *Services, q *request) (any, error)
}

// table is every web service.
func table() []service {
	return []service{
		{path: "/service_start", role: auth.Operate, login: true, changes: true, answer: (*Services).serviceStart},
		{path: "/service_cancel", role: auth.Operate, login: true, changes: true, answer: (*Services).serviceCancel},
		{path: "/service_status", role: auth.Read, login: true, answer: (*Services).serviceStatus},
		{path: "/application_status", role: auth.Read, answer: (*Services).applicationStatus},
		{path: "/rest_interrupt", role: auth.Operate, changes: true, answer: (*Services).restInterrupt},
		{path: "/conference_list", role: auth.Read, answer: (*Services).conferenceList},
		{path: "/conference_participant_list", role: auth.Read, answer: (*Services).participantList},
		{path: "/conference_participant_set_options", role: auth.Operate, changes: true, answer: (*Services).setOptions},
		{path: "/conference_participant_eject", role: auth.Operate, changes: true, answer: (*Services).eject},
		{path: "/conference_reservation_create", role: auth.Operate, changes: true, answer: (*Services).reservationCreate},
		{path: "/conference_reservation_modify", role: auth.Operate, changes: true, answer: (*Services).reservationModify},
		{path: "/conference_reservation_remove", role: auth.Operate, changes: true, answer: (*Services).reservationRemove},
		{path: "/file_list", role: auth.Read, answer: (*Services).fileList},
		{path: "/file_write", role: auth.Operate, changes: true, raw: true, answer: (*Services).fileWrite},
		{path: "/file_read", role: auth.Read, answer: (*Services).fileRead},
		{path: "/file_delete", role: auth.Operate, changes: true, answer: (*Services).fileDelete},
	}
}

// Paths are the paths of all services.
func Paths() []string {
	list := table()
	paths := make([]string, len(list))
	for i, one := range list {
		paths[i] = one.path
	}
	return paths
}

// Register adds the services to a mux, behind logins.
func (s *Services) Register(mux *http.ServeMux, a *auth.Auth) {
	for _, one := range table() {
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(one, w, r) })
		if one.changes && s.cfg.Audit != nil {
			h = s.cfg.Audit(h)
		}
		if one.login {
			mux.Handle(one.path, a.WrapService(one.role, h))
		} else {
			mux.Handle(one.path, a.Wrap(one.role, h))
		}
	}
}

// Bounds of a request, beside those of single parameters.
const (
	maxForm    = 8 << 20 // of a form [bytes]: 100 calls with their tokens
	maxUploads = 4       // files written at a time
)

// request is a request to a service with its parameters.
type request struct {
	*form
	w http.ResponseWriter
	r *http.Request
}

// serve answers one request.
func (s *Services) serve(one service, w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	status := http.StatusOK
	answer, err := s.judge(one, w, r)
	switch {
	case err != nil:
		f := faultOf(err)
		if status = f.status; status == http.StatusInternalServerError {
			s.cfg.Logger.Error("web service failed", "path", one.path, "error", err)
		}
		f.write(w, r)
	case answer != nil:
		writeJSON(w, status, answer)
	}
	if one.changes || status >= http.StatusBadRequest {
		s.cfg.Logger.Info("web service", "path", one.path, "user", auth.UserOf(r.Context()), "status", status,
			"client", r.RemoteAddr, "took_ms", time.Since(start).Milliseconds())
	}
}

// judge checks the form of the request and has it answered; a nil answer has
// been written.
func (s *Services) judge(one service, w http.ResponseWriter, r *http.Request) (any, error) {
	if r.Method != http.MethodPost && (r.Method != http.MethodGet || one.raw) {
		w.Header().Set("Allow", "GET, POST")
		if one.raw {
			w.Header().Set("Allow", "POST")
		}
		return nil, statusFault(http.StatusMethodNotAllowed, "method not allowed")
	}
	f, err := readForm(w, r, one.raw)
	if err != nil {
		return nil, err
	}
	return one.answer(s, &request{form: f, w: w, r: r})
}
