package management

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"mediaserver/call"
	"mediaserver/internal/leaktest"
	"mediaserver/restapi/auth"
	"mediaserver/restapi/events"
	"mediaserver/restapi/store"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// domain stands for the calls and rooms of a server: the room "r" with one
// participant.
type domain struct {
	mu    sync.Mutex
	asked []string
	calls []call.LiveCall
}

func (d *domain) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, fmt.Sprintf(format, args...))
}

func (d *domain) Calls() []call.LiveCall  { return d.calls }
func (d *domain) Headroom() call.Headroom { return call.Headroom{Fit: 42} }
func (d *domain) Call(id string) (call.LiveCall, bool) {
	i := slices.IndexFunc(d.calls, func(c call.LiveCall) bool { return c.ID == id })
	if i < 0 {
		return call.LiveCall{}, false
	}
	return d.calls[i], true
}

func (d *domain) HangUp(id string, cause call.Cause) error {
	if _, ok := d.Call(id); !ok {
		return call.ErrNoCall
	}
	d.note("hang up %s %v", id, cause)
	return nil
}

func (d *domain) Transfer(_ context.Context, id string, o call.TransferOptions, _ func(int)) (int, error) {
	switch {
	case id == "c-9":
		return 0, fmt.Errorf("%w: %q", call.ErrNoCall, id)
	case id == "c-2":
		return 0, call.ErrNotTransferable
	case o.Replaces == "c-9":
		return 0, fmt.Errorf("%w: %w: %q", call.ErrReplaces, call.ErrNoCall, o.Replaces)
	case o.To == "sip:busy@pbx.example":
		return 0, &call.TransferError{Code: 486, Err: errors.New("Busy Here")}
	}
	d.note("transfer %s to %q %q", id, o.To, o.Replaces)
	return 200, nil
}

func (d *domain) Conferences() []call.ConferenceInfo {
	r, _ := d.Conference("r")
	return []call.ConferenceInfo{r}
}

func (d *domain) Conference(name string) (call.ConferenceInfo, bool) {
	return call.ConferenceInfo{Name: "r", State: call.ConferenceActive, Started: true, Participants: []call.ParticipantInfo{
		{ID: "i-1", CallID: "c-2", From: "100", Talker: true, Level: -20, Heard: -127},
	}}, name == "r"
}

func (d *domain) room(name, what string, args ...any) error {
	if name != "r" {
		return fmt.Errorf("%w: %q", call.ErrNoConference, name)
	}
	d.note(what, args...)
	return nil
}

func (d *domain) Mute(room, participant string, muted bool) error {
	if participant != "i-1" && room == "r" {
		return call.ErrNoParticipant
	}
	return d.room(room, "mute %s %t", participant, muted)
}

func (d *domain) Eject(room, participant string) error { return d.room(room, "eject %s", participant) }
func (d *domain) Lock(room string, locked bool) error  { return d.room(room, "lock %t", locked) }
func (d *domain) Reservations() []call.Reservation {
	return []call.Reservation{{Token: "t", Conference: "x"}}
}

func (d *domain) PlayToRoom(_ context.Context, room string, list call.Playlist) (string, error) {
	if len(list) > 1 {
		return "", &call.MediaError{Index: 1, Err: call.ErrMediaNotFound}
	}
	return "p-1", d.room(room, "play %s%s%s", list[0].File, list[0].URL, list[0].Text)
}

func (d *domain) RecordRoom(_ context.Context, room, id string) (string, error) {
	return "/rest_api/recordings/x.wav", d.room(room, "record %s", id)
}

func (d *domain) StopRoomRecording(context.Context, string) (call.RoomRecording, error) {
	return call.RoomRecording{}, call.ErrNotRecorded
}

// bench is an API over a domain, with a log of events that runs.
type bench struct {
	t      *testing.T
	domain *domain
	log    *events.Log
	store  *store.Store
	api    *API
	http   *httptest.Server
}

func newBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	s, err := store.Open(store.Config{Directory: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, store: s, domain: &domain{calls: []call.LiveCall{
		{Info: call.Info{ID: "c-1", SIPCallID: "a84b4c76@h", From: "100", To: "1000", State: call.Answered}, Secondary: "c-2", Media: &call.Quality{Codec: "PCMU"}},
		{Info: call.Info{ID: "c-2", Direction: call.Out, To: "r"}, Primary: "c-1", Conference: "r"},
	}}}
	if b.log, err = events.NewLog(events.Config{Store: s, Linger: time.Millisecond, ClientBuffer: 500}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	audit := NewAudit(AuditConfig{Store: s})
	tasks.Go(func() { b.log.Run(ctx) }) //nolint:errcheck // nil
	tasks.Go(func() { audit.Run(ctx) }) //nolint:errcheck // nil
	cfg := Config{
		Version: "test", Calls: b.domain, Rooms: b.domain, Media: b.domain, Reservations: b.domain, Records: s,
		Events: b.log, Audit: audit, Services: func() []Service { return []Service{{Name: "demo", Direction: "inbound", APIVersion: "1"}} },
	}
	if change != nil {
		change(&cfg)
	}
	if b.api, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	b.http = httptest.NewServer(b.api)
	t.Cleanup(func() {
		b.api.Close()
		b.http.Close()
		http.DefaultClient.CloseIdleConnections()
		cancel()
		tasks.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// ask makes a request and returns status and body.
func (b *bench) ask(method, path, body string, headers ...string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequest(method, b.http.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		b.t.Errorf("%s %s: status %d is no problem but %s", method, path, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return resp.StatusCode, string(raw)
}

func TestOperations(t *testing.T) {
	b := newBench(t, nil)
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string // a part of the answer
		asked              string // of the domain
	}{
		{"GET", "/calls", "", 200, `"call_id":"c-1"`, ""},
		{"GET", "/calls?limit=1", "", 200, `"next":"c-1"`, ""},
		{"GET", "/calls?limit=1&after=c-1", "", 200, `{"calls":[{"call_id":"c-2"`, ""},
		{"GET", "/calls?sip_call_id=a84b4c76@h", "", 200, `{"calls":[{"call_id":"c-1",`, ""},
		{"GET", "/calls?sip_call_id=a84b4c76", "", 200, `{"calls":[]}`, ""},
		{"GET", "/calls/c-1", "", 200, `"sip_call_id":"a84b4c76@h"`, ""},
		{"GET", "/calls/c-2", "", 200, `"primary_call_id":"c-1"`, ""},
		{"GET", "/calls/c-9", "", 404, `"location":"path.call_id"`, ""},
		{"DELETE", "/calls/c-1", "", 202, "", "hang up c-1 dropped"},
		{"DELETE", "/calls/c-9", "", 404, "no such call", ""},
		{"POST", "/calls/c-1/transfer", `{"to":"sip:desk@pbx.example"}`, 200, `"code":200`, `transfer c-1 to "sip:desk@pbx.example" ""`},
		{"POST", "/calls/c-1/transfer", `{"replaces":"c-3"}`, 200, `"code":200`, `transfer c-1 to "" "c-3"`},
		{"POST", "/calls/c-1/transfer", `{"replaces":"c-9"}`, 422, `"location":"body.replaces"`, ""},
		{"POST", "/calls/c-1/transfer", `{"to":"sip:busy@pbx.example"}`, 502, "486: Busy Here", ""},
		{"POST", "/calls/c-1/transfer", `{}`, 422, "body.to", ""},
		{"POST", "/calls/c-2/transfer", `{"to":"100"}`, 409, "path.call_id", ""},
		{"POST", "/calls/c-9/transfer", `{"to":"100"}`, 404, "path.call_id", ""},
		{"GET", "/conferences", "", 200, `"level_dbov":-20`, ""},
		{"GET", "/conferences/r", "", 200, `"state":"ACTIVE"`, ""},
		{"GET", "/conferences/x", "", 404, "path.conference", ""},
		{"PATCH", "/conferences/r", `{"locked":true}`, 200, `"conference":"r"`, "lock true"},
		{"PATCH", "/conferences/r/participants/i-1", `{"muted":true}`, 200, `"participant_id":"i-1"`, "mute i-1 true"},
		{"PATCH", "/conferences/r/participants/i-2", `{"muted":true}`, 404, "path.participant_id", ""},
		{"DELETE", "/conferences/r/participants/i-1", "", 202, "", "eject i-1"},
		{"POST", "/conferences/r/plays", `{"play_list":[{"file_to_play":"/a.wav"}]}`, 202, `"play_id":"p-1"`, "play a.wav"},
		{"POST", "/conferences/r/plays", `{"play_list":[{"file_to_play":"a.wav"},{"file_to_play":"b.wav"}]}`, 422, "body.play_list[1]", ""},
		{"POST", "/conferences/r/plays", `{"play_list":[{"file_to_play":"a.wav","text_to_say":"x"}]}`, 422, "exactly one of", ""},
		{"POST", "/conferences/r/plays", `{"play_list":[{"url_to_play":"file:///etc/passwd"}]}`, 422, "body.play_list[0].url_to_play", ""},
		{"POST", "/conferences/r/plays", `{"play_list":[]}`, 422, "body.play_list", ""},
		{"POST", "/conferences/r/recording", "", 201, `"filename":"/rest_api/recordings/x.wav"`, "record room-r"},
		{"DELETE", "/conferences/r/recording", "", 409, "not being recorded", ""},
		{"GET", "/services", "", 200, `"name":"demo"`, ""},
		{"GET", "/trunks", "", 200, `{"trunks":[]}`, ""},
		{"GET", "/reservations", "", 200, `"reservation_token":"t"`, ""},
		{"GET", "/health", "", 200, `"participants_headroom":42`, ""},
		{"GET", "/records", "", 200, `{"records":[]}`, ""},
		{"GET", "/records/c-1", "", 404, "path.call_id", ""},
		{"GET", "/events", "", 200, `"events":[]`, ""},
	} {
		t.Run(tt.method+" "+tt.path+" "+tt.body, func(t *testing.T) {
			b.domain.asked = nil
			status, body := b.ask(tt.method, Prefix+tt.path, tt.body)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s\nwant %d with %s", status, body, tt.status, tt.want)
			}
			if got := strings.Join(b.domain.asked, ";"); got != tt.asked {
				t.Errorf("the domain was asked %q, want %q", got, tt.asked)
			}
		})
	}
}

func TestBadRequestsSayWhatWhereAndWhatIsAllowed(t *testing.T) {
	b := newBench(t, nil)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		want                     []string
	}{
		{"unknown parameter", "GET", "/calls?limt=1", "", 422, []string{"query.limt", "unknown"}},
		{"parameter twice", "GET", "/calls?limit=1&limit=2", "", 400, []string{"query.limit", "once is allowed"}},
		{"zero", "GET", "/calls?limit=0", "", 422, []string{"query.limit", ">= 1"}},
		{"too many", "GET", "/calls?limit=1001", "", 422, []string{"query.limit", "<= 1000"}},
		{"no number", "GET", "/calls?limit=x", "", 422, []string{"query.limit", "integer"}},
		{"too long", "GET", "/calls?after=" + strings.Repeat("x", 201), "", 422, []string{"query.after", "200"}},
		{"broken query", "GET", "/calls?limit=%zz", "", 400, []string{"percent-encoding"}},
		{"unknown cause", "GET", "/records?cause=bored", "", 422, []string{"query.cause", "completed"}},
		{"no time", "GET", "/records?from=yesterday", "", 422, []string{"query.from"}},
		{"broken cursor", "GET", "/records?before=xyz", "", 422, []string{"query.before"}},
		{"unknown type of event", "GET", "/events/stream?types=call.exploded", "", 422, []string{"query.types", "call.ended"}},
		{"no sequence number", "GET", "/events/stream?after=-1", "", 422, []string{"query.after"}},
		{"future", "GET", "/events/stream?after=99", "", 410, []string{"query.after", "99 is not in it"}},
		{"no body", "PATCH", "/conferences/r", "", 400, []string{"body"}},
		{"no JSON", "PATCH", "/conferences/r", "{", 400, []string{"body"}},
		{"missing property", "PATCH", "/conferences/r", "{}", 422, []string{"body", "locked"}},
		{"wrong type", "PATCH", "/conferences/r", `{"locked":"yes"}`, 422, []string{"body.locked", "boolean"}},
		{"unknown property", "PATCH", "/conferences/r", `{"locked":true,"lokced":true}`, 422, []string{"body.lokced"}},
		{"large", "POST", "/conferences/r/plays", `{"play_list":[{"text_to_say":"` + strings.Repeat("x", 5001) + `"}]}`, 422, []string{"body.play_list[0].text_to_say", "5000"}},
		{"larger", "POST", "/conferences/r/plays", `{"play_list":[{"text_to_say":"` + strings.Repeat("x", 2<<20) + `"}]}`, 413, nil},
		{"no such address", "GET", "/nothing", "", 404, []string{"openapi.json"}},
		{"wrong method", "DELETE", "/services", "", 405, []string{"allowed: [GET]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := b.ask(tt.method, Prefix+tt.path, tt.body)
			if status != tt.status {
				t.Errorf("status %d, want %d: %s", status, tt.status, body)
			}
			for _, w := range tt.want {
				if !strings.Contains(strings.NewReplacer(`\u003e`, ">", `\u003c`, "<").Replace(body), w) {
					t.Errorf("%s\nlacks %q", body, w)
				}
			}
		})
	}
}

func TestTheDescriptionIsValidOpenAPI(t *testing.T) {
	b := newBench(t, nil)
	status, raw := b.ask("GET", Prefix+"/openapi.json", "")
	if status != 200 || !strings.Contains(raw, `"openapi":"3.1.`) {
		t.Fatalf("%d %.200s", status, raw)
	}
	doc, err := libopenapi.NewDocument([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	defer v.Release()
	if ok, problems := v.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Errorf("%s: %s", p.Message, p.Reason)
			for _, s := range p.SchemaValidationErrors {
				t.Errorf("  %s: %s", s.FieldPath, s.Reason)
			}
		}
	}
	sip := call.FarEndEvent{SIPCallID: "a84b4c76@h"}
	raw = `{"call_id":"c-9","sip_call_id":"b@h","earlier_sip_call_ids":["a@h"],"primary_call_id":"c-1","direction":"in","from":"1","to":"2",` +
		`"started":"2026-03-02T10:00:00Z","ended":"2026-03-02T10:00:06Z","duration_ms":0,"cause":"busy","raw_cause":486,"pages":[],"actions":[],` +
		`"counts":{"pages":0,"actions":0,"digits":0,"plays":0,"mutes":0}}`
	if err := b.store.Append(store.Batch{Records: []store.Record{{ID: "c-9", End: time.Now(), JSON: []byte(raw)}}}); err != nil {
		t.Fatal(err)
	}
	stream := b.sse("/events/stream")
	b.log.Emit(call.Event{Type: call.CallStarted, Call: "c-9", FarEndEvent: sip, Started: &call.CallStart{Direction: "in", From: "1", To: "2"}})
	wantAll(t, stream.next, "stream.opened 0", "call.started 1")
	for _, path := range []string{"/records/c-9", "/calls", "/conferences", "/conferences/r", "/records", "/services", "/trunks", "/health", "/reservations", "/events", "/audit"} {
		r, err := http.NewRequest(http.MethodGet, b.http.URL+Prefix+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if ok, problems := v.ValidateHttpRequestResponse(r, resp); !ok {
			for _, p := range problems {
				t.Errorf("%s is not as described: %s: %s", path, p.Message, p.Reason)
			}
		}
		resp.Body.Close()
	}
}

// sse is a client of the stream by server-sent events.
type sse struct {
	resp  *http.Response
	lines *bufio.Scanner
}

func (b *bench) sse(path string, headers ...string) *sse {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.http.URL+Prefix+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("status %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	b.t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &sse{resp: resp, lines: lines}
}

// next is the next message as "event id".
func (s *sse) next() string {
	event, id := "", ""
	for s.lines.Scan() {
		switch line := s.lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			event = line[7:]
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		case line == "" && event != "":
			return event + " " + id
		}
	}
	return "end"
}

func (b *bench) emit(types ...call.EventType) {
	for _, t := range types {
		b.log.Emit(call.Event{Type: t, Call: "c"})
	}
}

func wantAll(t *testing.T, next func() string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := next(); got != w {
			t.Fatalf("%q came, want %q", got, w)
		}
	}
}

func TestServerSentEventsGoOnAfterABreak(t *testing.T) {
	b := newBench(t, nil)
	first := b.sse("/events/stream")
	wantAll(t, first.next, "stream.opened 0")
	b.emit(call.CallStarted, call.CallRinging, call.CallAnswered)
	wantAll(t, first.next, "call.started 1", "call.ringing 2", "call.answered 3")
	first.resp.Body.Close()
	b.emit(call.CallDigit, call.CallEnded)
	again := b.sse("/events/stream?after=0", "Last-Event-ID", "3")
	wantAll(t, again.next, "stream.opened 3", "call.digit 4", "call.ended 5")
	some := b.sse("/events/stream?after=oldest&types=call.started,page.*")
	wantAll(t, some.next, "stream.opened 0", "call.started 1")
	b.api.Close()
	wantAll(t, again.next, "stream.cut ", "end")
	if status, _ := b.ask("GET", Prefix+"/events/stream", ""); status != 503 {
		t.Errorf("a stream while stopping: %d", status)
	}
}

func TestWebSocketsCarryTheSame(t *testing.T) {
	b := newBench(t, nil)
	b.emit(call.CallStarted, call.CallEnded)
	conn, resp, err := websocket.Dial(t.Context(), b.http.URL+Prefix+"/events/websocket?after=oldest", nil)
	if err != nil {
		t.Fatal(err, resp)
	}
	defer conn.CloseNow()
	next := reading(t, conn)
	wantAll(t, next, "stream.opened 0", "call.started 1", "call.ended 2")
	b.emit(call.CallStarted)
	wantAll(t, next, "call.started 3")
	done := make(chan struct{})
	go func() { defer close(done); b.api.Close() }()
	wantAll(t, next, "stream.cut 3", "closed StatusGoingAway")
	<-done
}

// reading takes the messages of a WebSocket.
func reading(t *testing.T, conn *websocket.Conn) func() string {
	return func() string {
		_, raw, err := conn.Read(t.Context())
		if err != nil {
			return fmt.Sprint("closed ", websocket.CloseStatus(err))
		}
		var e struct {
			Type            string
			Sequence, After uint64
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(e.Type, " ", e.Sequence+e.After)
	}
}

// oneConn is a listener for one connection.
type oneConn chan net.Conn

func (l oneConn) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (l oneConn) Close() error   { close(l); return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func TestAStopWaitsForTheMessageBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := events.NewLog(events.Config{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		defer tasks.Wait()
		defer cancel()
		tasks.Go(func() { l.Run(ctx) }) //nolint:errcheck // nil
		d := &domain{}
		api, err := New(Config{Calls: d, Rooms: d, Media: d, Events: l})
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		listener := make(oneConn, 1)
		listener <- there
		server := &http.Server{Handler: api}
		tasks.Go(func() { server.Serve(listener) }) //nolint:errcheck // closed
		defer server.Close()
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil }}
		conn, resp, err := websocket.Dial(ctx, "http://pipe"+Prefix+"/events/websocket", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err, resp)
		}
		defer conn.CloseNow()
		next := reading(t, conn)
		wantAll(t, next, "stream.opened 0")
		l.Emit(call.Event{Type: call.CallStarted})
		time.Sleep(time.Second) // a pipe holds nothing: the server is in the middle of it
		tasks.Go(api.Close)
		synctest.Wait()
		wantAll(t, next, "call.started 1", "stream.cut 1", "closed StatusGoingAway")
	})
}

// stalled is a client that takes nothing for a while.
type stalled struct {
	until   time.Time
	got     []uint64
	notices []StreamNotice
}

func (s *stalled) send(m events.Message) error {
	time.Sleep(time.Until(s.until))
	s.got = append(s.got, m.Sequence)
	return nil
}

func (s *stalled) notice(n StreamNotice) error {
	s.notices = append(s.notices, n)
	return nil
}

func (s *stalled) alive() error { return nil }

func TestASlowClientIsCutSeesWhyAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := events.NewLog(events.Config{ClientBuffer: 100})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() { l.Run(ctx) }) //nolint:errcheck // nil
		defer tasks.Wait()
		defer cancel()
		d := &domain{}
		api, err := New(Config{Calls: d, Rooms: d, Media: d, Events: l})
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for round, takes := range []time.Duration{5 * time.Second, 0} {
			after := uint64(len(got))
			reader, err := l.ReadFrom(after)
			if err != nil {
				t.Fatal(err)
			}
			client := &stalled{until: time.Now().Add(takes)}
			done := make(chan string, 1)
			pumping, stop := context.WithCancel(ctx)
			tasks.Go(func() {
				done <- api.pump(pumping, &feed{reader: reader, wants: func(call.EventType) bool { return true }}, client)
			})
			for range 300 {
				time.Sleep(10 * time.Millisecond)
				l.Emit(call.Event{Type: call.CallRinging})
			}
			time.Sleep(time.Minute)
			stop()
			reason := <-done
			got = append(got, client.got...)
			if round == 1 {
				break
			}
			cut := client.notices[len(client.notices)-1]
			if reason != reasonSlow || cut.Type != streamCut || cut.Reason != reasonSlow || cut.After != uint64(len(got)) {
				t.Errorf("%s: %+v after %d events", reason, cut, len(got))
			}
		}
		_, latest := l.Range()
		if uint64(len(got)) != latest || !slices.IsSorted(got) || latest != 600 {
			t.Errorf("%d events came of %d", len(got), latest)
		}
	})
}

func TestTooManyStreamsAreRefused(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxStreams = 1 })
	one := b.sse("/events/stream")
	wantAll(t, one.next, "stream.opened 0")
	if status, body := b.ask("GET", Prefix+"/events/stream", ""); status != 503 || !strings.Contains(body, "max_streams") {
		t.Errorf("%d %s", status, body)
	}
}

func TestRolesAndAudit(t *testing.T) {
	var line bytes.Buffer
	a, err := auth.New(auth.Config{Refuse: Refuse, Users: []auth.User{
		{Name: "eye", Password: "1", Role: auth.Read}, {Name: "hand", Password: "2", Role: auth.Operate}, {Name: "boss", Password: "3"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *Config) {
		c.Guard = a.Wrap
		c.Audit.cfg.Logger = slog.New(slog.NewTextHandler(&line, nil))
	})
	basic := func(name, password string) []string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(name, password)
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	for _, tt := range []struct {
		user, password, method, path string
		status                       int
	}{
		{"eye", "1", "GET", "/calls", 200},
		{"eye", "2", "GET", "/calls", 401},
		{"eye", "1", "DELETE", "/calls/c-1", 403},
		{"hand", "2", "DELETE", "/calls/c-1", 202},
		{"hand", "2", "DELETE", "/calls/c-9", 404},
		{"hand", "2", "GET", "/audit", 403},
		{"boss", "3", "GET", "/audit", 200},
		{"nobody", "3", "GET", "/openapi.json", 401},
		{"nobody", "3", "GET", "/nothing", 401},
	} {
		if status, body := b.ask(tt.method, Prefix+tt.path, "", basic(tt.user, tt.password)...); status != tt.status {
			t.Errorf("%s %s %s: %d %s, want %d", tt.user, tt.method, tt.path, status, body, tt.status)
		}
	}
	var body string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if _, body = b.ask("GET", Prefix+"/audit", "", basic("boss", "3")...); strings.Count(body, `"user":"hand"`) == 2 {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	if !strings.Contains(body, `"path":"/api/v1/calls/c-9","status":404,"outcome":"refused"`) || !strings.Contains(body, `"outcome":"done"`) {
		t.Errorf("audit: %s", body)
	}
	if n := strings.Count(line.String(), "msg=audit user=hand"); n != 2 {
		t.Errorf("%d lines in the log:\n%s", n, line.String())
	}
}

func TestTheAuditTellsOfAFault(t *testing.T) {
	for what, h := range map[string]http.HandlerFunc{
		"before the answer":    func(http.ResponseWriter, *http.Request) { panic("a fault") },
		"in the midst of it":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic("a fault") },
		"that gives up itself": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		var line bytes.Buffer
		audited := NewAudit(AuditConfig{Logger: slog.New(slog.NewTextHandler(&line, nil))}).Wrap(h)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the fault is hidden", what)
				}
			}()
			audited.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/service_start", nil))
		}()
		if !strings.Contains(line.String(), "status=500 outcome=failed") {
			t.Errorf("%s: %s", what, line.String())
		}
	}
}

func TestRecordsComeInPages(t *testing.T) {
	b := newBench(t, nil)
	start := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	var batch store.Batch
	for i := range 25 {
		cause := "hung_up"
		if i%5 == 0 {
			cause = "busy"
		}
		batch.Records = append(batch.Records, store.Record{
			ID: fmt.Sprintf("c-%02d", i), End: start.Add(time.Duration(i) * time.Minute),
			JSON: fmt.Appendf(nil, `{"call_id":"c-%02d","sip_call_id":"at-%d","earlier_sip_call_ids":["was-%d"],"cause":%q,"pages":[],"actions":[]}`, i, i, i, cause),
		})
	}
	if err := b.store.Append(batch); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, query string
		want        []string
	}{
		{"all, the latest first", "?limit=10", []string{"c-24", "c-23", "c-22"}},
		{"of a cause", "?cause=busy&limit=2", []string{"c-20", "c-15", "c-10", "c-05", "c-00"}},
		{"of a Call-ID", "?sip_call_id=at-7", []string{"c-07"}},
		{"of a Call-ID that it had", "?sip_call_id=was-7", []string{"c-07"}},
		{"of a Call-ID that no call had", "?sip_call_id=at", nil},
		{"of a time before there was any", "?to=1960-03-02T10:08:00Z", nil},
		{"of a time", "?from=2026-03-02T10:05:00Z&to=2026-03-02T10:08:00Z&limit=2", []string{"c-07", "c-06", "c-05"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			next := ""
			for {
				query := tt.query
				if next != "" {
					query += "&before=" + next
				}
				_, raw := b.ask("GET", Prefix+"/records"+query, "")
				var page struct {
					Records []struct {
						Call string `json:"call_id"`
					}
					Next string
				}
				if err := json.Unmarshal([]byte(raw), &page); err != nil {
					t.Fatal(err, raw)
				}
				for _, r := range page.Records {
					got = append(got, r.Call)
				}
				if next = page.Next; next == "" {
					break
				}
			}
			if len(got) < len(tt.want) || len(tt.want) <= 1 && len(got) != len(tt.want) || !slices.Equal(got[:len(tt.want)], tt.want) {
				t.Errorf("records %v, want %v", got, tt.want)
			}
			if !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) || len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("records %v", got)
			}
		})
	}
	if _, body := b.ask("GET", Prefix+"/records/c-05", ""); !strings.Contains(body, `"cause":"busy"`) {
		t.Error(body)
	}
}

func TestLargeRecordsComeInSmallerPages(t *testing.T) {
	b := newBench(t, nil)
	var batch store.Batch
	for i := range 2 * maxRecordBytes / store.MaxRecord {
		raw := fmt.Appendf(nil, `{"call_id":"c-%02d","cause":"busy","actions":[],"pages":[{"url":%q}]}`, i, strings.Repeat("x", store.MaxRecord-100))
		batch.Records = append(batch.Records, store.Record{ID: fmt.Sprintf("c-%02d", i), End: time.Unix(int64(i), 0), JSON: raw})
	}
	if err := b.store.Append(batch); err != nil {
		t.Fatal(err)
	}
	_, raw := b.ask("GET", Prefix+"/records?limit=1000", "")
	if len(raw) > maxRecordBytes+2*store.MaxRecord || !strings.Contains(raw[len(raw)-100:], `"next":`) {
		t.Errorf("%d bytes, ending in %s", len(raw), raw[len(raw)-100:])
	}
}

func TestAServerWithoutStateSaysWhy(t *testing.T) {
	for want, why := range map[string]string{"store.directory is empty": "", "store.directory cannot be used: read-only": "store.directory cannot be used: read-only"} {
		b := newBench(t, func(c *Config) { c.Records, c.NoRecords = nil, why })
		for _, path := range []string{"/records", "/records/c-1", "/audit"} {
			if status, body := b.ask("GET", Prefix+path, ""); status != 501 || !strings.Contains(body, `"`+want+`"`) {
				t.Errorf("%s: %d %s, want %q", path, status, body, want)
			}
		}
	}
}

// refusing is a domain that does nothing, for one reason.
type refusing struct {
	*domain
	why error
}

func (d *refusing) HangUp(string, call.Cause) error                    { return d.why }
func (d *refusing) Mute(string, string, bool) error                    { return d.why }
func (d *refusing) Eject(string, string) error                         { return d.why }
func (d *refusing) Lock(string, bool) error                            { return d.why }
func (d *refusing) Conference(string) (c call.ConferenceInfo, ok bool) { return c, false }

func (d *refusing) Transfer(context.Context, string, call.TransferOptions, func(int)) (int, error) {
	return 0, d.why
}

func (d *refusing) PlayToRoom(context.Context, string, call.Playlist) (string, error) {
	return "", d.why
}

func (d *refusing) RecordRoom(context.Context, string, string) (string, error) { return "", d.why }

func (d *refusing) StopRoomRecording(context.Context, string) (r call.RoomRecording, err error) {
	return r, d.why
}

// What the verbs of the domain may say is in the description as a status.
func TestEveryRefusalIsDescribed(t *testing.T) {
	d := &refusing{domain: &domain{}}
	b := newBench(t, func(c *Config) { c.Calls, c.Rooms, c.Media = d, d, d })
	var described struct {
		Paths map[string]map[string]struct{ Responses map[string]any }
	}
	_, raw := b.ask("GET", Prefix+"/openapi.json", "")
	if err := json.Unmarshal([]byte(raw), &described); err != nil {
		t.Fatal(err)
	}
	room, participant := "/conferences/{conference}", "/conferences/{conference}/participants/{participant_id}"
	for _, tt := range []struct {
		method, path, body string
		why                []error
	}{
		{"GET", "/calls/{call_id}", "", []error{nil}},
		{"DELETE", "/calls/{call_id}", "", []error{call.ErrNoCall}},
		{"POST", "/calls/{call_id}/transfer", `{"to":"1"}`, []error{
			call.ErrNoCall, call.ErrNotTransferable, call.ErrTransferring, call.ErrReplaces, call.ErrDestination, call.ErrEnded, &call.TransferError{Code: 486},
		}},
		{"GET", room, "", []error{nil}},
		{"PATCH", room, `{"locked":true}`, []error{call.ErrNoConference}},
		{"PATCH", participant, `{"muted":true}`, []error{call.ErrNoConference, call.ErrNoParticipant}},
		{"DELETE", participant, "", []error{call.ErrNoConference, call.ErrNoParticipant}},
		{"POST", room + "/plays", `{"play_list":[{"text_to_say":"x"}]}`, []error{
			call.ErrNoConference, call.ErrNotStarted, call.ErrRoomQueueFull, call.ErrMediaNotFound, call.ErrMediaInvalid, call.ErrSpeech,
		}},
		{"POST", room + "/recording", "", []error{call.ErrNoConference, call.ErrRecorded, call.ErrNoRecorder, call.ErrRecording}},
		{"DELETE", room + "/recording", "", []error{call.ErrNoConference, call.ErrNotRecorded, call.ErrRecording}},
	} {
		for _, d.why = range tt.why {
			status, body := b.ask(tt.method, Prefix+tt.path, tt.body)
			responses := described.Paths[Prefix+tt.path][strings.ToLower(tt.method)].Responses
			if _, ok := responses[fmt.Sprint(status)]; !ok || status == http.StatusInternalServerError || status < 400 {
				t.Errorf("%s %s: %v is answered %d, which is not described: %s", tt.method, tt.path, d.why, status, body)
			}
		}
	}
}

func FuzzRequests(f *testing.F) {
	f.Add("GET", "/calls", "limit=1&after=c-1", "")
	f.Add("PATCH", "/conferences/r", "", `{"locked":true}`)
	f.Add("PATCH", "/conferences/r/participants/i-1", "", `{"muted":true}`)
	f.Add("POST", "/conferences/r/plays", "", `{"play_list":[{"file_to_play":"a.wav"},{"url_to_play":"http://a/"}]}`)
	f.Add("GET", "/records", "from=2026-03-02T10:05:00Z&cause=busy&before=00", "")
	f.Add("GET", "/events", "after=3&limit=5", "")
	l, err := events.NewLog(events.Config{})
	if err != nil {
		f.Fatal(err)
	}
	d := &domain{}
	api, err := New(Config{Calls: d, Rooms: d, Media: d, Events: l})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if strings.HasPrefix(path, "/events/") || !strings.HasPrefix(path, "/") {
			return // streams do not end; beside /api/v1/ others answer
		}
		r := httptest.NewRequest(http.MethodGet, "http://h/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, Prefix+path, query
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s %s?%s %s: %d %s", method, path, query, body, w.Code, w.Body)
		}
		if w.Code >= 400 {
			var p struct{ Status int }
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code {
				t.Errorf("%d is no problem: %s", w.Code, w.Body)
			}
		}
	})
}
