package golden

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/call"
	"mediaserver/restapi"
	"mediaserver/restapi/auth"
	"mediaserver/restapi/webservice"
	"mediaserver/sip"
)

// services are the web services of the world, for a client on this machine.
func (w *world) services(inbound string, most int, log *slog.Logger) http.Handler {
	w.t.Helper()
	a, err := auth.New(auth.Config{Refuse: webservice.Refuse})
	if err != nil {
		w.t.Fatal(err)
	}
	mux := http.NewServeMux()
	webservice.New(webservice.Config{
		Applications: w.api, Rooms: w.manager, Reservations: w.manager, MaxParticipants: most,
		Inbound: func() []string { return []string{inbound} }, MediaDirectory: w.media, LogDirectory: w.logs, Logger: log,
	}).Register(mux, a)
	return mux
}

// ask asks a web service with parameters, name and value in turn, and returns
// its answer, which must be 200.
func (w *world) ask(path string, parameters ...string) any {
	w.t.Helper()
	status, answer := w.askFor(path, parameters...)
	if status != http.StatusOK {
		w.t.Fatalf("/%s %q: %d %v", path, parameters, status, answer)
	}
	return answer
}

// askFor is ask for any status.
func (w *world) askFor(path string, parameters ...string) (int, any) {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		form.Add(parameters[i], parameters[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8080/"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "127.0.0.1:5000"
	rec := httptest.NewRecorder()
	w.web.ServeHTTP(rec, r)
	var answer any
	decoder := json.NewDecoder(rec.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		w.t.Fatalf("/%s: the answer is not JSON: %v", path, err)
	}
	return rec.Code, answer
}

// want asserts a value within the answer of a web service; numbers are places
// in arrays.
func want(t *testing.T, answer, value any, path ...any) {
	t.Helper()
	got := answer
	for _, key := range path {
		switch k := key.(type) {
		case string:
			m, _ := got.(map[string]any)
			got = m[k]
		case int:
			l, _ := got.([]any)
			if k >= len(l) {
				t.Fatalf("%v: no element %d in %v", path, k, got)
			}
			got = l[k]
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(value) {
		t.Errorf("%v is %v, want %v, in %v", path, got, value, answer)
	}
}

// instanceOf is the id of a caller's application instance.
func (w *world) instanceOf(caller string) string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		if r.caller == caller {
			return r.info["application_instance_id"].(string)
		}
	}
	w.t.Fatalf("no page was asked for %s", caller)
	return ""
}

// network is telephones that a test dials into: it answers, refuses or
// lets it ring.
type network struct {
	refuse int // SIP code, 0: none
	rings  time.Duration

	mu      sync.Mutex
	w       *world
	dialled []sip.InviteRequest
	phones  []*phone
}

func (*network) Route(context.Context, string) (netip.Addr, error) {
	return netip.MustParseAddr("192.0.2.100"), nil
}

func (c *network) Dial(ctx context.Context, r sip.InviteRequest, _ func(sip.Progress)) (call.OutboundDialog, error) {
	c.mu.Lock()
	c.dialled = append(c.dialled, r)
	c.mu.Unlock()
	select {
	case <-time.After(c.rings):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.refuse != 0 {
		return nil, &sip.StatusError{Code: c.refuse}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	to := c.w.phoneOf(r.To, c.w.outbound)
	to.wire.heard = to.hear
	to.say(toneQ)
	close(to.up)
	c.w.tasks.Go(to.run)
	c.phones = append(c.phones, to)
	return remote{to}, nil
}

func (c *network) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.dialled)
}

// outbound is an outbound service.
func outbound(change func(*restapi.Service)) []restapi.Service {
	s := restapi.Service{
		Name: "caller", Direction: call.Out, APIVersion: restapi.Version2,
		FirstPage: restapi.Page{URL: "http://app.test/ofirst"},
		FinalPage: restapi.Page{URL: "http://app.test/ofinal"},
		ErrorPage: restapi.Page{URL: "http://app.test/oerror"},
	}
	if change != nil {
		change(&s)
	}
	return []restapi.Service{s}
}

func TestG01NameOfARoomIsListed(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(join("Quiz.1_a-b@c", quiet())))
		w.dial(p, phoneOptions{})
		w.at(second)
		list := w.ask("conference_list")
		want(t, list, "Quiz.1_a-b@c", "conferences", 0, "conference_name")
		want(t, list, "HOLDING", "conferences", 0, "state")
		want(t, list, 1, "conferences", 0, "participants")
		want(t, list, false, "conferences", 0, "reserved")
		w.dial(q, phoneOptions{})
		w.at(2 * second)
		want(t, w.ask("conference_list"), "ACTIVE", "conferences", 0, "state")
	})
}

func TestParticipantsAreListedInTheOrderOfTheirEntry(t *testing.T) {
	run(t, options{}, func(w *world) {
		meet(w, quiet(), quiet(dict{"talker": false, "start_on_entry": false, "destroy_on_exit": true}))
		w.at(2 * second)
		list := w.ask("conference_participant_list", "conference_name", "room")
		want(t, list, "room", "conference_name")
		want(t, list, w.instanceOf(p), "participants", 0, "participant_id")
		want(t, list, w.instanceOf(q), "participants", 1, "participant_id")
		want(t, list, q, "participants", 1, "call_from")
		for key, value := range map[string]bool{"talker": true, "muted": false, "enable_dtmf": true, "start_on_entry": true, "destroy_on_exit": false, "connected": true} {
			want(t, list, value, "participants", 0, key)
		}
		for key, value := range map[string]bool{"talker": false, "start_on_entry": false, "destroy_on_exit": true} {
			want(t, list, value, "participants", 1, key)
		}
	})
}

func TestG15OnlyUnmuteDigitAfterTheWebServiceMuted(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"unmute_digit": "8"}), quiet())
		w.at(2 * second)
		answer := w.ask("conference_participant_set_options", "conference_name", "room", "participant_id", w.instanceOf(p), "mute", "true")
		want(t, answer, w.instanceOf(p), "participant_id")
		want(t, answer, true, "muted")
		want(t, answer, true, "enable_dtmf")
		w.at(4 * second)
		ph[0].press("8")
		w.at(6 * second)
		ph[0].press("8")
		w.at(8 * second)
		ph[1].hearsNot(toneP, 2100*milli, 4*second)
		ph[1].hears(toneP, 4300*milli, 6*second)
		ph[1].hears(toneP, 6300*milli, 8*second)
	})
}

func TestG33DestroyOnExitByEjection(t *testing.T) {
	destroyed(t, nil, func(w *world, _ *phone) {
		want(t, w.ask("conference_participant_eject", "conference_name", "room", "participant_id", w.instanceOf(r)), "ejected", "result")
	}, "first", "sfinal", "next", "final")
}

func TestG74InterruptWhileConnected(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(endPages("room", quiet())))
		w.on("elsewhere", answer(dict{"sleep": dict{"seconds": 5}}))
		w.dial(p, phoneOptions{})
		w.at(3 * second)
		id := w.instanceOf(p)
		result := w.ask("rest_interrupt", "application_instance_ids", id, "redirect_page", "http://app.test/elsewhere")
		want(t, result, "interrupted", id)
		w.at(4 * second)
		w.wantAsked(p, "first", "sfinal", "elsewhere")
		wantValue(t, w.request("sfinal", p).info, "dropped", "this_call", "call_cause")
		info := w.request("elsewhere", p).info
		wantValue(t, info, "connect_to_conference", "action_result", "action")
		wantValue(t, info, true, "action_result", "interrupted")
		if _, has := get(t, info, "action_result").(dict)["result"]; has {
			t.Error("the redirect page of an interrupt gets a result")
		}
		w.at(9 * second)
		w.wantAsked(p, "first", "sfinal", "elsewhere", "final")
		wantValue(t, w.request("final", p).info, "completed", "this_call", "call_cause")
	})
}

func TestG80TheWebServiceMutesAndADigitUnmutes(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"mute_digit": "7"}), quiet())
		w.at(2 * second)
		w.ask("conference_participant_set_options", "conference_name", "room", "participant_id", w.instanceOf(p), "mute", "true")
		w.at(4 * second)
		ph[0].press("7")
		w.at(6 * second)
		ph[1].hears(toneP, 1200*milli, 2*second)
		ph[1].hearsNot(toneP, 2100*milli, 4*second)
		ph[1].hears(toneP, 4300*milli, 6*second)
	})
}

func TestG81DigitsSwitchedOff(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"exit_digit": "#", "mute_digit": "7", "unmute_digit": "8"}), quiet())
		w.at(2 * second)
		answer := w.ask("conference_participant_set_options", "conference_name", "room", "participant_id", w.instanceOf(p), "enable_dtmf", "false")
		want(t, answer, false, "enable_dtmf")
		want(t, answer, false, "muted")
		ph[0].press("7")
		w.at(4 * second)
		ph[0].press("#")
		w.at(6 * second)
		ph[1].hears(toneP, 2300*milli, 4*second)
		ph[1].hears(toneP, 4300*milli, 6*second)
		w.ask("conference_participant_set_options", "conference_name", "room", "participant_id", w.instanceOf(p), "enable_dtmf", "true")
		ph[0].press("#")
		w.at(8 * second)
		ph[1].hearsNot(toneP, 6300*milli, 8*second)
	})
}

func TestG82Eject(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(endPages("room", quiet())))
		w.dial(p, phoneOptions{})
		w.at(10 * second)
		id := w.instanceOf(p)
		answer := w.ask("conference_participant_eject", "conference_name", "room", "participant_id", id)
		want(t, answer, id, "participant_id")
		want(t, answer, "ejected", "result")
		w.at(11 * second)
		w.wantAsked(p, "first", "sfinal", "next", "final")
		wantValue(t, w.request("sfinal", p).info, "hung_up", "this_call", "call_cause")
		wantValue(t, w.request("next", p).info, 10, "action_result", "result", "seconds_connected_duration")
	})
}

func TestInterrupts(t *testing.T) {
	const target = "http://app.test/elsewhere"
	t.Run("without a redirect page the call is hung up", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first", answer(dict{"answer": dict{}}, dict{"sleep": dict{"seconds": 60}}))
			a := w.dial(p, phoneOptions{})
			w.at(2 * second)
			w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p))
			w.at(3 * second)
			w.wantAsked(p, "first", "final")
			wantValue(t, w.request("final", p).info, "completed", "this_call", "call_cause")
			if a.Err() == nil {
				t.Error("the caller was not hung up")
			}
		})
	})
	t.Run("a play stops at once and the list is dropped", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.file("long.wav", 700, 20*second)
			w.file("new.wav", 1400, second)
			w.on("first", answer(file("long.wav"), file("long.wav")))
			w.on("elsewhere", answer(file("new.wav")))
			a := w.dial(p, phoneOptions{})
			w.at(2 * second)
			w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", target, "redirect_method", "GET")
			w.at(4 * second)
			a.hears(700, 100*milli, 2*second)
			a.hearsNot(700, 2100*milli, 4*second)
			a.hears(1400, 2100*milli, 2900*milli)
			w.wantAsked(p, "first", "elsewhere", "final")
			if m := w.request("elsewhere", p).method; m != "GET" {
				t.Errorf("method %s", m)
			}
			wantValue(t, w.request("elsewhere", p).info, "play", "action_result", "action")
		})
	})
	t.Run("a page under way is waited for and its answer dropped, but for the token", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.page("first", page2(3*second, encode(dict{"api_version": "2.0", "token": "t-1", "actions": []dict{file("absent.wav")}})))
			w.dial(p, phoneOptions{})
			w.at(second)
			id := w.instanceOf(p)
			detail := w.ask("rest_interrupt", "application_instance_ids", id, "redirect_page", target, "detail", "true")
			want(t, detail, "interrupted", id, "result")
			want(t, detail, "", id, "action")
			w.at(2 * second)
			w.wantAsked(p, "first")
			w.at(4 * second)
			w.wantAsked(p, "first", "elsewhere", "final")
			wantValue(t, w.request("elsewhere", p).info, "t-1", "token")
		})
	})
	t.Run("the secondary first page is waited for, then its final page is asked", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first", answer(allPages("room", quiet())))
			w.page("sfirst", page2(3*second, answer()))
			w.dial(p, phoneOptions{})
			w.at(second)
			w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", target)
			w.at(5 * second)
			w.wantAsked(p, "first", "sfirst", "sfinal", "elsewhere", "final")
		})
	})
	t.Run("the last redirect page counts", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.page("first", page2(3*second, answer()))
			w.dial(p, phoneOptions{})
			w.at(second)
			w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", "http://app.test/other")
			w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", target)
			w.at(5 * second)
			w.wantAsked(p, "first", "elsewhere", "final")
		})
	})
	t.Run("what has ended and what never was", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.dial(p, phoneOptions{})
			w.at(second)
			id := w.instanceOf(p)
			result := w.ask("rest_interrupt", "application_instance_ids", id+"/x.1")
			want(t, result, "application already completed", id)
			want(t, result, "no such application", "x.1")
		})
	})
	t.Run("a redirect page that fails is an error of the application", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first", answer(dict{"sleep": dict{"seconds": 60}}))
			w.page("elsewhere", page{status: 500})
			w.dial(p, phoneOptions{})
			w.at(second)
			w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", target)
			w.at(2 * second)
			w.wantAsked(p, "first", "elsewhere", "error", "final")
			wantCode(t, w.request("error", p), "PAGE_HTTP_STATUS")
		})
	})
}

// page2 answers after a while.
func page2(delay time.Duration, body string) page {
	return page{delay: delay, body: func(request) string { return body }}
}

func TestApplicationStatus(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(endPages("room", quiet(dict{"exit_digit": "1"}))))
		w.on("next", answer(file("absent.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		id := w.instanceOf(p)
		status := w.ask("application_status", "application_instance_id", id)
		want(t, status, id, "adr", "application_instance_id")
		want(t, status, "golden", "adr", "application_name")
		want(t, status, w.start.Unix(), "adr", "start_time")
		want(t, status, w.start.UTC().Format("2006-01-02_15:04:05"), "adr", "start_datetime")
		want(t, status, 1, "adr", "extra_channel_count")
		for _, key := range []string{"stop_time", "stop_datetime", "duration"} {
			want(t, status, nil, "adr", key)
		}
		want(t, status, "answered", "cdrs", 0, "call_state")
		want(t, status, "room", "cdrs", 1, "call_to")
		want(t, status, []any{}, "errs")
		a.press("1")
		w.at(6 * second)
		status = w.ask("application_status", "application_instance_id", id)
		want(t, status, 3, "adr", "duration")
		want(t, status, w.start.Add(3*second).UTC().Format("2006-01-02_15:04:05"), "adr", "stop_datetime")
		want(t, status, "failed", "cdrs", 0, "call_cause")
		want(t, status, "completed", "cdrs", 1, "call_cause")
		want(t, status, "play", "errs", 0, "action")
		if text := fmt.Sprint(status.(map[string]any)["errs"]); !strings.Contains(text, "MEDIA_NOT_FOUND: ") {
			t.Errorf("errs: %s", text)
		}
	})
}

func TestServiceStart(t *testing.T) {
	t.Run("answered: the first page is asked", func(t *testing.T) {
		net := &network{}
		run(t, options{more: outbound(nil), dialer: net}, func(w *world) {
			net.w = w
			w.on("ofirst", answer(dict{"sleep": dict{"seconds": 5}}))
			ids := w.ask("service_start", "service", "caller", "rest_calls",
				`{"to":"sip:bob@phones.test","from":"100","token":"order-1","outbound_parameters":"vip=1"}`)
			ref := ids.([]any)[0].(string)
			w.at(2 * second)
			status := w.ask("service_status", "service_invocation_reference_ids", ref)
			want(t, status, "RUNNING", ref, "status")
			want(t, status, w.instanceOf(p), ref, "application_instance_id")
			want(t, w.ask("service_cancel", "service_invocation_reference_ids", ref), "already started", ref)
			info := w.request("ofirst", p).info
			for key, value := range map[string]string{"call_direction": "out", "call_state": "answered", "call_from": p, "outbound_parameters": "vip=1"} {
				wantValue(t, info, value, "this_call", key)
			}
			wantValue(t, info, "order-1", "token")
			w.at(8 * second)
			w.wantAsked(p, "ofirst", "ofinal")
			wantValue(t, w.request("ofinal", p).info, "completed", "this_call", "call_cause")
			wantValue(t, w.request("ofinal", p).info, "vip=1", "this_call", "outbound_parameters")
			status = w.ask("service_status", "service_invocation_reference_ids", ref)
			want(t, status, "COMPLETED", ref, "status")
			want(t, status, 0, ref, "return_code")
			want(t, status, "", ref, "text")
		})
	})
	for _, tt := range []struct {
		name  string
		net   *network
		cause string
		raw   int
	}{
		{"busy", &network{refuse: 486}, "busy", 486},
		{"no answer", &network{rings: time.Hour}, "no_answer", 487},
		{"unknown", &network{refuse: 404}, "unobtainable", 404},
		{"unavailable", &network{refuse: 480}, "no_answer", 480},
		{"broken", &network{refuse: 500}, "failed", 500},
	} {
		t.Run(tt.name+": only the final page is asked", func(t *testing.T) {
			run(t, options{more: outbound(nil), dialer: tt.net}, func(w *world) {
				ids := w.ask("service_start", "service", "caller", "rest_calls", `{"to":"sip:bob@phones.test","from":"100","token":"t"}`)
				w.at(time.Minute)
				w.wantAsked(p, "ofinal")
				info := w.request("ofinal", p).info
				wantValue(t, info, tt.cause, "this_call", "call_cause")
				wantValue(t, info, "idle", "this_call", "call_state")
				wantValue(t, info, "", "this_call", "outbound_parameters")
				wantValue(t, info, "t", "token")
				ref := ids.([]any)[0].(string)
				status := w.ask("service_status", "service_invocation_reference_ids", ref)
				want(t, status, "COULDNOTRUN", ref, "status")
				want(t, status, tt.cause, ref, "text")
				if raw := get(t, info, "this_call", "call_raw_cause"); tt.raw != 487 && raw != fmt.Sprint(tt.raw) {
					t.Errorf("raw cause %v, want %d", raw, tt.raw)
				}
			})
		})
	}
	t.Run("calls beyond the limit wait for their turn and can be cancelled", func(t *testing.T) {
		net := &network{rings: 10 * second, refuse: 486}
		limited := outbound(func(s *restapi.Service) { s.Outbound = restapi.Outbound{MaxCalls: 2, MaxQueued: 4} })
		run(t, options{more: limited, dialer: net}, func(w *world) {
			ids := w.ask("service_start", "service", "caller", "outbound_parameters",
				`[{"to":"sip:a@x"},{"to":"sip:b@x"},{"to":"sip:c@x"},{"to":"sip:d@x"}]`).([]any)
			w.at(second)
			if n := net.count(); n != 2 {
				t.Errorf("%d calls are dialled at a time, want 2", n)
			}
			third := ids[2].(string)
			want(t, w.ask("service_status", "service_invocation_reference_ids", third), "QUEUED", third, "status")
			want(t, w.ask("service_cancel", "service_invocation_reference_ids", third), "cancelled", third)
			status := w.ask("service_status", "service_invocation_reference_ids", third)
			want(t, status, "COULDNOTRUN", third, "status")
			if code, _ := w.askFor("service_start", "service", "caller", "rest_calls",
				`[{"to":"sip:a@x"},{"to":"sip:b@x"},{"to":"sip:c@x"},{"to":"sip:d@x"}]`); code != http.StatusServiceUnavailable {
				t.Errorf("a full queue answers %d", code)
			}
			w.at(15 * second)
			if n := net.count(); n != 3 {
				t.Errorf("%d calls were dialled, want 3", n)
			}
		})
	})
	t.Run("a service of call type conference calls a room, in version 1 as well", func(t *testing.T) {
		rooms := outbound(func(s *restapi.Service) {
			s.APIVersion, s.Outbound.Rooms = restapi.Version1, true
		})
		run(t, options{more: rooms}, func(w *world) {
			w.file("hello.wav", 1400, 3*second)
			ph := meet(w, quiet())
			w.on("ofirst", answerV1(file("hello.wav"), dict{"sleep": dict{"seconds": 10}}))
			w.at(2 * second)
			w.ask("service_start", "service", "caller", "rest_calls", `{"to":"con:room","from":"200"}`)
			w.at(4 * second)
			list := w.ask("conference_participant_list", "conference_name", "room")
			want(t, list, w.instanceOf(q), "participants", 1, "participant_id")
			w.at(6 * second)
			ph[0].hears(1400, 2800*milli, 4800*milli)
		})
	})
}

func TestReservations(t *testing.T) {
	stamp := func(w *world, ahead time.Duration) string {
		return w.start.Add(ahead).UTC().Format(time.RFC3339)
	}
	book := func(w *world, more ...string) any {
		w.t.Helper()
		return w.ask("conference_reservation_create", append([]string{
			"conference_name", "board", "start_time", stamp(w, 10*time.Minute), "duration_minutes", "30",
		}, more...)...)
	}
	token := func(a any) string { return a.(map[string]any)["reservation_token"].(string) }
	state := func(w *world, name string) any {
		w.t.Helper()
		for _, c := range w.ask("conference_list").(map[string]any)["conferences"].([]any) {
			if c := c.(map[string]any); c["conference_name"] == name {
				return c["state"]
			}
		}
		return nil
	}
	t.Run("reserved, holding, active, completed, gone", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first", answer(endPages("board", quiet(dict{"exit_digit": "1"}))))
			a := book(w, "max_participants", "2")
			want(t, a, w.start.Add(10*time.Minute).Unix(), "start_time")
			want(t, a, w.start.Add(40*time.Minute).Unix(), "end_time")
			want(t, state(w, "board"), "RESERVED")
			w.dial(p, phoneOptions{}) // too early
			w.at(second)
			w.wantAsked(p, "first", "serror", "final")
			wantCode(t, w.request("serror", p), "CONFERENCE_BUSY")
			w.at(10*time.Minute + second)
			want(t, state(w, "board"), "HOLDING")
			list := w.ask("conference_participant_list", "conference_name", "board")
			want(t, list, []any{}, "participants")
			w.dial(q, phoneOptions{})
			w.at(10*time.Minute + 2*second)
			want(t, state(w, "board"), "HOLDING")
			third := w.dial(r, phoneOptions{})
			w.at(10*time.Minute + 3*second)
			want(t, state(w, "board"), "ACTIVE")
			w.dial("400", phoneOptions{}) // one too many
			w.at(11 * time.Minute)
			wantCode(t, w.request("serror", "400"), "CONFERENCE_FULL")
			third.press("1")
			w.at(12 * time.Minute)
			want(t, state(w, "board"), "HOLDING")
			w.at(40*time.Minute - second)
			w.wantAsked(q, "first")
			w.at(40*time.Minute + second)
			w.wantAsked(q, "first", "sfinal", "next", "final")
			wantValue(t, w.request("sfinal", q).info, "hung_up", "this_call", "call_cause")
			want(t, state(w, "board"), "COMPLETED")
			w.dial("500", phoneOptions{}) // less than five minutes after the end
			w.at(44 * time.Minute)
			wantCode(t, w.request("serror", "500"), "CONFERENCE_BUSY")
			w.at(45*time.Minute + second)
			want(t, state(w, "board"), nil)
			w.dial("600", phoneOptions{})
			w.at(46 * time.Minute)
			w.wantAsked("600", "first")
			want(t, state(w, "board"), "HOLDING")
		})
	})
	t.Run("early callers are diverted to a service", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.file("early.wav", 700, 2*second)
			w.on("first", answer(endPages("board", quiet())))
			a := book(w, "max_participants", "9", "divert", "golden")
			_ = a
			first := true
			w.page("first", page{body: func(request) string {
				if first {
					first = false
					return answer(endPages("board", quiet(dict{"exit_digit": "1"})))
				}
				return answer(file("early.wav"))
			}})
			ph := w.dial(p, phoneOptions{})
			w.at(5 * second)
			ph.hears(700, 400*milli, 1800*milli)
			wantValue(t, w.request("sfinal", p).info, "hung_up", "this_call", "call_cause")
		})
	})
	t.Run("longer", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first", answer(endPages("board", quiet())))
			a := book(w, "max_participants", "2")
			w.at(11 * time.Minute)
			w.dial(p, phoneOptions{})
			w.at(30 * time.Minute)
			b := w.ask("conference_reservation_modify", "reservation_token", token(a), "additional_minutes", "15")
			want(t, b, token(a), "reservation_token")
			want(t, b, w.start.Add(55*time.Minute).Unix(), "end_time")
			w.at(54 * time.Minute)
			w.wantAsked(p, "first")
			w.at(56 * time.Minute)
			w.wantAsked(p, "first", "sfinal", "next", "final")
		})
	})
	t.Run("removed while it runs", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first", answer(endPages("board", quiet())))
			a := book(w, "max_participants", "2")
			w.at(11 * time.Minute)
			w.dial(p, phoneOptions{})
			w.after(second)
			want(t, w.ask("conference_reservation_remove", "reservation_token", token(a)), "removed", "result")
			w.after(second)
			w.wantAsked(p, "first", "sfinal", "next", "final")
			code, answer := w.askFor("conference_reservation_remove", "reservation_token", token(a))
			want(t, answer, "0405", "error", "code")
			if code != http.StatusBadRequest {
				t.Errorf("status %d", code)
			}
			w.dial(q, phoneOptions{})
			w.after(second)
			w.wantAsked(q, "first") // an ordinary room
		})
	})
	t.Run("destroy_on_exit leaves the reservation", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first", answer(endPages("board", quiet())))
			w.on("first@"+r, answer(endPages("board", quiet(dict{"destroy_on_exit": true}))))
			book(w, "max_participants", "5")
			w.at(11 * time.Minute)
			w.dial(p, phoneOptions{})
			b := w.dial(r, phoneOptions{})
			w.after(second)
			b.hangUp()
			w.after(second)
			w.wantAsked(p, "first", "sfinal", "next", "final")
			want(t, state(w, "board"), "HOLDING")
			w.dial(q, phoneOptions{})
			w.after(second)
			want(t, w.ask("conference_list"), true, "conferences", 0, "reserved")
			w.wantAsked(q, "first")
		})
	})
	t.Run("two of one name may not overlap", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			book(w, "max_participants", "5")
			code, answer := w.askFor("conference_reservation_create", "conference_name", "board", "max_participants", "3",
				"start_time", stamp(w, 39*time.Minute), "duration_minutes", "5")
			want(t, answer, "HTTP 409", "error", "code")
			if code != http.StatusConflict {
				t.Errorf("status %d", code)
			}
			w.ask("conference_reservation_create", "conference_name", "board", "max_participants", "3",
				"start_time", stamp(w, 40*time.Minute), "duration_minutes", "5")
			w.ask("conference_reservation_create", "conference_name", "Board", "max_participants", "3",
				"start_time", stamp(w, 39*time.Minute), "duration_minutes", "5")
		})
	})
}

func TestWebServicesOfADeadServer(t *testing.T) {
	run(t, options{more: outbound(nil)}, func(w *world) {
		w.api.DrainOutbound()
		synctest.Wait()
		if code, _ := w.askFor("service_start", "service", "caller", "rest_calls", `{"to":"sip:a@x"}`); code != http.StatusServiceUnavailable {
			t.Errorf("status %d", code)
		}
	})
}

func TestFilesAndLogsByWebService(t *testing.T) {
	run(t, options{files: true}, func(w *world) {
		clip := wavOf(t, audio.ToneClip(8000, []float64{700}, -12, second, 0))
		put := httptest.NewRequest(http.MethodPost, "http://localhost:8080/file_write?filetype=media&filename=new/tone.wav", bytes.NewReader(clip))
		put.RemoteAddr = "127.0.0.1:5000"
		rec := httptest.NewRecorder()
		w.web.ServeHTTP(rec, put)
		if rec.Code != http.StatusOK {
			t.Fatalf("write: %d %s", rec.Code, rec.Body)
		}
		w.on("first", answer(file("new/tone.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.hears(700, 100*milli, 900*milli)
		w.ask("file_delete", "filetype", "media", "filename", "new/tone.wav")
		w.dial(q, phoneOptions{})
		w.at(4 * second)
		w.wantAsked(q, "first", "error", "final")
		wantCode(t, w.request("error", q), "MEDIA_NOT_FOUND")

		name := w.request("first", p).info["log_filename"].(string)
		list := w.ask("file_list", "filetype", "rest")
		if !strings.Contains(fmt.Sprint(list), name) {
			t.Errorf("the log %s is not listed: %v", name, list)
		}
		get := httptest.NewRequest(http.MethodGet, "http://localhost:8080/file_read?filetype=rest&filename="+name, nil)
		get.RemoteAddr = "127.0.0.1:5000"
		rec = httptest.NewRecorder()
		w.web.ServeHTTP(rec, get)
		for _, words := range []string{"page request", "page answer", "action=play", "played", "instance ends"} {
			if !strings.Contains(rec.Body.String(), words) {
				t.Errorf("%q is not in the log:\n%s", words, rec.Body)
			}
		}
		want(t, w.ask("file_delete", "filetype", "rest", "filename", name), "deleted", "result")
		if code, _ := w.askFor("file_read", "filetype", "rest", "filename", name); code != http.StatusNotFound {
			t.Errorf("a deleted log: %d", code)
		}
	})
}

func TestEveryActionIsInterrupted(t *testing.T) {
	prompt := dict{"play": dict{"play_list": []dict{{"file_to_play": "long.wav"}}}}
	for name, action := range map[string]dict{
		"play":                  prompt,
		"sleep":                 {"sleep": dict{"seconds": 60}},
		"record":                {"record": dict{"next_page": "next", "milliseconds_max_silence": 0}},
		"get_number":            {"get_number": dict{"prompt": prompt, "next_page": "next"}},
		"get_input":             {"get_input": dict{"prompt": prompt, "next_page": "next", "speech_input_mode": "disabled"}},
		"run_menu":              {"run_menu": dict{"prompt": prompt, "menu_options": []dict{{"digit": "1", "next_page": dict{"url": "next"}}}}},
		"connect":               {"connect": dict{"destinations": []string{"sip:bob@phones.test"}, "next_page": "next"}},
		"connect_to_conference": join("room", quiet(), dict{"next_page": "next"}),
	} {
		t.Run(name, func(t *testing.T) {
			net := &network{}
			run(t, options{record: true, dialer: net}, func(w *world) {
				net.w = w
				w.file("long.wav", 700, 20*second)
				w.file("new.wav", 1400, second)
				w.on("first", answer(action))
				w.on("elsewhere", answer(file("new.wav")))
				a := w.dial(p, phoneOptions{})
				w.at(3 * second)
				w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", "http://app.test/elsewhere")
				w.at(6 * second)
				w.wantAsked(p, "first", "elsewhere", "final")
				a.hears(1400, 3200*milli, 3900*milli)
				a.hearsNot(700, 3100*milli, 6*second)
				result := get(t, w.request("elsewhere", p).info, "action_result").(dict)
				if len(result) != 2 || result["action"] != name || result["interrupted"] != true {
					t.Errorf("action_result %v", result)
				}
			})
		})
	}
	t.Run("connect while it rings", func(t *testing.T) {
		run(t, options{dialer: &network{rings: time.Hour}}, func(w *world) {
			w.on("first", answer(dict{"connect": dict{"destinations": []string{"sip:bob@phones.test"}, "seconds_answer_timeout": 60, "secondary_call": dict{
				"error_page": "serror", "final_page": "sfinal",
			}}}))
			w.dial(p, phoneOptions{})
			w.at(3 * second)
			w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", "http://app.test/elsewhere")
			w.at(6 * second)
			w.wantAsked(p, "first", "elsewhere", "final")
		})
	})
}
