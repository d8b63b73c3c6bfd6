package sip

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// clientTx is a client transaction. sipgo's transaction repeats the request
// and acknowledges refusals. The 2xx of an INVITE goes past it to accept, in
// the order of the call's other messages; all its repetitions then belong to
// the dialog.
type clientTx struct {
	ua    *UA
	key   string
	tx    *sipgo.ClientTx
	conn  *txConn
	ready chan struct{} // closed when sipgo's transaction has been set up
	began time.Time
	// accept takes the 2xx of an INVITE; nil for other methods.
	accept func(*sipgo.Response)

	mu    sync.Mutex
	final bool // a refusal has been seen
}

// newClientTx sends a request. accept is for INVITE only.
func (u *UA) newClientTx(req *sipgo.Request, f *flow, accept func(*sipgo.Response)) (*clientTx, error) {
	key := clientKey(req.Via(), string(req.Method))
	c := &clientTx{
		ua: u, key: key, accept: accept, ready: make(chan struct{}), began: time.Now(),
		conn: &txConn{flow: f, kind: resentRequest},
	}
	req.SetTransport(f.transport())
	c.tx = sipgo.NewClientTx(key, req, c.conn, slog.New(slog.DiscardHandler))
	c.tx.OnTerminate(func(string, error) { u.txs.removeClient(key, c) })
	if !u.txs.addClient(key, c) {
		return nil, ErrClosed
	}
	// A response must not meet a transaction whose timers are not set yet: they
	// would be set afterwards and end it while the far end rings.
	defer close(c.ready)
	if err := c.tx.Init(); err != nil {
		c.tx.Terminate()
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return c, nil
}

// clientKey identifies a client transaction, RFC 3261 §17.1.3.
func clientKey(via *sipgo.ViaHeader, method string) string {
	branch, _ := param(via.Params, "branch")
	return branch + "\n" + method
}

// receive handles a response. It runs on the mailbox of this transaction and
// may wait for the goroutine that owns it.
func (c *clientTx) receive(res *sipgo.Response) {
	<-c.ready
	if res.StatusCode >= 300 {
		c.mu.Lock()
		again := c.final
		c.final = true
		c.mu.Unlock()
		if again {
			// sipgo would sleep for T2 with the transaction locked.
			if ack := c.conn.sentACK(); ack != nil {
				_ = c.conn.resend(ack, resentACK) // counted there
			}
			return
		}
	}
	c.tx.Receive(res)
	if res.StatusCode >= 200 && c.accept == nil {
		// Only now: a transaction terminated within Receive sets a timer of 32 s
		// all the same, and is kept by it.
		c.tx.Terminate()
	}
}

// next waits for a response. ErrTimeout and ErrTransport are the
// transaction's end without one.
func (c *clientTx) next(ctx context.Context, limit <-chan time.Time) (*sipgo.Response, error) {
	select {
	case res := <-c.tx.Responses():
		return res, nil
	case <-c.tx.Done():
		if err := c.tx.Err(); err != nil && isTransport(err) {
			return nil, fmt.Errorf("%w: %w", ErrTransport, err)
		}
		c.unheard()
		return nil, ErrTimeout
	case <-limit:
		c.unheard()
		return nil, ErrTimeout
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// unheard has the next request open a connection of its own where nothing at all has
// come by this one since our request: a firewall may have forgotten it, which
// TCP itself finds out after a quarter of an hour. A connection that has come to us is
// closed where a whole transaction has passed so: who is at its other end has no other
// for us, and the registration of a phone ends with it.
func (c *clientTx) unheard() {
	conn := c.conn.flow.conn
	if conn == nil || conn.heard.Load() >= c.began.UnixNano() {
		return
	}
	c.ua.streams.hide(conn)
	if conn.listener != nil && time.Since(c.began) >= c.ua.cfg.Timers.transaction() {
		conn.close()
	}
}

// exchange sends a request that is no INVITE and waits for its final response.
func (u *UA) exchange(ctx context.Context, req *sipgo.Request, f *flow) (*sipgo.Response, error) {
	c, err := u.newClientTx(req, f, nil)
	if err != nil {
		return nil, err
	}
	// Timer F with our own T1: sipgo's is the same for the whole process.
	limit := time.NewTimer(u.cfg.Timers.transaction())
	defer limit.Stop()
	for {
		res, err := c.next(ctx, limit.C)
		if err != nil {
			c.tx.Terminate()
			return nil, err
		}
		if res.StatusCode >= 200 {
			return res, nil
		}
	}
}

// maxTries is how often a request that is no INVITE is sent: once for a proxy,
// once for the far end, and each once more for a stale nonce.
const maxTries = 5

// authorized sends a request outside a dialog that is no INVITE, with the
// credentials that are known to be wanted, and answers challenges. build makes the
// request for each try, without Via; its CSeq is to be a new one.
func (u *UA) authorized(ctx context.Context, g *Digest, build func() (*sipgo.Request, *flow, error)) (*sipgo.Response, error) {
	return u.authorizedBy(ctx, g.learn, func() (*sipgo.Request, *flow, *Digest, error) {
		req, f, err := build()
		return req, f, g, err
	})
}

// authorizedWithin is authorized for a request within a dialog: only where it goes to
// the neighbour that the credentials are for.
func (d *Dialog) authorizedWithin(ctx context.Context, build func() (*sipgo.Request, *flow, error)) (*sipgo.Response, error) {
	g := d.digest()
	return d.ua.authorizedBy(ctx, g.learnWithin, func() (*sipgo.Request, *flow, *Digest, error) {
		req, f, err := build()
		if err == nil && !d.home(f) {
			return req, f, nil, nil
		}
		return req, f, g, err
	})
}

// authorizedBy sends a request until it is not challenged any more. build gives nil
// for the credentials where none are to be sent.
func (u *UA) authorizedBy(ctx context.Context, learn func(*sipgo.Response, map[string]int) bool,
	build func() (*sipgo.Request, *flow, *Digest, error),
) (*sipgo.Response, error) {
	asked := map[string]int{}
	for try := 1; ; try++ {
		req, f, g, err := build()
		if err != nil {
			return nil, err
		}
		appendHeaders(req, g.headers(string(req.Method), req.Recipient.String(), req.Body()))
		stamp(req, f, newBranch())
		res, err := u.exchange(ctx, req, f)
		if err != nil {
			return nil, err
		}
		if g != nil && try < maxTries && learn(res, asked) {
			continue
		}
		g.renew(res)
		return res, nil
	}
}
