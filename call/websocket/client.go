package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// MaxMessage is the longest message that is accepted [bytes].
const MaxMessage = 8 << 10

// Subprotocols are what we offer; the server's choice counts.
func Subprotocols() []string {
	return []string{"v2.ws.cloud.aculab.com", "v1.ws.cloud.aculab.com"}
}

// Config of a Client. The zero value is ready.
type Config struct {
	TLS       *tls.Config  // nil: the roots of the system
	UserAgent string       // "" = none of ours
	Metrics   *Metrics     // nil: not registered anywhere
	Logger    *slog.Logger // nil: discards
}

// Client places calls to WebSockets.
type Client struct {
	cfg  Config
	http *http.Client
}

// NewClient makes a Client; it starts nothing.
func NewClient(cfg Config) *Client {
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{cfg: cfg, http: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg.TLS, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// RefusedError says that the far end did not take the call.
type RefusedError struct{ Code int } // status of the handshake, or a SIP code

// Error names the code.
func (e *RefusedError) Error() string { return fmt.Sprintf("websocket: refused with %d", e.Code) }

// StatusCode is the code.
func (e *RefusedError) StatusCode() int { return e.Code }

// codeDeclined is the code of a far end that hangs up before it answers.
const codeDeclined = 603 // Decline, RFC 3261 §21.6.2

// Dial connects to a wss:// address and waits for the answer. heard is told
// the digits of the far end. The error is a *RefusedError, call.ErrUnreachable,
// or why ctx ended.
func (c *Client) Dial(ctx context.Context, address, callID string, heard func(dtmf.Digit)) (call.Stream, error) {
	if !strings.HasPrefix(address, "wss://") {
		return nil, fmt.Errorf("%w: not a wss:// address", call.ErrUnreachable)
	}
	header := http.Header{}
	if c.cfg.UserAgent != "" {
		header.Set("User-Agent", c.cfg.UserAgent)
	}
	//nolint:bodyclose // the body is the connection
	ws, res, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: header, Subprotocols: Subprotocols(),
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case res != nil && res.StatusCode >= http.StatusMultipleChoices:
		return nil, &RefusedError{res.StatusCode}
	default:
		return nil, fmt.Errorf("%w: %w", call.ErrUnreachable, withoutAddress(err))
	}
	ws.SetReadLimit(MaxMessage)
	conn := newConn(c.cfg, ws, heard)
	if err := conn.start(callID); err != nil {
		conn.giveUp()
		return nil, fmt.Errorf("%w: %w", call.ErrUnreachable, err)
	}
	select {
	case <-conn.answered:
		return conn, nil
	case <-conn.ended:
	case <-ctx.Done():
		conn.giveUp()
		return nil, context.Cause(ctx)
	}
	select {
	case <-conn.answered: // and hung up at once: a call, if a short one
		return conn, nil
	default:
		conn.giveUp()
		return nil, &RefusedError{codeDeclined}
	}
}

// withoutAddress is why an HTTP request failed without its address, which may
// hold secrets.
func withoutAddress(err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err
	}
	return err
}

// Times of a connection.
const (
	writeTimeout = 5 * time.Second  // of one message
	pingInterval = 20 * time.Second // to notice a far end that is gone
	pingTimeout  = 10 * time.Second
)
