package golden

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"testing"
	"time"

	"mediaserver/restapi"
)

func TestPrimaryHearsSilenceDuringTheSecondaryFinalPage(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet())
		w.on("first@"+q, answer(endPages("room", quiet(dict{"exit_digit": "#"}))))
		w.page("sfinal", page2(3*second, ""))
		w.at(2 * second)
		b := w.dial(q, phoneOptions{})
		w.at(4 * second)
		b.press("#")
		w.at(9 * second)
		b.hears(toneP, 2200*milli, 4*second)
		b.hearsSilence(4100*milli, 7*second)
		ph[0].hearsRinging(4*second, 9*second)
		if at := w.request("next", q).at; at < 7*second {
			t.Errorf("the next page was asked at %v, before the final page had answered", at)
		}
	})
}

// TestMaximumDurationOfASecondaryCallCountsFromItsAnswer, not from the
// connection.
func TestMaximumDurationOfASecondaryCallCountsFromItsAnswer(t *testing.T) {
	slow := func(s *restapi.Service) { s.MaxDuration = 2 * time.Hour }
	run(t, options{service: slow}, func(w *world) {
		w.on("first", answer(join("room", quiet(), dict{"next_page": "next"}, secondary(dict{
			"first_page": "sfirst", "final_page": "sfinal", "minutes_max_call_duration": 1,
		}))))
		w.on("sfirst", answer(dict{"sleep": dict{"seconds": 45}}))
		w.dial(p, phoneOptions{})
		w.at(62 * second)
		wantValue(t, w.request("sfinal", p).info, "dropped", "this_call", "call_cause")
		wantValue(t, w.request("sfinal", p).info, 60, "this_call", "seconds_call_duration")
		wantValue(t, w.request("next", p).info, 15, "action_result", "result", "seconds_connected_duration")
	})
}

func TestMaximumDurationOfThePrimaryCallDropsIt(t *testing.T) {
	short := func(s *restapi.Service) { s.MaxDuration = time.Minute }
	for name, tt := range map[string]struct {
		action dict
		asked  []string
	}{
		"asleep":    {dict{"sleep": dict{"seconds": 3600}}, []string{"first", "final"}},
		"in a room": {endPages("room", quiet()), []string{"first", "sfinal", "final"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{service: short}, func(w *world) {
				w.on("first", answer(dict{"sleep": dict{"seconds": 5}}, dict{"answer": dict{}}, tt.action))
				a := w.dial(p, phoneOptions{})
				w.at(64 * second)
				if a.Err() != nil {
					t.Error("hung up before a minute had passed since the answer")
				}
				w.at(66 * second)
				w.wantAsked(p, tt.asked...)
				for _, path := range tt.asked[1:] {
					wantValue(t, w.request(path, p).info, "dropped", "this_call", "call_cause")
				}
				if a.Err() == nil {
					t.Error("not hung up")
				}
			})
		})
	}
}

// TestEachCallHasAnErrorPageRequestOfItsOwn: the primary call and each
// secondary one, and no call a second.
func TestEachCallHasAnErrorPageRequestOfItsOwn(t *testing.T) {
	run(t, options{maxParticipants: 1}, func(w *world) {
		w.file("sorry.wav", 700, second)
		meet(w, quiet())
		full := endPages("room", quiet())
		w.on("first@"+q, answer(full, full, file("absent.wav")))
		w.on("error", answer(file("sorry.wav"), file("absent.wav"), file("sorry.wav")))
		b := w.dial(q, phoneOptions{})
		w.at(5 * second)
		w.wantAsked(q, "first", "serror", "serror", "error", "final")
		wantCode(t, w.request("error", q), "MEDIA_NOT_FOUND")
		wantValue(t, w.request("final", q).info, "failed", "this_call", "call_cause")
		if spans := b.spans(700); len(spans) != 1 {
			t.Errorf("the list of the error page is heard at %v", spans)
		}
	})
}

// TestInterruptBuysNoSecondErrorPage: the call is sent away while the list of
// its error page runs, and fails again.
func TestInterruptBuysNoSecondErrorPage(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(file("absent.wav")))
		w.on("error", answer(dict{"sleep": dict{"seconds": 60}}))
		w.on("elsewhere", answer(file("absent.wav")))
		w.dial(p, phoneOptions{})
		w.at(2 * second)
		w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(p), "redirect_page", "http://app.test/elsewhere")
		w.at(4 * second)
		w.wantAsked(p, "first", "error", "elsewhere", "final")
		wantValue(t, w.request("final", p).info, "failed", "this_call", "call_cause")
	})
}

func TestEncryptionWithoutRecordingHasNoEffect(t *testing.T) {
	encrypted := func(s *restapi.Service) { s.Recording.Encrypted = true }
	run(t, options{record: true, service: encrypted}, func(w *world) {
		w.on("first", answer(allPages("room", quiet(dict{"exit_digit": "#"}), secondary(dict{
			"call_recording_encryption": true, "first_page": "sfirst", "final_page": "sfinal", "error_page": "serror",
		}))))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.press("#")
		w.at(3 * second)
		w.wantAsked(p, "first", "sfirst", "sfinal", "next", "final")
	})
}

// TestCipherOfTheFirstPageGoesBeforeThatOfTheList.
func TestCipherOfTheFirstPageGoesBeforeThatOfTheList(t *testing.T) {
	const otherKey = "ff0102030405060708090a0b0c0d0e0f"
	key := func(k string) dict { return dict{"type": "aescbc", "key": k, "initialisation_vector": testIV} }
	for name, tt := range map[string]struct {
		first dict
		opens string
	}{
		"the first page has none": {dict{"api_version": "2.0", "actions": []dict{}}, otherKey},
		"the first page has one":  {dict{"api_version": "2.0", "actions": []dict{}, "call_recording_cipher": key(testKey)}, testKey},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				w.on("first", answer(join("room", quiet(), secondary(dict{
					"call_recording": true, "call_recording_encryption": true, "call_recording_cipher": key(otherKey),
					"first_page": "sfirst", "final_page": "sfinal",
				}))))
				w.on("sfirst", encode(tt.first))
				a := w.dial(p, phoneOptions{})
				a.say(toneP)
				w.at(4 * second)
				a.hangUp()
				w.at(5 * second)
				wantRecording(t, deciphered(t, recorded(w, "sfinal", p), tt.opens), 4*second, toneP)
			})
		})
	}
}

// deciphered is a recording that was encrypted with a key and testIV.
func deciphered(t *testing.T, file []byte, key string) []byte {
	t.Helper()
	k, errKey := hex.DecodeString(key)
	iv, errIV := hex.DecodeString(testIV)
	block, err := aes.NewCipher(k)
	if err != nil || errKey != nil || errIV != nil || len(file)%aes.BlockSize != 0 {
		t.Fatal(err, errKey, errIV, len(file))
	}
	plain := bytes.Clone(file)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, plain)
	return plain[:len(plain)-int(plain[len(plain)-1])]
}

// TestRecordingOfAWholeCallThatCannotBeMadeIsAWarning: there is no recorder.
func TestRecordingOfAWholeCallThatCannotBeMadeIsAWarning(t *testing.T) {
	on := func(s *restapi.Service) { s.Recording.On = true }
	run(t, options{service: on}, func(w *world) {
		w.file("hello.wav", 700, second)
		w.on("first", answer(file("hello.wav"), join("room", quiet(dict{"exit_digit": "#"}), dict{"next_page": "next"},
			secondary(dict{"call_recording": true, "final_page": "sfinal", "error_page": "serror"}))))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.press("#")
		w.at(4 * second)
		a.hears(700, 100*milli, 900*milli)
		w.wantAsked(p, "first", "sfinal", "next", "final")
		w.wantWarning("RECORDING_FAILED")
		for _, path := range []string{"sfinal", "final"} {
			if name, has := get(t, w.request(path, p).info, "this_call").(dict)["call_recording_filename"]; has && name != "" {
				t.Errorf("%s is told of the recording %v", path, name)
			}
		}
	})
}

// TestPlayOfAFirstPageIsHeardWhereItsParticipantWouldBe: not that of a
// listener, of one who is muted, or in a stopped room. It takes its time all
// the same.
func TestPlayOfAFirstPageIsHeardWhereItsParticipantWouldBe(t *testing.T) {
	for name, tt := range map[string]struct {
		there, comes dict
		mute         bool
		until        time.Duration // the play is heard so long
	}{
		"a talker":          {quiet(), quiet(), false, 5 * second},
		"a listener":        {quiet(), quiet(dict{"talker": false}), false, 0},
		"a stopped room":    {quiet(dict{"start_on_entry": false}), quiet(dict{"start_on_entry": false}), false, 0},
		"muted by somebody": {quiet(), quiet(), true, 3 * second},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				w.file("rec.wav", 700, 4*second)
				ph := meet(w, tt.there)
				silent(ph...)
				w.on("first@"+q, answer(allPages("room", tt.comes)))
				w.page("sfirst", page{body: func(request) string { return answer(file("rec.wav"), dict{"redirect": dict{"next_page": "played"}}) }})
				w.dial(q, phoneOptions{})
				w.at(3 * second)
				if tt.mute {
					w.ask("conference_participant_set_options", "conference_name", "room", "participant_id", w.instanceOf(q), "mute", "true")
				}
				w.at(7 * second)
				if tt.until == 0 {
					wantSpans(t, ph[0], 700)
				} else {
					wantSpans(t, ph[0], 700, span(second, tt.until))
				}
				if at := w.request("played", q).at; at < 4900*milli || at > 5200*milli {
					t.Errorf("the play took until %v, want 5 s", at)
				}
			})
		})
	}
}

func TestAnswerOfARoomIsWaitedFor30Seconds(t *testing.T) {
	run(t, options{destinations: elsewhere}, func(w *world) {
		w.on("first", answer(endPages("ext-1", quiet())))
		w.dial(p, phoneOptions{})
		w.at(40 * second)
		w.wantAsked(p, "first", "serror", "final")
		if at := w.request("serror", p).at; (at - 30*second).Abs() > 100*milli {
			t.Errorf("error page asked at %v, want 30 s", at)
		}
	})
}
