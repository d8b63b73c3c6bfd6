package restapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/call"
)

// expectError runs an application whose first page is body and wants its
// error page to be told want, a prefix of the result, about action, and
// nothing of the list to run.
func expectError(t *testing.T, w *world, body, action, want string) {
	t.Helper()
	w.page("/first", body)
	w.page("/error", w.empty())
	got := w.run()
	for _, line := range got {
		if strings.HasPrefix(line, "play") || strings.HasPrefix(line, "dial") {
			t.Errorf("%s ran, from %s", line, body)
		}
	}
	if asked := w.app.asked(); !slices.Equal(asked, []string{"/first", "/error", "/final"}) {
		t.Fatalf("pages asked: %v, from %s", asked, body)
	}
	fault := w.app.last(t, "/error")["error_result"].(map[string]any)
	if result := fault["result"].(string); fault["action"] != action || !strings.HasPrefix(result, want) {
		t.Errorf("error_result %v, want action %q and %q…, from %s", fault, action, want, body)
	}
	if cause := w.app.last(t, "/final")["this_call"].(map[string]any)["call_cause"]; cause != "failed" {
		t.Errorf("call_cause %v, want failed", cause)
	}
}

// joining is a list that plays and then joins a conference with these
// properties, and plays again.
func (w *world) joining(properties string) string {
	return w.list(`{"play":{"play_list":[{"file_to_play":"before.wav"}]}},{"connect_to_conference":` + properties + `},{"play":{"play_list":[{"file_to_play":"after.wav"}]}}`)
}

// eachInvalid wants every one of several properties of connect_to_conference
// to be refused in both versions, strict or not.
func eachInvalid(t *testing.T, want string, properties ...string) {
	t.Helper()
	for _, p := range properties {
		for _, version := range []string{Version1, Version2} {
			for _, strict := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/strict=%v/%.40s", version, strict, p), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, version)
						w.service.Strict = &strict
						expectError(t, w, w.joining(p), "connect_to_conference", want)
					})
				})
			}
		}
	}
}

func TestG02NameIsRequired(t *testing.T) {
	eachInvalid(t, "MISSING_PROPERTY: actions[1].connect_to_conference.name:", `{}`, `{"name":null}`)
}

func TestG03NameHasItsForm(t *testing.T) {
	eachInvalid(t, "INVALID_VALUE: actions[1].connect_to_conference.name:",
		`{"name":""}`, `{"name":"a b"}`, `{"name":"é"}`, `{"name":"`+strings.Repeat("a", 129)+`"}`)
}

func TestG08HoldMediaIsAPlayAction(t *testing.T) {
	eachInvalid(t, "INVALID_VALUE: actions[1].connect_to_conference.hold_media:",
		`{"name":"room","hold_media":{"play_list":[{"file_to_play":"a.wav"}]}}`)
}

func TestG10AnswerTimeoutHasItsRange(t *testing.T) {
	eachInvalid(t, "INVALID_VALUE: actions[1].connect_to_conference.seconds_answer_timeout:",
		`{"name":"room","seconds_answer_timeout":0}`, `{"name":"room","seconds_answer_timeout":601}`,
		`{"name":"room","seconds_answer_timeout":1.5}`)
}

func TestG19ExitDigitIsOneDigit(t *testing.T) {
	const place = "INVALID_VALUE: actions[1].connect_to_conference.conference_participant.exit_digit:"
	for _, d := range []string{"12", "a", "E", "!"} {
		eachInvalid(t, place+` "`+d+`" is not a single digit`, `{"name":"room","conference_participant":{"exit_digit":"`+d+`"}}`)
	}
}

func TestG20ExitDigitIsNotTheMuteDigit(t *testing.T) {
	eachInvalid(t, "INVALID_VALUE: actions[1].connect_to_conference.conference_participant.",
		`{"name":"room","conference_participant":{"exit_digit":"7","mute_digit":"7"}}`)
}

func TestG21ExitDigitIsNotTheUnmuteDigit(t *testing.T) {
	eachInvalid(t, "INVALID_VALUE: actions[1].connect_to_conference.conference_participant.",
		`{"name":"room","conference_participant":{"exit_digit":"8","unmute_digit":"8"}}`)
}

func TestG22DigitWrittenAsNumber(t *testing.T) {
	const participant = `{"name":"room","conference_participant":{"exit_digit":9}}`
	t.Run("strict: INVALID_VALUE", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Version2)
			expectError(t, w, w.joining(participant), "connect_to_conference",
				"INVALID_VALUE: actions[1].connect_to_conference.conference_participant.exit_digit:")
		})
	})
	t.Run("not strict: works as 9, with a warning", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Version2)
			w.service.Strict = new(false)
			w.page("/first", w.joining(participant))
			wantLine(t, w.run(), "dial room ", "exit=9")
			wantWarning(t, w, "conference_participant.exit_digit")
		})
	})
}

// wantLine wants a line of the trace that begins with prefix and holds part.
func wantLine(t *testing.T, trace []string, prefix, part string) {
	t.Helper()
	for _, line := range trace {
		if strings.HasPrefix(line, prefix) && strings.Contains(line, part) {
			return
		}
	}
	t.Errorf("no line %s…%s in\n%s", prefix, part, strings.Join(trace, "\n"))
}

// wantWarning wants a warning with part in the process log.
func wantWarning(t *testing.T, w *world, part string) {
	t.Helper()
	if !strings.Contains(w.log.String(), part) {
		t.Errorf("no warning about %s in\n%s", part, w.log.String())
	}
}

// outline is a trace without the bodies of requests and the details of verbs.
func outline(trace []string) []string {
	var short []string
	for _, line := range trace {
		words := strings.Fields(line)
		n := 2
		if words[0] == "secondary" {
			n = 3
		}
		short = append(short, strings.Join(words[:min(n, len(words))], " "))
	}
	return short
}

func wantOutline(t *testing.T, trace []string, want ...string) {
	t.Helper()
	if got := outline(trace); !slices.Equal(got, want) {
		t.Errorf("trace\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// withSecondary is connect_to_conference with all pages of a secondary call
// and a next page.
const withSecondary = `{"name":"room","secondary_call":{"first_page":{"url":"sec/first"},"final_page":{"url":"sec/final"},` +
	`"error_page":{"url":"sec/error"}},"next_page":{"url":"next"}}`

func TestG56EmptyFirstPageConnectsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.joining(withSecondary))
		w.page("/sec/first", `{"api_version":"2.0","actions":[]}`)
		w.page("/next", w.empty())
		wantOutline(t, w.run(), "POST /first", "answer", "play [before.wav]", "dial room", "POST /sec/first", "connect",
			"POST /sec/final", "POST /next", "hang up", "POST /final")
	})
}

func TestG57FirstPageHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.joining(withSecondary))
		w.page("/sec/first", w.list(`{"hang_up":{}}`))
		wantOutline(t, w.run(), "POST /first", "answer", "play [before.wav]", "dial room", "POST /sec/first",
			"secondary hang up", "POST /sec/final", "play [after.wav]", "hang up", "POST /final")
		final := w.app.last(t, "/sec/final")["this_call"].(map[string]any)
		if final["call_cause"] != "completed" {
			t.Errorf("secondary final page: call_cause %v, want completed", final["call_cause"])
		}
	})
}

func TestG58FirstPageFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.joining(withSecondary))
		w.app.pages["/sec/first"] = []page{{status: 500}}
		w.page("/sec/error", w.list(`{"play":{"play_list":[{"file_to_play":"sorry.wav"}]}}`))
		wantOutline(t, w.run(), "POST /first", "answer", "play [before.wav]", "dial room", "POST /sec/first",
			"POST /sec/error", "secondary play [sorry.wav]", "secondary hang up", "POST /sec/final", "play [after.wav]", "hang up", "POST /final")
		fault := w.app.last(t, "/sec/error")["error_result"].(map[string]any)
		if fault["action"] != "" || !strings.HasPrefix(fault["result"].(string), "PAGE_HTTP_STATUS: ") || !strings.Contains(fault["result"].(string), "500") {
			t.Errorf("error_result %v", fault)
		}
		if cause := w.app.last(t, "/sec/final")["this_call"].(map[string]any)["call_cause"]; cause != "failed" {
			t.Errorf("secondary final page: call_cause %v, want failed", cause)
		}
		if cause := w.app.last(t, "/final")["this_call"].(map[string]any)["call_cause"]; cause != "completed" {
			t.Errorf("final page: call_cause %v, want completed", cause)
		}
	})
}

func TestG59FirstPageMayNotConnect(t *testing.T) {
	for _, action := range []string{`{"connect":{"destinations":["1"]}}`, `{"connect_to_conference":{"name":"b"}}`, `{"answer":{}}`, `{"reject":{}}`} {
		t.Run(action, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version2)
				w.page("/first", w.joining(withSecondary))
				w.page("/sec/first", w.list(action))
				w.page("/sec/error", w.empty())
				wantOutline(t, w.run(), "POST /first", "answer", "play [before.wav]", "dial room", "POST /sec/first",
					"POST /sec/error", "secondary hang up", "POST /sec/final", "play [after.wav]", "hang up", "POST /final")
				fault := w.app.last(t, "/sec/error")["error_result"].(map[string]any)
				if name := strings.Split(action, `"`)[1]; fault["action"] != name || !strings.HasPrefix(fault["result"].(string), "ACTION_NOT_ALLOWED: actions[0].") {
					t.Errorf("error_result %v", fault)
				}
			})
		})
	}
}

func TestG63PageAsPlainString(t *testing.T) {
	for _, version := range []string{Version1, Version2} {
		t.Run(version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, version)
				w.page("/first", w.joining(`{"name":"room","secondary_call":{"first_page":"sec/first"}}`))
				w.page("/sec/first", w.empty())
				wantLine(t, w.run(), "POST /sec/first ", `"call_direction":"out"`)
			})
		})
	}
}

func TestG64FinalPageWithGET(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		const secondary = `{"name":"room","secondary_call":{"final_page":{"url":"sec/final?a=1","method":"GET"}}}`
		w.page("/first", w.joining(secondary))
		w.run()
		info := w.app.last(t, "/sec/final")
		this := info["this_call"].(map[string]any)
		if this["call_to"] != "room" || this["call_direction"] != "out" || this["call_state"] != "idle" || this["call_cause"] != "completed" {
			t.Errorf("this_call %v", this)
		}
		for _, r := range w.app.requests {
			if r.URL.Path != "/sec/final" {
				continue
			}
			if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.RawQuery, "a=1&instance_info=%7B%22") || r.Header.Get("Content-Type") != "" {
				t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
		}
	})
}

func TestG65MethodIsGETOrPOST(t *testing.T) {
	eachInvalid(t, "INVALID_VALUE: actions[1].connect_to_conference.next_page.method:",
		`{"name":"room","next_page":{"url":"a","method":"PUT"}}`, `{"name":"room","next_page":{"url":"a","method":"get"}}`)
}

func TestG66PageNeedsURL(t *testing.T) {
	eachInvalid(t, "MISSING_PROPERTY: actions[1].connect_to_conference.next_page.url:",
		`{"name":"room","next_page":{}}`, `{"name":"room","next_page":{"method":"GET"}}`, `{"name":"room","next_page":{"url":null}}`)
}

func TestG67WithoutNextPageTheNextActionRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.joining(`{"name":"room","next_page":null}`))
		trace := w.run()
		wantOutline(t, trace, "POST /first", "answer", "play [before.wav]", "dial room", "connect", "play [after.wav]", "hang up", "POST /final")
		if strings.Contains(strings.Join(trace, "\n"), "seconds_connected_duration") {
			t.Error("the result was sent somewhere")
		}
	})
}

func TestG68NextPageReplacesTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.joining(`{"name":"room","next_page":{"url":"next"}}`))
		w.page("/next", w.list(`{"play":{"play_list":[{"file_to_play":"other.wav"}]}}`))
		wantOutline(t, w.run(), "POST /first", "answer", "play [before.wav]", "dial room", "connect", "POST /next", "play [other.wav]", "hang up", "POST /final")
	})
}

func TestG69DurationInVersion1IsAString(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.script.connection = 131060 * time.Millisecond
		w.page("/first", w.joining(`{"name":"room","next_page":{"url":"next"}}`))
		w.page("/next", w.empty())
		wantLine(t, w.run(), "POST /next ", `"action_result":{"action":"connect_to_conference","result":{"seconds_connected_duration":"131.1"}}`)
	})
}

func TestG70DurationInVersion2IsANumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.script.connection = time.Minute
		w.page("/first", w.joining(`{"name":"room","next_page":{"url":"next"}}`))
		w.page("/next", w.empty())
		wantLine(t, w.run(), "POST /next ", `"action_result":{"action":"connect_to_conference","result":{"seconds_connected_duration":60.0}}`)
	})
}

func TestG71NoExtraCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.service.ExtraCalls = new(0)
		expectError(t, w, w.joining(`{"name":"room"}`), "connect_to_conference", "NO_EXTRA_CHANNELS: actions[1].connect_to_conference:")
	})
}

func TestG75UnknownProperty(t *testing.T) {
	const misspelt = `{"name":"room","conference_participant":{"start_on_entrry":true}}`
	t.Run("strict: UNKNOWN_PROPERTY", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Version2)
			expectError(t, w, w.joining(misspelt), "connect_to_conference",
				"UNKNOWN_PROPERTY: actions[1].connect_to_conference.conference_participant.start_on_entrry:")
		})
	})
	t.Run("not strict: ignored, with a warning", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Version2)
			w.service.Strict = new(false)
			w.page("/first", w.joining(misspelt))
			wantLine(t, w.run(), "dial room ", "start=true")
			wantWarning(t, w, "start_on_entrry")
		})
	})
}

func TestG76UnknownAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		expectError(t, w, w.list(`{"play":{"play_list":[{"file_to_play":"a.wav"}]}},{"dance":{}}`), "dance", "UNKNOWN_ACTION: actions[1].dance:")
	})
}

func TestG83VersionIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		expectError(t, w, `{"actions":[]}`, "", "API_VERSION_MISMATCH: ")
	})
}

func TestG84Tokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		redirectTo := func(page, token string) string {
			return `{"api_version":"2.0",` + token + `"actions":[{"redirect":{"next_page":"` + page + `"}}]}`
		}
		w.page("/first", redirectTo("a", `"token":"order-4711",`))
		w.page("/a", redirectTo("b", ""))
		w.page("/b", redirectTo("c", `"token":null,`))
		w.page("/c", w.empty())
		w.run()
		for path, want := range map[string]any{"/first": nil, "/a": "order-4711", "/b": "order-4711", "/c": nil, "/final": nil} {
			info := w.app.last(t, path)
			if got, ok := info["token"]; !ok || got != want {
				t.Errorf("%s: token %v (present %v), want %v", path, got, ok, want)
			}
		}
	})
}

func TestG86ErrorPageFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.app.pages["/first"] = []page{{status: 404}}
		w.app.pages["/error"] = []page{{status: 500}}
		wantOutline(t, w.run(), "POST /first", "POST /error", "hang up", "POST /final")
		this := w.app.last(t, "/final")["this_call"].(map[string]any)
		if this["call_cause"] != "failed" || this["call_raw_cause"] != "603" {
			t.Errorf("this_call %v", this)
		}
	})
}

func TestG87ErrorPagePlays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.list(`{"play":{"play_list":[{"file_to_play":"gone.wav"}]}}`))
		w.page("/error", w.list(`{"play":{"play_list":[{"file_to_play":"sorry.wav"}]}}`))
		w.script.playErrors = map[string]error{"gone.wav": fmt.Errorf("%w: %q", call.ErrMediaNotFound, "gone.wav")}
		wantOutline(t, w.run(), "POST /first", "answer", "play [gone.wav]", "POST /error", "play [sorry.wav]", "hang up", "POST /final")
		fault := w.app.last(t, "/error")["error_result"].(map[string]any)
		if fault["action"] != "play" || !strings.HasPrefix(fault["result"].(string), "MEDIA_NOT_FOUND: actions[0].play.play_list[0]: gone.wav") {
			t.Errorf("error_result %v", fault)
		}
	})
}
