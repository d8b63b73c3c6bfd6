package main

import (
	"context"
	"fmt"
	"io/fs"
	"net"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/cmd/mediaserver/internal/demoapp"
	"mediaserver/cmd/mediaserver/internal/status"
)

// startDemoApplication serves the embedded web application on a loopback port
// of its own and adds the service that uses it, unless services are
// configured.
func (s *server) startDemoApplication(ctx context.Context) error {
	if !s.cfg.Demo {
		return nil
	}
	var lc net.ListenConfig
	var err error
	if s.http.demo, err = lc.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("demo application: %w", err)
	}
	app := demoapp.New(s.log, s.speaks())
	s.group.Start(ctx, "demo application", func(ctx context.Context) error {
		return status.Serve(ctx, s.http.demo, status.Limit(app), status.WriteTimeout, s.log)
	})
	service := demoService("http://" + s.http.demo.Addr().String())
	s.cfg.Services = append(s.cfg.Services, service)
	return nil
}

// demoService answers sip:demo@… with the application at an address.
func demoService(address string) config.Service {
	s := config.NewService("demo", []string{"demo"}, address+demoapp.FirstPath)
	s.FinalPage = config.Page{URL: address + demoapp.FinalPath, Method: "POST"}
	s.ErrorPage = config.Page{URL: address + demoapp.ErrorPath, Method: "POST"}
	s.APIVersion = demoapp.APIVersion
	return s
}

// media are the files beside those of media.directory: the sounds of the demo
// application where that runs.
func (s *server) media() (fs.FS, error) {
	if !s.cfg.Demo {
		return nil, nil
	}
	return demoapp.Media()
}
