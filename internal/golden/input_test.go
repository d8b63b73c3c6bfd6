package golden

import (
	"context"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/call"
	"mediaserver/restapi"
)

// tones of the media of these tests.
const (
	promptTone  = 700.0
	timeoutTone = 1000.0
	invalidTone = 1400.0
	afterTone   = 500.0
)

// questions puts the media of these tests into the store: a prompt of 2 s,
// messages and what is heard afterwards of 1 s each.
func questions(w *world) {
	w.file("prompt.wav", promptTone, 2*second)
	w.file("timeout.wav", timeoutTone, second)
	w.file("invalid.wav", invalidTone, second)
	w.file("after.wav", afterTone, second)
}

// barging is a play action that digits stop only if barge-in is on.
func barging(name string, bargeIn bool) dict {
	return dict{"play": dict{"play_list": []dict{{"file_to_play": name}}, "barge_in_on_digit": bargeIn}}
}

// getNumber is an action with prompt.wav, no messages and a next page.
func getNumber(more ...dict) dict { return asking("get_number", more...) }

// asking is an action that collects, with prompt.wav and a next page.
func asking(action string, more ...dict) dict {
	props := dict{
		"prompt": file("prompt.wav"), "next_page": "next",
		"on_digit_timeout_messages": []dict{}, "on_invalid_digit_messages": []dict{},
	}
	for _, m := range more {
		maps.Copy(props, m)
	}
	for k, v := range props {
		if v == nil {
			delete(props, k)
		}
	}
	return dict{action: props}
}

// menu is an action with options 1 and 2 at the pages one and two.
func menu(more ...dict) dict {
	return asking("run_menu", append([]dict{{
		"next_page": nil,
		"menu_options": []dict{
			{"digit": "1", "next_page": dict{"url": "one"}}, {"digit": "2", "next_page": "two"},
		},
	}}, more...)...)
}

// entered is what a page was told that the caller entered.
func entered(w *world, page string) any {
	result, _ := get(w.t, w.request(page, p).info, "action_result", "result").(map[string]any)
	if len(result) != 1 {
		w.t.Errorf("result %v", result)
	}
	for _, v := range result {
		return v
	}
	return nil
}

func wantEntered(w *world, want string) {
	w.t.Helper()
	if got := entered(w, "next"); got != want {
		w.t.Errorf("entered %q, want %q", got, want)
	}
}

// after asserts that a page was asked at a time, give or take two frames.
func wantAt(w *world, page string, at time.Duration) {
	w.t.Helper()
	if d := w.request(page, p).at - at; d < -2*frame || d > 3*frame {
		w.t.Errorf("page %s asked at %v, want %v", page, w.request(page, p).at, at)
	}
}

func TestG79DigitsOfTheRoomAreNotInput(t *testing.T) {
	run(t, options{}, func(w *world) {
		questions(w)
		w.on("first", answer(join("room", quiet(dict{"exit_digit": "#"})), getNumber(dict{"digit_count": 2})))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.dialling("987#")
		w.at(4 * second)
		a.hears(promptTone, 3500*milli, 3900*milli) // the prompt was not stopped
		a.dialling("12")
		w.at(5 * second)
		w.wantAsked(p, "first", "next", "final")
		wantEntered(w, "12")
	})
}

func TestDigitsBeforeTheActionAreNotInput(t *testing.T) {
	for name, before := range map[string]dict{
		"sleep":    {"sleep": dict{"seconds": 2}},
		"redirect": {"redirect": dict{"next_page": "slow"}},
		"record":   {"record": dict{"next_page": "slow", "milliseconds_max_silence": 1500}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				questions(w)
				w.on("first", answer(dict{"answer": dict{}}, before, getNumber(dict{"digit_count": 2})))
				w.page("slow", page{delay: 2 * second, body: func(request) string { return answer(getNumber(dict{"digit_count": 2})) }})
				a := w.dial(p, phoneOptions{})
				w.at(second)
				a.dialling("98")
				w.at(4500 * milli)
				a.dialling("12")
				w.at(8 * second)
				wantEntered(w, "12")
			})
		})
	}
}

func TestDigitThatStopsAPlayIsTheFirstOfTheInput(t *testing.T) {
	for _, tt := range []struct {
		name    string
		actions []dict
		press   string
		want    string // entered; "" = the page one of the menu
		prompt  bool   // is heard
	}{
		{"get_number", []dict{file("after.wav"), getNumber(dict{"digit_count": 3})}, "123", "123", false},
		{"run_menu", []dict{file("after.wav"), menu()}, "1", "", false},
		{"get_input", []dict{file("after.wav"), asking("get_input", dict{
			"speech_input_mode": "disabled", "digit_input_options": dict{"digit_count": 3},
			"on_digit_timeout_messages": nil, "on_invalid_digit_messages": nil,
		})}, "123", "123", false},
		{"without a prompt", []dict{file("after.wav"), getNumber(dict{"digit_count": 3, "prompt": nil})}, "123", "123", false},
		{"not if the prompt forbids it", []dict{file("after.wav"), getNumber(dict{"digit_count": 1, "prompt": barging("prompt.wav", false)})}, "1", "5", true},
		{"not with an action between", []dict{file("after.wav"), {"sleep": dict{"seconds": 0}}, getNumber(dict{"digit_count": 1})}, "1", "5", true},
		{"not if the play forbids it", []dict{barging("after.wav", false), getNumber(dict{"digit_count": 1})}, "1", "5", true},
		{"the last of several plays counts", []dict{file("after.wav"), file("after.wav"), getNumber(dict{"digit_count": 1})}, "12", "2", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				questions(w)
				w.on("first", answer(tt.actions...))
				a := w.dial(p, phoneOptions{})
				w.at(500 * milli)
				a.dialling(tt.press)
				w.at(4500 * milli)
				a.dialling("5")
				w.at(7 * second)
				if tt.want == "" {
					w.wantAsked(p, "first", "one", "final")
				} else {
					wantEntered(w, tt.want)
				}
				if heard := len(a.spans(promptTone)) > 0; heard != tt.prompt {
					t.Errorf("the prompt is heard at %v", a.spans(promptTone))
				}
			})
		})
	}
}

func TestGetNumberCollects(t *testing.T) {
	for _, tt := range []struct {
		name   string
		props  dict
		digits string
		want   string
	}{
		{"up to the end digit, which is no part", dict{}, "1234#", "1234"},
		{"as many digits as wanted", dict{"digit_count": 4}, "12345", "1234"},
		{"fewer with the end digit", dict{"digit_count": 9}, "12#", "12"},
		{"nothing but the end digit", dict{}, "#", ""},
		{"with another end digit", dict{"end_digit": "*", "help_digit": "", "valid_digits": "0123456789#"}, "1#2*", "1#2"},
		{"letters", dict{"digit_count": 3, "valid_digits": "ABCD"}, "ABD", "ABD"},
	} {
		for _, version := range []string{"1", "2.0"} {
			t.Run(tt.name+" "+version, func(t *testing.T) {
				run(t, inVersion(version), func(w *world) {
					questions(w)
					w.on("first", inAnswer(version, getNumber(tt.props)))
					a := w.dial(p, phoneOptions{})
					w.at(second)
					a.dialling(tt.digits)
					w.at(6 * second)
					wantEntered(w, tt.want)
					wantValue(t, w.request("next", p).info, "get_number", "action_result", "action")
					a.hears(promptTone, 100*milli, 900*milli)
					if after := len(a.spans(promptTone)); after != 1 {
						t.Errorf("the prompt is heard %d times", after)
					}
				})
			})
		}
	}
}

// inVersion is a world with a service of a version.
func inVersion(version string) options {
	return options{service: func(s *restapi.Service) { s.APIVersion = version }}
}

// inAnswer is an answer in a version.
func inAnswer(version string, actions ...dict) string {
	if version == restapi.Version1 {
		return answerV1(actions...)
	}
	return answer(actions...)
}

func TestPromptStopsAtTheFirstDigitOnlyIfItMay(t *testing.T) {
	for name, bargeIn := range map[string]bool{"may": true, "may not": false} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				questions(w)
				w.on("first", answer(getNumber(dict{"prompt": barging("prompt.wav", bargeIn), "digit_count": 1})))
				a := w.dial(p, phoneOptions{})
				w.at(second)
				a.press("7") // during the prompt
				w.at(3 * second)
				a.press("8")
				w.at(5 * second)
				if bargeIn {
					wantEntered(w, "7")
					a.hearsSilence(1300*milli, 2*second)
				} else {
					wantEntered(w, "8") // the other is discarded
					a.hears(promptTone, second, 1900*milli)
				}
			})
		})
	}
}

func TestGetNumberTimeouts(t *testing.T) {
	off := dict{"milliseconds_inter_digit_timeout": 0}
	for _, tt := range []struct {
		name    string
		version string
		props   dict
		press   []time.Duration // a key each
		ends    time.Duration   // the input, by timeout
	}{
		{"v1: the first digit", "1", dict{"seconds_digit_timeout": 3}, nil, 5 * second},
		{"v1: five seconds by default", "1", dict{}, nil, 7 * second},
		{"v1: each digit", "1", dict{"seconds_digit_timeout": 3}, []time.Duration{4 * second, 6 * second}, 9 * second},
		{"v2: the first digit, by default as between digits", "2.0", dict{"milliseconds_inter_digit_timeout": 2500}, nil, 4500 * milli},
		{"v2: the first digit", "2.0", dict{"milliseconds_initial_timeout": 1500}, nil, 3500 * milli},
		{"v2: five seconds between digits by default", "2.0", dict{}, []time.Duration{3 * second}, 8 * second},
		{"v2: between digits", "2.0", dict{"milliseconds_inter_digit_timeout": 1500, "milliseconds_initial_timeout": 9000}, []time.Duration{5 * second, 6 * second}, 7500 * milli},
		{"v2: the whole input", "2.0", dict{"seconds_timeout": 3}, []time.Duration{3 * second, 4 * second}, 5 * second},
		{"v2: thirty seconds by default", "2.0", off, []time.Duration{10 * second, 20 * second}, 32 * second},
		{"v2: a bound below zero is none", "2.0", dict{"milliseconds_inter_digit_timeout": -1, "seconds_timeout": 10}, nil, 12 * second},
		{"v2: no bound for the first, one between", "2.0", dict{"milliseconds_initial_timeout": 0, "milliseconds_inter_digit_timeout": 1000}, []time.Duration{9 * second}, 10 * second},
		{"v2: a digit in the prompt starts the time", "2.0", dict{"seconds_timeout": 3}, []time.Duration{second}, 4 * second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, inVersion(tt.version), func(w *world) {
				questions(w)
				w.on("first", inAnswer(tt.version, getNumber(tt.props), file("after.wav")))
				a := w.dial(p, phoneOptions{})
				for _, at := range tt.press {
					w.at(at)
					a.press("4")
				}
				w.at(tt.ends + 2*second)
				w.wantAsked(p, "first", "final") // no result
				spans := a.spans(afterTone)
				if len(spans) != 1 || (spans[0].From-tt.ends).Abs() > 4*frame {
					t.Errorf("the following action runs at %v, want %v", spans, tt.ends)
				}
			})
		})
	}
}

func TestGetNumberThatDoesNotWaitTakesWhatIsThere(t *testing.T) {
	for _, tt := range []struct{ name, press, want string }{{"nothing", "", ""}, {"the digit that stopped the prompt", "4", "4"}} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				questions(w)
				w.on("first", answer(getNumber(dict{"seconds_timeout": 0})))
				a := w.dial(p, phoneOptions{})
				w.at(second)
				end := 2 * second
				if tt.press != "" {
					a.press(tt.press)
					end = second
				}
				w.at(3 * second)
				wantEntered(w, tt.want)
				wantAt(w, "next", end+2*frame)
			})
		})
	}
}

func TestHelpDigitRepeatsThePromptAndClearsTheInput(t *testing.T) {
	run(t, options{}, func(w *world) {
		questions(w)
		w.on("first", answer(getNumber()))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.dialling("99*")
		w.at(4 * second)
		a.hears(promptTone, 3600*milli, 3900*milli)
		a.dialling("12#")
		w.at(6 * second)
		wantEntered(w, "12")
		if n := len(a.spans(promptTone)); n != 2 {
			t.Errorf("the prompt is heard %d times: %v", n, a.spans(promptTone))
		}
	})
}

func TestMessagesComeOneAfterTheOther(t *testing.T) {
	two := func(name string) []dict { return []dict{file(name), file(name)} }
	for _, action := range []string{"get_number", "run_menu"} {
		t.Run(action, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				questions(w)
				messages := dict{
					"prompt":                    nil,
					"on_digit_timeout_messages": two("timeout.wav"), "on_invalid_digit_messages": two("invalid.wav"),
				}
				do := getNumber(messages, dict{"milliseconds_inter_digit_timeout": 2000})
				if action == "run_menu" {
					do = menu(messages, dict{"seconds_digit_timeout": 2})
				}
				w.on("first", answer(do, file("after.wav")))
				a := w.dial(p, phoneOptions{})
				w.at(second)
				a.press("A")        // invalid, message until 2 s
				w.at(4500 * milli)  // timeout at 4 s, message until 5 s
				w.at(6 * second)    //
				a.press("B")        // invalid again, message until 7 s
				w.at(12500 * milli) // timeout at 9 s, message until 10 s; at 12 s none is left
				want := map[float64]int{invalidTone: 2, timeoutTone: 2}
				for tone, n := range want {
					if spans := a.spans(tone); len(spans) != n {
						t.Errorf("%v Hz at %v, want %d times", tone, spans, n)
					}
				}
				w.at(14 * second)
				if spans := a.spans(afterTone); len(spans) != 1 || spans[0].From < 11900*milli || spans[0].From > 12300*milli {
					t.Errorf("the following action at %v", spans)
				}
				w.wantAsked(p, "first", "final")
			})
		})
	}
}

func TestInvalidDigitWithoutMessageEndsTheAction(t *testing.T) {
	run(t, options{}, func(w *world) {
		questions(w)
		w.on("first", answer(getNumber(), file("after.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.press("A")
		w.at(5 * second)
		w.wantAsked(p, "first", "final")
		a.hears(afterTone, 3200*milli, 3900*milli)
	})
}

func TestDigitInAMessageIsInputIfTheMessageAllowsIt(t *testing.T) {
	for name, bargeIn := range map[string]bool{"allowed": true, "not allowed": false} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				questions(w)
				w.on("first", answer(getNumber(dict{
					"prompt": nil, "digit_count": 2, "milliseconds_inter_digit_timeout": 2000,
					"on_digit_timeout_messages": []dict{barging("timeout.wav", bargeIn)},
				})))
				a := w.dial(p, phoneOptions{})
				w.at(2500 * milli) // in the message
				a.dialling("1")
				w.at(3500 * milli)
				a.dialling("23")
				w.at(5 * second)
				if bargeIn {
					wantEntered(w, "12")
				} else {
					wantEntered(w, "23")
				}
			})
		})
	}
}

// sentences is a speech engine that speaks each text as a tone of 1 s.
type sentences map[string]float64

func (s sentences) Load(_ context.Context, item call.MediaItem) (audio.Clip, error) {
	freq, ok := s[item.Text]
	if !ok {
		return audio.Clip{}, call.ErrSpeech
	}
	return audio.ToneClip(8000, []float64{freq}, -12, second, 0), nil
}

func TestDefaultMessagesAreThoseOfTheService(t *testing.T) {
	own := restapi.DefaultMessages{DigitTimeout: []string{"a"}, InvalidDigit: []string{"b", "c"}}
	o := options{
		speech:  sentences{"a": timeoutTone, "b": invalidTone, "c": 1600},
		service: func(s *restapi.Service) { s.Messages = own },
	}
	run(t, o, func(w *world) {
		questions(w)
		w.on("first", answer(getNumber(dict{
			"prompt": nil, "milliseconds_inter_digit_timeout": 2000,
			"on_digit_timeout_messages": nil, "on_invalid_digit_messages": nil,
		}), file("after.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(second)
		a.press("A") // b until 2 s
		w.at(1500 * milli)
		a.press("5") // barge-in is off
		w.at(3 * second)
		a.press("A") // c until 4 s; timeout at 6 s, a until 7 s; at 9 s there is none left
		w.at(11 * second)
		a.hears(invalidTone, 1200*milli, 1900*milli)
		a.hears(1600, 3200*milli, 3900*milli)
		a.hears(timeoutTone, 6200*milli, 6900*milli)
		a.hears(afterTone, 9200*milli, 9900*milli)
		w.wantAsked(p, "first", "final")
	})
}

func TestDefaultMessagesAreTwoSentencesEach(t *testing.T) {
	run(t, options{}, func(w *world) { // no speech engine
		w.on("first", answer(getNumber(dict{
			"prompt": nil, "milliseconds_inter_digit_timeout": 2000,
			"on_digit_timeout_messages": nil, "on_invalid_digit_messages": nil,
		})))
		w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "error", "final")
		wantCode(t, w.request("error", p), "TTS_FAILED")
		wantValue(t, w.request("error", p).info, "get_number", "error_result", "action")
	})
}

func TestRunMenuChooses(t *testing.T) {
	for _, version := range []string{"1", "2.0"} {
		t.Run(version, func(t *testing.T) {
			run(t, inVersion(version), func(w *world) {
				questions(w)
				w.on("first", inAnswer(version, menu()))
				w.on("two", inAnswer(version, file("after.wav")))
				a := w.dial(p, phoneOptions{})
				w.at(second)
				a.press("2")
				w.at(4 * second)
				w.wantAsked(p, "first", "two", "final")
				wantValue(t, w.request("two", p).info, "run_menu", "action_result", "action")
				wantValue(t, w.request("two", p).info, "2", "action_result", "result", "selected_digit")
				a.hears(afterTone, 1400*milli, 1900*milli)
			})
		})
	}
}

func TestRunMenuOptionGoesBeforeHelp(t *testing.T) {
	run(t, options{}, func(w *world) {
		questions(w)
		w.on("first", answer(menu(dict{"help_digit": "1"})))
		a := w.dial(p, phoneOptions{})
		w.at(second)
		a.press("1")
		w.at(2 * second)
		w.wantAsked(p, "first", "one", "final")
	})
}

func TestRunMenuHelpRepeatsThePrompt(t *testing.T) {
	run(t, options{}, func(w *world) {
		questions(w)
		w.on("first", answer(menu()))
		a := w.dial(p, phoneOptions{})
		w.at(second)
		a.press("*")
		w.at(3 * second)
		a.press("2")
		w.at(4 * second)
		w.wantAsked(p, "first", "two", "final")
		a.hears(promptTone, 1300*milli, 2900*milli)
	})
}

func TestGetInputCollectsDigits(t *testing.T) {
	run(t, options{}, func(w *world) {
		questions(w)
		w.on("first", answer(dict{"get_input": dict{
			"prompt": file("prompt.wav"), "next_page": "next", "speech_input_mode": "disabled",
			"digit_input_options": dict{"digit_count": 4, "valid_digits": "0123456789#", "end_digit": ""},
		}}))
		a := w.dial(p, phoneOptions{})
		w.at(second)
		a.dialling("12#4")
		w.at(4 * second)
		wantValue(t, w.request("next", p).info, "get_input", "action_result", "action")
		wantValue(t, w.request("next", p).info, "12#4", "action_result", "result", "entered_digits")
	})
}

func TestGetInputGivesUpAtTheFirstMistake(t *testing.T) {
	run(t, options{}, func(w *world) {
		questions(w)
		w.on("first", answer(dict{"get_input": dict{"next_page": "next", "speech_input_mode": "disabled"}}, file("after.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(8 * second)
		w.wantAsked(p, "first", "final")
		a.hears(afterTone, 5200*milli, 5900*milli)
	})
}

func TestFailingPromptIsToldToTheErrorPage(t *testing.T) {
	for name, action := range map[string]dict{
		"get_number": getNumber(dict{"prompt": file("absent.wav")}),
		"run_menu":   menu(dict{"prompt": file("absent.wav")}),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				w.on("first", answer(action))
				w.dial(p, phoneOptions{})
				w.at(second)
				wantCode(t, w.request("error", p), "MEDIA_NOT_FOUND: actions[0]."+name+".prompt.play.play_list[0]")
				wantValue(t, w.request("error", p).info, name, "error_result", "action")
			})
		})
	}
}

func TestCallerWhoHangsUpEndsTheInput(t *testing.T) {
	for name, action := range map[string]dict{"get_number": getNumber(), "run_menu": menu()} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				questions(w)
				w.on("first", answer(action, file("after.wav")))
				a := w.dial(p, phoneOptions{})
				w.at(3 * second)
				a.hangUp()
				w.at(4 * second)
				w.wantAsked(p, "first", "final")
				wantValue(t, w.request("final", p).info, "hung_up", "this_call", "call_cause")
			})
		})
	}
}

// TestRoomSendsNoDigits has get_number and run_menu in a first page of a
// secondary call to a room: they run into their timeouts.
func TestRoomSendsNoDigits(t *testing.T) {
	for name, action := range map[string]dict{
		"get_number": getNumber(dict{"prompt": nil, "milliseconds_inter_digit_timeout": 1000, "digit_count": 1}),
		"run_menu":   menu(dict{"prompt": nil, "seconds_digit_timeout": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				questions(w)
				w.on("first@"+q, answer(join("room", quiet())))
				w.on("first", answer(allPages("room", quiet(dict{"exit_digit": "#"}))))
				w.on("sfirst", answer(action))
				b := w.dial(q, phoneOptions{})
				a := w.dial(p, phoneOptions{})
				a.say(toneP)
				w.at(500 * milli)
				a.press("1")
				w.at(2 * second)
				b.hearsNot(toneP, 0, 900*milli)
				b.hears(toneP, 1300*milli, 1900*milli)
				w.wantAsked(p, "first", "sfirst")
			})
		})
	}
}

func TestUnansweredCallIsAnsweredByTheActionsThatAsk(t *testing.T) {
	for name, action := range map[string]dict{
		"record":     {"record": dict{"next_page": "next", "milliseconds_max_silence": 500}},
		"get_number": getNumber(dict{"prompt": nil, "seconds_timeout": 1}),
		"run_menu":   menu(dict{"prompt": nil, "seconds_digit_timeout": 1}),
		"get_input":  {"get_input": dict{"next_page": "next", "speech_input_mode": "disabled", "digit_input_options": dict{"seconds_timeout": 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				w.on("first", answer(action))
				a := w.dial(p, phoneOptions{})
				w.at(5 * second)
				if a.answered.IsZero() || a.rejected != 0 {
					t.Errorf("answered at %v, rejected with %d", a.answered, a.rejected)
				}
			})
		})
	}
}

// TestEarlyMediaServiceRunsActionsBeforeTheAnswer has everything that hears or
// is heard work on a call that is not answered.
func TestEarlyMediaServiceRunsActionsBeforeTheAnswer(t *testing.T) {
	o := options{record: true, service: func(s *restapi.Service) { s.EarlyMedia = true }}
	run(t, o, func(w *world) {
		questions(w)
		w.on("first", answer(file("after.wav"), getNumber(dict{"digit_count": 2})))
		w.on("next", answer(dict{"record": dict{"next_page": "recorded", "barge_in_digits": "5"}}))
		w.on("recorded", answer(menu(dict{"prompt": nil})))
		w.on("one", answer(dict{"answer": dict{}}, file("after.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.hears(afterTone, 100*milli, 900*milli)
		a.hears(promptTone, 1100*milli, 1900*milli)
		a.dialling("42")
		a.say(toneP)
		w.at(4 * second)
		a.dialling("5")
		w.at(5 * second)
		wantEntered(w, "42")
		wantValue(t, w.request("recorded", p).info, true, "action_result", "result", "contains_sound")
		wantValue(t, w.request("recorded", p).info, "inbound", "this_call", "call_state")
		wantValue(t, w.request("recorded", p).info, 0, "this_call", "seconds_call_duration")
		if !a.answered.IsZero() {
			t.Error("the call is answered")
		}
		a.dialling("1")
		w.at(7 * second)
		if a.answered.IsZero() {
			t.Error("the call is not answered")
		}
		w.wantAsked(p, "first", "next", "recorded", "one", "final")
		wantValue(t, w.request("final", p).info, 1, "this_call", "seconds_call_duration")
	})
}

func TestEarlyMediaCallThatEndsUnansweredIsRejected(t *testing.T) {
	o := options{service: func(s *restapi.Service) { s.EarlyMedia = true }}
	run(t, o, func(w *world) {
		questions(w)
		w.on("first", answer(file("after.wav"), dict{"reject": dict{"raw_cause": "486"}}))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.hears(afterTone, 100*milli, 900*milli)
		if a.rejected != 486 {
			t.Errorf("rejected with %d", a.rejected)
		}
		wantValue(t, w.request("final", p).info, "486", "this_call", "call_raw_cause")
	})
}

// TestInterruptEndsTheActionsThatHearTheCaller at once, without a result; what
// was recorded is kept.
func TestInterruptEndsTheActionsThatHearTheCaller(t *testing.T) {
	for name, action := range map[string]dict{
		"record":     {"record": dict{"next_page": "next", "milliseconds_max_silence": 0}},
		"get_number": getNumber(dict{"milliseconds_inter_digit_timeout": 0}),
		"run_menu":   menu(dict{"seconds_digit_timeout": 60}),
		"get_input":  {"get_input": dict{"next_page": "next", "prompt": file("prompt.wav"), "speech_input_mode": "disabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				questions(w)
				w.on("first", answer(action, file("after.wav")))
				a := w.dial(p, phoneOptions{})
				a.say(toneP)
				w.at(1500 * milli)
				id, _ := w.request("first", p).info["application_instance_id"].(string)
				w.api.Interrupt(id, restapi.Page{URL: "http://app.test/elsewhere"})
				w.at(3 * second)
				w.wantAsked(p, "first", "elsewhere", "final")
				wantAt(w, "elsewhere", 1500*milli)
				info := w.request("elsewhere", p).info
				wantValue(t, info, name, "action_result", "action")
				wantValue(t, info, true, "action_result", "interrupted")
				if spans := a.spans(afterTone); len(spans) > 0 {
					t.Errorf("the following action runs at %v", spans)
				}
				files, err := filepath.Glob(filepath.Join(w.media, "rest_api/recordings/*/*/*/*.wav"))
				if want := map[bool]int{true: 1, false: 0}[name == "record"]; err != nil || len(files) != want {
					t.Errorf("files %v, %v", files, err)
				}
			})
		})
	}
}
