package demoapp

import (
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

func TestPagesAnswer(t *testing.T) {
	app := New(slog.New(slog.DiscardHandler), false)
	for _, tt := range []struct {
		name, method, path, body string
		code                     int
		part                     string
	}{
		{"a caller is welcomed and joins", "POST", FirstPath, `{"this_call":{"call_from":"alice@h"}}`, 200, `"mute_digit": "1"`},
		{"a listener only listens", "POST", FirstPath, `{"this_call":{"call_from":"listener@127.0.0.1"}}`, 200, `"talker": false`},
		{"next says goodbye", "POST", NextPath, `{"action_result":{"action":"connect_to_conference","result":{"seconds_connected_duration":3.5}}}`, 200, "goodbye"},
		{"final does nothing", "POST", FinalPath, `{"this_call":{"call_cause":"hung_up"}}`, 200, `"actions": []`},
		{"error does nothing", "POST", ErrorPath, `{"error_result":{"action":"play","result":"MEDIA_NOT_FOUND: x"}}`, 200, `"actions": []`},
		{"no other method", "GET", FirstPath, "", 405, ""},
		{"no JSON", "POST", FirstPath, "x", 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body)))
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.part) {
				t.Fatalf("got %d %s, want %d with %s", w.Code, w.Body, tt.code, tt.part)
			}
			if tt.code != 200 {
				return
			}
			var answer struct {
				Version string           `json:"api_version"`
				Actions []map[string]any `json:"actions"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Version != APIVersion || answer.Actions == nil {
				t.Errorf("answer %s: %v", w.Body, err)
			}
		})
	}
}

func TestWordsAreUsedUntilTheyFail(t *testing.T) {
	app := New(slog.New(slog.DiscardHandler), true)
	ask := func(path, body string) string {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader(body)))
		return w.Body.String()
	}
	const alice, listener = `{"this_call":{"call_from":"alice@h"}}`, `{"this_call":{"call_from":"listener@h"}}`
	for path, body := range map[string]string{FirstPath: alice, FirstPath + "?": listener, NextPath: alice} {
		if got := ask(path, body); !strings.Contains(got, "text_to_say") {
			t.Errorf("%s: no words in %s", path, got)
		}
	}
	ask(ErrorPath, `{"error_result":{"action":"play","result":"MEDIA_NOT_FOUND: x"}}`)
	if got := ask(FirstPath, alice); !strings.Contains(got, "text_to_say") {
		t.Errorf("after another error: %s", got)
	}
	ask(ErrorPath, `{"error_result":{"action":"play","result":"TTS_FAILED: x"}}`)
	if got := ask(FirstPath, alice); strings.Contains(got, "text_to_say") || !strings.Contains(got, "demo/welcome.wav") {
		t.Errorf("after a failure of speech: %s", got)
	}
}

func TestEveryFileThatAPageNamesExists(t *testing.T) {
	media, err := Media()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(pages, "pages/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, page := range names {
		text, err := fs.ReadFile(pages, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), `"file_to_play": "`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			f, err := media.Open(name)
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			clip, _, err := wav.Decode(f, wav.DefaultLimit)
			if err != nil || clip.Rate != rate || audio.LevelDBov(clip.Samples) < -40 {
				t.Errorf("%s: %d samples at %d Hz: %v", name, len(clip.Samples), clip.Rate, err)
			}
		}
	}
	if _, err := media.Open("demo/absent.wav"); err == nil {
		t.Error("a file that is not there was opened")
	}
	f, err := media.Open("demo/hold.wav")
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	n, copyErr := io.Copy(io.Discard, f)
	if err != nil || copyErr != nil || st.Size() != n || st.IsDir() || st.Name() != "hold.wav" {
		t.Errorf("Stat %v, %d bytes, %v %v", st, n, err, copyErr)
	}
}
