package webservice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/call"
	"mediaserver/restapi"
	"mediaserver/restapi/auth"
	"mediaserver/restapi/webservice"
)

// fake does what services ask for as far as parameters can show it.
type fake struct {
	started restapi.StartRequest
	failure error
	page    restapi.Page
	booked  call.Reservation
	change  call.ParticipantChange
}

func (f *fake) Start(_ context.Context, r restapi.StartRequest) ([]string, error) {
	f.started = r
	ids := make([]string, len(r.Calls))
	for i := range ids {
		ids[i] = fmt.Sprintf("r-%d", i+1)
	}
	return ids, f.failure
}

func (f *fake) Cancel(_ string, refs []string) (map[string]string, error) {
	if refs[0] != "r-1" {
		return nil, &restapi.UnknownReference{Reference: refs[0]}
	}
	return map[string]string{"r-1": restapi.Cancelled}, nil
}

func (f *fake) InvocationStatuses(_ string, refs []string) (map[string]restapi.InvocationStatus, error) {
	if refs[0] != "r-1" {
		return nil, &restapi.UnknownReference{Reference: refs[0]}
	}
	return map[string]restapi.InvocationStatus{"r-1": {Status: restapi.StatusQueued}}, nil
}

func (f *fake) Status(id string) (restapi.InstanceStatus, bool) {
	return restapi.InstanceStatus{}, id == "a.1"
}

func (f *fake) Interrupt(id string, p restapi.Page) restapi.Interrupt {
	f.page = p
	if id == "a.1" {
		return restapi.Interrupt{Result: restapi.Interrupted, Action: "play"}
	}
	return restapi.Interrupt{Result: restapi.NoSuchInstance}
}

func (f *fake) Conferences() []call.ConferenceInfo { return nil }

func (f *fake) Conference(name string) (call.ConferenceInfo, bool) {
	return call.ConferenceInfo{Name: name}, name == "room"
}

func (f *fake) Change(room, id string, c call.ParticipantChange) (call.ParticipantInfo, error) {
	f.change = c
	return call.ParticipantInfo{ID: id, Muted: true, DTMF: true}, f.find(room, id)
}

func (f *fake) Eject(room, id string) error { return f.find(room, id) }

func (f *fake) find(room, id string) error {
	switch {
	case room != "room":
		return call.ErrNoConference
	case id != "a.1":
		return call.ErrNoParticipant
	}
	return nil
}

func (f *fake) Reserve(r call.Reservation) (call.Reservation, error) {
	f.booked = r
	r.Token = "v-1"
	return r, f.failure
}

func (f *fake) Extend(token string, by time.Duration) (call.Reservation, error) {
	r, ok := f.Reservation(token)
	if !ok {
		return r, call.ErrNoReservation
	}
	r.End = r.End.Add(by)
	return r, f.failure
}

func (f *fake) Unreserve(token string) error {
	if token != "v-1" {
		return call.ErrNoReservation
	}
	return f.failure
}

func (f *fake) Reservation(token string) (call.Reservation, bool) {
	start := time.Unix(1772445600, 0)
	return call.Reservation{Token: token, Start: start, End: start.Add(time.Hour)}, token == "v-1"
}

// world is the services over a fake and two directories.
type world struct {
	t           *testing.T
	fake        *fake
	media, logs string
	handler     http.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, fake: &fake{}, media: t.TempDir(), logs: t.TempDir()}
	a, err := auth.New(auth.Config{Refuse: webservice.Refuse})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	webservice.New(webservice.Config{
		Applications: w.fake, Rooms: w.fake, Reservations: w.fake, MaxParticipants: 200, Inbound: func() []string { return []string{"reception"} },
		MediaDirectory: w.media, LogDirectory: w.logs,
	}).Register(mux, a)
	w.handler = mux
	return w
}

func (w *world) do(r *http.Request) (status int, body []byte) {
	w.t.Helper()
	r.RemoteAddr, r.Host = "127.0.0.1:4000", "localhost:8080"
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Code, rec.Body.Bytes()
}

// ask asks with GET or a POSTed form.
func (w *world) ask(method, path string, v url.Values) (int, []byte) {
	w.t.Helper()
	if method == http.MethodGet {
		return w.do(httptest.NewRequest(method, path+"?"+v.Encode(), nil))
	}
	r := httptest.NewRequest(method, path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return w.do(r)
}

// errorOf reads an error object, every member of which must be there.
func errorOf(t *testing.T, body []byte) (code, text string, details []string) {
	t.Helper()
	var e struct {
		Error struct {
			Code, Text, Datetime string
			Link                 *string
			Details              []string
		}
		Request struct{ URL, Datetime string }
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, at := range []string{e.Error.Datetime, e.Request.Datetime} {
		if _, err := time.Parse("2006-01-02_15:04:05", at); err != nil {
			t.Errorf("datetime %q", at)
		}
	}
	if e.Error.Link == nil || !strings.HasPrefix(e.Request.URL, "/") || strings.Contains(e.Request.URL, "?") || e.Error.Details == nil {
		t.Errorf("error object %s", body)
	}
	return e.Error.Code, e.Error.Text, e.Error.Details
}

// parameter is one parameter of a service.
type parameter struct {
	name, value string
	required    bool
	malformed   []string // 0002
	zero        string   // 0004
	free        bool     // any text goes
}

// now is when the tests happen: 2026-03-02 10:00:00 UTC.
var now = time.Unix(1772445600, 0).UTC()

const notNumbers = "x|-1|1.5| 1|1e2|+1|99999999999999999999"

// services are all services with their parameters.
func services() map[string][]parameter {
	ids := func(name, value string) parameter {
		return parameter{name: name, value: value, required: true, malformed: []string{"/", "r-1//r-2", "/r-1", strings.Repeat("a", 129), strings.Repeat("a/", 1001) + "a"}}
	}
	room := parameter{name: "conference_name", value: "room", required: true, free: true}
	member := parameter{name: "participant_id", value: "a.1", required: true, free: true}
	token := parameter{name: "reservation_token", value: "v-1", required: true, free: true}
	yesNo := func(name string) parameter {
		return parameter{name: name, value: "true", malformed: []string{"", "True", "1", "yes"}}
	}
	filetype := parameter{name: "filetype", value: "media", required: true, malformed: []string{"Media", "x"}}
	filename := parameter{name: "filename", value: "a.wav", required: true, malformed: []string{
		"../a.wav", "a/../b.wav", "a//b.wav", "a/./b.wav", "a.mp3", "a\x00.wav", "a b.wav", "é.wav", "/", "//a.wav", strings.Repeat("a", 256) + ".wav",
	}}
	return map[string][]parameter{
		"/service_start": {
			{name: "service", value: "caller", required: true, free: true},
			{name: "rest_calls", value: `{"to":"sip:a@x"}`, required: true, malformed: []string{
				"x", "[]", "{", `"a"`, "1", "null, ", `[{"to":"a"},1]`, `{"to":1}`, `{"to":"a","from":1}`, `{"to":"a","token":1}`,
				`{"to":"a","outbound_parameters":{}}`, `{"to":"a"}{"to":"b"}`, "[" + strings.Repeat(`{"to":"a"},`, 100) + `{"to":"a"}]`,
			}},
		},
		"/service_cancel":     {ids("service_invocation_reference_ids", "r-1")},
		"/service_status":     {ids("service_invocation_reference_ids", "r-1/r-1")},
		"/application_status": {{name: "application_instance_id", value: "a.1", required: true, free: true}},
		"/rest_interrupt": {
			ids("application_instance_ids", "a.1/b.2"),
			{name: "redirect_page", value: "http://app.test/x", malformed: []string{"x", "/x", "ftp://h/", "http://", "http://h/%zz", "javascript:alert(1)"}},
			{name: "redirect_method", value: "GET", malformed: []string{"get", "PUT"}},
			yesNo("detail"),
		},
		"/conference_list":                    {},
		"/conference_participant_list":        {room},
		"/conference_participant_set_options": {room, member, yesNo("mute"), yesNo("enable_dtmf")},
		"/conference_participant_eject":       {room, member},
		"/conference_reservation_create": {
			{name: "conference_name", value: "board1", required: true, malformed: []string{"a b", "a-b", "é", strings.Repeat("a", 48)}},
			{name: "max_participants", value: "10", required: true, zero: "0", malformed: append(strings.Split(notNumbers, "|"), "201", "351")},
			{name: "start_time", value: "2026-03-02T10:05:59Z", required: true, malformed: []string{
				"tomorrow", "1772449200", "2026-03-02", "2026-03-02T10:04:59Z", "2026-03-02T09:00:00Z", "2026-03-03T10:00:01Z",
				"2026-03-02T12:00:00+02:00", "2026-03-02 11:00:00Z", "2026-03-02T11:00:00", "2026-13-02T11:00:00Z",
			}},
			{name: "duration_minutes", value: "60", required: true, zero: "0", malformed: append(strings.Split(notNumbers, "|"), "1441")},
			{name: "divert", value: "reception", malformed: []string{"nobody"}},
		},
		"/conference_reservation_modify": {token, {name: "additional_minutes", value: "5", required: true, zero: "0", malformed: append(strings.Split(notNumbers, "|"), "1441", "1381")}},
		"/conference_reservation_remove": {token},
		"/file_list": {
			filetype,
			{name: "prefix", value: "a", free: true},
			{name: "start_after", value: "a", free: true},
			{name: "limit", value: "5", zero: "0", malformed: append(strings.Split(notNumbers, "|"), "", "1001")},
		},
		"/file_read":   {filetype, filename},
		"/file_delete": {filetype, filename},
	}
}

func TestParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		for path, list := range services() {
			checkService(t, path, list)
		}
	})
}

func valid(list []parameter) url.Values {
	v := url.Values{}
	for _, p := range list {
		v.Set(p.name, p.value)
	}
	return v
}

// checkService tries every fault of every parameter, by GET and POST.
func checkService(t *testing.T, path string, list []parameter) {
	t.Helper()
	w := newWorld(t)
	write(t, w.media, "a.wav", tone(t))
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		refused := func(what string, v url.Values, code, name string) {
			t.Helper()
			status, body := w.ask(method, path, v)
			if status != http.StatusBadRequest {
				t.Errorf("%s %s: %s: status %d: %s", method, path, what, status, body)
				return
			}
			got, _, details := errorOf(t, body)
			if got != code || len(details) == 0 || !strings.HasPrefix(details[0], name) {
				t.Errorf("%s %s: %s: %s %v, want %s %s", method, path, what, got, details, code, name)
			}
		}
		if status, body := w.ask(method, path, valid(list)); status != http.StatusOK || path != "/file_read" && !json.Valid(body) {
			t.Errorf("%s %s: %d: %s", method, path, status, body)
		}
		if path == "/file_delete" {
			write(t, w.media, "a.wav", tone(t))
		}
		for _, p := range list {
			v := valid(list)
			v.Del(p.name)
			if p.required {
				refused("missing "+p.name, v, "0001", p.name)
				v.Set(p.name, "")
				refused("empty "+p.name, v, "0001", p.name)
			} else if status, body := w.ask(method, path, v); status != http.StatusOK {
				t.Errorf("%s %s without %s: %d: %s", method, path, p.name, status, body)
			}
			v = valid(list)
			v.Add(p.name, p.value)
			refused("twice "+p.name, v, "0003", p.name)
			v.Set(p.name, strings.Repeat("9", 9<<20))
			if method == http.MethodPost {
				if status, _ := w.ask(method, path, v); status != http.StatusBadRequest {
					t.Errorf("%s: oversized %s: status %d", path, p.name, status)
				}
			}
			if path != "/service_start" || p.name != "rest_calls" {
				v.Set(p.name, strings.Repeat("9", 200_000))
				refused("oversized "+p.name, v, "0002", p.name)
			}
			if p.zero != "" {
				v.Set(p.name, p.zero)
				refused("zero "+p.name, v, "0004", p.name)
			}
			for _, bad := range p.malformed {
				v.Set(p.name, bad)
				refused(fmt.Sprintf("%s %.40q", p.name, bad), v, "0002", p.name)
			}
			if p.free {
				v.Set(p.name, "a\r\nb")
				refused("line break in "+p.name, v, "0002", p.name)
			}
		}
	}
}

func TestOptionsWantSomethingToChange(t *testing.T) {
	w := newWorld(t)
	v := url.Values{"conference_name": {"room"}, "participant_id": {"a.1"}}
	status, body := w.ask(http.MethodGet, "/conference_participant_set_options", v)
	if code, _, details := errorOf(t, body); status != http.StatusBadRequest || code != "0001" || !slices.Equal(details, []string{"mute", "enable_dtmf"}) {
		t.Errorf("%d %s", status, body)
	}
}

func TestEveryServiceHasATable(t *testing.T) {
	tables := services()
	for _, path := range webservice.Paths() {
		if _, ok := tables[path]; !ok && path != "/file_write" {
			t.Errorf("%s is not tested", path)
		}
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name, method, target, contentType, body string
		status                                  int
		code                                    string
	}{
		{"another method", "PUT", "/conference_list", "", "", 405, "HTTP 405"},
		{"HEAD", "HEAD", "/conference_list", "", "", 405, "HTTP 405"},
		{"a file written with GET", "GET", "/file_write", "", "", 405, "HTTP 405"},
		{"JSON", "POST", "/conference_list", "application/json", "{}", 415, "HTTP 415"},
		{"a form without its type", "POST", "/conference_list", "", "a=b", 415, "HTTP 415"},
		{"a broken query", "GET", "/conference_list?a=%zz", "", "", 400, "0002"},
		{"a query with semicolons", "GET", "/conference_list?a;b", "", "", 400, "0002"},
		{"a broken form", "POST", "/conference_list", "application/x-www-form-urlencoded", "a=%zz", 400, "0002"},
		{"a name in query and form", "POST", "/conference_participant_list?conference_name=room", "application/x-www-form-urlencoded", "conference_name=room", 400, "0003"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			status, body := w.do(r)
			if status != tt.status {
				t.Fatalf("status %d: %s", status, body)
			}
			if code, _, _ := errorOf(t, body); code != tt.code {
				t.Errorf("code %s, want %s", code, tt.code)
			}
		})
	}
	t.Run("parameters of a POST may stand in the query", func(t *testing.T) {
		if status, body := w.do(httptest.NewRequest("POST", "/conference_participant_list?conference_name=room", nil)); status != 200 {
			t.Errorf("%d: %s", status, body)
		}
	})
	t.Run("secrets of the query are not in the error", func(t *testing.T) {
		_, body := w.do(httptest.NewRequest("GET", "/service_start?rest_calls=hunter2", nil))
		if bytes.Contains(body, []byte("hunter2")) {
			t.Errorf("%s", body)
		}
	})
}

func TestUnknownThings(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ path, query, detail string }{
		{"/service_cancel", "service_invocation_reference_ids=r-9", "service_invocation_reference_ids"},
		{"/service_status", "service_invocation_reference_ids=r-9", "service_invocation_reference_ids"},
		{"/application_status", "application_instance_id=x", "application_instance_id"},
		{"/conference_participant_list", "conference_name=x", "conference_name"},
		{"/conference_participant_set_options", "conference_name=x&participant_id=a.1&mute=true", "conference_name"},
		{"/conference_participant_set_options", "conference_name=room&participant_id=x&mute=true", "participant_id"},
		{"/conference_participant_eject", "conference_name=x&participant_id=a.1", "conference_name"},
		{"/conference_participant_eject", "conference_name=room&participant_id=x", "participant_id"},
		{"/file_read", "filetype=media&filename=x.wav", "filename"},
		{"/file_read", "filetype=rest&filename=x.log", "filename"},
		{"/file_delete", "filetype=media&filename=x/y.wav", "filename"},
	} {
		status, body := w.do(httptest.NewRequest("GET", tt.path+"?"+tt.query, nil))
		code, _, details := errorOf(t, body)
		if status != 404 || code != "HTTP 404" || !slices.Equal(details, []string{tt.detail}) {
			t.Errorf("%s?%s: %d %s", tt.path, tt.query, status, body)
		}
	}
	for _, path := range []string{"/conference_reservation_modify", "/conference_reservation_remove"} {
		status, body := w.do(httptest.NewRequest("GET", path+"?reservation_token=x&additional_minutes=5", nil))
		if code, _, _ := errorOf(t, body); status != 400 || code != "0405" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestServiceStartPassesCallsOn(t *testing.T) {
	w := newWorld(t)
	status, body := w.ask("POST", "/service_start", url.Values{
		"service": {"caller"}, "outbound_parameters": {` [{"to":"tel:441908","from":"12","token":"t","outbound_parameters":"p","other":1},{"to":"a@b","token":null}]`},
	})
	if status != 200 || strings.TrimSpace(string(body)) != `["r-1","r-2"]` {
		t.Fatalf("%d: %s", status, body)
	}
	got := w.fake.started
	if got.Service != "caller" || len(got.Calls) != 2 || got.Calls[0].To != "tel:441908" || got.Calls[0].From != "12" ||
		*got.Calls[0].Token != "t" || got.Calls[0].Parameters != "p" || got.Calls[1].Token != nil {
		t.Errorf("%+v", got)
	}
	status, body = w.ask("POST", "/service_start", url.Values{"service": {"c"}, "rest_calls": {`{"to":"a"}`}, "outbound_parameters": {`{"to":"a"}`}})
	if code, _, _ := errorOf(t, body); status != 400 || code != "0003" {
		t.Errorf("both names: %d %s", status, body)
	}
	status, body = w.ask("POST", "/service_start", url.Values{"service": {"c"}, "rest_calls": {`[{"to":"a"},{"from":"a"}]`}})
	if code, _, details := errorOf(t, body); status != 400 || code != "0001" || details[0] != "rest_calls[1].to" {
		t.Errorf("no to: %d %s", status, body)
	}
	for failure, want := range map[error]struct {
		status int
		code   string
	}{
		&restapi.CallError{Index: 1, Field: "to", Text: "no"}: {400, "0002"},
		fmt.Errorf("%w: x", restapi.ErrNoService):             {404, "HTTP 404"},
		restapi.ErrQueueFull:                                  {503, "HTTP 503"},
		restapi.ErrDraining:                                   {503, "HTTP 503"},
		errors.New("disk /var/x is on fire"):                  {500, "HTTP 500"},
	} {
		w.fake.failure = failure
		status, body := w.ask("POST", "/service_start", url.Values{"service": {"c"}, "rest_calls": {`{"to":"a"}`}})
		if code, _, _ := errorOf(t, body); status != want.status || code != want.code || bytes.Contains(body, []byte("/var/x")) {
			t.Errorf("%v: %d %s", failure, status, body)
		}
	}
}

func TestInterruptPassesThePageOn(t *testing.T) {
	w := newWorld(t)
	_, body := w.ask("GET", "/rest_interrupt", url.Values{
		"application_instance_ids": {"a.1/b.2/a.1"}, "redirect_page": {"https://app.test/x?y=1"}, "redirect_method": {"GET"}, "detail": {"true"},
	})
	if got := strings.TrimSpace(string(body)); got != `{"a.1":{"result":"interrupted","action":"play"},"b.2":{"result":"no such application","action":""}}` {
		t.Errorf("%s", got)
	}
	if w.fake.page != (restapi.Page{URL: "https://app.test/x?y=1", Method: "GET"}) {
		t.Errorf("page %+v", w.fake.page)
	}
	_, body = w.ask("GET", "/rest_interrupt", url.Values{"application_instance_ids": {"a.1"}, "detail": {"false"}})
	if got := strings.TrimSpace(string(body)); got != `{"a.1":"interrupted"}` {
		t.Errorf("%s", got)
	}
}

func TestReservationIsRoundedDownToTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		w := newWorld(t)
		for _, start := range []string{"2026-03-02T11:00:59Z", "2026-03-02T11:00Z", "20260302T110030Z", "2026-03-02T11:00:00+00:00"} {
			status, body := w.ask("GET", "/conference_reservation_create", url.Values{
				"conference_name": {"board"}, "max_participants": {"200"}, "start_time": {start}, "duration_minutes": {"1440"}, "divert": {"reception"},
			})
			if status != 200 || strings.TrimSpace(string(body)) != `{"reservation_token":"v-1","start_time":1772449200,"end_time":1772535600}` {
				t.Errorf("%s: %d %s", start, status, body)
			}
			if r := w.fake.booked; r.Conference != "board" || r.MaxParticipants != 200 || r.Divert != "reception" {
				t.Errorf("%+v", r)
			}
		}
		w.fake.failure = fmt.Errorf("%w: x", call.ErrReserved)
		status, body := w.ask("GET", "/conference_reservation_create", url.Values{
			"conference_name": {"board"}, "max_participants": {"200"}, "start_time": {"2026-03-02T11:00:59Z"}, "duration_minutes": {"1"},
		})
		if code, _, _ := errorOf(t, body); status != 409 || code != "HTTP 409" {
			t.Errorf("%d %s", status, body)
		}
	})
}

// tone is a file that can be played.
func tone(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := wav.Encode(&b, wav.PCM16, audio.ToneClip(8000, []float64{440}, -12, 100*time.Millisecond, 0)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
