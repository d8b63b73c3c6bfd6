package dtls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	pion "github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/deadline"

	"mediaserver/rtp/srtp"
)

// What Run may return besides ErrFingerprint.
var (
	// ErrTimeout: the handshake was not over in time.
	ErrTimeout = errors.New("dtls: handshake timed out")
	// ErrHandshake: the handshake failed.
	ErrHandshake = errors.New("dtls: handshake failed")
	// ErrSuite: the far end knows none of our suites of SRTP.
	ErrSuite = errors.New("dtls: no SRTP suite in common")
)

const (
	// DefaultTimeout is how long a handshake may take, from the first datagram on.
	DefaultTimeout = 30 * time.Second
	// maxAttempts is how often a handshake is begun within the time: what comes
	// in the clear, as an alert does before there are keys, anybody can forge.
	maxAttempts = 3
	// retransmit is the time to the first repetition of a flight. RFC 6347 §4.2.4.1
	// names a second; media wait for this one.
	retransmit = 500 * time.Millisecond
	// mtu is the longest datagram of a handshake that we send [bytes].
	mtu = 1200
)

// Config says how an association is made.
type Config struct {
	Identity *Identity
	Client   bool          // we begin; else we wait for the far end
	Peer     []Fingerprint // of the far end's certificate
	// Send sends a datagram to the far end. It must not wait.
	Send    func(datagram []byte) error
	Timeout time.Duration // of a handshake; 0 = DefaultTimeout
}

// Association is one DTLS association, from its handshake to its end.
type Association struct {
	cfg   Config
	in    *inbox
	begun chan struct{} // closed when the first datagram has come
	once  sync.Once
}

// New makes an association. It starts nothing.
func New(cfg Config) *Association {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	return &Association{cfg: cfg, in: newInbox(), begun: make(chan struct{})}
}

// Deliver takes a datagram of the far end; it is copied. It does not wait: what
// is too much is dropped, and comes again.
func (a *Association) Deliver(datagram []byte) {
	a.in.put(datagram)
	a.once.Do(func() { close(a.begun) })
}

// Run does the handshake, gives the keys to keyed, and serves the association
// until ctx or the far end ends it. A server waits for the far end's first
// datagram for as long as ctx lasts. Errors: ErrFingerprint, ErrTimeout,
// ErrHandshake, ErrSuite; nil once there were keys, and when ctx ended.
func (a *Association) Run(ctx context.Context, keyed func(srtp.Keys)) error {
	if !a.cfg.Client {
		select {
		case <-a.begun:
		case <-ctx.Done():
			return nil
		}
	}
	limited, cancel := context.WithTimeoutCause(ctx, a.cfg.Timeout, ErrTimeout)
	defer cancel()
	var err error
	for range maxAttempts {
		var c *pion.Conn
		if c, err = a.handshake(limited); err == nil {
			return a.serve(ctx, c, keyed)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case limited.Err() != nil:
			return fmt.Errorf("%w: %w", ErrTimeout, err)
		case errors.Is(err, ErrFingerprint):
			return err
		}
	}
	return err
}

// handshake is one attempt.
func (a *Association) handshake(ctx context.Context) (*pion.Conn, error) {
	mismatch := false
	verify := func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 {
			mismatch = true
			return ErrFingerprint
		}
		err := check(raw[0], a.cfg.Peer)
		mismatch = err != nil
		return err
	}
	wire := newWire(a.in, a.cfg.Send)
	c, err := a.open(wire, verify)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	if err = c.HandshakeContext(ctx); err == nil {
		return c, nil
	}
	err = errors.Join(err, c.Close())
	if mismatch {
		return nil, fmt.Errorf("%w: %w", ErrFingerprint, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrHandshake, err)
}

// open makes the connection of an attempt.
func (a *Association) open(w *wire, verify func([][]byte, [][]*x509.Certificate) error) (*pion.Conn, error) {
	both := []pion.Option{
		pion.WithCertificates(a.cfg.Identity.certificate),
		pion.WithSRTPProtectionProfiles(profiles()...),
		pion.WithExtendedMasterSecret(pion.RequestExtendedMasterSecret),
		pion.WithInsecureSkipVerify(true), // no authority vouches for it: its fingerprint does
		pion.WithVerifyPeerCertificate(verify),
		pion.WithFlightInterval(retransmit),
		pion.WithMTU(mtu),
		pion.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}),
	}
	if a.cfg.Client {
		options := make([]pion.ClientOption, len(both))
		for i, o := range both {
			options[i] = o
		}
		return pion.ClientWithOptions(w, w.LocalAddr(), options...)
	}
	options := []pion.ServerOption{pion.WithClientAuth(pion.RequireAnyClientCert)}
	for _, o := range both {
		options = append(options, o)
	}
	return pion.ServerWithOptions(w, w.LocalAddr(), options...)
}

// profiles are our suites in the use_srtp extension, in order of preference.
func profiles() []pion.SRTPProtectionProfile {
	var all []pion.SRTPProtectionProfile
	for _, s := range srtp.Suites() {
		all = append(all, pion.SRTPProtectionProfile(s.Profile()))
	}
	return all
}

// serve hands the keys on and reads what the far end has to say until it or ctx
// ends the association.
func (a *Association) serve(ctx context.Context, c *pion.Conn, keyed func(srtp.Keys)) error {
	keys, err := a.keys(c)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		c.Close() //nolint:errcheck // the call is over
	})
	keyed(keys)
	var nothing [datagramSize]byte // DTLS-SRTP has no data of its own, RFC 5764 §3; what is longer would be an error
	for err == nil {
		_, err = c.Read(nothing[:])
	}
	if stop() {
		c.Close() //nolint:errcheck // the far end has gone
	} else {
		<-closed
	}
	return nil
}

func (a *Association) keys(c *pion.Conn) (srtp.Keys, error) {
	profile, ok := c.SelectedSRTPProtectionProfile()
	suite, known := srtp.ProfileSuite(uint16(profile))
	state, is := c.ConnectionState()
	if !ok || !known || !is {
		return srtp.Keys{}, ErrSuite
	}
	material, err := state.ExportKeyingMaterial(srtp.ExporterLabel, nil, 2*suite.KeySize())
	if err != nil {
		return srtp.Keys{}, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	return suite.Exported(material, a.cfg.Client)
}

// peerAddr is what pion sees of the far end, whose address is the business of
// Config.Send.
type peerAddr struct{}

// Network implements net.Addr.
func (peerAddr) Network() string { return "dtls" }

// String implements net.Addr.
func (peerAddr) String() string { return "peer" }

// wire is the net.PacketConn of one attempt.
type wire struct {
	in     *inbox
	send   func([]byte) error
	read   *deadline.Deadline
	ended  chan struct{} // closed by Close
	ending sync.Once
}

func newWire(in *inbox, send func([]byte) error) *wire {
	return &wire{in: in, send: send, read: deadline.New(), ended: make(chan struct{})}
}

// ReadFrom waits for a datagram.
func (w *wire) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case b := <-w.in.full:
		n := copy(p, b)
		w.in.done(b)
		return n, peerAddr{}, nil
	case <-w.read.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case <-w.ended:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends a datagram.
func (w *wire) WriteTo(p []byte, _ net.Addr) (int, error) {
	// A datagram that does not get away is a lost one: it is sent again.
	w.send(p) //nolint:errcheck // see above
	return len(p), nil
}

// LocalAddr is nobody's.
func (w *wire) LocalAddr() net.Addr { return peerAddr{} }

// SetReadDeadline says when reading has to end; the zero time is never.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.read.Set(t)
	return nil
}

// SetDeadline is SetReadDeadline: writing does not wait.
func (w *wire) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writing does not wait.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// Close ends reading for good.
func (w *wire) Close() error {
	w.ending.Do(func() { close(w.ended) })
	w.read.Set(time.Time{}) // no timer stays behind
	return nil
}
