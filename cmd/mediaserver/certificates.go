package main

import (
	"crypto/tls"
	"errors"

	"mediaserver/cmd/mediaserver/internal/config"
)

// checkCertificates tries the files of certificates that the configuration
// names, so that what is wrong is told with its place and before anything
// starts. The error is config.Problems.
func checkCertificates(cfg *config.Config) error {
	var problems config.Problems
	for _, pair := range []struct{ path, cert, key string }{
		{"sip.tls.cert_file", cfg.SIP.TLS.CertFile, cfg.SIP.TLS.KeyFile},
		{"http.tls.cert_file", cfg.HTTP.TLS.CertFile, cfg.HTTP.TLS.KeyFile},
	} {
		if pair.cert == "" {
			continue
		}
		if _, err := tls.LoadX509KeyPair(pair.cert, pair.key); err != nil {
			problems = append(problems, cfg.Problem(pair.path, "cannot be used: certificate %s with key %s: %v", pair.cert, pair.key, err))
		}
	}
	for _, roots := range []struct{ path, file string }{
		{"sip.tls.ca_file", cfg.SIP.TLS.CAFile}, {"websocket.ca_file", cfg.WebSocket.CAFile},
	} {
		if _, err := trusted(roots.file); err != nil {
			problems = append(problems, cfg.Problem(roots.path, "cannot be used: %v", err))
		}
	}
	return orNil(problems)
}

// checkMachine tries what depends on this machine: certificates and voices.
// The error is config.Problems with all that is wrong.
func checkMachine(cfg *config.Config) error {
	var problems config.Problems
	for _, check := range []func(*config.Config) error{checkCertificates, checkSpeech} {
		err := check(cfg)
		some, ok := errors.AsType[config.Problems](err)
		if err != nil && !ok {
			return err
		}
		problems = append(problems, some...)
	}
	return orNil(problems)
}
