package sip

import (
	"context"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	// maxOverUDP is the largest request that goes over UDP by choice, RFC 3261
	// §18.1.1 [bytes].
	maxOverUDP = 1300
	// viaSize is about what our Via adds to a request [bytes].
	viaSize = 100
	// noTCPFor is how long it is remembered that a hop takes no TCP.
	noTCPFor = 5 * time.Minute
	// largePatience is how long a connection for a large request may take to
	// open: firewalls drop what nobody listens to.
	largePatience = 2 * time.Second
)

// wayFor is the flow that a request outside a dialog should take: the
// attempt's, or a TCP connection to the same place where the request, which has
// no Via yet, is too large for a datagram and the URI leaves the transport to
// us. If the far end does not take TCP the request goes over UDP in fragments
// all the same (RFC 3261 §18.1.1).
//
// Deviation: requests within a dialog stay on its way, whatever their size: it
// has been found to work, also through NAT.
func (u *UA) wayFor(ctx context.Context, req *sipgo.Request, a attempt) *flow {
	f := a.flow
	if f.sock == nil || !a.free || size(req) <= maxOverUDP {
		return f
	}
	h := hop{transport: viaTCP, to: f.to}
	if _, not := u.noTCP.get(h); not {
		return f
	}
	stream, err := u.streamFlow(ctx, h, nil, largePatience)
	if err != nil {
		u.noTCP.put(h, struct{}{})
		return f
	}
	return stream
}

// size is about that of a request with our Via.
func size(req *sipgo.Request) int {
	var n counter
	req.StringWrite(&n)
	return int(n) + viaSize
}

// counter counts what is written to it.
type counter int

// WriteString is part of io.StringWriter.
func (c *counter) WriteString(s string) (int, error) {
	*c += counter(len(s))
	return len(s), nil
}
