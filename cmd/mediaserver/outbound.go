package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/call"
	"mediaserver/call/websocket"
	"mediaserver/cmd/mediaserver/internal/config"
)

// outbound is where calls go out that are more than SIP addresses. apps runs
// the calls to our own services, in ctx but for its end: they end with their
// calls.
func outbound(ctx context.Context, cfg *config.Config, trunks call.Trunks, reg prometheus.Registerer, log *slog.Logger, apps func(context.Context, *call.Call)) (call.Outbound, error) {
	roots, err := trusted(cfg.WebSocket.CAFile)
	if err != nil {
		return call.Outbound{}, fmt.Errorf("websocket.ca_file: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	return call.Outbound{
		Trunks:    trunks,
		Redirects: redirects(&cfg.SIP),
		Streams: websocket.NewClient(websocket.Config{
			TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, UserAgent: userAgent(),
			Metrics: websocket.NewMetrics(reg), Logger: log,
		}),
		Local: func(c *call.Call) { apps(ctx, c) },
	}, nil
}

// errNoCertificate: a file of certificates without any.
var errNoCertificate = errors.New("holds no certificate")

// trusted are the roots of the system and those of a file; nil, which is the
// system's, without one.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: %w", file, errNoCertificate)
	}
	return roots, nil
}
