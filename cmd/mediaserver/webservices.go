package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/cmd/mediaserver/internal/status"
	"mediaserver/restapi/auth"
	"mediaserver/restapi/management"
	"mediaserver/restapi/webservice"
)

// newAuth knows the users and the outbound services.
func (s *server) newAuth() (*auth.Auth, error) {
	return auth.New(auth.Config{
		Users: usersOf(s.cfg), Services: outboundPasswords(s.cfg),
		Refuse: refuse(webservice.Refuse), Logger: s.log, Registerer: s.registry,
	})
}

// usersOf are the users of a configuration.
func usersOf(cfg *config.Config) []auth.User {
	var users []auth.User
	for _, u := range cfg.HTTP.Users {
		role, _ := auth.ParseRole(u.Role) // checked when it was loaded
		users = append(users, auth.User{Name: u.Name, Password: u.Password.Reveal(), APIKey: u.APIKey.Reveal(), Role: role})
	}
	return users
}

// outboundPasswords are the passwords of the outbound services.
func outboundPasswords(cfg *config.Config) map[string]string {
	passwords := map[string]string{}
	for i := range cfg.Services {
		if one := &cfg.Services[i]; one.Direction == outboundDirection {
			passwords[one.Name] = one.Password.Reveal()
		}
	}
	return passwords
}

// outboundDirection is the direction of services that place calls.
const outboundDirection = "outbound"

// webServices are the services of the root paths.
func (s *server) webServices() *webservice.Services {
	return webservice.New(webservice.Config{
		Applications: s.parts.apps, Rooms: s.parts.calls, Reservations: s.parts.calls,
		MaxParticipants: s.cfg.Conference.MaxParticipants,
		Inbound:         func() []string { return inboundServices(s.live.Load().Services) },
		MediaDirectory:  s.cfg.Media.Directory, LogDirectory: s.cfg.Media.LogDirectory,
		Audit:  s.keep.audit.Wrap,
		Logger: s.log,
	})
}

// inboundServices are the names of the services that take calls.
func inboundServices(list []config.Service) []string {
	var names []string
	for i := range list {
		if list[i].Direction != outboundDirection {
			names = append(names, list[i].Name)
		}
	}
	return names
}

// webHandler is everything that the HTTP listener serves. What is at the root
// paths bounds its bodies itself.
func (s *server) webHandler(a *auth.Auth) (http.Handler, error) {
	mux := http.NewServeMux()
	var err error
	if s.keep.api, err = s.newManagement(a); err != nil {
		return nil, err
	}
	mux.Handle(management.Prefix+"/", status.Limit(s.keep.api))
	mux.Handle("/", status.Limit(status.NewHandler(&s.state, s.parts.engine, s.registry)))
	s.webServices().Register(mux, a)
	return mux, nil
}

// secure makes a listener one of TLS where a certificate is configured, and
// reads that anew at every SIGHUP.
func (s *server) secure(ctx context.Context, ln net.Listener) (net.Listener, error) {
	if !s.cfg.HTTP.TLS.On() {
		return ln, nil
	}
	certificate, err := auth.LoadCertificate(s.cfg.HTTP.TLS.CertFile, s.cfg.HTTP.TLS.KeyFile)
	if err != nil {
		return nil, config.Problems{s.cfg.Problem("http.tls.cert_file", "%v", err)}
	}
	s.group.Start(ctx, "certificate", func(ctx context.Context) error {
		hangUps := make(chan os.Signal, 1)
		signal.Notify(hangUps, syscall.SIGHUP)
		defer signal.Stop(hangUps)
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-hangUps:
				if err := certificate.Reload(); err != nil {
					s.log.Error("the certificate stays as it was", "error", err)
				} else {
					s.log.Info("certificate reloaded")
				}
			}
		}
	})
	return tls.NewListener(ln, certificate.Config()), nil
}
