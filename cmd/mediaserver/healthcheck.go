package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Limits of a health check.
const (
	healthTimeout = 2 * time.Second
	healthAnswer  = 512 // bytes of the answer that are shown
)

// healthcheckCommand asks a running server for its health. Containers use it:
// their image holds nothing but this program.
type healthcheckCommand struct {
	configFlag
	URL string `name:"url" placeholder:"URL" help:"Address to ask. Without it /healthz at http.listen of the configuration."`
}

// Run asks once.
func (c *healthcheckCommand) Run(ctx context.Context, p *program) error {
	address := c.URL
	if address == "" {
		cfg, err := c.load(p)
		if err != nil {
			return err
		}
		scheme := "http://"
		if cfg.HTTP.TLS.On() {
			scheme = "https://"
		}
		address = scheme + reachable(cfg.HTTP.Listen) + "/healthz"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return usageError{err}
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		// The certificate is for the server's name, and who is asked is known.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: c.URL == ""}, //nolint:gosec // the loopback interface, and only whether it is well
	}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(resp.Body, healthAnswer))
	if err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d: %s", address, resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return nil
}

// reachable is the address at which an HTTP listener on this machine can be reached:
// the loopback address in place of "all addresses". That is the one of IPv4, which
// [::] serves too (listenTCP): many a container has no other.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
