package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// callInfo is this_call of the instance info.
type callInfo struct {
	ID        string `json:"call_id"`
	Direction string `json:"call_direction"`
	From      string `json:"call_from"`
	To        string `json:"call_to"`
	State     string `json:"call_state"`
	Cause     string `json:"call_cause"`
	RawCause  string `json:"call_raw_cause"`
	Recording string `json:"call_recording_filename"`
}

// instanceInfo is what a page is told.
type instanceInfo struct {
	ID     string   `json:"application_instance_id"`
	Token  *string  `json:"token"`
	Call   callInfo `json:"this_call"`
	Result *struct {
		Action string `json:"action"`
		Result struct {
			Connected json.Number `json:"seconds_connected_duration"`
		} `json:"result"`
	} `json:"action_result"`
	Fault *struct {
		Action string `json:"action"`
		Result string `json:"result"`
	} `json:"error_result"`
}

// request is one request that the server made.
type request struct {
	path, method string
	header       http.Header
	info         instanceInfo
	at           time.Time
	gone         <-chan struct{} // closed when the server no longer waits for the answer
}

// page answers a request of the server.
type page func(w http.ResponseWriter, q request)

// application is the customer's web application.
type application struct {
	server *httptest.Server
	pages  map[string]page

	mu       sync.Mutex
	requests []request
}

// serve starts a web application; what has no page of its own is answered
// with an empty list.
func serve(t *testing.T, pages map[string]page) *application {
	t.Helper()
	a := &application{pages: pages}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.answer(t, w, r) }))
	t.Cleanup(a.server.Close)
	return a
}

func (a *application) answer(t *testing.T, w http.ResponseWriter, r *http.Request) {
	q := request{path: r.URL.Path, method: r.Method, header: r.Header, at: time.Now(), gone: r.Context().Done()}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("%s: %v", q.path, err)
	}
	if r.Method == http.MethodGet {
		body = []byte(r.URL.Query().Get("instance_info"))
	}
	media := r.Method == http.MethodGet && len(body) == 0 // fetched without instance info
	if err := json.Unmarshal(body, &q.info); err != nil && !media {
		t.Errorf("%s: instance info %q: %v", q.path, body, err)
	}
	a.mu.Lock()
	a.requests = append(a.requests, q)
	a.mu.Unlock()
	if p := a.pages[q.path]; p != nil {
		p(w, q)
		return
	}
	actions()(w, q)
}

// asked are the requests of a page so far.
func (a *application) asked(path string) []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []request
	for _, q := range a.requests {
		if q.path == path {
			found = append(found, q)
		}
	}
	return found
}

// course are the paths of all requests of the instances with a caller, in
// order.
func (a *application) course(instance string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var paths []string
	for _, q := range a.requests {
		if q.info.ID == instance {
			paths = append(paths, q.path)
		}
	}
	return paths
}

// await waits until a page was asked n times and gives the requests.
func (a *application) await(t *testing.T, path string, n int) []request {
	t.Helper()
	eventually(t, "request of "+path, patience, func() bool { return len(a.asked(path)) >= n })
	return a.asked(path)
}

// expectCourse checks which pages an instance asked, in order.
func (a *application) expectCourse(t *testing.T, instance string, want ...string) {
	t.Helper()
	eventually(t, "pages of the instance", patience, func() bool { return len(a.course(instance)) >= len(want) })
	if got := a.course(instance); !slices.Equal(got, want) {
		t.Errorf("pages of instance %s: %q, want %q", instance, got, want)
	}
}

// object is a JSON object.
type object map[string]any

// actions is a page with a list of actions.
func actions(list ...object) page {
	return func(w http.ResponseWriter, _ request) {
		if list == nil {
			list = []object{}
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(object{"api_version": "2.0", "actions": list}) //nolint:errcheck // the server has gone
	}
}

// never is a page that the server waits for in vain.
func never(_ http.ResponseWriter, q request) { <-q.gone }

// text is a page that answers with a status and any body.
func text(status int, body string) page {
	return func(w http.ResponseWriter, _ request) {
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // the server has gone
	}
}

// join is the action that places the caller in a room. The participant has
// no beep unless it says so.
func join(room string, participant object, properties object) object {
	p := object{"beep_on_entry": false}
	for k, v := range participant {
		p[k] = v
	}
	action := object{"name": room, "conference_participant": p}
	for k, v := range properties {
		action[k] = v
	}
	return object{"connect_to_conference": action}
}

// play is the action that plays a file.
func play(file string) object {
	return object{"play": object{"play_list": []object{{"file_to_play": file}}}}
}
