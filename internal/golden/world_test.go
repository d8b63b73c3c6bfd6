package golden

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/call"
	"mediaserver/mixer"
	"mediaserver/recording"
	"mediaserver/restapi"
	"mediaserver/sip"
)

// world is a server, its customer's web application and its callers, all in
// memory and in virtual time.
type world struct {
	t        *testing.T
	engine   *mixer.Engine
	manager  *call.Manager
	api      *restapi.Server
	store    fstest.MapFS
	media    string // directory of recordings
	records  *recording.Store
	log      *logBuffer
	start    time.Time
	phones   []*phone
	outbound *wire // of the call to a focus elsewhere that was placed last
	tasks    sync.WaitGroup
	web      http.Handler // the web services
	logs     string       // directory of the instances' logs, "" for none
	empty    string       // a list without actions, what a page answers unless told otherwise

	mu       sync.Mutex
	ways     map[int]*wire // of calls out, by port
	pages    map[string]page
	requests []request
	asking   map[any]string // the page an instance waits for, by its id
}

// page answers one path; body is the JSON of the answer.
type page struct {
	status int
	delay  time.Duration
	body   func(r request) string
}

// request is one request to a page.
type request struct {
	at     time.Duration // since the start of the world
	method string
	path   string
	caller string         // who the primary or secondary call is from
	info   map[string]any // instance info
}

// options of a world.
type options struct {
	service         func(*restapi.Service)
	maxParticipants int
	admission       call.Admission
	transport       mixer.Transport // what the media slots do besides
	record          bool            // calls can be recorded
	speech          call.Loader     // nil: no text can be spoken
	destinations    call.Destinations
	dialer          call.Dialer       // nil: a focus that never answers
	events          call.Sink         // nil: nobody is told
	outbound        call.Outbound     // trunks and WebSockets
	web             http.RoundTripper // where media from addresses are; nil: nowhere
	more            []restapi.Service // beside the one that everybody calls
	files           bool              // the media store and the logs are directories
	noPorts         error             // of opening sockets; nil: there are enough
}

// What tests do (at multiples of 5 ms), the media slots and
// the packets of the phones must not meet in one moment: what comes first would
// be left to chance. Slots are every 5 ms.
const (
	slotPhase   = time.Millisecond     // of the slots after the start of the world
	packetPhase = 2 * time.Millisecond // of the packets, after a multiple of 5 ms
)

// run makes a world in a bubble of virtual time, calls test and takes
// everything down again.
func run(t *testing.T, o options, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := newWorld(t, o)
		w.tasks.Go(func() {
			time.Sleep(slotPhase)
			if err := w.engine.Run(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("engine: %v", err)
			}
		})
		if w.records != nil {
			w.tasks.Go(func() {
				if err := w.records.Run(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("recordings: %v", err)
				}
			})
		}
		manager, api := w.manager, w.api // test may put others in their place
		w.tasks.Go(func() { manager.RunReservations(ctx) })
		placing, stopPlacing := context.WithCancel(ctx)
		placed := make(chan struct{})
		w.tasks.Go(func() {
			defer close(placed)
			if err := api.RunOutbound(placing); err != nil {
				t.Errorf("outbound services: %v", err)
			}
		})
		test(w)
		for _, p := range w.phones {
			p.hangUp()
		}
		for _, p := range w.phones {
			<-p.served
		}
		w.api.DrainOutbound()
		w.manager.HangUpAll(call.Dropped)
		stopPlacing() // before the calls are waited for, as in the server
		<-placed
		w.manager.Wait()
		cancel()
		w.tasks.Wait()
	})
}

func newWorld(t *testing.T, o options) *world {
	t.Helper()
	if o.dialer == nil {
		o.dialer = focus{}
	}
	w := &world{t: t, store: fstest.MapFS{}, pages: map[string]page{}, asking: map[any]string{}, ways: map[int]*wire{}, log: &logBuffer{}, start: time.Now()}
	dirs := []fs.FS{w.store}
	if o.record {
		w.media = t.TempDir()
		dirs = append(dirs, os.DirFS(w.media))
	}
	if o.files {
		w.logs = t.TempDir()
		if w.media == "" {
			w.media = t.TempDir()
			dirs = append(dirs, os.DirFS(w.media))
		}
	}
	sources := call.Sources{Files: call.NewStore(dirs...), Speech: o.speech}
	if o.web != nil {
		fetcher, err := restapi.NewFetcher(restapi.FetcherConfig{Transport: o.web})
		if err != nil {
			t.Fatal(err)
		}
		sources.Web = fetcher
	}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	var err error
	if w.engine, err = mixer.New(mixer.Config{Workers: 1, Clock: mixer.TimeClock{}, Transport: o.transport}); err != nil {
		t.Fatal(err)
	}
	config := call.Config{
		Engine:          w.engine,
		Loader:          sources,
		OpenSockets:     w.portsOr(o.noPorts),
		Logger:          logger,
		MaxParticipants: o.maxParticipants,
		Admission:       o.admission,
		Placement:       o.destinations,
		Dialer:          o.dialer,
		Events:          o.events,
	}
	if o.record {
		if w.records, err = recording.NewStore(recording.Config{Directory: w.media, Logger: logger}); err != nil {
			t.Fatal(err)
		}
		config.Recorder = w.records
	}
	config.Outbound = o.outbound
	config.Outbound.Local = func(c *call.Call) { w.api.ServeCall(w.t.Context(), c) }
	if w.manager, err = call.NewManager(config); err != nil {
		t.Fatal(err)
	}
	service := restapi.Service{
		Name: "golden", Match: []string{"1000"}, APIVersion: restapi.Version2,
		FirstPage: restapi.Page{URL: "http://app.test/first"},
		FinalPage: restapi.Page{URL: "http://app.test/final"},
		ErrorPage: restapi.Page{URL: "http://app.test/error"},
	}
	if o.service != nil {
		o.service(&service)
	}
	w.empty = answer()
	if service.APIVersion == restapi.Version1 {
		w.empty = answerV1()
	}
	var files restapi.Remover
	if o.record {
		root, err := os.OpenRoot(w.media)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = root.Close() })
		files = root
	}
	w.api, err = restapi.NewServer(restapi.Config{
		Events:   o.events,
		Services: append([]restapi.Service{service}, o.more...), Transport: w, Logger: logger, Files: files,
		Dialer: w.manager, LogDirectory: w.logs,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.web = w.services(service.Name, o.maxParticipants, logger)
	return w
}

// file puts a tone of a length into the media store.
func (w *world) file(name string, freq float64, length time.Duration) {
	w.t.Helper()
	clip := audio.ToneClip(8000, []float64{freq}, -12, length, 0)
	w.store[name] = &fstest.MapFile{Data: wavOf(w.t, clip)}
}

// on answers a path with JSON; %v in it is nothing special.
func (w *world) on(path, body string) { w.page(path, page{body: func(request) string { return body }}) }

func (w *world) page(path string, p page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[path] = p
}

// RoundTrip is the customer's web server. It sees to it that no instance asks
// for a page while it waits for another, but for notifications.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	var raw []byte
	if r.Method == http.MethodGet {
		raw = []byte(r.URL.Query().Get("instance_info"))
	} else {
		raw, _ = io.ReadAll(r.Body)
	}
	req := request{at: time.Since(w.start), method: r.Method, path: strings.TrimPrefix(r.URL.Path, "/")}
	if err := json.Unmarshal(raw, &req.info); err != nil {
		w.t.Errorf("%s %s: instance info is not JSON: %v", r.Method, r.URL, err)
	}
	if this, ok := req.info["this_call"].(map[string]any); ok {
		req.caller, _ = this["call_from"].(string)
	}
	w.mu.Lock()
	w.requests = append(w.requests, req)
	if id := req.info["application_instance_id"]; req.info["is_notification"] != true {
		if page := w.asking[id]; page != "" {
			w.t.Errorf("%s is asked while %s is", req.path, page)
		}
		w.asking[id] = req.path
		defer w.answered(id)
	}
	p, ok := w.pages[req.path+"@"+req.caller]
	if !ok {
		p, ok = w.pages[req.path]
	}
	w.mu.Unlock()
	time.Sleep(p.delay)
	body, status := w.empty, p.status
	if ok && p.body != nil {
		body = p.body(req)
	}
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// answered notes that an instance waits for no page.
func (w *world) answered(id any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.asking, id)
}

// asked are the paths asked on behalf of a caller, in order.
func (w *world) asked(caller string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var paths []string
	for _, r := range w.requests {
		if r.caller == caller {
			paths = append(paths, r.path)
		}
	}
	return paths
}

// request is the last request of a path on behalf of a caller.
func (w *world) request(path, caller string) request {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.requests) - 1; i >= 0; i-- {
		if r := w.requests[i]; r.path == path && r.caller == caller {
			return r
		}
	}
	w.t.Fatalf("page %q was not asked for %s; asked: %v", path, caller, w.requests)
	return request{}
}

// wantAsked asserts the order of pages asked on behalf of a caller.
func (w *world) wantAsked(caller string, want ...string) {
	w.t.Helper()
	if got := w.asked(caller); strings.Join(got, " ") != strings.Join(want, " ") {
		w.t.Errorf("pages asked for %s: %v, want %v", caller, got, want)
	}
}

// dial is a call from a number; the phone begins to send when it is answered.
func (w *world) dial(number string, o phoneOptions) *phone {
	w.t.Helper()
	n := len(w.phones) + 1
	if o.to == "" {
		o.to = "1000"
	}
	port := 10000 + 2*n
	p := w.phoneOf(number, newWire(port, 20000+2*n))
	p.wire.heard = p.hear
	p.unproven, p.mute = o.unproven, o.unproven
	p.inv = sip.Invitation{
		CallID: fmt.Sprintf("%s-%d", number, n), Transport: "udp",
		From:       sip.Address{User: number, Host: "phones.test", URI: "sip:" + number + "@phones.test"},
		To:         sip.Address{User: o.to, Host: "server.test", URI: "sip:" + o.to + "@server.test"},
		RequestURI: sip.Address{User: o.to, Host: "server.test", URI: "sip:" + o.to + "@server.test"},
		LocalAddr:  netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + n)}),
		Offer:      offer(port, !o.noEvents),
	}
	w.phones = append(w.phones, p)
	w.tasks.Go(func() {
		defer close(p.served)
		w.manager.HandleInvite(w.t.Context(), p, w.api.ServeCall)
	})
	w.tasks.Go(p.run)
	synctest.Wait()
	return p
}

// phoneOf makes a phone at one end of a wire.
func (w *world) phoneOf(name string, end *wire) *phone {
	return &phone{
		t: w.t, name: name, start: w.start, wire: end,
		up: make(chan struct{}), ended: make(chan struct{}), served: make(chan struct{}),
	}
}

// openSockets hands out the wire of the phone that has this route.
func (w *world) openSockets(r call.SocketRequest) (call.Sockets, error) {
	n := int(r.Local.As4()[3]) - 100
	if n == 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		port := 30000 + 2*len(w.ways)
		w.outbound = newWire(9000, port)
		w.ways[port] = w.outbound
		return w.outbound, nil
	}
	return w.phones[n-1].wire, nil
}

// at sleeps until a time since the start of the world.
func (w *world) at(d time.Duration) {
	w.t.Helper()
	if left := d - time.Since(w.start); left > 0 {
		time.Sleep(left)
	}
	synctest.Wait()
}

// after lets time pass.
func (w *world) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) now() time.Duration { return time.Since(w.start) }

// logBuffer keeps the process log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wantWarning asserts a warning whose line holds all of the words.
func (w *world) wantWarning(words ...string) {
	w.t.Helper()
	for line := range strings.Lines(w.log.String()) {
		found := strings.Contains(line, "level=WARN")
		for _, word := range words {
			found = found && strings.Contains(line, word)
		}
		if found {
			return
		}
	}
	w.t.Errorf("no warning with %q in the log:\n%s", words, w.log)
}

func wavOf(t *testing.T, c audio.Clip) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := wav.Encode(&b, wav.PCM16, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
