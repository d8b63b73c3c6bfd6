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
	f.kind = kindWebSocket
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

// limited is the time that one write may take. When it is over in the middle of
// a write, the connection is lost.
func limited(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), streamWriteTimeout)
	defer cancel()
	err := f(ctx)
	if err != nil && ctx.Err() != nil {
		return errTooSlow
	}
	return err
}

func (s webSocketSender) write(data []byte) error {
	return limited(func(ctx context.Context) error { return s.conn.Write(ctx, websocket.MessageText, data) })
}

func (s webSocketSender) send(m events.Message) error { return s.write(m.JSON) }

func (s webSocketSender) notice(n StreamNotice) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return s.write(data)
}

// alive sees whether the client is still there.
func (s webSocketSender) alive() error { return limited(s.conn.Ping) }
