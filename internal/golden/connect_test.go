package golden

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/call"
	"mediaserver/restapi"
)

// connectTo is a connect action with secondary final and error pages and a
// next page.
func connectTo(destinations []string, more ...dict) dict {
	props := dict{
		"destinations": destinations, "next_page": "next",
		"secondary_call": dict{"final_page": "sfinal", "error_page": "serror"},
	}
	for _, m := range more {
		for k, v := range m {
			props[k] = v
		}
	}
	return dict{"connect": props}
}

// extra gives the service so many extra calls.
func extra(n int) func(*restapi.Service) {
	return func(s *restapi.Service) { s.ExtraCalls = &n }
}

// connected runs a world in which the service connects and callees answer.
func connected(t *testing.T, callees map[string]callee, o options, test func(w *world, x *exchange)) {
	t.Helper()
	if o.service == nil {
		o.service = extra(3)
	}
	o, x := connecting(callees, o)
	run(t, o, func(w *world) {
		x.w = w
		test(w, x)
	})
}

const (
	bob   = "441908000200"
	carol = "441908000300"
	dave  = "441908000400"
)

func TestConnectJoinsCallerAndCallee(t *testing.T) {
	connected(t, map[string]callee{bob: {rings: 2 * second, tone: toneQ}}, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{"tel:" + bob})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(6 * second)
		b := x.reached(bob)
		b.hangUp()
		w.at(7 * second)
		a.hearsRinging(0, 2*second)
		a.hearsNot(toneQ, 0, 2*second)
		a.hears(toneQ, 2300*milli, 6*second)
		b.hears(toneP, 2300*milli, 6*second)
		w.wantAsked(p, "first", "sfinal", "next", "final")
		final := w.request("sfinal", p).info
		wantValue(t, final, "hung_up", "this_call", "call_cause")
		wantValue(t, final, "200", "this_call", "call_raw_cause")
		wantValue(t, final, bob, "this_call", "call_to")
		wantValue(t, final, "[]", "dropped_calls")
		wantValue(t, w.request("next", p).info, 4, "action_result", "result", "seconds_connected_duration")
		wantValue(t, w.request("next", p).info, "connect", "action_result", "action")
		r, _ := x.request(bob)
		if r.To != "sip:"+bob+"@trunk.test;transport=tcp" || r.From != p || r.Username != "us" || r.Password != "secret" {
			t.Errorf("the INVITE: To %s From %s user %q", r.To, r.From, r.Username)
		}
	})
}

func TestConnectFirstAnswerWins(t *testing.T) {
	callees := map[string]callee{bob: {never: true}, carol: {rings: 2 * second, tone: toneQ}, dave: {rings: second, refuses: 486}}
	connected(t, callees, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob, carol, dave})))
		a := w.dial(p, phoneOptions{})
		w.at(4 * second)
		a.hears(toneQ, 2300*milli, 4*second)
		x.reached(carol).hangUp()
		w.at(5 * second)
		if at := x.wasCancelled(bob); at.Round(10*milli) != 2*second {
			t.Errorf("the loser was cancelled at %v", at)
		}
		final := w.request("sfinal", p).info
		wantValue(t, final, carol, "this_call", "call_to")
		dropped := get(t, final, "dropped_calls").([]any)
		if len(dropped) != 1 {
			t.Fatalf("dropped_calls: %v", dropped)
		}
		wantValue(t, dropped[0], bob, "call_to")
		wantValue(t, dropped[0], "dropped", "call_cause")
		wantValue(t, dropped[0], "487", "call_raw_cause")
		wantValue(t, dropped[0], "0", "seconds_call_duration")
	})
}

func TestConnectHangsUpALoserThatAnswersAllTheSame(t *testing.T) {
	callees := map[string]callee{bob: {never: true, late: true}, carol: {rings: 2 * second, tone: toneQ}}
	connected(t, callees, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob, carol})))
		a := w.dial(p, phoneOptions{})
		w.at(4 * second)
		a.hears(toneQ, 2300*milli, 4*second)
		if x.reached(bob).Err() == nil {
			t.Error("the loser that answered was not hung up")
		}
		x.reached(carol).hangUp()
		w.at(5 * second)
		if dropped := get(t, w.request("sfinal", p).info, "dropped_calls").([]any); len(dropped) != 1 {
			t.Errorf("dropped_calls: %v", dropped)
		}
	})
}

func TestConnectFails(t *testing.T) {
	for _, tt := range []struct {
		name         string
		callees      map[string]callee
		destinations []string
		code         string
		to           string
	}{
		{"busy", map[string]callee{bob: {rings: second, refuses: 486}}, []string{bob}, "CONNECT_FAILED", bob},
		{"all busy", map[string]callee{bob: {refuses: 486}, carol: {rings: second, refuses: 600}}, []string{bob, carol}, "CONNECT_FAILED", bob},
		{"no such number", nil, []string{bob}, "CONNECT_FAILED", bob},
		{"no answer", map[string]callee{bob: {never: true}}, []string{bob}, "CONNECT_TIMEOUT", bob},
		{"one refuses, one never answers", map[string]callee{bob: {refuses: 486}, carol: {never: true}}, []string{bob, carol}, "CONNECT_TIMEOUT", carol},
		{"no such service", nil, []string{"loc:nobody"}, "CONNECT_FAILED", "nobody"},
		{"no WebSockets", nil, []string{"wss://agent.test/x?key=1"}, "CONNECT_FAILED", "wss://agent.test/x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			connected(t, tt.callees, options{}, func(w *world, x *exchange) {
				w.file("sorry.wav", 1000, second)
				w.on("first", answer(connectTo(tt.destinations, dict{"seconds_answer_timeout": 3}), file("sorry.wav")))
				a := w.dial(p, phoneOptions{})
				w.at(6 * second)
				w.wantAsked(p, "first", "serror", "final")
				wantCode(t, w.request("serror", p), tt.code)
				wantValue(t, w.request("serror", p).info, "connect", "error_result", "action")
				wantValue(t, w.request("serror", p).info, tt.to, "this_call", "call_to")
				wantValue(t, w.request("final", p).info, "completed", "this_call", "call_cause")
				if len(a.spans(1000)) != 1 {
					t.Error("the next action did not run")
				}
			})
		})
	}
}

func TestConnectWithoutTrunkIsUnobtainable(t *testing.T) {
	connected(t, nil, options{outbound: call.Outbound{Trunks: trunksOf()}}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob})))
		w.dial(p, phoneOptions{})
		w.at(second)
		wantCode(t, w.request("serror", p), "CONNECT_FAILED: actions[0].connect: unobtainable (404)")
		w.wantWarning("no trunk", bob)
	})
}

func TestConnectPassesEarlyMedia(t *testing.T) {
	callees := map[string]callee{bob: {early: second, rings: 3 * second, tone: toneQ}}
	connected(t, callees, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob}, dict{"pass_early_media": true})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(6 * second)
		b := x.reached(bob)
		b.hangUp()
		w.at(7 * second)
		a.hearsRinging(0, second)
		a.hears(toneQ, 1300*milli, 6*second)
		b.hearsNot(toneP, second, 3*second)
		b.hears(toneP, 3300*milli, 6*second)
		wantValue(t, w.request("next", p).info, 3, "action_result", "result", "seconds_connected_duration")
	})
}

func TestConnectKeepsEarlyMediaAwayUnlessAsked(t *testing.T) {
	callees := map[string]callee{bob: {early: second, rings: 4 * second, tone: toneQ}}
	connected(t, callees, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob})))
		a := w.dial(p, phoneOptions{})
		w.at(6 * second)
		a.hearsRinging(0, 4*second)
		a.hearsNot(toneQ, 0, 4*second)
		a.hears(toneQ, 4300*milli, 6*second)
	})
}

func TestConnectGivesTheCallerBackAfterEarlyMedia(t *testing.T) {
	for name, end := range map[string]func(a *phone){"the callee refuses": func(*phone) {}, "the caller hangs up": (*phone).hangUp} {
		t.Run(name, func(t *testing.T) {
			callees := map[string]callee{bob: {early: second, rings: 3 * second, refuses: 486, tone: toneQ}}
			connected(t, callees, options{}, func(w *world, x *exchange) {
				w.file("sorry.wav", 1000, second)
				w.on("first", answer(connectTo([]string{bob}, dict{"pass_early_media": true}), file("sorry.wav")))
				a := w.dial(p, phoneOptions{})
				w.at(2 * second)
				end(a)
				w.at(6 * second)
				if name == "the caller hangs up" {
					w.wantAsked(p, "first", "final")
					return
				}
				w.wantAsked(p, "first", "serror", "final")
				a.hears(toneQ, 1300*milli, 3*second)
				a.hears(1000, 3200*milli, 4*second)
			})
		})
	}
}

func TestConnectPassesDigitsBothWays(t *testing.T) {
	for _, tt := range []struct {
		name           string
		caller, callee bool // has telephone events
	}{
		{"events to events", true, true},
		{"tones to events", false, true},
		{"events to tones", true, false},
		{"tones to tones", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			connected(t, map[string]callee{bob: {noEvents: !tt.callee}}, options{}, func(w *world, x *exchange) {
				w.on("first", answer(connectTo([]string{bob})))
				a := w.dial(p, phoneOptions{noEvents: !tt.caller})
				w.at(second)
				b := x.reached(bob)
				for i, key := range []string{"1", "5", "#"} {
					w.at(second + time.Duration(i)*400*milli)
					sends(a, tt.caller, key)
				}
				w.at(3 * second)
				sends(b, tt.callee, "9")
				w.at(4 * second)
				if got := gets(b, tt.callee, second, 3*second); got != "15#" {
					t.Errorf("the callee got %q", got)
				}
				if got := gets(a, tt.caller, 3*second, 4*second); got != "9" {
					t.Errorf("the caller got %q", got)
				}
			})
		})
	}
}

// sends presses a key by event or in band.
func sends(p *phone, events bool, key string) {
	if events {
		p.press(key)
	} else {
		p.tones(key)
	}
}

// gets are the digits that a phone got from a to b.
func gets(p *phone, events bool, a, b time.Duration) string {
	if events {
		return p.pressed()
	}
	return tonesIn(p.between(a, b))
}

func TestConnectPassesInfoOnAsEvents(t *testing.T) {
	connected(t, map[string]callee{bob: {}}, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob})))
		a := w.dial(p, phoneOptions{noEvents: true})
		w.at(second)
		a.info(2, "7")
		w.at(2 * second)
		if got := x.reached(bob).pressed(); got != "7" {
			t.Errorf("the callee got %q", got)
		}
	})
}

func TestConnectRunsTheFirstPageOnTheCallee(t *testing.T) {
	connected(t, map[string]callee{bob: {tone: toneQ}}, options{}, func(w *world, x *exchange) {
		w.file("whisper.wav", 1000, 2*second)
		w.on("first", answer(connectTo([]string{bob}, dict{
			"secondary_call": dict{"first_page": "sfirst", "final_page": "sfinal"}, "call_from": "alice@home.test",
		})))
		w.on("sfirst", answer(file("whisper.wav")))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(5 * second)
		b := x.reached(bob)
		a.hearsRinging(0, 2*second)
		a.hearsNot(1000, 0, 5*second)
		b.hears(1000, 200*milli, 2*second)
		b.hearsNot(toneP, 0, 2*second)
		a.hears(toneQ, 2400*milli, 5*second)
		b.hears(toneP, 2400*milli, 5*second)
		if r, _ := x.request(bob); r.From != "sip:alice@home.test" {
			t.Errorf("From: %s", r.From)
		}
		wantValue(t, w.request("sfirst", "alice@home.test").info, "answered", "this_call", "call_state")
		wantValue(t, w.request("sfirst", "alice@home.test").info, "out", "this_call", "call_direction")
	})
}

func TestConnectRecordsBothSides(t *testing.T) {
	connected(t, map[string]callee{bob: {rings: second, tone: toneQ}}, options{record: true}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob}, dict{
			"secondary_call": dict{"call_recording": true, "final_page": "sfinal"},
		})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(5 * second)
		x.reached(bob).hangUp()
		w.at(6 * second)
		clip, _, err := wav.Decode(bytes.NewReader(recorded(w, "sfinal", p)), 1<<24)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(len(clip.Samples)) * second / 8000; got < 3900*milli || got > 4100*milli {
			t.Errorf("the recording lasts %v, want 4 s", got)
		}
		for _, tone := range []float64{toneP, toneQ} {
			if level := audio.ToneLevel(clip.Samples[8000:24000], 8000, tone); level < -25 {
				t.Errorf("%.0f Hz in the recording at %.1f dBov", tone, level)
			}
		}
	})
}

func TestConnectHoldAndResume(t *testing.T) {
	connected(t, map[string]callee{bob: {tone: toneQ}}, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(2 * second)
		b := x.reached(bob)
		reoffer(t, b, "sendonly")
		w.at(4 * second)
		reoffer(t, b, "sendrecv")
		w.at(6 * second)
		b.hears(toneP, 500*milli, 2*second)
		b.hearsSilence(2100*milli, 4*second)
		b.hears(toneP, 4300*milli, 6*second)
		a.hears(toneQ, 500*milli, 6*second)
	})
}

// reoffer is a re-INVITE of a phone with another direction.
func reoffer(t *testing.T, p *phone, direction string) {
	t.Helper()
	p.mu.Lock()
	s := p.session
	p.mu.Unlock()
	body := bytes.Replace(offer(9000, true), []byte("sendrecv"), []byte(direction), 1)
	if _, err := s.Reoffer("", body); err != nil {
		t.Errorf("re-INVITE %s: %v", direction, err)
	}
}

func TestConnectCallerHangsUp(t *testing.T) {
	for name, tt := range map[string]struct {
		callee callee
		pages  []string
	}{
		"while it rings":  {callee{never: true}, []string{"first", "final"}},
		"while connected": {callee{tone: toneQ}, []string{"first", "sfinal", "final"}},
	} {
		t.Run(name, func(t *testing.T) {
			connected(t, map[string]callee{bob: tt.callee}, options{}, func(w *world, x *exchange) {
				w.on("first", answer(connectTo([]string{bob})))
				a := w.dial(p, phoneOptions{})
				w.at(2 * second)
				a.hangUp()
				w.at(3 * second)
				w.wantAsked(p, tt.pages...)
				if tt.callee.never {
					if x.wasCancelled(bob) == 0 {
						t.Error("the attempt goes on without its caller")
					}
					return
				}
				if x.reached(bob).Err() == nil {
					t.Error("the callee was not hung up")
				}
				wantValue(t, w.request("sfinal", p).info, "dropped", "this_call", "call_cause")
			})
		})
	}
}

func TestConnectEndsAtTheMaximumDuration(t *testing.T) {
	connected(t, map[string]callee{bob: {tone: toneQ}}, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob}, dict{
			"secondary_call": dict{"minutes_max_call_duration": 1, "final_page": "sfinal"},
		})))
		w.dial(p, phoneOptions{})
		w.at(61 * second)
		wantValue(t, w.request("sfinal", p).info, "dropped", "this_call", "call_cause")
		wantValue(t, w.request("next", p).info, 60, "action_result", "result", "seconds_connected_duration")
	})
}

func TestConnectToARoom(t *testing.T) {
	connected(t, nil, options{}, func(w *world, x *exchange) {
		w.on("first@"+p, answer(connectTo([]string{"con:room"})))
		w.on("first@"+q, answer(join("room", quiet())))
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(second)
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		a.press("5") // no key of a participant with the defaults
		w.at(5 * second)
		b.hangUp()
		w.at(6 * second)
		a.hearsRinging(5*second, 6*second)
		a.hangUp()
		w.at(7 * second)
		if len(b.spans(1000)) != 1 {
			t.Error("no beep: a participant with the defaults has one")
		}
		a.hears(toneQ, 1500*milli, 5*second)
		b.hears(toneP, 1500*milli, 4*second)
		wantValue(t, w.request("sfinal", p).info, "room", "this_call", "call_to")
		wantValue(t, w.request("sfinal", p).info, "dropped", "this_call", "call_cause")
	})
}

func TestConnectToAServiceOfThisServer(t *testing.T) {
	more := []restapi.Service{{
		Name: "queue", Match: []string{"nobody"}, APIVersion: restapi.Version2,
		FirstPage: restapi.Page{URL: "http://app.test/qfirst"}, FinalPage: restapi.Page{URL: "http://app.test/qfinal"},
	}}
	connected(t, nil, options{more: more}, func(w *world, x *exchange) {
		w.file("welcome.wav", 1000, 4*second)
		w.on("first", answer(connectTo([]string{"loc:queue"}, dict{"call_from": "555"})))
		w.on("qfirst", answer(dict{"play": dict{"play_list": []dict{{"file_to_play": "welcome.wav"}}, "barge_in_on_digit": true}},
			dict{"sleep": dict{"seconds": 1}}))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.press("5")
		w.at(5 * second)
		a.hears(1000, 300*milli, 2*second)
		a.hearsNot(1000, 2500*milli, 5*second)
		w.wantAsked("555", "qfirst", "qfinal", "sfinal")
		wantValue(t, w.request("qfirst", "555").info, "in", "this_call", "call_direction")
		wantValue(t, w.request("qfirst", "555").info, "queue", "this_call", "call_to")
		wantValue(t, w.request("qfinal", "555").info, "completed", "this_call", "call_cause")
		wantValue(t, w.request("sfinal", "555").info, "hung_up", "this_call", "call_cause")
		w.wantAsked(p, "first", "next", "final")
	})
}

func TestConnectToAServiceThatRejects(t *testing.T) {
	more := []restapi.Service{{
		Name: "queue", APIVersion: restapi.Version2, FirstPage: restapi.Page{URL: "http://app.test/qfirst"},
	}}
	connected(t, nil, options{more: more}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{"loc:queue"})))
		w.on("qfirst", answer(dict{"reject": dict{"cause": "busy"}}))
		w.dial(p, phoneOptions{})
		w.at(2 * second)
		wantCode(t, w.request("serror", p), "CONNECT_FAILED: actions[0].connect: busy (486)")
	})
}

func TestConnectPassesEarlyMediaOfAService(t *testing.T) {
	more := []restapi.Service{{
		Name: "queue", APIVersion: restapi.Version2, EarlyMedia: true, FirstPage: restapi.Page{URL: "http://app.test/qfirst"},
	}}
	connected(t, nil, options{more: more}, func(w *world, x *exchange) {
		w.file("please-wait.wav", 1000, 2*second)
		w.on("first", answer(connectTo([]string{"loc:queue"}, dict{"pass_early_media": true})))
		w.on("qfirst", answer(file("please-wait.wav"), dict{"answer": dict{}}, dict{"sleep": dict{"seconds": 2}}))
		a := w.dial(p, phoneOptions{})
		w.at(6 * second)
		a.hears(1000, 300*milli, 2*second)
		wantValue(t, w.request("next", p).info, 2, "action_result", "result", "seconds_connected_duration")
	})
}

func TestConnectInACircleEnds(t *testing.T) {
	connected(t, nil, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{"loc:golden"})))
		w.dial(p, phoneOptions{})
		w.at(10 * second)
		if n := len(w.asked(p)); n > 60 {
			t.Errorf("%d pages were asked", n)
		}
		w.wantInLog("failed (482)")
	})
}

func TestConnectVersion1(t *testing.T) {
	v1 := func(s *restapi.Service) { s.APIVersion = restapi.Version1 }
	connected(t, map[string]callee{bob: {tone: toneQ}}, options{service: v1}, func(w *world, x *exchange) {
		w.on("first", answerV1(connectTo([]string{"44-1908-000200"})))
		w.dial(p, phoneOptions{})
		w.at(4 * second)
		x.reached(bob).hangUp()
		w.at(5 * second)
		if got := fmt.Sprintf("%T", get(t, w.request("next", p).info, "action_result", "result", "seconds_connected_duration")); got != "string" {
			t.Errorf("the duration is a %s", got)
		}
	})
}

func TestConnectInterruptedWhileItRings(t *testing.T) {
	connected(t, map[string]callee{bob: {never: true}}, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob})))
		w.dial(p, phoneOptions{})
		w.at(2 * second)
		id, _ := get(t, w.request("first", p).info, "application_instance_id").(string)
		w.api.Interrupt(id, restapi.Page{URL: "http://app.test/redirect"})
		w.at(3 * second)
		w.wantAsked(p, "first", "redirect", "final")
		if x.wasCancelled(bob) == 0 {
			t.Error("the attempt goes on")
		}
	})
}

// wantInLog asserts that something was logged.
func (w *world) wantInLog(text string) {
	w.t.Helper()
	if !strings.Contains(w.log.String(), text) {
		w.t.Errorf("%q is not in the log:\n%s", text, w.log)
	}
}

// tonesIn are the digits whose tones are in pcm.
func tonesIn(pcm []int16) string {
	low, high := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	keys := []string{"123A", "456B", "789C", "*0#D"}
	got, last := "", byte(0)
	for ; len(pcm) >= 320; pcm = pcm[320:] {
		loud := func(freqs []float64) int {
			for i, f := range freqs {
				if audio.ToneLevel(pcm[:320], 8000, f) > -25 {
					return i
				}
			}
			return -1
		}
		l, h := loud(low), loud(high)
		now := byte(0)
		if l >= 0 && h >= 0 {
			now = keys[l][h]
		}
		if now != 0 && now != last {
			got += string(now)
		}
		last = now
	}
	return got
}
