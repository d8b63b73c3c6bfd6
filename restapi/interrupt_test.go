package restapi

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/call"
	"mediaserver/dtmf"
)

func TestInterruptDropsTheList(t *testing.T) {
	const join = `{"connect_to_conference":{"name":"r","next_page":{"url":"next"},
		"secondary_call":{"final_page":"secondary_final","error_page":"secondary_error"}}},{"delete_file":{"filename":"a.wav"}}`
	const alone = `{"connect_to_conference":{"name":"r","secondary_call":{"final_page":"secondary_final"}}},{"delete_file":{"filename":"a.wav"}}`
	for _, tt := range []struct {
		name    string
		actions string
		after   time.Duration
		fails   error // of the secondary call
		asked   []string
	}{
		{"while connected", join, 5 * time.Second, nil, []string{"/first", "/secondary_final", "/redirected", "/final"}},
		{
			"while the final page of the secondary call is asked, before a next page", join, 11 * time.Second, nil,
			[]string{"/first", "/secondary_final", "/redirected", "/final"},
		},
		{
			"while the final page of the secondary call is asked, before another action", alone, 11 * time.Second, nil,
			[]string{"/first", "/secondary_final", "/redirected", "/final"},
		},
		{
			"while the error page of the secondary call is asked", join, time.Second, call.ErrConferenceFull,
			[]string{"/first", "/secondary_error", "/redirected", "/final"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version2)
				w.script.dialError, w.script.interrupted = tt.fails, tt.after
				w.page("/first", w.list(tt.actions))
				for _, slow := range []string{"/secondary_final", "/secondary_error"} {
					w.app.pages[slow] = []page{{status: 200, body: w.empty(), delay: 3 * time.Second}}
				}
				w.page("/redirected", w.empty())
				trace := w.run()
				if got := w.app.asked(); !slices.Equal(got, tt.asked) {
					t.Errorf("asked %v, want %v", got, tt.asked)
				}
				if slices.Contains(trace, "remove a.wav") {
					t.Error("an action of the list that was dropped ran")
				}
				info := w.app.last(t, "/redirected")
				result, _ := info["action_result"].(map[string]any)
				if result["action"] != "connect_to_conference" || result["interrupted"] != true || result["result"] != nil {
					t.Errorf("action_result %v", result)
				}
			})
		})
	}
}

// An interrupt may come when the instance is known and has not begun to act,
// or between what it did before an interrupt and after.
func TestInterruptBetweenTwoPartsOfTheCourse(t *testing.T) {
	var h helm
	if _, ok := h.interrupt(Page{URL: "http://app.test/early"}); !ok {
		t.Fatal("not taken")
	}
	acting, stop := h.take(context.Background())
	defer stop(nil)
	if !errors.Is(context.Cause(acting), errInterrupted) {
		t.Errorf("the course goes on: %v", context.Cause(acting))
	}
	if wish := h.release(); wish == nil || wish.page.URL != "http://app.test/early" {
		t.Errorf("%+v", wish)
	}
}

func TestNothingIsAskedAfterAHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.page("/first", w.list(`{"get_number":{"prompt":{"play":{"play_list":[{"file_to_play":"a.wav"}]}},"next_page":"next"}}`))
		w.script.inputs = []call.Collected{{Digits: "12", Outcome: dtmf.Complete}}
		w.script.inputsEnd = true
		w.run()
		if got := w.app.asked(); !slices.Equal(got, []string{"/first", "/final"}) {
			t.Errorf("asked %v", got)
		}
	})
}

func TestInterruptOfAnInstanceThatHasEnded(t *testing.T) {
	for name, redirect := range map[string]Page{"hung up": {}, "redirected": {URL: "http://app.test/redirected"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version2)
				w.page("/first", w.list(`{"sleep":{"seconds":60}}`))
				w.page("/redirected", w.empty())
				s, err := NewServer(Config{Services: []Service{w.service}, Transport: w.app})
				if err != nil {
					t.Fatal(err)
				}
				s.newID = func() string { return "id" }
				time.AfterFunc(time.Second, func() { s.Interrupt("id", redirect) })
				p := w.primary
				s.serve(t.Context(), verbs{life: p, media: p, answer: p, conference: p})
				if got := s.Interrupt("id", Page{}).Result; got != AlreadyCompleted {
					t.Errorf("%s", got)
				}
			})
		})
	}
}

func TestARingingCallCanBeAskedAboutAndInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &busyLine{takes: time.Minute}
		s := outboundServer(t, caller(Version2), line, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.RunOutbound(ctx) }()
		refs, err := s.Start(ctx, StartRequest{Service: "caller", Calls: []OutboundCall{{To: "1"}}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		state := func() InvocationStatus {
			all, err := s.InvocationStatuses("", refs)
			if err != nil {
				t.Fatal(err)
			}
			return all[refs[0]]
		}
		id := state().InstanceID
		if status, ok := s.Status(id); !ok || status.Record.StopTime != nil {
			t.Errorf("application_status: %v %+v", ok, status)
		}
		if got := s.Interrupt(id, Page{}).Result; got != Interrupted {
			t.Errorf("rest_interrupt: %s", got)
		}
		time.Sleep(time.Second)
		if got := state().Status; got != StatusCouldNotRun {
			t.Errorf("it still rings: %s", got)
		}
		if got := s.Interrupt(id, Page{}).Result; got != AlreadyCompleted {
			t.Errorf("rest_interrupt again: %s", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// silentLoader has media that fail after ten seconds.
type silentLoader struct{ stubborn bool } // stubborn: it does not heed the context

func (l silentLoader) Load(ctx context.Context, _ call.MediaItem) (audio.Clip, error) {
	if l.stubborn {
		ctx = context.Background()
	}
	select {
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
	return audio.Clip{}, call.ErrMediaInvalid
}

// A call that ends while an action waits for media ends the wait: its final
// page is asked at once, and no error page is.
func TestTheEndOfACallEndsTheWaitForItsMedia(t *testing.T) {
	const media = `{"play":{"play_list":[{"file_to_play":{"url":"http://app.test/never"}}]}}`
	const input = `"next_page":{"url":"next"},"prompt":` + media
	const spoken = `{"text_to_say":"hello"}`
	hungUp := func(w *world) { w.script.hangUpAfter = 1500 * time.Millisecond }
	dropped := func(w *world) { time.AfterFunc(1500*time.Millisecond, func() { w.primary.end(call.Dropped, 200) }) }
	unheard := func(w *world) {
		hungUp(w)
		w.script.loader = silentLoader{stubborn: true}
	}
	for _, tt := range []struct {
		name    string
		actions string
		ends    func(w *world)
		after   time.Duration
	}{
		{"play", media, hungUp, 1500 * time.Millisecond},
		{"text", `{"play":{"play_list":[` + spoken + `]}}`, hungUp, 1500 * time.Millisecond},
		{"prompt of a number", `{"get_number":{` + input + `}}`, hungUp, 1500 * time.Millisecond},
		{"default message", `{"get_number":{"next_page":{"url":"next"}}}`, hungUp, 1500 * time.Millisecond},
		{"at shutdown", media, dropped, 1500 * time.Millisecond},
		{"media that fail after the end", media, unheard, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version2)
				w.script.loader, w.script.speech = silentLoader{}, true
				w.page("/first", w.list(tt.actions))
				start := time.Now()
				tt.ends(w)
				w.run()
				if took := time.Since(start); took != tt.after {
					t.Errorf("took %v, want %v", took, tt.after)
				}
				if got := w.app.asked(); !slices.Equal(got, []string{"/first", "/final"}) {
					t.Errorf("asked %v", got)
				}
			})
		})
	}
}

// The error page of a secondary call that ends while it waits for media is
// asked about its end, not about the media.
func TestTheEndOfASecondaryCallEndsTheWaitForItsMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.script.loader = silentLoader{}
		w.script.outlives = 1500 * time.Millisecond
		w.page("/first", w.list(`{"connect_to_conference":{"name":"r","secondary_call":{
			"first_page":"secondary","final_page":"secondary_final","error_page":"secondary_error"}}}`))
		w.page("/secondary", w.list(`{"play":{"play_list":[{"file_to_play":{"url":"http://app.test/never"}}]}}`))
		start := time.Now()
		w.run()
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		result := w.app.last(t, "/secondary_error")["error_result"].(map[string]any)
		if text := result["result"].(string); !strings.HasPrefix(text, string(CodeConnectFailed)) {
			t.Error(text)
		}
	})
}
