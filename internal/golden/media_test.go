package golden

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"mediaserver/audio"
	"mediaserver/restapi"
)

// mediaWeb is a web of audio files in virtual time. A file that is slow
// answers late, one that is stuck never.
type mediaWeb struct {
	files map[string]webFile // by address, without the query that logs must not show

	mu    sync.Mutex
	asked []string
}

type webFile struct {
	data   []byte
	delay  time.Duration
	stuck  bool
	header http.Header
}

// tone is a file with a tone.
func tone(t *testing.T, freq float64, length, delay time.Duration) webFile {
	t.Helper()
	return webFile{data: wavOf(t, audio.ToneClip(8000, []float64{freq}, -12, length, 0)), delay: delay}
}

func (m *mediaWeb) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	m.asked = append(m.asked, r.URL.String())
	m.mu.Unlock()
	f, ok := m.files[strings.TrimSuffix(r.URL.String(), secretQuery)]
	wait := time.After(f.delay)
	if f.stuck {
		wait = nil
	}
	select {
	case <-wait:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	h := f.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "audio/wav")
	resp := &http.Response{StatusCode: http.StatusOK, Header: h, Request: r, ContentLength: int64(len(f.data))}
	if !ok {
		resp.StatusCode = http.StatusNotFound
	} else if h.Get("Location") != "" {
		resp.StatusCode = http.StatusFound
	}
	resp.Body = io.NopCloser(bytes.NewReader(f.data))
	return resp, nil
}

const secretQuery = "?key=hidden"

// requests is how often the web was asked.
func (m *mediaWeb) requests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.asked)
}

const slowName = "http://media.test/names/q.wav"

// slowlyAnnounced is a participant whose name is at an address.
func slowlyAnnounced(w *world) dict {
	d := announcer(w, "beep", "has_joined_message")
	d["name"] = file(slowName)
	return d
}

func TestG46SlowNameIsAnnouncedWhenItIsThere(t *testing.T) {
	web := &mediaWeb{files: map[string]webFile{slowName: tone(t, nameTone, 300*milli, 4*second)}}
	run(t, options{web: web}, func(w *world) {
		ph := meet(w, quiet())
		w.on("first@"+q, answer(join("room", slowlyAnnounced(w))))
		w.at(2 * second)
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(5900 * milli)
		ph[0].hears(toneQ, 2100*milli, 5900*milli) // in the room at once
		b.hears(toneP, 2100*milli, 5900*milli)
		silent(append(ph, b)...)
		w.at(9 * second)
		for _, x := range append(ph, b) {
			wantSpans(t, x, beepTone, span(6*second, 6200*milli))
			wantSpans(t, x, nameTone, span(6200*milli, 6500*milli))
			wantSpans(t, x, joinedTone, span(6500*milli, 6800*milli))
		}
		if n := web.requests(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestG47NameThatNeverComesIsLeftOut(t *testing.T) {
	web := &mediaWeb{files: map[string]webFile{slowName: {stuck: true}}}
	run(t, options{web: web}, func(w *world) {
		ph := meet(w, quiet())
		w.on("first@"+q, answer(join("room", slowlyAnnounced(w))))
		w.at(2 * second)
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(6900 * milli)
		ph[0].hears(toneQ, 2100*milli, 6900*milli)
		silent(append(ph, b)...)
		w.at(20 * second)
		for _, x := range append(ph, b) {
			wantSpans(t, x, beepTone, span(7*second, 7200*milli))
			wantSpans(t, x, joinedTone, span(7200*milli, 7500*milli))
			wantSpans(t, x, nameTone)
		}
		w.wantWarning("announcement", "left out", "part=name")
		w.wantWarning("media cannot be played", "property=name", "no answer within 10s")
	})
}

func TestMediaAtAnAddressIsHeard(t *testing.T) {
	for _, version := range []string{restapi.Version1, restapi.Version2} {
		t.Run(version, func(t *testing.T) {
			web := &mediaWeb{files: map[string]webFile{
				"http://app.test/media/hello.wav?v=3": tone(t, 700, second, 0),
				"http://media.test/a.wav":             {header: http.Header{"Location": {"https://cdn.test/b.wav"}}},
				"https://cdn.test/b.wav":              tone(t, 1400, second, 0),
			}}
			of := answer
			if version == restapi.Version1 {
				of = answerV1
			}
			run(t, options{web: web, service: func(s *restapi.Service) { s.APIVersion = version }}, func(w *world) {
				w.on("first", of(dict{"play": dict{"play_list": []dict{
					{"file_to_play": dict{"url": "media/hello.wav?v=3", "method": "GET"}},
					{"file_to_play": "http://media.test/a.wav"},
				}}}))
				a := w.dial(p, phoneOptions{})
				w.at(3 * second)
				a.hears(700, 100*milli, 900*milli)
				a.hears(1400, 1100*milli, 1900*milli)
				w.wantAsked(p, "first", "final")
			})
		})
	}
}

// TestMediaFailuresAreToldToTheErrorPage has what was before the failing
// media heard.
func TestMediaFailuresAreToldToTheErrorPage(t *testing.T) {
	files := map[string]webFile{
		"http://media.test/page.wav": {data: []byte("<html>")},
		"http://media.test/away.wav": {header: http.Header{"Location": {"http://inside.test/secret.wav"}}},
		"http://inside.test/secret":  tone(t, 1400, second, 0),
		"http://media.test/stuck":    {stuck: true},
	}
	for _, tt := range []struct{ name, url, code string }{
		{"nothing there", "http://media.test/none.wav", "MEDIA_NOT_FOUND"},
		{"no audio", "http://media.test/page.wav", "MEDIA_INVALID"},
		{"a host that is not allowed", "http://inside.test/secret.wav", "MEDIA_NOT_FOUND"},
		{"a redirect to a host that is not allowed", "http://media.test/away.wav", "MEDIA_NOT_FOUND"},
		{"no answer in time", "http://media.test/stuck", "MEDIA_INVALID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			web := &mediaWeb{files: files}
			only := func(s *restapi.Service) { s.PageHosts = []string{"app.test", "media.test"} }
			run(t, options{web: web, service: only}, func(w *world) {
				w.file("before.wav", 700, second)
				w.on("first", answer(dict{"play": dict{"play_list": []dict{{"file_to_play": "before.wav"}, {"file_to_play": tt.url + secretQuery}}}}))
				a := w.dial(p, phoneOptions{})
				w.at(15 * second)
				w.wantAsked(p, "first", "error", "final")
				wantCode(t, w.request("error", p), tt.code)
				wantValue(t, w.request("error", p).info, "play", "error_result", "action")
				if spans := a.spans(700); len(spans) != 1 {
					t.Errorf("what was before is heard at %v", spans)
				}
				for _, asked := range web.asked {
					if strings.Contains(asked, "inside.test") {
						t.Errorf("asked %s", asked)
					}
				}
				if log := w.log.String(); strings.Contains(log, "hidden") {
					t.Errorf("a query is in the log:\n%s", log)
				}
			})
		})
	}
}

func TestHoldMediaAtAnAddressThatFailsIsRinging(t *testing.T) {
	run(t, options{web: &mediaWeb{}}, func(w *world) {
		w.on("first", answer(allPages("room", quiet(), dict{"hold_media": file("http://u:hidden@media.test/hold.wav")})))
		w.page("sfirst", page{delay: 3 * second})
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.hearsRinging(0, 3*second)
		w.wantWarning("media cannot be played", "property=hold_media", "http://media.test/hold.wav")
		if strings.Contains(w.log.String(), "hidden") {
			t.Errorf("a login is in the log:\n%s", w.log)
		}
	})
}

func TestEncryptedMediaAreHeard(t *testing.T) {
	key := dict{"type": "aescbc", "key": "000102030405060708090a0b0c0d0e0f", "initialisation_vector": "101112131415161718191a1b1c1d1e1f"}
	wrong := dict{"type": "aescbc", "key": "ff0102030405060708090a0b0c0d0e0f", "initialisation_vector": "101112131415161718191a1b1c1d1e1f"}
	secret := encrypted(t, key, tone(t, 700, second, 0).data)
	web := &mediaWeb{files: map[string]webFile{"http://media.test/secret.wav": {data: secret}}}
	run(t, options{web: web}, func(w *world) {
		w.store["secret.wav"] = &fstest.MapFile{Data: secret}
		w.on("first", answer(dict{"play": dict{"play_list": []dict{
			{"file_to_play": "secret.wav", "decryption_cipher": key},
			{"file_to_play": "http://media.test/secret.wav", "decryption_cipher": key},
			{"file_to_play": "secret.wav", "decryption_cipher": wrong},
		}}}))
		a := w.dial(p, phoneOptions{})
		w.at(4 * second)
		a.hears(700, 100*milli, 1900*milli)
		wantCode(t, w.request("error", p), "MEDIA_INVALID")
		if log := w.log.String(); strings.Contains(log, "0001020304") || strings.Contains(log, "ff01020304") {
			t.Errorf("a key is in the log:\n%s", log)
		}
	})
}

// encrypted is a file as the cipher of a page describes it.
func encrypted(t *testing.T, by dict, plain []byte) []byte {
	t.Helper()
	key, errKey := hex.DecodeString(by["key"].(string))
	vector, errVector := hex.DecodeString(by["initialisation_vector"].(string))
	block, err := aes.NewCipher(key)
	if err := errors.Join(err, errKey, errVector); err != nil {
		t.Fatal(err)
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(out, out)
	return out
}
