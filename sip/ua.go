package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// UA is a SIP user agent: its listeners, transactions and dialogs.
type UA struct{ cfg Config }

// New makes a user agent. It opens nothing and starts nothing.
func New(cfg Config) (*UA, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &UA{cfg: cfg.withDefaults()}, nil
}

var errStub = errors.New("sip: not yet")

// Listen opens the listeners of Config.Listen. A *ListenError names the one
// that could not be opened; the others are closed again.
func (u *UA) Listen() error { return errStub }

// Addrs are the addresses of the listeners, in the order of Config.Listen.
func (u *UA) Addrs() []net.Addr { return nil }

// Serve reads from the listeners and runs h for each incoming call until ctx
// ends or Close is called, then hangs up all dialogs, waits for all goroutines
// and returns nil.
func (u *UA) Serve(ctx context.Context, h Handler) error { return errStub }

// Close ends Serve and waits for it.
func (u *UA) Close() error { return nil }

// Drain makes new INVITEs be refused with 503 and Retry-After; existing dialogs go on.
func (u *UA) Drain(retryAfter time.Duration) {}

// LocalAddr is our address of the route to the host of a SIP URI (or
// host:port): what to put into SDP for a call there.
func (u *UA) LocalAddr(ctx context.Context, uri string) (netip.Addr, error) {
	return netip.Addr{}, errStub
}

// Active is the number of dialogs.
func (u *UA) Active() int { return 0 }

// Invite places a call and returns when it is answered. onProgress (may be
// nil) is called for each provisional response above 100. If ctx ends first
// the INVITE is cancelled and context.Cause(ctx) is returned. A refusal is a
// *StatusError, no response at all ErrTimeout.
func (u *UA) Invite(ctx context.Context, r InviteRequest, onProgress func(Progress)) (*Dialog, error) {
	return nil, errStub
}
