package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Client certificates that a tls or wss listener asks for.
const (
	ClientCertsNone     = "none"     // does not ask
	ClientCertsOptional = "optional" // asks; one that is given must be valid
	ClientCertsRequired = "required" // lets nobody in without
)

// TLS is the certificate of the tls and wss listeners, and what those of
// others are judged by. Outgoing connections present the certificate as well,
// if asked. The files are PEM and are read again when they have changed.
type TLS struct {
	CertFile    string // with the chain; needed by tls and wss listeners
	KeyFile     string // its private key
	CAFile      string // roots that are trusted; "" = those of the system
	ClientCerts string // ClientCerts…; "" = ClientCertsNone
}

func (t TLS) validate() error {
	var errs []error
	if (t.CertFile == "") != (t.KeyFile == "") {
		errs = append(errs, errors.New("sip: a certificate needs its key, and a key its certificate"))
	}
	switch t.ClientCerts {
	case "", ClientCertsNone, ClientCertsOptional, ClientCertsRequired:
	default:
		errs = append(errs, fmt.Errorf("sip: client certificates %q: want none, optional or required", t.ClientCerts))
	}
	return errors.Join(errs...)
}

var (
	errNoCertificate = errors.New("sip: no certificate configured")
	errNoRoots       = errors.New("no certificate in the file")
)

// tlsSide is TLS with the files read.
type tlsSide struct {
	cfg   TLS
	cert  *watched[tls.Certificate] // nil: none
	roots *watched[x509.CertPool]   // nil: the system's
}

// newTLSSide reads the files.
func newTLSSide(cfg TLS, quiet *quietLog) (*tlsSide, error) {
	t := &tlsSide{cfg: cfg}
	failed := func(err error) {
		quiet.warn("TLS certificate file cannot be read again; the old one stays in use", slog.Any("error", err))
	}
	var err error
	if cfg.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
			return &c, err
		}
		if t.cert, err = watch(load, failed, cfg.CertFile, cfg.KeyFile); err != nil {
			return nil, fmt.Errorf("sip: certificate %s with key %s: %w", cfg.CertFile, cfg.KeyFile, err)
		}
	}
	if cfg.CAFile != "" {
		load := func() (*x509.CertPool, error) {
			pem, err := os.ReadFile(cfg.CAFile)
			if err != nil {
				return nil, err
			}
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM(pem) {
				return nil, errNoRoots
			}
			return pool, nil
		}
		if t.roots, err = watch(load, failed, cfg.CAFile); err != nil {
			return nil, fmt.Errorf("sip: CA file %s: %w", cfg.CAFile, err)
		}
	}
	return t, nil
}

// pool is what is trusted; nil means the system's roots.
func (t *tlsSide) pool() *x509.CertPool {
	if t == nil || t.roots == nil {
		return nil
	}
	return t.roots.get()
}

// server is the configuration of a listener.
func (t *tlsSide) server() (*tls.Config, error) {
	if t == nil || t.cert == nil {
		return nil, errNoCertificate
	}
	auth := tls.NoClientCert
	switch t.cfg.ClientCerts {
	case ClientCertsOptional:
		auth = tls.VerifyClientCertIfGiven
	case ClientCertsRequired:
		auth = tls.RequireAndVerifyClientCert
	}
	one := func() *tls.Config {
		return &tls.Config{
			MinVersion:     tls.VersionTLS12,
			ClientAuth:     auth,
			ClientCAs:      t.pool(),
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.cert.get(), nil },
		}
	}
	c := one()
	if auth != tls.NoClientCert {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return one(), nil }
	}
	return c, nil
}

// client is the configuration of a connection to a host of a URI: the
// certificate must be for that name, whatever host the DNS has sent us to (RFC
// 5922 §4).
func (t *tlsSide) client(host string) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Go would compare DNS names only: VerifyConnection checks all.
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return verifyServer(s, host, t.pool()) },
	}
	if _, err := netip.ParseAddr(host); err != nil {
		c.ServerName = host
	}
	if t != nil && t.cert != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.cert.get(), nil }
	}
	return c
}

// verifyServer checks the chain of a server and that it is the host's.
func verifyServer(s tls.ConnectionState, host string, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("sip: the server has no certificate")
	}
	leaf := s.PeerCertificates[0]
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return err
	}
	return checkIdentity(leaf, host)
}

// checkIdentity: RFC 5922 §7.1 and §7.2. SIP URIs in the certificate decide if
// there are any, else its DNS names and addresses.
//
// Deviation: a DNS name with a wildcard is accepted as in HTTPS: providers use
// such certificates.
func checkIdentity(c *x509.Certificate, host string) error {
	named := false
	for _, u := range c.URIs {
		if !equalFold(u.Scheme, "sip") || strings.Contains(u.Opaque, "@") {
			continue // §7.1: a URI with a user part is no identity of a domain
		}
		named = true
		if equalFold(strings.TrimSuffix(u.Opaque, "."), strings.TrimSuffix(host, ".")) {
			return nil
		}
	}
	if named {
		return x509.HostnameError{Certificate: c, Host: host}
	}
	return c.VerifyHostname(host)
}

// watchEvery is how often files are looked at for a change, at most.
const watchEvery = time.Second

// watched is a value made of files, made again when they have changed. If that
// fails, the old one stays and the next look tries again.
type watched[T any] struct {
	files   []string
	load    func() (*T, error)
	failed  func(error)
	next    atomic.Int64 // when to look again [Unix ns]
	current atomic.Pointer[version[T]]
}

type version[T any] struct {
	value *T
	stamp string // of the files
}

func watch[T any](load func() (*T, error), failed func(error), files ...string) (*watched[T], error) {
	w := &watched[T]{files: files, load: load, failed: failed}
	stamp := w.stamp()
	v, err := load()
	if err != nil {
		return nil, err
	}
	w.current.Store(&version[T]{v, stamp})
	w.next.Store(time.Now().Add(watchEvery).UnixNano())
	return w, nil
}

// stamp changes with the files.
func (w *watched[T]) stamp() string {
	var b strings.Builder
	for _, name := range w.files {
		if i, err := os.Stat(name); err == nil {
			fmt.Fprintf(&b, "%d %d\n", i.ModTime().UnixNano(), i.Size())
		}
	}
	return b.String()
}

// get is the value of now. One caller looks at the files, the others have the
// value there is.
func (w *watched[T]) get() *T {
	now, next := time.Now(), w.next.Load()
	if now.UnixNano() >= next && w.next.CompareAndSwap(next, now.Add(watchEvery).UnixNano()) {
		if stamp := w.stamp(); stamp != w.current.Load().stamp {
			if v, err := w.load(); err != nil {
				w.failed(err)
			} else {
				w.current.Store(&version[T]{v, stamp})
			}
		}
	}
	return w.current.Load().value
}
