package restapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// world is a server with one service, a web application and calls, all in
// memory. What happens is written into its trace. Use it inside a synctest
// bubble.
type world struct {
	t       *testing.T
	service Service
	app     *webApp
	primary *fakeCall
	script  script
	log     *safeBuffer
	trace   *trace
	logDir  string
}

// script says how the world behaves beyond its pages.
type script struct {
	dialError    error         // of DialConference and DialOut
	dropped      []call.Info   // of DialOut
	dialTime     time.Duration // until the secondary call is answered or fails
	connection   time.Duration // how long the calls stay connected
	exit         call.Cause    // why the secondary call ends then
	hangUpAfter  time.Duration // the caller hangs up so long after the start
	interrupted  time.Duration // the instance is sent to the page /redirected so long after the start
	outlives     time.Duration // the secondary call ends so long after its answer, unconnected
	outliveCause call.Cause
	playTime     time.Duration // of each play
	playErrors   map[string]error
	speech       bool        // text can be spoken
	loader       call.Loader // nil: media are there at once

	bargesIn    dtmf.Digit       // stops every play that allows it
	inputs      []call.Collected // what is entered; then nothing
	inputsEnd   bool             // the caller hangs up with the last input
	recordTime  time.Duration
	recordFails bool
}

func newWorld(t *testing.T, apiVersion string) *world {
	w := &world{
		t: t,
		service: Service{
			Name: "test", Match: []string{"*"}, APIVersion: apiVersion,
			FirstPage: Page{URL: "http://app.test/first"},
			FinalPage: Page{URL: "http://app.test/final"},
			ErrorPage: Page{URL: "http://app.test/error"},
		},
		trace: &trace{},
		log:   &safeBuffer{},
		script: script{
			connection: 10 * time.Second, exit: call.Completed, playTime: time.Second,
			outliveCause: call.Dropped, recordTime: 16680 * time.Millisecond,
		},
	}
	w.app = &webApp{trace: w.trace, pages: map[string][]page{}}
	w.primary = &fakeCall{
		w: w, name: "", done: make(chan struct{}),
		info: call.Info{
			ID: "c-1", SIPCallID: "a84b4c76@h", Direction: call.In, From: "+441908000001", To: "+441908000100", Target: "+441908000100",
			State: call.Inbound,
		},
	}
	return w
}

// empty is a list without actions.
func (w *world) empty() string {
	if w.service.APIVersion == Version2 {
		return `{"api_version":"2.0","actions":[]}`
	}
	return `{"actions":[]}`
}

// list is an answer with actions.
func (w *world) list(actions string) string {
	if w.service.APIVersion == Version2 {
		return `{"api_version":"2.0","actions":[` + actions + `]}`
	}
	return `{"actions":[` + actions + `]}`
}

// page sets the answers of a page, one after the other; the last one stays.
func (w *world) page(path string, bodies ...string) {
	for _, b := range bodies {
		w.app.pages[path] = append(w.app.pages[path], page{status: 200, body: b})
	}
}

// run runs the instance to its end and returns the trace, a line for every
// page request and verb.
func (w *world) run() []string {
	w.t.Helper()
	s, err := NewServer(Config{
		Services: []Service{w.service}, Transport: w.app, Files: files{w}, LogDirectory: w.logDir, UserAgent: "mediaserver/test",
		Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	s.newID = func() string { return "5f0c31b9a7e2446d.10231" }
	if d := w.script.hangUpAfter; d > 0 {
		defer time.AfterFunc(d, func() { w.primary.end(call.HungUp, 200) }).Stop()
	}
	if d := w.script.interrupted; d > 0 {
		defer time.AfterFunc(d, func() { s.Interrupt(s.newID(), Page{URL: "http://app.test/redirected"}) }).Stop()
	}
	p := w.primary
	s.serve(context.Background(), verbs{life: p, media: p, answer: p, conference: p})
	if err := s.Wait(w.t.Context()); err != nil {
		w.t.Errorf("after the instance: %v", err)
	}
	return w.trace.lines()
}

// files is a media store that is seen to lose files.
type files struct{ w *world }

func (f files) Remove(name string) error {
	f.w.trace.add("remove %s", name)
	switch {
	case strings.HasPrefix(name, "absent"):
		return fs.ErrNotExist
	case strings.HasPrefix(name, "file.wav/"):
		return &fs.PathError{Op: "unlinkat", Path: name, Err: syscall.ENOTDIR}
	case strings.HasPrefix(name, "stuck"):
		return fs.ErrPermission
	}
	return nil
}

// trace collects what happens.
type trace struct {
	mu  sync.Mutex
	all []string
}

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, fmt.Sprintf(format, args...))
}

func (t *trace) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.all...)
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// page is one answer of a page.
type page struct {
	status int
	header map[string]string
	body   string
	delay  time.Duration
}

// webApp is a web application reached without a network.
type webApp struct {
	trace *trace

	mu       sync.Mutex
	pages    map[string][]page
	requests []*http.Request
	bodies   []string
}

func (a *webApp) next(path string) (page, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.pages[path]
	if len(list) == 0 {
		return page{}, false
	}
	if len(list) > 1 {
		a.pages[path] = list[1:]
	}
	return list[0], true
}

// ServeHTTP answers like the pages say and notes the request. Pages that were
// not set answer 204.
func (a *webApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	info := string(body)
	if r.Method == http.MethodGet {
		info = r.URL.Query().Get("instance_info")
	}
	a.mu.Lock()
	a.requests, a.bodies = append(a.requests, r), append(a.bodies, info)
	a.mu.Unlock()
	if strings.Contains(info, `"is_notification":true`) { // beside the next page: behind it in the trace
		<-time.After(time.Millisecond)
	}
	a.trace.add("%s %s %s", r.Method, r.URL.Path, info)
	p, ok := a.next(r.URL.Path)
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	select {
	case <-time.After(p.delay):
	case <-r.Context().Done():
		return
	}
	for k, v := range p.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(p.status)
	io.WriteString(w, p.body)
}

// RoundTrip hands a request to the application and gives up with its context.
func (a *webApp) RoundTrip(r *http.Request) (*http.Response, error) {
	if t := httptrace.ContextClientTrace(r.Context()); t != nil && t.WroteHeaders != nil {
		t.WroteHeaders()
	}
	rec := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.ServeHTTP(rec, r)
	}()
	select {
	case <-done:
		return rec.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// last is the instance info that was sent to a page the last time.
func (a *webApp) last(t *testing.T, path string) map[string]any {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.requests) - 1; i >= 0; i-- {
		if a.requests[i].URL.Path == path {
			var v map[string]any
			if err := json.Unmarshal([]byte(a.bodies[i]), &v); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			return v
		}
	}
	t.Fatalf("%s was not asked", path)
	return nil
}

// asked are the paths of all requests in order.
func (a *webApp) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var paths []string
	for _, r := range a.requests {
		paths = append(paths, r.URL.Path)
	}
	return paths
}

// fakeCall is a call whose verbs write into the trace.
type fakeCall struct {
	w    *world
	name string // prefix in the trace

	mu       sync.Mutex
	info     call.Info
	answered time.Time
	ended    time.Time
	done     chan struct{}
	logger   *slog.Logger
	limit    time.Duration
}

func (c *fakeCall) Info() call.Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.info
	switch {
	case c.answered.IsZero():
	case c.ended.IsZero():
		i.Duration = time.Since(c.answered)
	default:
		i.Duration = c.ended.Sub(c.answered)
	}
	return i
}

func (c *fakeCall) Done() <-chan struct{} { return c.done }

func (c *fakeCall) SetLogger(l *slog.Logger) { c.logger = l }

func (c *fakeCall) SetMaxDuration(d time.Duration) { c.limit = d }

func (c *fakeCall) HangUp(cause call.Cause) {
	if c.end(cause, 0) {
		c.w.trace.add("%shang up %v", c.name, cause)
	}
}

// end ends the call unless it has ended.
func (c *fakeCall) end(cause call.Cause, raw int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended.IsZero() {
		return false
	}
	if raw == 0 {
		raw = 200
		if c.info.State == call.Inbound {
			raw = 603
		}
	}
	c.ended = time.Now()
	c.info.State, c.info.Cause, c.info.RawCause = call.Idle, cause, raw
	close(c.done)
	return true
}

func (c *fakeCall) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *fakeCall) Answer(_ context.Context, headers ...call.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info.State == call.Inbound {
		c.w.trace.add("%s%s", c.name, strings.Join(append([]string{"answer"}, headersOf(headers)...), " "))
		c.info.State, c.answered = call.Answered, time.Now()
	}
	return nil
}

func headersOf(headers []call.Header) []string {
	var texts []string
	for _, h := range headers {
		texts = append(texts, h.Name+"="+h.Value)
	}
	return texts
}

func (c *fakeCall) EarlyMedia(context.Context) error {
	c.w.trace.add("%searly media", c.name)
	return nil
}

func (c *fakeCall) Reject(_ context.Context, code int) error {
	if c.Info().State != call.Inbound {
		return call.ErrNotInbound
	}
	c.w.trace.add("%sreject %d", c.name, code)
	c.end(call.Completed, code)
	return nil
}

func (c *fakeCall) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-c.done:
		return call.ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *fakeCall) Play(ctx context.Context, list call.Playlist, o call.PlayOptions) (dtmf.Digit, error) {
	if c.over() {
		return 0, call.ErrEnded
	}
	c.w.trace.add("%splay %s barge_in=%v", c.name, playlistString(list), o.BargeIn)
	if d := c.w.script.bargesIn; d != 0 && o.BargeIn {
		return d, nil
	}
	return 0, c.playAll(ctx, list)
}

// Collect enters what the script says, one input after the other.
func (c *fakeCall) Collect(ctx context.Context, o call.CollectOptions) (call.Collected, error) {
	if c.over() {
		return call.Collected{}, call.ErrEnded
	}
	r := o.Rules
	digit := func(d dtmf.Digit) string {
		if d == 0 {
			return "none"
		}
		return d.String()
	}
	c.w.trace.add("%scollect %s barge_in=%v first=%s count=%d end=%s help=%s valid=%v initial=%v inter=%v total=%v at_once=%v", c.name,
		playlistString(o.Prompt), o.BargeIn, digit(o.First), r.Count, digit(r.End), digit(r.Help), r.Valid, r.Initial, r.InterDigit, r.Total, r.AtOnce)
	if err := c.playAll(ctx, o.Prompt); err != nil {
		return call.Collected{}, err
	}
	inputs := &c.w.script.inputs
	got := call.Collected{Outcome: dtmf.TimedOut}
	if len(*inputs) > 0 {
		got, *inputs = (*inputs)[0], (*inputs)[1:]
	}
	if c.w.script.inputsEnd && len(*inputs) == 0 {
		c.end(call.HungUp, 200)
	}
	return got, nil
}

// Record records for as long as the script says.
func (c *fakeCall) Record(ctx context.Context, o call.RecordOptions) (call.Recorded, error) {
	if c.over() {
		return call.Recorded{}, call.ErrEnded
	}
	cipher := "none"
	if o.Cipher != nil {
		cipher = fmt.Sprintf("key=%d vector=%d recipient=%q", len(o.Cipher.Key), len(o.Cipher.IV), o.Cipher.Recipient)
	}
	c.w.trace.add("%srecord beep=%v stop=%q max=%v silence=%v initial=%v format=%d cipher=%s", c.name,
		o.Beep, o.Stop.String(), o.MaxDuration, o.MaxSilence, o.MaxInitialSilence, o.Format, cipher)
	if c.w.script.recordFails {
		return call.Recorded{}, fmt.Errorf("%w: the disk is full", call.ErrRecording)
	}
	start := time.Now()
	err := c.wait(ctx, c.w.script.recordTime)
	return call.Recorded{
		Filename: "/rest_api/recordings/2000/01/01/00_00_00_" + o.InstanceID + ".wav", ContainsSound: true, Duration: time.Since(start),
	}, err
}

// playAll plays media one after the other.
func (c *fakeCall) playAll(ctx context.Context, list call.Playlist) error {
	for i, item := range list {
		name := item.File + item.URL + item.Text
		if item.URL != "" && !hostAllowed(item.Hosts, mustURL(c.w.t, item.URL)) {
			return &call.MediaError{Index: i, Err: fmt.Errorf("%w: host not allowed", call.ErrMediaNotFound)}
		}
		if err := c.w.script.playErrors[name]; err != nil {
			return &call.MediaError{Index: i, Err: err}
		}
		if item.Text != "" && !c.w.script.speech {
			return &call.MediaError{Index: i, Err: call.ErrSpeech}
		}
		switch err := c.load(ctx, item); {
		case err == nil:
		case c.over():
			return call.ErrEnded
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			return &call.MediaError{Index: i, Err: err}
		}
		if err := c.wait(ctx, c.w.script.playTime); err != nil {
			return err
		}
	}
	return nil
}

// load loads media while the call lasts.
func (c *fakeCall) load(ctx context.Context, item call.MediaItem) error {
	l := c.w.script.loader
	if l == nil {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer stop()
	watch.Go(func() {
		select {
		case <-c.done:
			stop()
		case <-ctx.Done():
		}
	})
	_, err := l.Load(ctx, item)
	return err
}

func playlistString(list call.Playlist) string {
	var parts []string
	for _, m := range list {
		switch {
		case m.Cipher != nil:
			parts = append(parts, m.File+m.URL+" encrypted")
		case m.File != "":
			parts = append(parts, m.File)
		case m.URL != "":
			parts = append(parts, m.URL)
		case m.Voice != "":
			parts = append(parts, fmt.Sprintf("%q by %s", m.Text, m.Voice))
		case m.Text != "":
			parts = append(parts, fmt.Sprintf("%q", m.Text))
		default:
			parts = append(parts, "digits "+m.Digits)
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func (c *fakeCall) Sleep(ctx context.Context, d time.Duration) error {
	c.w.trace.add("%ssleep %v", c.name, d)
	return c.wait(ctx, d)
}

func (c *fakeCall) SetRecording(_ context.Context, o call.RecordingOptions) error {
	if c.over() {
		return call.ErrEnded
	}
	c.w.trace.add("%srecord call %d separate=%v digits=%v encrypted=%v", c.name, o.Number, o.Separate, o.KeepDigits, o.Cipher != nil)
	return nil
}

func (c *fakeCall) DialConference(ctx context.Context, o call.ConferenceOptions) (verbs, error) {
	if c.over() {
		return verbs{}, call.ErrEnded
	}
	c.w.trace.add("%sdial %s %s", c.name, o.Name, optionsString(o))
	return c.dialled(ctx, o.Name)
}

func (c *fakeCall) DialOut(ctx context.Context, o call.DialOutOptions) (verbs, []call.Info, error) {
	if c.over() {
		return verbs{}, nil, call.ErrEnded
	}
	var to []string
	for _, d := range o.Destinations {
		to = append(to, d.Kind.String()+"="+d.Value)
	}
	c.w.trace.add("%sdial %s from=%q hold=%d answer=%v max=%v early=%v", c.name, strings.Join(to, " "), o.From,
		len(o.HoldMedia), o.AnswerTimeout, o.MaxDuration, o.EarlyMedia)
	v, err := c.dialled(ctx, o.Destinations[0].Value)
	return v, c.w.script.dropped, err
}

// dialled is a secondary call as the script has it.
func (c *fakeCall) dialled(ctx context.Context, to string) (verbs, error) {
	sc := &c.w.script
	if err := c.wait(ctx, sc.dialTime); err != nil {
		return verbs{}, err
	}
	if sc.dialError != nil {
		return verbs{}, sc.dialError
	}
	s := &fakeCall{
		w: c.w, name: "secondary ", done: make(chan struct{}), answered: time.Now(),
		info: call.Info{ID: "c-2", Direction: call.Out, From: c.info.From, To: to, Target: to, State: call.Answered},
	}
	if sc.outlives > 0 {
		time.AfterFunc(sc.outlives, func() { s.end(sc.outliveCause, 200) })
	}
	go func() { // the secondary call ends with the primary
		select {
		case <-c.done:
			s.end(call.Dropped, 200)
		case <-s.done:
		}
	}()
	return verbs{life: s, media: s}, nil
}

func (c *fakeCall) Connect(ctx context.Context, secondary verbs) (call.Connection, error) {
	s := secondary.life.(*fakeCall)
	if s.over() {
		if c.over() {
			return call.Connection{}, call.ErrEnded
		}
		return call.Connection{}, errors.Join(call.ErrConnectFailed, call.ErrEnded)
	}
	c.w.trace.add("%sconnect", c.name)
	start := time.Now()
	select {
	case <-time.After(c.w.script.connection):
		s.end(c.w.script.exit, 200)
	case <-s.done:
	case <-c.done:
		<-s.done
		return call.Connection{}, call.ErrEnded
	case <-ctx.Done():
		return call.Connection{}, context.Cause(ctx)
	}
	return call.Connection{Duration: time.Since(start)}, nil
}

// optionsString shows what differs from the defaults.
func optionsString(o call.ConferenceOptions) string {
	var b strings.Builder
	add := func(format string, args ...any) { fmt.Fprintf(&b, " "+format, args...) }
	if o.HoldMedia != nil {
		add("hold_media=%s", playlistString(o.HoldMedia))
	}
	add("timeout=%v max=%v", o.AnswerTimeout, o.MaxDuration)
	p := o.Participant
	add("talker=%v start=%v destroy=%v beep=%v", p.Talker, p.StartOnEntry, p.DestroyOnExit, p.BeepOnEntry)
	digit := func(d byte) string {
		if d == 0 {
			return "none"
		}
		return string(d)
	}
	add("exit=%s mute=%s unmute=%s", digit(byte(p.ExitDigit)), digit(byte(p.MuteDigit)), digit(byte(p.UnmuteDigit)))
	for _, m := range []struct {
		name string
		list call.Playlist
	}{{"while_stopped", p.WhileStopped}, {"name", p.Name}, {"joined", p.HasJoined}, {"left", p.HasLeft}} {
		if m.list != nil {
			add("%s=%s", m.name, playlistString(m.list))
		}
	}
	return strings.TrimSpace(b.String())
}

// mustURL parses an address of a test.
func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
