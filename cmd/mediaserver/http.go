package main

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"mediaserver/cmd/mediaserver/internal/status"
)

// listeners are the HTTP sockets of a server; nil ones are not bound.
type listeners struct{ main, pprof, demo net.Listener }

// close closes what no component has closed yet.
func (l listeners) close() error {
	var errs []error
	for _, ln := range []net.Listener{l.main, l.pprof, l.demo} {
		if ln == nil {
			continue
		}
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// bindHTTP binds the addresses of the HTTP servers.
func (s *server) bindHTTP(ctx context.Context) error {
	var err error
	if s.http.main, err = listenTCP(ctx, s.cfg.HTTP.Listen); err != nil {
		return explainListen(err, "HTTP", "tcp", s.cfg.HTTP.Listen, s.opts.flags.httpChoice())
	}
	s.addrs.http = s.http.main.Addr()
	if s.cfg.HTTP.PprofListen == "" {
		return nil
	}
	if s.http.pprof, err = listenTCP(ctx, s.cfg.HTTP.PprofListen); err != nil {
		return explainListen(err, "pprof", "tcp", s.cfg.HTTP.PprofListen, keyChoice("http.pprof_listen", "127.0.0.1:6061"))
	}
	s.addrs.pprof = s.http.pprof.Addr()
	return nil
}

// listenTCP opens a TCP listener. Of itself package net takes 0.0.0.0 for all addresses,
// those of IPv6 too; here that is what [::] stands for, and a listener without a host.
func listenTCP(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	network := "tcp"
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().Is4() {
		network = "tcp4"
	}
	return lc.Listen(ctx, network, address)
}

// serveHTTP starts the HTTP servers.
func (s *server) serveHTTP(ctx context.Context) error {
	logins, err := s.newAuth()
	if err != nil {
		return err
	}
	s.parts.auth = logins
	s.warnOfOpenHTTP()
	handler, err := s.webHandler(logins)
	if err != nil {
		return err
	}
	listener, err := s.secure(ctx, s.http.main)
	if err != nil {
		return err
	}
	s.group.Start(ctx, "http", func(ctx context.Context) error {
		defer context.AfterFunc(ctx, s.keep.api.Close)() // streams do not end by themselves
		err := status.Serve(ctx, listener, handler, status.WriteTimeout, s.log)
		s.keep.api.Close()
		return err
	})
	if s.http.pprof != nil {
		s.group.Start(ctx, "pprof", func(ctx context.Context) error {
			return status.Serve(ctx, s.http.pprof, status.Limit(status.NewPprofHandler()), 0, s.log) // a profile may take minutes
		})
	}
	return nil
}

// warnOfOpenHTTP tells that others can connect who are not let in.
func (s *server) warnOfOpenHTTP() {
	if tcp, ok := s.addrs.http.(*net.TCPAddr); ok && tcp.IP.IsLoopback() || len(s.cfg.HTTP.Users) > 0 {
		return
	}
	s.log.Warn("http.listen can be reached from other machines, but without http.users only clients on this one may use the web services and the management API; "+
		"health, readiness and metrics are for all", "listen", s.addrs.http.String())
}
