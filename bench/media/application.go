package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Application is the web application that puts callers into rooms: the caller's
// number is the participant's.
type Application struct {
	server *http.Server
	tasks  sync.WaitGroup
	url    string
}

// StartApplication serves on loopback; room names the room of a participant.
func StartApplication(ctx context.Context, room func(n int) string) (*Application, error) {
	const headerTimeout = 10 * time.Second
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: listen for pages: %w", err)
	}
	a := &Application{url: "http://" + l.Addr().String() + "/first"}
	a.server = &http.Server{ReadHeaderTimeout: headerTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := caller(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"actions":[{"connect_to_conference":{"name":%q,"conference_participant":{"beep_on_entry":false}}}]}`, room(n))
	})}
	a.tasks.Go(func() { a.server.Serve(l) }) //nolint:errcheck // ends with Close
	return a, nil
}

// URL is the first page.
func (a *Application) URL() string { return a.url }

// Close ends the application and waits for it.
func (a *Application) Close() error {
	err := a.server.Close()
	a.tasks.Wait()
	return err
}

// caller reads the number of a caller from a page request.
func caller(r *http.Request) (int, error) {
	var info struct {
		ThisCall struct {
			From string `json:"call_from"`
		} `json:"this_call"`
	}
	const most = 1 << 20
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, most)).Decode(&info); err != nil {
		return 0, err
	}
	if info.ThisCall.From == "" {
		return 0, errors.New("bench: a page request without a caller")
	}
	return strconv.Atoi(info.ThisCall.From)
}
