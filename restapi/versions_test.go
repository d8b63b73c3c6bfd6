package restapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"mediaserver/call"
)

// bothVersions runs a test for each version of the API.
func bothVersions(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, version := range []string{Version1, Version2} {
		t.Run("version "+version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, version)) })
		})
	}
}

// members are all keys of an object and of those in it, as paths.
func members(prefix string, object map[string]any) []string {
	var paths []string
	for key, v := range object {
		paths = append(paths, prefix+key)
		if inner, ok := v.(map[string]any); ok {
			paths = append(paths, members(prefix+key+".", inner)...)
		}
	}
	slices.Sort(paths)
	return paths
}

// TestMembersOfInstanceInfo compares the members that every page of both
// calls gets with the tables of the protocol, no more and no less.
func TestMembersOfInstanceInfo(t *testing.T) {
	always := []string{
		"application_instance_id", "token", "log_filename", "this_call", "this_call.call_id", "this_call.call_direction",
		"this_call.call_from", "this_call.call_to", "this_call.call_target", "this_call.seconds_call_duration",
		"this_call.call_state", "this_call.application_parameters",
	}
	second := []string{"is_notification", "this_call.call_divert"}
	inbound := []string{"this_call.call_attestation"}
	final, finalSecond := []string{"this_call.call_cause"}, []string{"this_call.call_raw_cause"}
	next := []string{"action_result", "action_result.action", "action_result.result", "action_result.result.seconds_connected_duration"}
	fault := []string{"error_result", "error_result.action", "error_result.result"}
	type want struct{ v1, v2 [][]string }
	wants := map[string]want{
		"/first":     {nil, [][]string{second, inbound}},
		"/sec/first": {nil, [][]string{second}},
		"/sec/error": {[][]string{fault}, [][]string{second, fault}},
		"/sec/final": {[][]string{final}, [][]string{second, final, finalSecond}},
		"/next":      {[][]string{next}, [][]string{second, inbound, next}},
		"/again":     {nil, [][]string{second, inbound}},
		"/error":     {[][]string{fault}, [][]string{second, inbound, fault}},
		"/final":     {[][]string{final}, [][]string{second, inbound, final, finalSecond}},
	}
	bothVersions(t, func(t *testing.T, w *world) {
		join := `{"connect_to_conference":` + withSecondary + `}`
		w.page("/first", w.list(join+","+join))
		w.page("/sec/first", `{"actions":7}`, w.empty())
		w.page("/next", w.list(`{"redirect":{"next_page":"again"}}`))
		w.page("/again", `{"actions":7}`)
		w.run()
		for path, want := range wants {
			groups := append([][]string{always}, want.v1...)
			if w.service.APIVersion == Version2 {
				groups = append([][]string{always}, want.v2...)
			}
			expected := slices.Concat(groups...)
			slices.Sort(expected)
			if got := members("", w.app.last(t, path)); !slices.Equal(got, expected) {
				t.Errorf("%s has\n%v\nwant\n%v", path, got, expected)
			}
		}
	})
}

// TestDecimalsOfEveryRequest looks at the text of every request: version 1
// writes durations as strings, version 2 as numbers, with one decimal each.
func TestDecimalsOfEveryRequest(t *testing.T) {
	forms := map[string]*regexp.Regexp{
		Version1: regexp.MustCompile(`^"[0-9]+\.[0-9]"$`),
		Version2: regexp.MustCompile(`^[0-9]+\.[0-9]$`),
	}
	value := regexp.MustCompile(`"(seconds_[a-z_]+)":([^,}]+)`)
	bothVersions(t, func(t *testing.T, w *world) {
		w.page("/first", w.joining(withSecondary))
		w.page("/sec/first", w.empty())
		w.page("/next", w.empty())
		w.run()
		seen := map[string]int{}
		for i, body := range w.app.bodies {
			for _, m := range value.FindAllStringSubmatch(body, -1) {
				seen[m[1]]++
				if !forms[w.service.APIVersion].MatchString(m[2]) {
					t.Errorf("%s: %s is %s", w.app.requests[i].URL.Path, m[1], m[2])
				}
			}
		}
		if seen["seconds_call_duration"] != 5 || seen["seconds_connected_duration"] != 1 {
			t.Errorf("durations seen: %v", seen)
		}
	})
}

// TestVersionsOfProperties has a row for every property that only one version
// knows: in the other it is unknown, so strict it is a fault, and not strict
// it is ignored, whatever its value.
func TestVersionsOfProperties(t *testing.T) {
	secondary := func(p string) string { return `{"connect_to_conference":{"name":"room","secondary_call":{` + p + `}}}` }
	play := func(p string) string { return `{"play":{` + p + `,"play_list":[{"digits_to_play":"1"}]}}` }
	for _, tt := range []struct {
		property, action string
		known            version
	}{
		{"barge_in", play(`"barge_in":%s`), v1},
		{"barge_in_on_digit", play(`"barge_in_on_digit":%s`), v2},
		{"barge_in_on_speech", play(`"barge_in_on_speech":%s`), v2},
		{"text_is_private", `{"play":{"play_list":[{"text_to_say":"a","text_is_private":%s}]}}`, v2},
		{"call_recording_eliminate_dtmf", secondary(`"call_recording_eliminate_dtmf":%s`), v2},
		{"call_recording", secondary(`"call_recording":%s`), both},
		{"call_recording_encryption", secondary(`"call_recording_encryption":%s`), both},
	} {
		for _, v := range []version{v1, v2} {
			for _, strict := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/version %d/strict=%v", tt.property, v, strict), func(t *testing.T) {
					head := ""
					if v == v2 {
						head = `"api_version":"2.0",`
					}
					judgeOf := func(value string) (*ActionError, []string) {
						_, warnings, fault := judge(`{`+head+`"actions":[`+fmt.Sprintf(tt.action, value)+`]}`, v, strict)
						return fault, warnings
					}
					good, goodWarnings := judgeOf("false")
					bad, badWarnings := judgeOf(`"nonsense"`)
					switch {
					case tt.known&v != 0:
						if good != nil || len(goodWarnings) > 0 || bad == nil || bad.Code != CodeInvalidValue {
							t.Errorf("known: %v %v, with a bad value %v", good, goodWarnings, bad)
						}
					case strict:
						if good == nil || good.Code != CodeUnknownProperty || bad == nil || bad.Code != CodeUnknownProperty {
							t.Errorf("strict: %v, with a bad value %v", good, bad)
						}
					default:
						if good != nil || bad != nil || len(goodWarnings) != 1 || len(badWarnings) != 1 {
							t.Errorf("not strict: %v %v, with a bad value %v %v", good, goodWarnings, bad, badWarnings)
						}
					}
				})
			}
		}
	}
}

// TestStrictIsTheDefaultOfVersion2 says nothing of strictness in the service.
func TestStrictIsTheDefaultOfVersion2(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		body := w.list(`{"sleep":{"seconds":"1"}}`)
		if w.service.APIVersion == Version2 {
			expectError(t, w, body, "sleep", "INVALID_VALUE: actions[0].sleep.seconds:")
			return
		}
		w.page("/first", body)
		wantLine(t, w.run(), "sleep ", "1s")
		wantWarning(t, w, "actions[0].sleep.seconds")
	})
}

// TestVersionOfAnswersOfBothCalls has every page but the final ones answer in
// the other version.
func TestVersionOfAnswersOfBothCalls(t *testing.T) {
	for _, path := range []string{"/first", "/next", "/sec/first"} {
		t.Run(path, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, w *world) {
				wrong := `{"actions":[]}`
				if w.service.APIVersion == Version1 {
					wrong = `{"api_version":"2.0","actions":[]}`
				}
				for p, body := range map[string]string{"/first": w.joining(withSecondary), "/next": w.empty(), "/sec/first": w.empty()} {
					if p == path {
						body = wrong
					}
					w.page(p, body)
				}
				w.run()
				told := "/error"
				if path == "/sec/first" {
					told = "/sec/error"
				}
				fault := w.app.last(t, told)["error_result"].(map[string]any)
				if fault["action"] != "" || !strings.HasPrefix(fault["result"].(string), "API_VERSION_MISMATCH: ") {
					t.Errorf("error_result %v", fault)
				}
			})
		})
	}
}

// TestPlainStringsForEveryPage has an address in place of each page.
func TestPlainStringsForEveryPage(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		w.page("/first", w.list(`{"redirect":{"next_page":"listing"}}`))
		w.page("/listing", w.list(`{"connect_to_conference":{"name":"room","next_page":"http://app.test/next",`+
			`"secondary_call":{"first_page":"sec/first","error_page":"/sec/error","final_page":"sec/final?x=1"}}}`))
		w.page("/sec/first", w.list(`{"dance":{}}`), w.empty())
		w.page("/sec/error", w.empty())
		w.run()
		want := []string{"/first", "/listing", "/sec/first", "/sec/error", "/sec/final", "/final"}
		if got := w.app.asked(); !slices.Equal(got, want) {
			t.Errorf("asked %v, want %v", got, want)
		}
		for _, r := range w.app.requests {
			if r.Method != "POST" {
				t.Errorf("%s %s", r.Method, r.URL)
			}
		}
	})
}

// TestPlainStringForTheNextPage is what a successful conference asks.
func TestPlainStringForTheNextPage(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		w.page("/first", w.joining(`{"name":"room","next_page":"next"}`))
		w.page("/next", w.empty())
		wantLine(t, w.run(), "POST /next ", "action_result")
	})
}

// TestBargeInOfBothVersions: the property has another name, its default is on.
func TestBargeInOfBothVersions(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		name := map[string]string{Version1: "barge_in", Version2: "barge_in_on_digit"}[w.service.APIVersion]
		w.page("/first", w.list(`{"play":{"play_list":[{"file_to_play":"a.wav"}]}},{"play":{"`+name+`":false,"play_list":[{"file_to_play":"b.wav"}]}}`))
		trace := w.run()
		wantLine(t, trace, "play [a.wav]", "barge_in=true")
		wantLine(t, trace, "play [b.wav]", "barge_in=false")
	})
}

// TestGetInputIsOfVersion2 and has no engine here: UNKNOWN_ACTION either way,
// with a text that says which of both.
func TestGetInputIsOfVersion2(t *testing.T) {
	for v, text := range map[version]string{v1: "no such action", v2: "does not support"} {
		head := map[version]string{v1: "", v2: `"api_version":"2.0",`}[v]
		_, _, fault := judge(`{`+head+`"actions":[{"get_input":{}}]}`, v, true)
		if fault == nil || fault.Code != CodeUnknownAction || !strings.Contains(fault.Text, text) {
			t.Errorf("version %d: %v, want %s", v, fault, text)
		}
	}
}

// TestOutboundCallsHaveNoAttestation neither has a primary that we placed.
func TestOutboundCallsHaveNoAttestation(t *testing.T) {
	service := Service{APIVersion: Version2}.withDefaults()
	in := &instance{service: &service}
	body, err := in.instanceInfo(call.Info{Direction: call.Out}, firstPage).encode()
	if err != nil || strings.Contains(string(body), "call_attestation") || !strings.Contains(string(body), `"call_divert":""`) {
		t.Errorf("%s, %v", body, err)
	}
}
