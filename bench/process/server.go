package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ServerConfig is what a measured server is configured with beside addresses
// of its own.
type ServerConfig struct {
	Application string // URL of the first page for all calls; "" = no service
	IO          string // rtp.io; "" = the default
	SharedPorts int    // rtp.shared_ports; 0 = the default
	DirectDial  bool   // conference.direct_dial
	PortMin     int    // of RTP
	PortMax     int
}

// Server is a media server at work.
type Server struct {
	*Child
	SIP   string // address
	HTTP  string // address
	Pprof string // address of the profiles
	dir   string
}

// yaml is the configuration file.
func (c ServerConfig) yaml(s *Server) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sip: {listen: [\"udp://%s\"]}\n", s.SIP)
	fmt.Fprintf(&b, "rtp:\n  port_min: %d\n  port_max: %d\n  codecs: [pcmu, pcma]\n", c.PortMin, c.PortMax)
	if c.IO != "" {
		fmt.Fprintf(&b, "  io: %s\n", c.IO)
	}
	if c.SharedPorts > 0 {
		fmt.Fprintf(&b, "  shared_ports: %d\n", c.SharedPorts)
	}
	fmt.Fprintf(&b, "http:\n  listen: %q\n", s.HTTP)
	fmt.Fprintf(&b, "  pprof_listen: %q\n", s.Pprof)
	fmt.Fprintf(&b, "media: {directory: %q, log_directory: %q, realtime: false}\n", filepath.Join(s.dir, "media"), filepath.Join(s.dir, "logs"))
	fmt.Fprintf(&b, "store: {directory: %q}\nrecords: {directory: %q}\n", filepath.Join(s.dir, "state"), filepath.Join(s.dir, "records"))
	b.WriteString("admission: {max_load_percent: 0}\nconference:\n  max_participants: 0\n")
	if c.DirectDial {
		b.WriteString("  direct_dial: true\n")
	}
	b.WriteString("log: {level: warn}\nshutdown_grace_seconds: 1\n")
	if c.Application != "" {
		fmt.Fprintf(&b, "services:\n  - {name: load, direction: inbound, match: [\"*\"], first_page: {url: %q, method: POST}}\n", c.Application)
	}
	return b.String()
}

// StartServer runs a server on loopback and waits until it is ready.
func (p Program) StartServer(ctx context.Context, c ServerConfig) (s *Server, err error) {
	s = &Server{}
	if s.dir, err = os.MkdirTemp("", "mediaserver-bench-"); err != nil {
		return nil, fmt.Errorf("bench: make a directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.dir))
		}
	}()
	for _, a := range []*string{&s.SIP, &s.HTTP, &s.Pprof} {
		if *a, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(s.dir, "mediaserver.yaml")
	if err := os.WriteFile(file, []byte(c.yaml(s)), 0o600); err != nil {
		return nil, fmt.Errorf("bench: write the configuration: %w", err)
	}
	if s.Child, err = p.start(ctx, nil, "serve", "--config", file); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, s.Child.Stop())
	}
	return s, nil
}

// Stop ends the server, waits for it and removes its files.
func (s *Server) Stop() error { return errors.Join(s.Child.Stop(), os.RemoveAll(s.dir)) }

// freeAddress is an address of loopback whose port is free for UDP and TCP.
func freeAddress() (string, error) {
	const attempts = 100
	var last error
	for range attempts {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("bench: find a free port: %w", err)
		}
		address := l.Addr().String()
		u, err := net.ListenPacket("udp4", address)
		if err := errors.Join(err, l.Close()); err != nil {
			last = err
			continue
		}
		return address, u.Close()
	}
	return "", fmt.Errorf("bench: find a free port: %w", last)
}

// await waits until the server is ready.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if body, err := get(ctx, "http://"+s.HTTP+"/readyz"); err == nil {
			return body.Close()
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%w: it ended: %w", ErrNotReady, s.err)
		case <-ctx.Done():
			return fmt.Errorf("%w within %v", ErrNotReady, startTimeout)
		case <-time.After(pollInterval):
		}
	}
}

// get is the body of a page that was found.
func get(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true // no connection is kept
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close() //nolint:errcheck // nothing of it is used
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	return res.Body, nil
}
