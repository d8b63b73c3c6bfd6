package golden

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/restapi"
)

// voicemail is a record action with the next page "next".
func voicemail(more ...dict) dict {
	props := dict{"next_page": "next"}
	for _, m := range more {
		maps.Copy(props, m)
	}
	for k, v := range props {
		if v == nil {
			delete(props, k)
		}
	}
	return dict{"record": props}
}

// recordedFile reads the file that a record action made, as the page was told.
func recordedFile(w *world, page string) []byte {
	w.t.Helper()
	name, _ := get(w.t, w.request(page, p).info, "action_result", "result", "filename").(string)
	b, err := os.ReadFile(filepath.Join(w.media, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// wantLength asserts the length of a WAV file: it may have two frames more, the
// first one and that in which a key is seen.
func wantLength(t *testing.T, file []byte, want time.Duration) (audio.Clip, wav.Info) {
	t.Helper()
	clip, info, err := wav.Decode(bytes.NewReader(file), 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	if d := (info.Duration() - want).Abs(); d > 2*frame {
		t.Errorf("the file lasts %v, want %v", info.Duration(), want)
	}
	return clip, info
}

func TestRecordEnds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version string
		props   dict
		do      func(w *world, a *phone)
		length  time.Duration
		sound   bool
	}{
		{"by # unless told otherwise", "2.0", nil, func(w *world, a *phone) { a.say(toneP); w.at(4 * second); a.press("#") }, 4 * second, true},
		{"by one of its digits", "1", dict{"barge_in_digits": "59"}, func(w *world, a *phone) {
			a.say(toneP)
			w.at(2 * second)
			a.dialling("#1")
			w.at(4 * second)
			a.press("9")
		}, 4 * second, true},
		{"by no digit if there is none", "2.0", dict{"barge_in_digits": "", "seconds_max_duration": 5}, func(w *world, a *phone) {
			a.say(toneP)
			w.at(2 * second)
			a.dialling("#*12")
		}, 5 * second, true},
		{"after its longest duration", "1", dict{"seconds_max_duration": 7}, func(_ *world, a *phone) { a.say(toneP) }, 7 * second, true},
		{"after a minute unless told otherwise", "2.0", nil, func(_ *world, a *phone) { a.say(toneP) }, 60 * second, true},
		{"by silence of three seconds unless told otherwise", "1", nil, func(w *world, a *phone) {
			a.say(toneP)
			w.at(2 * second)
			a.say(0)
		}, 5 * second, true},
		{"by silence at its beginning", "2.0", nil, func(*world, *phone) {}, 3 * second, false},
		{"by the silence it is told", "2.0", dict{"milliseconds_max_silence": 1500}, func(w *world, a *phone) {
			a.say(toneP)
			w.at(2 * second)
			a.say(0)
			w.at(3 * second) // a pause that is too short
			a.say(toneP)
			w.at(4 * second)
			a.say(0)
		}, 5500 * milli, true},
		{"never by silence if that is 0", "1", dict{"milliseconds_max_silence": 0, "seconds_max_duration": 9}, func(*world, *phone) {}, 9 * second, false},
		{"by another silence before the first sound", "2.0", dict{"milliseconds_max_silence": 1000, "milliseconds_max_initial_silence": 4000}, func(*world, *phone) {}, 4 * second, false},
		{"not by that after the first sound", "2.0", dict{"milliseconds_max_silence": 1000, "milliseconds_max_initial_silence": 4000}, func(w *world, a *phone) {
			w.at(2 * second)
			a.say(toneP)
			w.at(3 * second)
			a.say(0)
		}, 4 * second, true},
		{"by no silence after the first sound, if only that before is bounded", "2.0", dict{"milliseconds_max_silence": 0, "milliseconds_max_initial_silence": 2000, "seconds_max_duration": 6}, func(w *world, a *phone) {
			a.say(toneP)
			w.at(second)
			a.say(0)
		}, 6 * second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := inVersion(tt.version)
			o.record = true
			run(t, o, func(w *world) {
				props := maps.Clone(tt.props)
				w.on("first", inAnswer(tt.version, voicemail(props)))
				a := w.dial(p, phoneOptions{})
				tt.do(w, a)
				w.at(tt.length + 2*second)
				w.wantAsked(p, "first", "next", "final")
				wantAt(w, "next", tt.length)
				wantLength(t, recordedFile(w, "next"), tt.length)
				info := w.request("next", p).info
				wantValue(t, info, "record", "action_result", "action")
				wantValue(t, info, tt.sound, "action_result", "result", "contains_sound")
			})
		})
	}
}

// TestSilenceOfARecordingIsBelow45dB has a voice just above and just below.
func TestSilenceOfARecordingIsBelow45dB(t *testing.T) {
	for level, sound := range map[float64]bool{-40: true, -47: false} {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				w.on("first", answer(voicemail(dict{"seconds_max_duration": 5})))
				a := w.dial(p, phoneOptions{})
				a.murmur(toneP, level)
				w.at(8 * second)
				wantValue(t, w.request("next", p).info, sound, "action_result", "result", "contains_sound")
				if want := map[bool]time.Duration{true: 5 * second, false: 3 * second}[sound]; true {
					wantLength(t, recordedFile(w, "next"), want)
				}
			})
		})
	}
}

func TestRecordTellsItsResult(t *testing.T) {
	name := regexp.MustCompile(`^/rest_api/recordings/2000/01/01/00_00_00_[0-9a-f]{16}\.\d+\.wav$`)
	for _, version := range []string{restapi.Version1, restapi.Version2} {
		t.Run(version, func(t *testing.T) {
			o := inVersion(version)
			o.record = true
			run(t, o, func(w *world) {
				props := dict{}
				if version == restapi.Version2 {
					props["id"] = "message 7"
				}
				w.on("first", inAnswer(version, voicemail(props)))
				a := w.dial(p, phoneOptions{})
				a.say(toneP)
				w.at(2660 * milli)
				a.press("#")
				w.at(4 * second)
				result, _ := get(t, w.request("next", p).info, "action_result", "result").(map[string]any)
				filename, _ := result["filename"].(string)
				if !name.MatchString(filename) {
					t.Errorf("filename %q", filename)
				}
				want, members := any("2.7"), 3
				if version == restapi.Version2 {
					want, members = 2.7, 4
					wantValue(t, result, "message 7", "id")
				}
				if result["seconds_duration"] != want || len(result) != members {
					t.Errorf("result %v, want a duration of %v", result, want)
				}
			})
		})
	}
}

func TestRecordBeepsBeforeAndNotInTheFile(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail(dict{"beep_on_start": true, "seconds_max_duration": 2})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(500 * milli)
		a.hears(beepTone, 40*milli, 180*milli)
		w.at(4 * second)
		clip, _ := wantLength(t, recordedFile(w, "next"), 2*second)
		wantAt(w, "next", 2200*milli)
		if level := audio.ToneLevel(clip.Samples[:8000], 8000, beepTone); level > -50 {
			t.Errorf("the beep is in the file at %.1f dBov", level)
		}
	})
}

func TestRecordWithoutBeepIsSilent(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail()))
		a := w.dial(p, phoneOptions{})
		w.at(5 * second)
		a.hearsSilence(0, 3*second)
	})
}

func TestDigitsAreNotRecorded(t *testing.T) {
	for name, events := range map[string]bool{"telephone events": true, "tones": false} {
		t.Run(name, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				w.on("first", answer(voicemail(dict{"barge_in_digits": "", "seconds_max_duration": 3})))
				a := w.dial(p, phoneOptions{noEvents: !events})
				w.at(second)
				if events {
					a.press("5")
				} else {
					a.tones("5")
				}
				w.at(5 * second)
				clip, _ := wantLength(t, recordedFile(w, "next"), 3*second)
				if spans := audio.ToneSpans(clip, 770, -40, 20*milli); len(spans) > 0 {
					t.Errorf("the key is in the file at %v", spans)
				}
				wantValue(t, w.request("next", p).info, false, "action_result", "result", "contains_sound")
			})
		})
	}
}

func TestRecordFormats(t *testing.T) {
	for format, want := range map[string]wav.Encoding{"": wav.ULaw, "alaw": wav.ALaw, "ulaw": wav.ULaw} {
		t.Run("format "+format, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				props := dict{"seconds_max_duration": 2}
				if format != "" {
					props["format"] = format
				}
				w.on("first", answer(voicemail(props)))
				a := w.dial(p, phoneOptions{}) // with µ-law
				a.say(toneP)
				w.at(4 * second)
				clip, info := wantLength(t, recordedFile(w, "next"), 2*second)
				if info.Encoding != want || info.Channels != 1 {
					t.Errorf("%+v", info)
				}
				if level := audio.ToneLevel(clip.Samples[2000:14000], 8000, toneP); level < -20 {
					t.Errorf("the voice is at %.1f dBov", level)
				}
			})
		})
	}
}

func TestRecordEncrypts(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail(dict{
			"seconds_max_duration": 2,
			"encryption_cipher":    dict{"type": "aescbc", "key": testKey, "initialisation_vector": testIV},
		})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		file := recordedFile(w, "next")
		if bytes.Contains(file, []byte("RIFF")) {
			t.Fatal("the file is in clear")
		}
		key, _ := hex.DecodeString(testKey)
		iv, _ := hex.DecodeString(testIV)
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(file, file)
		wantLength(t, file[:len(file)-int(file[len(file)-1])], 2*second)
		if strings.Contains(w.log.String(), testKey) {
			t.Error("the key is in the log")
		}
	})
}

// TestRecordedMessageIsPlayedBack and deleted, by the instance that made it.
func TestRecordedMessageIsPlayedBack(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail(dict{"seconds_max_duration": 2})))
		var name string
		w.page("next", page{body: func(r request) string {
			name, _ = get(t, r.info, "action_result", "result", "filename").(string)
			return answer(file(name), dict{"delete_file": dict{"filename": name}}, dict{"delete_file": dict{"filename": name}})
		}})
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(6 * second)
		a.hears(toneP, 2200*milli, 3900*milli)
		if _, err := os.Stat(filepath.Join(w.media, name)); !os.IsNotExist(err) {
			t.Errorf("the file is still there: %v", err)
		}
		w.wantWarning("FILE_NOT_FOUND", name) // the second time
		w.wantAsked(p, "first", "next", "final")
	})
}

func TestFinalPageDeletesFilesAndDoesNothingElse(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		name := ""
		w.on("first", answer(voicemail(dict{"seconds_max_duration": 1})))
		w.page("next", page{body: func(r request) string {
			name, _ = get(t, r.info, "action_result", "result", "filename").(string)
			return answer()
		}})
		w.page("final", page{body: func(request) string {
			return answer(dict{"play": dict{"play_list": []dict{{"file_to_play": "a.wav"}}}}, dict{"delete_file": dict{"filename": name}},
				dict{"delete_file": dict{"filename": "absent.wav"}})
		}})
		w.dial(p, phoneOptions{}).say(toneP)
		w.at(3 * second)
		if _, err := os.Stat(filepath.Join(w.media, name)); name == "" || !os.IsNotExist(err) {
			t.Errorf("the file %q is still there: %v", name, err)
		}
		w.wantWarning("action skipped", "play")
		w.wantWarning("FILE_NOT_FOUND", "absent.wav")
	})
}

func TestCallerWhoHangsUpKeepsTheRecording(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail(dict{"recording_available_page": "available", "id": "m1"}), file("after.wav")))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(3 * second)
		a.hangUp()
		w.at(5 * second)
		asked := pathsOf(w)
		if strings.Join(asked, " ") != "first available final" {
			t.Errorf("asked: %v", asked)
		}
		files, err := filepath.Glob(filepath.Join(w.media, "rest_api/recordings/*/*/*/*.wav"))
		if err != nil || len(files) != 1 {
			t.Fatalf("files %v, %v", files, err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		wantLength(t, b, 3*second)
	})
}

// pathsOf are all pages asked, notifications as well.
func pathsOf(w *world) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var paths []string
	for _, r := range w.requests {
		paths = append(paths, r.path)
	}
	return paths
}

// TestPageIsNotifiedOfARecording while the application goes on.
func TestPageIsNotifiedOfARecording(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.file("after.wav", afterTone, 5*second)
		w.on("first", answer(voicemail(dict{"recording_available_page": dict{"url": "available", "method": "GET"}, "id": "m1", "seconds_max_duration": 2})))
		w.on("next", encode(dict{"api_version": "2.0", "token": "later", "actions": []dict{file("after.wav")}}))
		w.page("available", page{delay: 3 * second, body: func(request) string { return answer(dict{"hang_up": dict{}}) }})
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(9 * second)
		a.hears(afterTone, 2200*milli, 6800*milli) // the notification steers nothing
		w.mu.Lock()
		defer w.mu.Unlock()
		var seen *request
		for i := range w.requests {
			if w.requests[i].path == "available" {
				seen = &w.requests[i]
			}
		}
		if seen == nil {
			t.Fatalf("no notification among %v", w.requests)
		}
		if seen.method != http.MethodGet || seen.at > 2100*milli {
			t.Errorf("%s at %v", seen.method, seen.at)
		}
		wantValue(t, seen.info, true, "is_notification")
		wantValue(t, seen.info, "m1", "action_result", "result", "id")
		wantValue(t, seen.info, "<nil>", "token")
		if _, has := seen.info["this_call"]; has {
			t.Error("a notification of version 2 has no this_call")
		}
	})
}

func TestFinalPageWaitsForNotifications(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail(dict{"recording_available_page": "available", "seconds_max_duration": 1})))
		w.page("available", page{delay: 3 * second})
		w.dial(p, phoneOptions{})
		w.at(6 * second)
		if asked := pathsOf(w); asked[len(asked)-1] != "final" || w.request("final", p).at < 4*second {
			t.Errorf("asked: %v, the final page at %v", asked, w.request("final", p).at)
		}
	})
}

func TestNotificationThatFailsIsAWarning(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail(dict{"recording_available_page": "available", "seconds_max_duration": 1})))
		w.page("available", page{status: 500})
		w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "next", "final")
		w.wantWarning("notification", "page_http_status")
	})
}

// TestRecordOnTheFirstPageOfARoomRecordsTheRoom, which the primary does not
// hear yet.
func TestRecordOnTheFirstPageOfARoomRecordsTheRoom(t *testing.T) {
	for name, started := range map[string]bool{"started": true, "stopped": false} {
		t.Run(name, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				w.on("first@"+q, answer(join("room", quiet(dict{"start_on_entry": started}))))
				w.on("first", answer(allPages("room", quiet(dict{"start_on_entry": started}))))
				w.on("sfirst", answer(voicemail(dict{"next_page": "recorded", "seconds_max_duration": 2, "beep_on_start": true, "milliseconds_max_silence": 0})))
				b := w.dial(q, phoneOptions{})
				b.say(toneQ)
				w.at(second)
				a := w.dial(p, phoneOptions{})
				a.say(toneP)
				w.at(5 * second)
				w.wantAsked(p, "first", "sfirst", "recorded")
				clip, info := wantLength(t, recordedFile(w, "recorded"), 2*second)
				if info.Encoding != wav.ALaw {
					t.Errorf("%+v", info)
				}
				level := audio.ToneLevel(clip.Samples[1600:14400], 8000, toneQ)
				if heard := level > -25; heard != started {
					t.Errorf("Q is in the file at %.1f dBov", level)
				}
				if level := audio.ToneLevel(clip.Samples, 8000, toneP); level > -50 {
					t.Errorf("the primary is in the file at %.1f dBov", level)
				}
				if started {
					b.hears(beepTone, 1040*milli, 1180*milli)
					b.hears(toneP, 3500*milli, 4900*milli) // connected as ever
					a.hears(toneQ, 3500*milli, 4900*milli)
				}
			})
		})
	}
}

func TestRecordThatCannotBeMadeIsAnError(t *testing.T) {
	run(t, options{}, func(w *world) { // no recorder
		w.on("first", answer(voicemail()))
		w.dial(p, phoneOptions{})
		w.at(second)
		w.wantAsked(p, "first", "error", "final")
		wantCode(t, w.request("error", p), "RECORDING_FAILED: actions[0].record")
		wantValue(t, w.request("error", p).info, "record", "error_result", "action")
	})
}

// TestRecordAndWholeCallRecordingGoSideBySide, each with its name.
func TestRecordAndWholeCallRecordingGoSideBySide(t *testing.T) {
	o := options{record: true, service: func(s *restapi.Service) { s.Recording.On = true }}
	run(t, o, func(w *world) {
		w.file("hello.wav", 700, second)
		w.on("first", answer(file("hello.wav"), voicemail(dict{"seconds_max_duration": 1})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		wantLength(t, recordedFile(w, "next"), second)
		whole, _ := get(t, w.request("final", p).info, "this_call", "call_recording_filename").(string)
		if !strings.HasSuffix(whole, "_call.wav") || strings.HasSuffix(whole, "_2_call.wav") {
			t.Errorf("the recording of the call is %q", whole)
		}
		wantLength(t, recorded(w, "final", p), 2*second)
	})
}

func TestSecondRecordingOfASecondGetsANumber(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first", answer(voicemail(dict{"next_page": "one"})))
		w.on("one", answer(voicemail(dict{"next_page": "two"})))
		a := w.dial(p, phoneOptions{})
		w.at(200 * milli)
		a.press("#")
		w.at(600 * milli)
		a.press("#")
		w.at(2 * second)
		name := func(page string) string {
			name, _ := get(t, w.request(page, p).info, "action_result", "result", "filename").(string)
			return strings.TrimSuffix(name, ".wav")
		}
		if name("one") == "" || name("two") != name("one")+"_2" {
			t.Errorf("%q and %q", name("one"), name("two"))
		}
	})
}

// TestPrimaryRecordingWithoutCipherIsAnError: encryption is on and the first
// page says none.
func TestPrimaryRecordingWithoutCipherIsAnError(t *testing.T) {
	encrypted := func(s *restapi.Service) { s.Recording.On, s.Recording.Encrypted = true, true }
	run(t, options{record: true, service: encrypted}, func(w *world) {
		w.file("hello.wav", 700, second)
		w.on("first", answer(file("hello.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "error", "final")
		wantCode(t, w.request("error", p), "MISSING_CIPHER")
		wantValue(t, w.request("error", p).info, "", "error_result", "action")
		a.hearsNot(700, 0, 2*second)
	})
}

func TestPrimaryRecordingIsEncryptedWithTheCipherOfTheFirstPage(t *testing.T) {
	encrypted := func(s *restapi.Service) {
		s.Recording = restapi.Recording{On: true, Encrypted: true, Separate: true}
	}
	run(t, options{record: true, service: encrypted}, func(w *world) {
		w.file("hello.wav", 700, 2*second)
		w.on("first", encode(dict{
			"api_version": "2.0", "actions": []dict{file("hello.wav")},
			"call_recording_cipher": dict{"type": "aescbc", "key": testKey, "initialisation_vector": testIV},
		}))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		file := recorded(w, "final", p)
		key, _ := hex.DecodeString(testKey)
		iv, _ := hex.DecodeString(testIV)
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(file, file)
		_, info := wantLength(t, file[:len(file)-int(file[len(file)-1])], 2*second)
		if info.Channels != 2 {
			t.Errorf("%+v", info)
		}
	})
}

// TestRecordingOfTwoSidesIsPlayed mixed down.
func TestRecordingOfTwoSidesIsPlayed(t *testing.T) {
	separate := func(s *restapi.Service) { s.Recording = restapi.Recording{On: true, Separate: true} }
	run(t, options{record: true, service: separate}, func(w *world) {
		w.file("hello.wav", 700, 2*second)
		w.on("first@"+q, answer(file("hello.wav")))
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(3 * second)
		name, _ := get(t, w.request("final", q).info, "this_call", "call_recording_filename").(string)
		w.on("first", answer(file(name)))
		a := w.dial(p, phoneOptions{})
		w.at(6 * second)
		a.hears(700, 3300*milli, 4700*milli)
		a.hears(toneQ, 3300*milli, 4700*milli)
	})
}

// TestPrimaryRecordingKeepsDigitsOnlyIfAsked, as that of a secondary call.
func TestPrimaryRecordingKeepsDigitsOnlyIfAsked(t *testing.T) {
	for name, keep := range map[string]bool{"eliminated": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			o := options{record: true, service: func(s *restapi.Service) { s.Recording = restapi.Recording{On: true, KeepDigits: keep} }}
			run(t, o, func(w *world) {
				w.on("first", answer(dict{"answer": dict{}}, dict{"sleep": dict{"seconds": 3}}))
				a := w.dial(p, phoneOptions{noEvents: true})
				w.at(second)
				a.tones("5")
				w.at(4 * second)
				clip, _ := wantLength(t, recorded(w, "final", p), 3*second)
				if found := len(audio.ToneSpans(clip, 770, -30, 40*milli)) > 0; found != keep {
					t.Errorf("the key's tone in the recording: %v", found)
				}
			})
		})
	}
}

// TestRecordingOfAnEarlyMediaCallBeginsWithItsAnswer.
func TestRecordingOfAnEarlyMediaCallBeginsWithItsAnswer(t *testing.T) {
	o := options{record: true, service: func(s *restapi.Service) { s.Recording.On, s.EarlyMedia = true, true }}
	run(t, o, func(w *world) {
		w.file("early.wav", 700, 2*second)
		w.file("hello.wav", 1400, 2*second)
		w.on("first", answer(file("early.wav"), dict{"answer": dict{}}, file("hello.wav")))
		w.dial(p, phoneOptions{})
		w.at(6 * second)
		clip, _ := wantLength(t, recorded(w, "final", p), 2*second)
		if level := audio.ToneLevel(clip.Samples, 8000, 700); level > -50 {
			t.Errorf("early media are in the recording at %.1f dBov", level)
		}
	})
}
