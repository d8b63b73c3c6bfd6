package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
)

// applicationEnvironment is how many seconds the application of twenty pages
// is called.
const applicationEnvironment = "APPLICATION_SECONDS"

// TestApplicationOfTwentyPages calls an application of twenty pages with menus,
// numbers, recordings, connections and conferences, 20 calls a second. Callers
// press keys on their way; every request of every page is checked to the
// last key, and every caller must get to the end. APPLICATION_SECONDS=300
// makes it five minutes.
func TestApplicationOfTwentyPages(t *testing.T) {
	const perSecond = 20
	length := 15 * time.Second
	if s := os.Getenv(applicationEnvironment); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", applicationEnvironment, err)
		}
		length = time.Duration(n) * time.Second
	}
	calls := perSecond * int(length.Seconds())
	app := newHelpline(t)
	sound := audio.ToneClip(8000, []float64{700}, -20, 200*time.Millisecond, 0)
	goodbye := audio.ToneClip(8000, []float64{500}, -20, 1500*time.Millisecond, 0)
	m := setup{
		ports: 3000, app: &application{server: app.server},
		services: []service{
			{match: "helpline", first: "/first", final: "/final", error: "/error"},
			{match: "desk", first: "/desk/first", final: "/desk/final", error: "/error"},
		},
		files: map[string]*audio.Clip{"sound.wav": &sound, "goodbye.wav": &goodbye}, lasts: length,
	}.run(t)
	burst := sippCall{
		scenario: "application", user: "helpline", calls: calls, rate: perSecond, lasts: length + patience,
		// caller; language; customer number; branch; two keys more
		lines: []string{"1001;1;4;7;1;1;5;0", "1002;2;4;7;1;2;0;#", "1003;1;4;7;1;3;0;0", "1004;2;9;9;9;4;4;2"},
	}.start(t, m)
	burst.succeed(t)
	if ok, failed := burst.statistic(t, "SuccessfulCall(C)"), burst.statistic(t, "FailedCall(C)"); ok != calls || failed != 0 {
		t.Errorf("%d calls succeeded and %d failed of %d", ok, failed, calls)
	}
	eventually(t, "all final pages are asked", patience, func() bool { return app.count("/final") >= calls })
	app.judge(t, calls)
	m.expectIdle(t)
	m.expectAlive(t)
	t.Logf("%d calls, %d requests of %d pages, page requests took %.1f ms on average, up to %v between a key and the next page that wants one", calls, app.count(""), len(app.seen),
		1000*m.metric(t, "mediaserver_page_request_seconds_sum")/m.metric(t, "mediaserver_page_request_seconds_count"), app.wait.Round(time.Millisecond))
}

// helpline is the application. Its pages are stateless but for the journal.
type helpline struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	paths  map[string][]string  // of each instance, but for notifications
	tokens map[string]string    // that the next request of an instance must have; "" = null
	seen   map[string]int       // requests of each page
	latest map[string]time.Time // request of each instance
	wait   time.Duration        // longest between the page of a language and the next, in which no key counts
	faults []string
}

func newHelpline(t *testing.T) *helpline {
	t.Helper()
	h := &helpline{t: t, paths: map[string][]string{}, tokens: map[string]string{}, seen: map[string]int{}, latest: map[string]time.Time{}}
	h.server = httptest.NewServer(http.HandlerFunc(h.answer))
	t.Cleanup(h.server.Close)
	return h
}

// told is the instance info of a request.
type told = map[string]any

// webPage is a page of the application: what it is asked with, and what it
// answers.
type webPage struct {
	method string // "" = POST
	action string // of the action_result, "" = none
	call   string // direction, state: "in answered"
	final  string // of a call that has ended: cause and raw cause: "completed 200"
	answer func(id string, result told) []object

	dropped bool // the calls of connect that were dropped are told
}

// fixed is an answer that is always the same.
func fixed(actions ...object) func(string, told) []object {
	return func(string, told) []object { return actions }
}

// prompt plays the file; a digit stops it.
func prompt() object { return play("sound.wav") }

// announcement plays a file to its end.
func announcement(file string) object {
	return object{"play": object{"play_list": []object{{"file_to_play": file}}, "barge_in_on_digit": false}}
}

func goTo(page string) object { return object{"redirect": object{"next_page": page}} }

func choose(options ...string) object {
	var list []object
	for i, page := range options {
		list = append(list, object{"digit": strconv.Itoa(i + 1), "next_page": object{"url": page}})
	}
	return object{"run_menu": object{"prompt": prompt(), "menu_options": list, "seconds_digit_timeout": 20}}
}

// webPages are the pages by their paths.
var webPages = map[string]webPage{
	"/first":    {call: "in inbound", answer: fixed(announcement("sound.wav"), object{"redirect": object{"next_page": object{"url": "/language?from=first", "method": "GET"}}})},
	"/language": {method: "GET", call: "in answered", answer: fixed(choose("/english", "/german"), goTo("/lost"))},
	"/english":  {action: "run_menu", call: "in answered", answer: fixed(announcement("sound.wav"), goTo("/customer"))},
	"/german":   {action: "run_menu", call: "in answered", answer: fixed(announcement("sound.wav"), goTo("/customer"))},
	"/customer": {call: "in answered", answer: fixed(object{"get_number": object{
		"prompt": prompt(), "digit_count": 3, "end_digit": "", "next_page": "/customer/check",
		"milliseconds_inter_digit_timeout": 20000, "on_digit_timeout_messages": []object{},
	}}, goTo("/lost"))},
	"/customer/check": {action: "get_number", call: "in answered", answer: func(_ string, result told) []object {
		if result["entered_number"] == "471" {
			return []object{goTo("/main")}
		}
		return []object{goTo("/customer/unknown")}
	}},
	"/customer/unknown": {call: "in answered", answer: fixed(goTo("/main"))},
	"/main":             {call: "in answered", answer: fixed(choose("/message", "/meeting", "/agent", "/code"), goTo("/lost"))},
	"/message": {action: "run_menu", call: "in answered", answer: fixed(object{"record": object{
		"barge_in_digits": "5", "milliseconds_max_silence": 0, "seconds_max_duration": 20, "id": "message",
		"next_page": "/message/recorded", "recording_available_page": "/message/available",
	}}, goTo("/lost"))},
	"/message/recorded": {action: "record", call: "in answered", answer: func(_ string, result told) []object {
		name, _ := result["filename"].(string)
		return []object{announcement(name), {"delete_file": object{"filename": name}}, goTo("/goodbye")}
	}},
	"/meeting": {action: "run_menu", call: "in answered", answer: func(id string, _ told) []object {
		return []object{join("room-"+id[len(id)-1:], object{"exit_digit": "#"}, object{
			"next_page": "/meeting/left", "secondary_call": object{"first_page": "/meeting/first", "final_page": "/meeting/final"},
		}), goTo("/lost")}
	}},
	"/meeting/first": {call: "out answered", answer: fixed(prompt())},
	"/meeting/final": {call: "out idle", final: "completed 200", answer: fixed()},
	"/meeting/left":  {action: "connect_to_conference", call: "in answered", answer: fixed(goTo("/goodbye"))},
	"/agent": {action: "run_menu", call: "in answered", answer: fixed(object{"connect": object{
		"destinations": []string{"loc:s1"}, "next_page": "/agent/done",
		"secondary_call": object{"first_page": "/agent/first", "final_page": "/agent/final"},
	}}, goTo("/lost"))},
	"/agent/first": {call: "out answered", answer: fixed(prompt())},
	"/agent/final": {call: "out idle", final: "hung_up 200", dropped: true, answer: fixed()},
	"/agent/done":  {action: "connect", call: "in answered", answer: fixed(goTo("/goodbye"))},
	"/code": {action: "run_menu", call: "in answered", answer: fixed(object{"get_input": object{
		"speech_input_mode": "disabled", "digit_input_options": object{"digit_count": 2, "milliseconds_inter_digit_timeout": 20000},
		"next_page": "/code/entered",
	}}, goTo("/lost"))},
	"/code/entered": {action: "get_input", call: "in answered", answer: fixed(goTo("/goodbye"))},
	"/goodbye":      {call: "in answered", answer: fixed(announcement("goodbye.wav"), object{"hang_up": object{}})},
	"/final":        {call: "in idle", final: "completed 200", answer: fixed()},

	// The agent is a service of its own.
	"/desk/first": {call: "in inbound", answer: fixed(object{"answer": object{}}, object{"sleep": object{"seconds": 4}}, object{"hang_up": object{}})},
	"/desk/final": {call: "in idle", final: "completed 200", answer: fixed()},
}

// ways are the courses of instances.
var ways = [][]string{
	strings.Fields("/first /language /english /customer /customer/check /main /message /message/recorded /goodbye /final"),
	strings.Fields("/first /language /german /customer /customer/check /main /meeting /meeting/first /meeting/final /meeting/left /goodbye /final"),
	strings.Fields("/first /language /english /customer /customer/check /main /agent /agent/first /agent/final /agent/done /goodbye /final"),
	strings.Fields("/first /language /german /customer /customer/check /customer/unknown /main /code /code/entered /goodbye /final"),
	strings.Fields("/desk/first /desk/final"),
}

// answer checks a request and answers it.
func (h *helpline) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.fault(r.URL.Path, "%v", err)
	}
	if r.Method == http.MethodGet {
		if len(body) > 0 || r.URL.Query().Get("from") != "first" {
			h.fault(r.URL.Path, "asked with %s and %d bytes", r.URL.RawQuery, len(body))
		}
		body = []byte(r.URL.Query().Get("instance_info"))
	}
	var info told
	if err := json.Unmarshal(body, &info); err != nil {
		h.fault(r.URL.Path, "%v in %s", err, body)
		return
	}
	id, _ := info["application_instance_id"].(string)
	if r.URL.Path == "/message/available" {
		h.note("", r.URL.Path)
		h.check(r.URL.Path, string(body), info, notificationShape)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	page, known := webPages[r.URL.Path]
	if !known {
		h.fault(r.URL.Path, "asked with %s", body)
	}
	h.note(id, r.URL.Path)
	h.check(r.URL.Path, string(body), info, page.shape(info))
	if method := page.method; method != r.Method && (method != "" || r.Method != http.MethodPost) {
		h.fault(r.URL.Path, "asked by %s", r.Method)
	}
	h.checkToken(r.URL.Path, id, info["token"])
	result, _ := info["action_result"].(told)
	result, _ = result["result"].(told)
	actions := []object{}
	if page.answer != nil {
		actions = append(actions, page.answer(id, result)...)
	}
	h.mu.Lock()
	h.tokens[id] = r.URL.Path + " of " + id
	h.mu.Unlock()
	err = json.NewEncoder(w).Encode(object{"api_version": "2.0", "token": r.URL.Path + " of " + id, "actions": actions})
	if err != nil {
		h.fault(r.URL.Path, "%v", err)
	}
}

// shape is what the instance info has to be, key by key: a regular expression
// for the JSON of the value, or an object.
type shape map[string]any

const (
	textShape   = `"[^"]+"`
	secondShape = `\d+\.\d`
	logShape    = `"\d{4}/\d\d/\d\d/\d\d_\d\d_\d\d_[0-9a-f]{16}\.\d+\.log"`
	idShape     = `"[0-9a-f]{16}\.\d+"`
	fileShape   = `"/rest_api/recordings/\d{4}/\d\d/\d\d/\d\d_\d\d_\d\d_[0-9a-f]{16}\.\d+(_\d+)?\.wav"`
)

// resultShapes are the results of actions.
var resultShapes = map[string]shape{
	"run_menu":              {"selected_digit": `"[1-4]"`},
	"get_number":            {"entered_number": `"(471|999)"`},
	"get_input":             {"entered_digits": `"42"`},
	"record":                {"filename": fileShape, "contains_sound": "false", "seconds_duration": secondShape, "id": `"message"`},
	"connect_to_conference": {"seconds_connected_duration": secondShape},
	"connect":               {"seconds_connected_duration": secondShape},
}

var notificationShape = shape{
	"application_instance_id": idShape, "token": `"/main of .*"|"/message of .*"|"/message/recorded of .*"`, "log_filename": logShape, "is_notification": "true",
	"action_result": shape{"action": `"record"`, "result": resultShapes["record"]},
}

// shape is what the page has to be told.
func (p webPage) shape(info told) shape {
	direction, state, _ := strings.Cut(p.call, " ")
	call := shape{
		"call_id": `"c-[0-9a-f]+"`, "call_direction": strconv.Quote(direction), "call_from": textShape, "call_to": textShape,
		"call_target": textShape, "call_divert": `""`, "seconds_call_duration": secondShape, "call_state": strconv.Quote(state),
		"application_parameters": `""`,
	}
	if direction == "in" {
		call["call_attestation"] = `""`
	}
	if state == "inbound" {
		call["seconds_call_duration"] = `0\.0`
	}
	if cause, raw, ok := strings.Cut(p.final, " "); ok {
		call["call_cause"], call["call_raw_cause"] = strconv.Quote(cause), strconv.Quote(raw)
	}
	s := shape{
		"application_instance_id": idShape, "token": `null|"/.* of .*"`, "log_filename": logShape, "is_notification": "false", "this_call": call,
	}
	if p.dropped {
		s["dropped_calls"] = `\[\]` // nobody else was called
	}
	if p.action != "" {
		s["action_result"] = shape{"action": strconv.Quote(p.action), "result": resultShapes[p.action]}
	}
	return s
}

// check compares an instance info with its shape: every key, and no other.
func (h *helpline) check(path, body string, info told, want shape) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &raw); err != nil {
		h.fault(path, "%v in %s", err, body)
		return
	}
	for key, part := range want {
		value, ok := raw[key]
		if !ok {
			h.fault(path, "%s is missing in %s", key, body)
			continue
		}
		delete(raw, key)
		switch part := part.(type) {
		case shape:
			inner, _ := info[key].(told)
			h.check(path, string(value), inner, part)
		case string:
			if ok, err := regexp.MatchString("^("+part+")$", string(value)); err != nil || !ok {
				h.fault(path, "%s is %s, not %s, in %s (%v)", key, value, part, body, err)
			}
		}
	}
	for key := range raw {
		h.fault(path, "nobody knows %s in %s", key, body)
	}
}

// checkToken wants the token that was returned last.
func (h *helpline) checkToken(path, id string, token any) {
	h.mu.Lock()
	want := h.tokens[id]
	h.mu.Unlock()
	if got, _ := token.(string); got != want {
		h.fault(path, "the token is %q, not %q", got, want)
	}
}

// note keeps a request in the journal.
func (h *helpline) note(id, path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen[path]++
	if id != "" {
		h.paths[id] = append(h.paths[id], path)
		now := time.Now()
		if path == "/customer" {
			h.wait = max(h.wait, now.Sub(h.latest[id]))
		}
		h.latest[id] = now
	}
}

func (h *helpline) fault(path, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, path+": "+fmt.Sprintf(format, args...))
}

// count is how often a page was asked, "" for all.
func (h *helpline) count(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for p, times := range h.seen {
		if path == "" || p == path {
			n += times
		}
	}
	return n
}

// judge wants every instance to have gone one of the ways, and every fourth
// call each.
func (h *helpline) judge(t *testing.T, calls int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	const most = 10
	for i, fault := range h.faults {
		if i == most {
			t.Errorf("and %d more", len(h.faults)-most)
			break
		}
		t.Error(fault)
	}
	gone := make([]int, len(ways))
	lost := 0
	for id, paths := range h.paths {
		i := slices.IndexFunc(ways, func(way []string) bool { return slices.Equal(way, paths) })
		if i >= 0 {
			gone[i]++
			continue
		}
		if lost++; lost <= most {
			t.Errorf("instance %s was at %v", id, paths)
		}
	}
	for i, n := range gone {
		if want := calls / 4; n != want {
			t.Errorf("%d instances went by %v, want %d; %d were lost", n, ways[i], want, lost)
		}
	}
	if n := h.seen["/message/available"]; n != calls/4 {
		t.Errorf("%d notifications of %d recordings", n, calls/4)
	}
}
