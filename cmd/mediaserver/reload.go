package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/restapi/management"
)

// reloadable are the keys that a reload changes, with all below them.
func reloadable() []string {
	return []string{"sip.trunks", "sip.default_trunk", "sip.allow", "sip.phones", "http.users", "services"}
}

// hearHangUps takes SIGHUP, which would end the process, until stop is called.
func hearHangUps() (hangUps chan os.Signal, stop func()) {
	hangUps = make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	return hangUps, func() { signal.Stop(hangUps) }
}

// runReload reads the configuration anew at every SIGHUP until ctx ends.
func (s *server) runReload(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.hangUps:
			s.reload(ctx)
		}
	}
}

// errNotReloaded: the server was not told where its configuration is from.
var errNotReloaded = errors.New("this server has no configuration to read")

// reload reads the configuration and puts what can change while the server
// runs in the place of what there was: all of it, or after an error nothing.
func (s *server) reload(ctx context.Context) {
	next, apply, err := s.prepareReload()
	if err != nil {
		if problems, ok := errors.AsType[config.Problems](err); ok {
			for _, p := range problems {
				s.log.Warn("the configuration stays as it was", "error", p.String())
			}
			return
		}
		s.log.Warn("the configuration stays as it was", "error", err)
		return
	}
	was := s.live.Load()
	var changed, kept []string
	for _, key := range config.Changed(was, next) {
		if isReloadable(key) {
			changed = append(changed, key)
		}
	}
	// What a start would change: also what an earlier reload has left.
	for _, key := range config.Changed(s.started, next) {
		if !isReloadable(key) {
			kept = append(kept, key)
		}
	}
	apply()
	s.live.Store(next)
	s.log.InfoContext(ctx, "configuration reloaded", "changed", strings.Join(changed, " "), "trunks", len(next.SIP.Trunks), "services", len(next.Services))
	if len(kept) > 0 {
		s.log.Warn("these keys hold only after a restart", "keys", strings.Join(kept, " "))
	}
}

func isReloadable(key string) bool {
	for _, r := range reloadable() {
		if key == r || strings.HasPrefix(key, r+".") {
			return true
		}
	}
	return false
}

// prepareReload checks the configuration that is to be; apply puts it into
// force and cannot fail.
func (s *server) prepareReload() (next *config.Config, apply func(), err error) {
	if s.opts.load == nil {
		return nil, nil, errNotReloaded
	}
	if next, err = s.opts.load(); err != nil {
		return nil, nil, err
	}
	if err = checkSpeech(next); err != nil {
		return nil, nil, err
	}
	if next.Demo && s.http.demo != nil {
		next.Services = append(next.Services, demoService("http://"+s.http.demo.Addr().String()))
	}
	if s.parts.store == nil {
		for i := range next.Services {
			if next.Services[i].Recording {
				return nil, nil, config.Problems{next.Problem("services", "%s wants recordings, which need a restart: media.directory, %s, could not be written at the start", next.Services[i].Name, s.cfg.Media.Directory)}
			}
		}
	}
	list, err := services(next.Services)
	if err != nil {
		return nil, nil, err
	}
	applyServices, err := s.parts.apps.PrepareServices(list)
	if err != nil {
		return nil, nil, err
	}
	applyLogins, err := s.parts.auth.Prepare(usersOf(next), outboundPasswords(next))
	if err != nil {
		return nil, nil, err
	}
	trunks := trunkConfigs(&next.SIP)
	return next, func() {
		applyServices()
		applyLogins()
		s.parts.trunks.Replace(trunks, next.SIP.DefaultTrunk)
		s.parts.door.change(&next.SIP)
	}, nil
}

// managedServices are the services as the management API tells of them.
func managedServices(list []config.Service) []management.Service {
	out := make([]management.Service, 0, len(list))
	for i := range list {
		one := &list[i]
		out = append(out, management.Service{
			Name: one.Name, Direction: one.Direction, Match: one.Match, APIVersion: one.APIVersion,
			FirstPage: withoutSecrets(one.FirstPage.URL),
		})
	}
	return out
}
