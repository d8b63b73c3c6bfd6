package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/audio"
	"mediaserver/call"
	"mediaserver/call/trunk"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/mixer"
	"mediaserver/recording"
	"mediaserver/restapi"
	"mediaserver/restapi/auth"
	"mediaserver/rtp"
	"mediaserver/sip"
)

// parts are the components that a call passes through. They are made by wire
// and start nothing by themselves.
type parts struct {
	engine *mixer.Engine
	media  *mediaPorts
	ua     *sip.UA
	web    *restapi.Fetcher // media from addresses
	store  *recording.Store // nil: calls cannot be recorded
	calls  *call.Manager
	apps   *restapi.Server
	door   *door
	trunks *trunk.Table
	auth   *auth.Auth
}

// wire makes the components and joins them. extra holds media files beside
// those of media.directory; it may be nil.
func (s *server) wire(ctx context.Context, extra fs.FS) (*parts, error) {
	cfg, reg, log := s.cfg, s.registry, s.log
	p := &parts{}
	var err error
	if p.media, err = newMediaPorts(cfg, s.opts.mediaWorkers, rtp.NewMetrics(reg), log); err != nil {
		return nil, err
	}
	p.engine, err = mixer.New(mixer.Config{
		Workers:      s.opts.mediaWorkers,
		Transport:    p.media.transport(),
		MixedTalkers: cfg.Conference.MixedTalkers,
		MaxLoad:      float64(cfg.Admission.MaxLoadPercent) / 100,
		Realtime:     s.opts.realtime,
		Metrics:      mixer.NewMetrics(reg),
		Logger:       log,
	})
	if err != nil {
		return nil, err
	}
	p.ua, err = sip.New(sip.Config{
		Listen:     cfg.SIP.Listen,
		Advertise:  cfg.SIP.Advertise,
		Access:     access(&cfg.SIP),
		Registrar:  registrar(&cfg.SIP.Registrar),
		Incoming:   func(inv sip.Invitation) sip.Invitation { return p.trunks.Incoming(inv) },
		Defence:    defence(&cfg.SIP.Defence),
		Extensions: extensions(&cfg.SIP),
		Network:    network(&cfg.SIP),
		UserAgent:  userAgent(),
		Username:   "mediaserver",
		Logger:     log,
		Metrics:    sip.NewMetrics(reg),
	})
	if err != nil {
		return nil, err
	}
	p.door = newDoor(p.ua, log)
	p.trunks = s.newTrunks(p.ua)
	metrics := restapi.NewMetrics(reg)
	p.web, err = restapi.NewFetcher(restapi.FetcherConfig{UserAgent: userAgent(), Metrics: metrics})
	if err != nil {
		return nil, err
	}
	p.calls, err = s.wireCalls(ctx, p, extra)
	if err != nil {
		return nil, err
	}
	services, err := services(cfg.Services)
	if err != nil {
		return nil, err
	}
	tryLogDirectory(cfg.Media.LogDirectory, log)
	p.apps, err = restapi.NewServer(restapi.Config{
		Services:     services,
		LogDirectory: cfg.Media.LogDirectory,
		Files:        mediaFiles(cfg.Media.Directory),
		Queue:        s.keep.keeper("outbound"),
		Events:       s.keep.log,
		Dialer:       p.calls,
		PageTimeout:  cfg.Pages.Timeout(),
		UserAgent:    userAgent(),
		Logger:       log,
		Metrics:      metrics,
	})
	return p, err
}

// wireCalls makes the manager of calls over the engine and the user agent.
func (s *server) wireCalls(ctx context.Context, p *parts, extra fs.FS) (*call.Manager, error) {
	cfg, reg, log := s.cfg, s.registry, s.log
	advertise, err := advertised(ctx, cfg)
	if err != nil {
		return nil, err
	}
	dirs := []fs.FS{os.DirFS(cfg.Media.Directory)}
	if extra != nil {
		dirs = append(dirs, extra)
	}
	if p.store, err = recordings(cfg, reg, log); err != nil {
		return nil, err
	}
	var recorder call.Recorder
	if p.store != nil {
		recorder = p.store // not a nil *Store, which is no nil interface
	}
	out, err := outbound(ctx, cfg, p.trunks, reg, log, s.serveLocal)
	if err != nil {
		return nil, err
	}
	out.Transfers = s.transfers()
	transport, err := mediaTransport(cfg, func(i call.Info) call.Keying { return p.apps.KeyingOf(i) })
	if err != nil {
		return nil, err
	}
	return call.NewManager(call.Config{
		Recorder:     recorder,
		Events:       s.keep.log,
		Reservations: s.keep.keeper("reservations"),
		Engine:       p.engine,
		Loader: call.Sources{
			Files: call.NewStore(dirs...), Web: p.web,
			Speech: spoken{speaker: s.speaker, rate: p.engine.Format().Rate},
		},
		OpenSockets:     p.media.open,
		Dialer:          dialer{ua: p.ua},
		Outbound:        out,
		Placement:       destinations(cfg.Conference.Destinations),
		Capability:      capability(&cfg.RTP),
		Security:        func(i call.Info) call.Security { return p.apps.SecurityOf(i) },
		Transport:       transport,
		Advertise:       advertise,
		Jitter:          rtp.JitterConfig{MinMS: cfg.RTP.Jitter.MinMS, MaxMS: cfg.RTP.Jitter.MaxMS},
		RTPMetrics:      p.media.metrics,
		MediaTimeout:    cfg.RTP.Timeout(),
		MaxParticipants: cfg.Conference.MaxParticipants,
		Admission: call.Admission{
			Unmeasured: cfg.Admission.MaxLoadPercent == 0,
			MaxCalls:   cfg.Admission.MaxCalls,
			Awaited:    s.awaits,
		},
		Logger:     log,
		Registerer: reg,
	})
}

// recordings is where calls are recorded; nil when the media directory
// cannot be written and no service needs it.
func recordings(cfg *config.Config, reg prometheus.Registerer, log *slog.Logger) (*recording.Store, error) {
	store, err := recording.NewStore(recording.Config{
		Directory:     cfg.Media.Directory,
		RetentionDays: cfg.Media.RecordingRetentionDays,
		Metrics:       recording.NewMetrics(reg),
		Logger:        log,
	})
	if err == nil {
		return store, nil
	}
	for i := range cfg.Services {
		if cfg.Services[i].Recording {
			return nil, explainDirectory(fmt.Errorf("service %s wants recordings: %w", cfg.Services[i].Name, err), "media.directory", "/var/lib/mediaserver/media")
		}
	}
	log.Warn("calls cannot be recorded", "key", "media.directory", "error", err)
	return nil, nil
}

// userAgent is how the server calls itself in SIP and HTTP.
func userAgent() string { return "mediaserver/" + version }

// advertised is the address that session descriptions name: rtp.advertise,
// else sip.advertise, resolved when it is a host name. The zero address is the
// one of the route to the far end.
func advertised(ctx context.Context, cfg *config.Config) (netip.Addr, error) {
	if cfg.RTP.Advertise != "" {
		return netip.ParseAddr(cfg.RTP.Advertise)
	}
	host := cfg.SIP.Advertise
	if host == "" || host == "auto" {
		return netip.Addr{}, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the IP address of sip.advertise for rtp.advertise: %w", err)
	}
	if len(addrs) == 0 {
		return netip.Addr{}, fmt.Errorf("find the IP address of sip.advertise for rtp.advertise: %w", errNoAddress)
	}
	return addressFor(cfg.SIP.Listen, addrs), nil
}

// addressFor is the first of the addresses of a name, and the first of IPv4 where SIP
// is served by IPv4 only: far ends that reach us could not send media elsewhere.
func addressFor(listen []string, addrs []netip.Addr) netip.Addr {
	if !slices.ContainsFunc(listen, func(l string) bool { return strings.Contains(l, "://[") }) {
		for _, a := range addrs {
			if a.Unmap().Is4() {
				return a.Unmap()
			}
		}
	}
	return addrs[0].Unmap()
}

var errNoAddress = errors.New("the name has no address")

// destinations is where rooms are that are not here.
func destinations(list []config.Destination) call.Destinations {
	out := make(call.Destinations, len(list))
	for i, d := range list {
		out[i] = call.RoomDestination{Match: d.Match, Address: d.Address}
	}
	return out
}

// directionOf says who places the calls of a service.
func directionOf(s string) call.Direction {
	if s == outboundDirection {
		return call.Out
	}
	return call.In
}

// services hands the configured services on.
func services(list []config.Service) ([]restapi.Service, error) {
	out := make([]restapi.Service, len(list))
	for i := range list {
		s := &list[i]
		security, _ := call.ParseSecurity(s.SRTP) // config knows the words
		keying, _ := call.ParseKeying(s.Keying)
		ringing, err := audio.ParseRinging(s.RingingTone)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", s.Name, err)
		}
		out[i] = restapi.Service{
			Name:                  s.Name,
			Direction:             directionOf(s.Direction),
			Match:                 s.Match,
			APIVersion:            s.APIVersion,
			Strict:                s.Strict,
			FirstPage:             restapi.Page(s.FirstPage),
			FinalPage:             restapi.Page(s.FinalPage),
			ErrorPage:             restapi.Page(s.ErrorPage),
			ExtraCalls:            &s.ExtraChannels,
			Voice:                 s.TTSVoice,
			ApplicationParameters: s.ApplicationParameters,
			EarlyMedia:            s.EarlyMedia,
			MaxDuration:           s.MaxDuration(),
			SigningSecret:         s.SigningSecret.Reveal(),
			PageHosts:             s.PageHosts,
			Ringing:               ringing,
			Protection:            restapi.Protection{Security: security, Keying: keying},
			Messages:              restapi.DefaultMessages(s.DefaultMessages),
			Outbound: restapi.Outbound{
				Password: s.Password.Reveal(), Rooms: s.CallType == "conference",
				ClassifyCallee: s.ClassifyCallee, HangUpOnMachine: s.HangUpOnMachine,
				MaxCalls: s.MaxCalls, MaxQueued: s.MaxQueued,
			},
			Recording: restapi.Recording{
				On: s.Recording, Encrypted: s.Encryption,
				Separate: s.Mode == "separate", KeepDigits: !s.EliminateDTMF,
			},
		}
	}
	return out, nil
}

// dialer places the calls of the manager by our user agent.
type dialer struct{ ua *sip.UA }

// Dial sends an INVITE and waits for the final answer.
func (d dialer) Dial(ctx context.Context, r sip.InviteRequest, onProgress func(sip.Progress)) (call.OutboundDialog, error) {
	dialog, err := d.ua.Invite(ctx, r, onProgress)
	if err != nil {
		return nil, err // not dialog: a nil *Dialog is no nil interface
	}
	return dialog, nil
}

// Route is our address of the route to a SIP address.
func (d dialer) Route(ctx context.Context, address string) (netip.Addr, error) {
	return d.ua.LocalAddr(ctx, address)
}
