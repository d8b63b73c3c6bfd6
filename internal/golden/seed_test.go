package golden

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/call"
	"mediaserver/restapi"
)

// The three examples of the published page of connect_to_conference, as they
// stand there, in the API's version 1.
const (
	seedDefaults = `
          "connect_to_conference" :
          {
              "name" : "BobsChatRoom"
          }
`
	seedParticipant = `
          "connect_to_conference" :
          {
              "name" : "BobsChatRoom",
              "hold_media" : {"play" : { "play_list" : [ { "file_to_play" : "cool_jazz.wav" } ] } },
              "seconds_answer_timeout" : 30,
              "secondary_call" :
              {
                  "call_recording" : true,
                  "minutes_max_call_duration" : 240
              },
              "conference_participant" :
              {
                  "talker" : true,
                  "start_on_entry" : true,
                  "destroy_on_exit" : true,
                  "beep_on_entry" : true,
                  "mute_digit" : "#",
                  "unmute_digit" : "*",
                  "exit_digit" : "9",
                  "while_stopped_media" : { "play" : { "play_list" : [ { "file_to_play" : "cool_jazz.wav" } ] } },
                  "name" : { "play" : { "play_list" : [ { "text_to_say" : "Bob" } ] } },
                  "has_joined_message" : { "play" : { "play_list" : [ { "text_to_say" : "has joined the conference." } ] } },
                  "has_left_message" : { "play" : { "play_list" : [ { "text_to_say" : "has left the conference." } ] } }
              },
              "next_page" : 
              {
                  "url" : "conferenceNextPage"
              }
          }
`
	seedResult = `
      "action_result" :
      {
          "action" : "connect_to_conference",
          "result" :
          {
              "seconds_connected_duration" : "131.1"
          }
      }
`
	seedPages = `
          "connect_to_conference" :
          {
              "name" : "BobsChatRoom",
              "hold_media" : {"play" : { "play_list" : [ { "file_to_play" : "cool_jazz.wav" } ] } },
              "seconds_answer_timeout" : 30,
              "secondary_call" :
              {
                  "call_recording" : true,
                  "minutes_max_call_duration" : 240,
                  "first_page" : "conferenceFirstPage",
                  "final_page" : "conferenceFinalPage",
                  "error_page" : "conferenceErrorPage"
              }
          }
`
)

// Tones of the media of the examples.
const (
	jazzTone    = 520.0
	bobTone     = 1500.0
	hasJoined   = 1700.0
	hasLeft     = 1900.0
	recordsTone = 2100.0
	byeTone     = 2300.0
)

// spoken is the speech of these tests: a tone for each text.
type spoken map[string]audio.Clip

func (s spoken) Load(_ context.Context, item call.MediaItem) (audio.Clip, error) {
	clip, ok := s[item.Text]
	if !ok {
		return audio.Clip{}, fmt.Errorf("%w: nobody can say %q", call.ErrSpeech, item.Text)
	}
	return clip, nil
}

func seedVoice() spoken {
	say := func(freq float64, d time.Duration) audio.Clip {
		return audio.ToneClip(8000, []float64{freq}, -12, d, 0)
	}
	return spoken{
		"Bob":                        say(bobTone, 300*milli),
		"has joined the conference.": say(hasJoined, 400*milli),
		"has left the conference.":   say(hasLeft, 400*milli),
		"This call is recorded.":     say(recordsTone, second),
		"Goodbye.":                   say(byeTone, second),
	}
}

// seedWorld is a world that can speak and keeps what pages are asked with to
// the letter.
type seedWorld struct {
	*world
	mu     sync.Mutex
	bodies []seedBody
}

type seedBody struct{ caller, path, method, text string }

// runSeed is run for a service of version 1.
func runSeed(t *testing.T, maxParticipants int, test func(w *seedWorld)) {
	t.Helper()
	o := options{record: true, service: func(s *restapi.Service) { s.APIVersion = restapi.Version1 }}
	run(t, o, func(plain *world) {
		w := &seedWorld{world: plain}
		w.file("cool_jazz.wav", jazzTone, 2*second)
		logger := slog.New(slog.NewTextHandler(w.log, nil))
		var err error
		w.manager, err = call.NewManager(call.Config{
			Engine: w.engine, Loader: call.Sources{Files: call.NewStore(w.store), Speech: seedVoice()},
			OpenSockets: w.openSockets, Recorder: w.records, Logger: logger, MaxParticipants: maxParticipants,
		})
		if err != nil {
			t.Fatal(err)
		}
		w.api, err = restapi.NewServer(restapi.Config{
			Services: []restapi.Service{{
				Name: "seed", Match: []string{"1000"},
				FirstPage: restapi.Page{URL: "http://app.test/first"},
				FinalPage: restapi.Page{URL: "http://app.test/final"},
				ErrorPage: restapi.Page{URL: "http://app.test/error"},
			}},
			Transport: w, Logger: logger,
		})
		if err != nil {
			t.Fatal(err)
		}
		test(w)
		if strings.Contains(w.log.String(), "answer of a page") {
			t.Errorf("the example is not taken as it stands:\n%s", w.log)
		}
	})
}

// RoundTrip keeps the body for the letter of it.
func (w *seedWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	var info struct {
		Call struct {
			From string `json:"call_from"`
		} `json:"this_call"`
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		w.t.Errorf("%s: %v", r.URL, err)
	}
	w.mu.Lock()
	w.bodies = append(w.bodies, seedBody{info.Call.From, strings.TrimPrefix(r.URL.Path, "/"), r.Method, string(raw)})
	w.mu.Unlock()
	return w.world.RoundTrip(r)
}

// What differs from run to run.
var (
	anInstance = regexp.MustCompile(`[0-9a-f]{16}\.[0-9]+`)
	aCall      = regexp.MustCompile(`"call_id":"[^"]+","call_direction":"(in|out)"`)
)

// wantBodies wants a caller's pages to have been asked by POST with exactly
// these bodies, one after the other, identifiers aside.
func (w *seedWorld) wantBodies(caller string, want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []string
	instances := map[string]bool{}
	for _, b := range w.bodies {
		if b.caller != caller {
			continue
		}
		for _, id := range anInstance.FindAllString(b.text, -1) {
			instances[id] = true
		}
		text := anInstance.ReplaceAllString(b.text, "INSTANCE")
		text = aCall.ReplaceAllString(text, `"call_id":"CALL","call_direction":"$1"`)
		got = append(got, b.method+" "+b.path+" "+text)
	}
	if len(instances) != 1 {
		w.t.Errorf("%s has the instances %v, want one", caller, instances)
	}
	if g, s := strings.Join(got, "\n"), strings.Join(want, "\n"); g != s {
		w.t.Errorf("pages asked for %s:\n%s\nwant\n%s", caller, g, s)
	}
}

// inBody is a request about the primary call of a caller, outBody about its
// secondary call; start is the time in the instance's log name.
func inBody(path, caller, start, seconds, state, more string) string {
	return fmt.Sprintf(`POST %s {"application_instance_id":"INSTANCE","token":null,"log_filename":"2000/01/01/%s_INSTANCE.log",`+
		`"this_call":{"call_id":"CALL","call_direction":"in","call_from":"%s","call_to":"1000","call_target":"1000",`+
		`"seconds_call_duration":"%s","call_state":"%s","application_parameters":""%s}`, path, start, caller, seconds, state, more)
}

func outBody(path, caller, start, seconds, state, more string) string {
	return fmt.Sprintf(`POST %s {"application_instance_id":"INSTANCE","token":null,"log_filename":"2000/01/01/%s_INSTANCE.log",`+
		`"this_call":{"call_id":"CALL","call_direction":"out","call_from":"%s","call_to":"BobsChatRoom","call_target":"BobsChatRoom",`+
		`"seconds_call_duration":"%s","call_state":"%s","application_parameters":""%s}`, path, start, caller, seconds, state, more)
}

// compact is JSON as the server writes it.
func compact(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte("{"+s+"}")); err != nil {
		t.Fatal(err)
	}
	return strings.Trim(b.String(), "{}")
}

func TestSeedExampleDefaults(t *testing.T) {
	runSeed(t, 0, func(w *seedWorld) {
		w.on("first", `{"actions":[{`+seedDefaults+`}]}`)
		a := w.dial(p, phoneOptions{})
		w.at(4 * second)
		b := w.dial(q, phoneOptions{})
		w.at(5 * second)
		a.say(toneP)
		b.say(toneQ)
		w.at(10 * second)
		b.hangUp()
		w.at(16 * second)
		a.hangUp()
		w.at(18 * second)

		a.hearsRinging(0, 4*second)
		wantSpans(t, a, beepTone, span(4*second, 4200*milli))
		wantSpans(t, b, beepTone, span(4*second, 4200*milli))
		a.hears(toneQ, 5200*milli, 10*second)
		a.hearsNot(toneP, 0, 16*second)
		b.hears(toneP, 5200*milli, 10*second)
		b.hearsNot(toneQ, 4*second, 10*second)
		b.hearsNot(450, 4040*milli, 10*second)
		a.hearsRinging(10200*milli, 16*second)

		w.wantBodies(p,
			inBody("first", p, "00_00_00", "0.0", "inbound", "")+"}",
			inBody("final", p, "00_00_00", "16.0", "idle", `,"call_cause":"hung_up"`)+"}")
		w.wantBodies(q,
			inBody("first", q, "00_00_04", "0.0", "inbound", "")+"}",
			inBody("final", q, "00_00_04", "6.0", "idle", `,"call_cause":"hung_up"`)+"}")
	})
}

func TestSeedExampleParticipant(t *testing.T) {
	runSeed(t, 0, func(w *seedWorld) {
		w.on("first", `{"actions":[{`+seedDefaults+`}]}`)
		w.on("first@"+p, `{"actions":[{`+seedParticipant+`}]}`)
		w.on("conferenceNextPage", `{"actions":[{"play":{"play_list":[{"text_to_say":"Goodbye."}]}}]}`)
		alice := w.dial(q, phoneOptions{})
		w.at(second)
		carol := w.dial(r, phoneOptions{})
		w.at(3 * second)
		bob := w.dial(p, phoneOptions{})
		w.at(5 * second)
		bob.say(toneP)
		alice.say(toneQ)
		carol.say(toneR)
		w.at(8 * second)
		bob.press("#")
		w.at(9 * second)
		bob.press("#")
		w.at(11 * second)
		bob.press("*")
		w.at(134*second + 60*milli)
		bob.press("9")
		w.at(137 * second)

		for _, ph := range []*phone{alice, carol, bob} {
			beeps := []audio.Span{span(second, 1200*milli), span(3*second, 3200*milli)}
			if ph == bob {
				beeps = beeps[1:]
			}
			wantSpans(t, ph, beepTone, beeps...)
			wantSpans(t, ph, bobTone, span(3200*milli, 3500*milli))
			wantSpans(t, ph, hasJoined, span(3500*milli, 3900*milli))
			wantSpans(t, ph, hasLeft) // with destroy_on_exit nothing is announced
		}
		everybody := map[*phone]float64{alice: toneQ, carol: toneR, bob: toneP}
		for listener, own := range everybody {
			for _, tone := range everybody {
				if tone == own {
					listener.hearsNot(tone, 5*second, 134*second)
					continue
				}
				listener.hears(tone, 5200*milli, 8*second)
				listener.hears(tone, 11200*milli, 134*second)
				if tone == toneP {
					listener.hearsNot(tone, 8100*milli, 11*second) // muted by #, not unmuted by #
				} else {
					listener.hears(tone, 8100*milli, 11*second)
				}
			}
		}
		bob.hearsNot(jazzTone, 3040*milli, 137*second)
		wantSpans(t, bob, byeTone, span(134100*milli, 135100*milli))

		w.wantBodies(p,
			inBody("first", p, "00_00_03", "0.0", "inbound", "")+"}",
			inBody("conferenceNextPage", p, "00_00_03", "131.1", "answered", "")+","+compact(t, seedResult)+"}}}",
			inBody("final", p, "00_00_03", "132.1", "idle", `,"call_cause":"completed"`)+"}")
		files, err := filepath.Glob(filepath.Join(w.media, "rest_api/recordings/2000/01/01/00_00_03_*_2_call.wav"))
		if err != nil || len(files) != 1 {
			t.Fatalf("recordings %v: %v", files, err)
		}
		file, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		wantRecording(t, file, 131080*milli, toneP, toneQ, toneR)
		w.wantBodies(q,
			inBody("first", q, "00_00_00", "0.0", "inbound", "")+"}",
			inBody("final", q, "00_00_00", "134.1", "idle", `,"call_cause":"completed"`)+"}")
	})
}

func TestSeedExampleParticipantAlone(t *testing.T) {
	runSeed(t, 0, func(w *seedWorld) {
		w.on("first", `{"actions":[{`+seedParticipant+`}]}`)
		bob := w.dial(p, phoneOptions{})
		w.at(10 * second)
		bob.press("9")
		w.at(12 * second)
		wantSpans(t, bob, jazzTone, span(0, 10*second)) // looped without a gap
		wantSpans(t, bob, beepTone)
		wantSpans(t, bob, bobTone)
		w.wantAsked(p, "first", "conferenceNextPage", "final")
	})
}

func TestSeedExamplePages(t *testing.T) {
	runSeed(t, 0, func(w *seedWorld) {
		w.on("first@"+q, answerV1(join("BobsChatRoom", dict{"destroy_on_exit": true})))
		w.on("first@"+p, `{"actions":[{`+seedPages+`},{"play":{"play_list":[{"text_to_say":"Goodbye."}]}}]}`)
		w.page("conferenceFirstPage", page{delay: 2 * second, body: func(request) string {
			return `{"actions":[{"play":{"play_list":[{"text_to_say":"This call is recorded."}]}}]}`
		}})
		alice := w.dial(q, phoneOptions{})
		alice.say(toneQ)
		w.at(2 * second)
		bob := w.dial(p, phoneOptions{})
		bob.say(toneP)
		w.at(15 * second)
		alice.hangUp()
		w.at(18 * second)

		wantSpans(t, alice, beepTone, span(2060*milli, 2260*milli)) // Bob himself is not there yet
		wantSpans(t, bob, jazzTone, span(2*second, 5*second))       // looped until connected
		wantSpans(t, alice, recordsTone, span(4*second, 5*second))
		wantSpans(t, bob, recordsTone)
		alice.hearsNot(toneP, 2*second, 4900*milli)
		bob.hearsNot(toneQ, 2*second, 4900*milli)
		alice.hears(toneP, 5200*milli, 15*second)
		bob.hears(toneQ, 5200*milli, 15*second)
		wantSpans(t, bob, byeTone, span(15040*milli, 16040*milli))

		w.wantBodies(p,
			inBody("first", p, "00_00_02", "0.0", "inbound", "")+"}",
			outBody("conferenceFirstPage", p, "00_00_02", "0.0", "answered", "")+"}",
			outBody("conferenceFinalPage", p, "00_00_02", "13.0", "idle",
				`,"call_cause":"hung_up","call_recording_filename":"/rest_api/recordings/2000/01/01/00_00_05_INSTANCE_2_call.wav"`)+"}",
			inBody("final", p, "00_00_02", "14.1", "idle", `,"call_cause":"completed"`)+"}")
		wantRecording(t, recorded(w.world, "conferenceFinalPage", p), 10*second, toneP, toneQ)
	})
}

func TestSeedExamplePagesOfAFullRoom(t *testing.T) {
	runSeed(t, 1, func(w *seedWorld) {
		w.on("first@"+q, `{"actions":[{`+seedDefaults+`}]}`)
		w.on("first@"+p, `{"actions":[{`+seedPages+`},{"play":{"play_list":[{"text_to_say":"Goodbye."}]}}]}`)
		w.dial(q, phoneOptions{})
		w.at(2 * second)
		bob := w.dial(p, phoneOptions{})
		w.at(6 * second)
		wantSpans(t, bob, byeTone, span(2*second, 3*second))
		w.wantBodies(p,
			inBody("first", p, "00_00_02", "0.0", "inbound", "")+"}",
			outBody("conferenceErrorPage", p, "00_00_02", "0.0", "idle", "")+
				`,"error_result":{"action":"connect_to_conference","result":"CONFERENCE_FULL: actions[0].connect_to_conference: conference is full"}}`,
			inBody("final", p, "00_00_02", "1.0", "idle", `,"call_cause":"completed"`)+"}")
	})
}
