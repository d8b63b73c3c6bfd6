package restapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/call"
)

// defaultPageTimeout bounds a whole page request.
const defaultPageTimeout = 10 * time.Second

// SIP answers of calls that no application takes.
const sipNotFound = 404

// Config is what a Server is made of. The zero value of each field but
// Services is its default.
type Config struct {
	Services     []Service         // in the order in which they are matched; names are unique
	LogDirectory string            // where the instances' logs go; "" = they are not kept
	PageTimeout  time.Duration     // of a whole page request; 0 = 10 s
	Transport    http.RoundTripper // for page requests; nil = HTTP/1.1 of our own
	UserAgent    string            // product name and version; "" = "mediaserver"
	Files        Remover           // the media store, for delete_file; nil: it fails
	Events       call.Sink         // told what happens; nil = nobody
	Dialer       Dialer            // places the calls of outbound services; nil: there are none
	Queue        call.Keeper       // of queued outbound calls; nil: they end with the process
	Logger       *slog.Logger      // the process log; nil = none
	Metrics      *Metrics          // nil = not registered
}

func (c Config) withDefaults() Config {
	services := make([]Service, len(c.Services))
	for i := range c.Services {
		services[i] = c.Services[i].withDefaults()
	}
	c.Services = services
	if c.PageTimeout == 0 {
		c.PageTimeout = defaultPageTimeout
	}
	if c.Transport == nil {
		c.Transport = newTransport(c.PageTimeout)
	}
	if c.UserAgent == "" {
		c.UserAgent = "mediaserver"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Events == nil {
		c.Events = noEvents{}
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	return c
}

func (c *Config) validate() error {
	errs := []error{validateServices(c.Services)}
	if c.PageTimeout < 0 {
		errs = append(errs, fmt.Errorf("%w: page timeout %v is negative", ErrConfig, c.PageTimeout))
	}
	return errors.Join(errs...)
}

// validateServices says what is wrong with services that have their defaults.
func validateServices(list []Service) error {
	var errs []error
	names := make(map[string]bool)
	for i := range list {
		s := &list[i]
		errs = append(errs, s.validate())
		if names[s.Name] {
			errs = append(errs, fmt.Errorf("%w: two services are named %q", ErrConfig, s.Name))
		}
		names[s.Name] = true
	}
	return errors.Join(errs...)
}

// PrepareServices checks services that are to take the place of those there
// are; apply puts them there. Instances that run keep the service they have,
// and so do the queued calls of outbound services.
func (s *Server) PrepareServices(list []Service) (apply func(), err error) {
	ready := make([]Service, len(list))
	for i := range list {
		ready[i] = list[i].withDefaults()
	}
	if err := validateServices(ready); err != nil {
		return nil, err
	}
	return func() {
		s.services.Store(servicesOf(ready))
		s.calls.wake() // there may be room for more calls
	}, nil
}

// servicesOf are services by their addresses.
func servicesOf(list []Service) *[]*Service {
	out := make([]*Service, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return &out
}

// Server runs the applications of all services. It is safe for concurrent use.
type Server struct {
	cfg      Config
	services atomic.Pointer[[]*Service] // those that take calls now
	newID    func() string
	running  tracker
	archive  *archive
	calls    *dispatcher
	logs     *logWriter
}

// NewServer makes a Server. It starts nothing. The error joins everything
// that is wrong with cfg, each part wrapping ErrConfig.
func NewServer(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	var count atomic.Uint64
	s := &Server{
		cfg: cfg, newID: func() string { return newInstanceID(&count) },
		archive: newArchive(), logs: newLogWriter(cfg.Metrics),
	}
	s.calls = newDispatcher(cfg.Queue, cfg.Metrics.queued, s.outboundService)
	s.services.Store(servicesOf(cfg.Services))
	return s, nil
}

// newInstanceID is 16 random hex digits, a dot, and a number that is unique in
// this process.
func newInstanceID(count *atomic.Uint64) string {
	var random [8]byte
	rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:]) + "." + strconv.FormatUint(count.Add(1), 10)
}

// ServeCall runs the application for an inbound call, from its first page to
// its final page, in the calling goroutine. A call that no service matches is
// rejected with 404, one whose first page failed with 603. The end of ctx
// hangs up and ends the instance at once, page requests included; to end it
// in good order hang up the call instead.
func (s *Server) ServeCall(ctx context.Context, c *call.Call) { s.serve(ctx, liveCall(c)) }

// RunLogs writes the logs of instances until ctx ends, some lines at a time: a
// line is in its file a quarter of a second later. While it does not run each
// line is written at once, which costs a third of a call with one page.
func (s *Server) RunLogs(ctx context.Context) error {
	s.logs.run(ctx)
	return nil
}

// Wait blocks until no instance is running and gives up the idle connections
// to pages, or until ctx ends; it then returns why ctx ended.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-s.running.idle():
		if t, ok := s.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// serviceFor is the first inbound service that takes a call, or nil.
func (s *Server) serviceFor(info call.Info) *Service {
	called := info.RequestURI
	if called == "" {
		called = info.To
	}
	for _, svc := range *s.services.Load() {
		matches := svc.Name == info.Service || info.Service == "" && svc.Matches(called)
		if svc.Direction == call.In && matches {
			return svc
		}
	}
	return nil
}

// Awaits says whether a service takes an inbound call. One that none takes is
// rejected, and need not ring before.
func (s *Server) Awaits(info call.Info) bool { return s.serviceFor(info) != nil }

// SecurityOf says whether the audio of an inbound call is protected: as its
// service wants it.
func (s *Server) SecurityOf(info call.Info) call.Security {
	if svc := s.serviceFor(info); svc != nil {
		return svc.Protection.Security
	}
	return call.SecurityOptional // it will be refused for another reason
}

// KeyingOf says how the keys of SecurityOf may be exchanged.
func (s *Server) KeyingOf(info call.Info) call.Keying {
	if svc := s.serviceFor(info); svc != nil {
		return svc.Protection.Keying
	}
	return call.KeyingAny
}

// serve is ServeCall for anything that has the verbs of a call.
func (s *Server) serve(ctx context.Context, v verbs) {
	s.running.add()
	defer s.running.remove()
	info := v.life.Info()
	svc := s.serviceFor(info)
	if svc == nil {
		s.cfg.Logger.Info("no service for call", "call_id", info.ID, "sip_call_id", info.SIPCallID, "call_to", info.To)
		if err := v.answer.Reject(ctx, sipNotFound); err != nil && !errors.Is(err, call.ErrEnded) {
			v.life.HangUp(call.Failed)
		}
		return
	}
	in := newInstance(s, newDossier(s.newID(), svc), v)
	s.runInstance(ctx, in, in.run)
}

// runInstance runs an instance and keeps what the outside may ask about it.
func (s *Server) runInstance(ctx context.Context, in *instance, run func(context.Context)) {
	s.cfg.Metrics.instances.Inc()
	defer s.cfg.Metrics.instances.Dec()
	s.archive.open(in.dossier)
	defer s.archive.close(in.dossier)
	defer in.recoverFault()
	run(ctx)
}

// recoverFault ends the instance's call after a panic, so that a fault of one
// instance is not the end of all the others.
func (in *instance) recoverFault() {
	fault := recover()
	if fault == nil {
		return
	}
	in.metrics.faults.Inc()
	in.log.Error("fault in an instance", "code", CodeInternal, "fault", fault, "stack", string(debug.Stack()))
	in.primary.verbs.life.HangUp(call.Failed)
}

// tracker counts what is running and says when nothing is.
type tracker struct {
	mu      sync.Mutex
	running int
	waiting []chan struct{}
}

func (t *tracker) add() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running++
}

func (t *tracker) remove() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if t.running > 0 {
		return
	}
	for _, w := range t.waiting {
		close(w)
	}
	t.waiting = nil
}

// idle is closed as soon as nothing is running.
func (t *tracker) idle() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := make(chan struct{})
	if t.running == 0 {
		close(w)
	} else {
		t.waiting = append(t.waiting, w)
	}
	return w
}
