package management

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/coder/websocket"

	"mediaserver/restapi/events"
)

// serveWebSocket sends the stream as messages of a WebSocket (RFC 6455).
func (a *API) serveWebSocket(w http.ResponseWriter, r *http.Request, f *feed) {
	f.kind = "websocket"
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.CloseNow() //nolint:errcheck // it is closed already, or lost
	ctx := conn.CloseRead(r.Context())
	code := websocket.StatusNormalClosure
	reason := a.pump(ctx, f, webSocketSender{conn})
	switch reason {
	case reasonSlow, reasonExpired:
		code = websocket.StatusPolicyViolation
	case reasonStopping:
		code = websocket.StatusGoingAway
	}
	if err := conn.Close(code, reason); err != nil {
		a.cfg.Logger.Debug("event stream", "error", err)
	}
}

// webSocketSender writes messages.
type webSocketSender struct{ conn *websocket.Conn }

func (s webSocketSender) write(ctx context.Context, data []byte) error {
	limited, cancel := context.WithTimeoutCause(ctx, streamWriteTimeout, errTooSlow)
	defer cancel()
	err := s.conn.Write(limited, websocket.MessageText, data)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return errTooSlow
	}
	return err
}

func (s webSocketSender) send(ctx context.Context, m events.Message) error {
	return s.write(ctx, m.JSON)
}

func (s webSocketSender) notice(ctx context.Context, n StreamNotice) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return s.write(ctx, data)
}

// alive sees whether the client is still there.
func (s webSocketSender) alive(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, streamWriteTimeout, errTooSlow)
	defer cancel()
	return s.conn.Ping(limited)
}
