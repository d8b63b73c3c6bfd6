package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/cmd/mediaserver/internal/lifecycle"
	"mediaserver/cmd/mediaserver/internal/status"
	"mediaserver/sip"
	"mediaserver/tts"
)

const (
	// retryAfter is what callers are told who come while the server drains.
	retryAfter = 30 * time.Second
	// stopTimeout bounds the end of the components, forcedTimeout that after a
	// second signal.
	stopTimeout   = 10 * time.Second
	forcedTimeout = time.Second
	// finalPages is how many pages may still be asked after a hang-up: the
	// secondary call's final page and the service's.
	finalPages = 2
)

// errForced is why a server ended that was not allowed to drain.
var errForced = errors.New("ended at once by a second signal")

// serverOptions are what Run needs beside the configuration. The zero value
// is a server that says nothing.
type serverOptions struct {
	out   io.Writer     // start-up message; nil = none
	log   *slog.Logger  // nil = none
	flags portFlags     // flags that messages about taken ports name
	force chan struct{} // closed: end at once; nil = never
	// load reads the configuration anew, at SIGHUP; nil = it stays as it is.
	load func() (*config.Config, error)

	mediaWorkers int  // 0 = as many as processors
	realtime     bool // the process runs in real time
	// companion runs beside the server once all addresses are served, until
	// ctx ends, when the server drains. Its error ends the server. nil = none.
	companion func(ctx context.Context, s *server) error
}

// addresses are where a running server can be reached.
type addresses struct {
	sip   []net.Addr
	http  net.Addr
	pprof net.Addr // nil unless configured
}

// server is a process's worth of components.
type server struct {
	cfg      *config.Config                // as it was at the start
	started  *config.Config                // cfg before anything was added
	live     atomic.Pointer[config.Config] // as the last reload has left it
	opts     serverOptions
	log      *slog.Logger
	state    status.State
	registry *prometheus.Registry
	group    *lifecycle.Group
	speaker  *tts.Speaker
	keep     *state
	parts    *parts
	addrs    addresses
	http     listeners
	hangUps  chan os.Signal // SIGHUP: read the configuration anew
	serving  bool           // the sip component closes the listeners of SIP
}

// Run starts a server, serves until ctx ends, drains, and stops. It returns
// nil after a clean end, errForced after a forced one.
func Run(ctx context.Context, cfg *config.Config, o serverOptions) error {
	own := *cfg // the demo adds a service
	s := &server{cfg: &own, started: cfg, opts: o, log: o.log, group: lifecycle.New()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.registry = status.NewRegistry(version, &s.state)
	var deaf func()
	s.hangUps, deaf = hearHangUps()
	defer deaf()
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			err = nil // told to end while starting
		}
		return errors.Join(err, s.stop(stopTimeout))
	}
	s.state.Set(status.Ready)
	s.announce()
	failure := s.serve(ctx)
	limit := stopTimeout
	if errors.Is(failure, errForced) {
		limit = forcedTimeout
	}
	return errors.Join(failure, s.stop(limit))
}

// serve waits until ctx ends, then drains; or until something fails.
func (s *server) serve(ctx context.Context) error {
	beside, leave := context.WithCancel(ctx)
	companion := make(chan error, 1)
	var running sync.WaitGroup
	if s.opts.companion != nil {
		running.Go(func() { companion <- s.opts.companion(beside, s) })
	}
	defer running.Wait()
	defer leave()
	for {
		select {
		case <-ctx.Done():
			return s.drain()
		case err := <-s.group.Failed():
			return err
		case <-s.opts.force:
			return errForced
		case err := <-companion:
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// start binds all addresses, then starts the components: those that others
// need first.
func (s *server) start(ctx context.Context) error {
	err := checkCertificates(s.cfg)
	if err != nil {
		return err
	}
	if s.speaker, err = newSpeaker(s.cfg, s.registry, s.log); err != nil {
		return err
	}
	if s.keep, err = s.openState(); err != nil {
		return err
	}
	s.startState(ctx)
	s.group.Start(ctx, "speech", s.runSpeech)
	if err := s.bindHTTP(ctx); err != nil {
		return err
	}
	if err := s.startDemoApplication(ctx); err != nil {
		return err
	}
	s.live.Store(s.cfg)
	media, err := s.media()
	if err != nil {
		return err
	}
	if s.parts, err = s.wire(ctx, media); err != nil {
		return err
	}
	if err := s.parts.ua.Listen(); err != nil {
		return explainSIP(err, s.opts.flags)
	}
	s.addrs.sip = s.parts.ua.Addrs()
	if err := s.serveHTTP(ctx); err != nil {
		return err
	}
	s.group.Start(ctx, "mixer", s.parts.engine.Run)
	if s.parts.store != nil {
		s.group.Start(ctx, "recordings", s.parts.store.Run)
	}
	s.group.Start(ctx, "instance logs", s.parts.apps.RunLogs)
	s.group.Start(ctx, "calls", s.runCalls)
	s.group.Start(ctx, "reservations", s.parts.calls.RunReservations)
	s.group.Start(ctx, "outbound services", s.parts.apps.RunOutbound)
	s.group.Start(ctx, "access", func(ctx context.Context) error { return s.parts.door.run(ctx, &s.cfg.SIP) })
	s.serving = true
	s.group.Start(ctx, "sip", s.runSIP)
	s.group.Start(ctx, "trunks", s.parts.trunks.Run)
	s.group.Start(ctx, "configuration", s.runReload)
	return nil
}

// runSIP takes calls until ctx ends. An application outlives its call by the
// final page, so it does not run in the context of the dialog.
func (s *server) runSIP(ctx context.Context) error {
	return s.parts.ua.Serve(ctx, func(_ context.Context, d *sip.Dialog) { s.takeCall(ctx, d) })
}

// runCalls looks after the calls until they are stopped.
func (s *server) runCalls(ctx context.Context) error {
	<-ctx.Done()
	s.parts.calls.HangUpAll(call.Dropped)
	s.parts.calls.Wait()
	s.parts.web.CloseIdleConnections()
	return nil
}

// drain takes no new calls, gives the running ones their grace, then hangs
// them up and lets their applications ask their final pages.
func (s *server) drain() error {
	s.state.Set(status.Draining)
	s.parts.ua.Drain(retryAfter)
	s.parts.apps.DrainOutbound()
	s.log.Info("draining: no new calls", "calls", s.parts.calls.Active(), "grace", s.cfg.ShutdownGrace().String())
	if err := s.idle(s.cfg.ShutdownGrace()); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.log.Info("hanging up", "calls", s.parts.calls.Active())
	hungUp := make(chan struct{})
	go func() {
		defer close(hungUp)
		s.parts.calls.HangUpAll(call.Dropped)
	}()
	err := s.idle(finalPages*s.cfg.Pages.Timeout() + stopTimeout)
	if errors.Is(err, errForced) {
		return err // the process ends; HangUpAll with it
	}
	<-hungUp
	if err != nil {
		s.log.Warn("applications or calls still running", "error", err)
	}
	return nil
}

// idle waits until no application is running and no call is left, for so long at
// most. It returns errForced when the server is to end at once.
func (s *server) idle(longest time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	ctx, force := context.WithCancelCause(ctx)
	defer force(nil)
	waited := make(chan error, 1)
	go func() { waited <- s.lastOne(ctx) }()
	select {
	case err := <-waited:
		return err
	case <-s.opts.force:
		force(errForced)
		return <-waited
	}
}

// lastOne waits for the end of the calls, some of which have no application, and of
// the applications, which may outlive their calls, and place others. The error is that
// of ctx.
func (s *server) lastOne(ctx context.Context) error {
	for {
		select {
		case <-s.parts.calls.Idle():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := s.parts.apps.Wait(ctx); err != nil || s.parts.calls.Active() == 0 {
			return err
		}
	}
}

// stop ends the components in reverse, within a time, and closes what was
// only bound.
func (s *server) stop(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := s.group.Stop(ctx)
	if s.parts != nil && !s.serving {
		err = errors.Join(err, s.parts.ua.Close())
	}
	if s.parts != nil && s.parts.media != nil {
		err = errors.Join(err, s.parts.media.close())
	}
	return errors.Join(err, s.http.close(), s.keep.close())
}

// announce tells how to reach the server.
func (s *server) announce() {
	if s.opts.out != nil {
		fmt.Fprint(s.opts.out, greeting(s.cfg, s.addrs, names(s.speaker.Engines()))) //nolint:errcheck // nobody reads it
	}
}
