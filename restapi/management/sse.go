package management

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"mediaserver/restapi/events"
)

// retryMS is after how long a browser connects again [ms].
const retryMS = 1000

// serveSSE sends the stream as server-sent events (WHATWG HTML §9.2).
func (a *API) serveSSE(w http.ResponseWriter, r *http.Request, f *feed) {
	f.kind = kindSSE
	s := &sseSender{w: w, control: http.NewResponseController(w)}
	// The limits of the server are for requests that end.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		a.cfg.Logger.Debug("event stream", "error", err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	a.pump(r.Context(), f, s)
}

// sseSender writes server-sent events.
type sseSender struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// write sends text at once.
func (s *sseSender) write(format string, args ...any) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWriteTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := fmt.Fprintf(s.w, format, args...)
	if err == nil {
		err = s.control.Flush()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errTooSlow
	}
	return err
}

func (s *sseSender) send(m events.Message) error {
	return s.write("id: %d\nevent: %s\ndata: %s\n\n", m.Sequence, m.Type, m.JSON)
}

// notice sends a notice. That the stream begins gives the client a place to go
// on from before the first event.
func (s *sseSender) notice(n StreamNotice) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if n.Type == streamOpened {
		return s.write("retry: %d\nid: %d\nevent: %s\ndata: %s\n\n", retryMS, n.After, n.Type, data)
	}
	return s.write("event: %s\ndata: %s\n\n", n.Type, data)
}

func (s *sseSender) alive() error { return s.write(": alive\n\n") }
