package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
	"mediaserver/tts/ttstest"
)

const key = "sk-very-secret"

// tone is what the test servers say: 60 ms for a letter.
func tone(text string, speed float64) []byte {
	letters := math.Max(3, float64(len(strings.TrimSpace(text))))
	d := time.Duration(letters * 60 / speed * float64(time.Millisecond))
	var b bytes.Buffer
	// A buffer takes all that is written to it.
	_ = wav.Encode(&b, wav.PCM16, audio.ToneClip(16000, []float64{300}, -10, d, 0))
	return b.Bytes()
}

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func newEngine(t *testing.T, cfg Config) *Engine {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func say(t *testing.T, cfg Config, text string) (audio.Clip, error) {
	t.Helper()
	return newEngine(t, cfg).Synthesize(t.Context(), speech.Request{Text: text, Voice: speech.Voice{ID: "Ann & Co"}, Rate: 1.25})
}

func TestOpenAIServersConform(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Model, Input, Voice string
			Speed               float64
			Format              string `json:"response_format"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Model != "tts-1" || q.Voice == "" || q.Format != "wav" {
			http.Error(w, fmt.Sprint(q, err), http.StatusBadRequest)
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "audio/wav")
		w.Write(tone(q.Input, q.Speed))
	})
	cfg := OpenAI(address+"/v1/audio/speech", "")
	cfg.Key = key
	ttstest.Run(t, ttstest.Options{AllVoices: true}, func(t *testing.T) ttstest.Synthesizer { return newEngine(t, cfg) })
}

func TestTemplatesAreEscapedForTheirPlace(t *testing.T) {
	const text = `a "b" & <c> ` + "é\n" + `{voice}\`
	type seen struct{ path, query, header, body string }
	var got seen
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = seen{r.URL.Path, r.URL.Query().Get("q"), r.Header.Get("X-Voice"), string(b)}
		w.Write(tone("Bob", 1))
	})
	cfg := Config{URL: address + "/say/{voice}?q={text}&r={rate}", Headers: map[string]string{"X-Voice": "{voice};{rate};{text}"}}
	try := func(contentType, body string) {
		t.Helper()
		cfg.Headers["content-type"], cfg.Body = contentType, body
		if _, err := say(t, cfg, text); err != nil {
			t.Fatal(err)
		}
		if got.path != "/say/Ann & Co" || got.query != text || strings.ContainsAny(got.header, "\r\n") || !strings.HasPrefix(got.header, "Ann & Co;1.25;a ") {
			t.Errorf("%s: got %+q", contentType, got)
		}
	}
	try("application/json; charset=utf-8", `{"t":"{text}"}`)
	var j struct{ T string }
	if err := json.Unmarshal([]byte(got.body), &j); err != nil || j.T != text {
		t.Errorf("JSON: %q, error %v", j.T, err)
	}
	try("application/ssml+xml", `<speak a="{voice}">{text}</speak>`)
	var x struct {
		Attr string `xml:"a,attr"`
		Text string `xml:",chardata"`
	}
	if err := xml.Unmarshal([]byte(got.body), &x); err != nil || x.Text != text || x.Attr != "Ann & Co" {
		t.Errorf("XML: %+v, error %v", x, err)
	}
	try("application/x-www-form-urlencoded", "t={text}&v={voice}")
	if want := "&v=Ann+%26+Co"; !strings.HasSuffix(got.body, want) || strings.Count(got.body, "&") != 1 {
		t.Errorf("form: %q", got.body)
	}
	try("text/plain", "{text}")
	if got.body != text {
		t.Errorf("plain: %q", got.body)
	}
	cfg.Body, cfg.Method = "", "PUT"
	delete(cfg.Headers, "content-type")
	if _, err := say(t, cfg, text); err != nil || got.body != "" {
		t.Errorf("no body: %q, error %v", got.body, err)
	}
}

func TestBadAnswersAreErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"a refusal shows the status only": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "bad key "+key, http.StatusUnauthorized)
		}, "status 401"},
		"no audio": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"error":"x"}`) }, "not usable"},
		"nothing":  {func(http.ResponseWriter, *http.Request) {}, "no data"},
		"a redirect is not followed": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/other" {
				t.Error("it was followed")
			}
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, "status 307"},
		"an endless answer": {func(w http.ResponseWriter, r *http.Request) {
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, "more than"},
		"a broken connection": {func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{URL: serve(t, tt.handler) + "/?key={key}", Key: key}
			_, err := say(t, cfg, "private text")
			if !errors.Is(err, speech.ErrFailed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want ErrFailed with %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "private")) {
				t.Errorf("error shows secrets: %v", err)
			}
		})
	}
	complaint := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "Application/JSON; charset=utf-8")
		io.WriteString(w, `{"error":"quota exceeded"}`)
	})
	if c, err := say(t, Config{URL: complaint, Format: sound.Raw, Rate: 8000}, "Bob"); err == nil {
		t.Errorf("a message is spoken as %d samples", len(c.Samples))
	}
	careless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8") // as small servers call all they send
		w.Write(tone("Bob", 1))
	})
	if _, err := say(t, Config{URL: careless}, "Bob"); err != nil {
		t.Errorf("a WAV file of another type: %v", err)
	}
	_, err := say(t, Config{URL: "http://127.0.0.1:1/?key={key}", Key: key}, "Bob")
	if err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("no server: error %v", err)
	}
}

func TestTimeoutEndsTheRequest(t *testing.T) {
	e := newEngine(t, Config{URL: serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })})
	cause := errors.New("too long")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, cause)
	defer cancel()
	if _, err := e.Synthesize(ctx, speech.Request{Text: "Bob"}); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
}

func TestFormatOfTheAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		media  string
		format sound.Format
		rate   int
		want   int
	}{
		"WAV by its type":      {"audio/x-wav", sound.Auto, 0, 16000},
		"WAV by its bytes":     {"application/octet-stream", sound.Auto, 0, 16000},
		"raw by configuration": {"audio/wav", sound.Raw, 24000, 24000},
		"WAV in spite of type": {"audio/mpeg", sound.WAV, 0, 16000},
		"MP3 that is none":     {"audio/mpeg", sound.Auto, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", tt.media)
				w.Write(tone("Bob", 1))
			})
			if c, err := say(t, Config{URL: address, Format: tt.format, Rate: tt.rate}, "Bob"); c.Rate != tt.want || (err != nil) != (tt.want == 0) {
				t.Errorf("rate %d, error %v, want %d", c.Rate, err, tt.want)
			}
		})
	}
}

func TestConfigIsValidated(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no address":             {},
		"another scheme":         {URL: "ftp://x/"},
		"no host":                {URL: "http:///x"},
		"raw without rate":       {URL: "http://x/", Format: sound.Raw},
		"a body of unknown type": {URL: "http://x/", Body: "x", Headers: map[string]string{"Content-Type": "image/png"}},
		"unknown placeholder":    {URL: "http://x/{txet}"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLogShowsNoSecret(t *testing.T) {
	var b bytes.Buffer
	cfg := OpenAI("https://user:pass@speech.example/{key}", "")
	cfg.Key, cfg.Headers["X"] = key, key
	slog.New(slog.NewTextHandler(&b, nil)).Info("engine", "config", cfg)
	if s := b.String(); strings.Contains(s, key) || strings.Contains(s, "pass") || !strings.Contains(s, "speech.example") {
		t.Errorf("logged: %s", s)
	}
}

// FuzzRequest: no value breaks out of its place.
func FuzzRequest(f *testing.F) {
	f.Add("hello", "ann", "/x?y=1#z")
	f.Add("a\r\nX: y", "../../etc", "é?&=%2f")
	e, err := New(Config{URL: "http://speech.example/v/{voice}?t={text}", Headers: map[string]string{"X": "{voice}"}, Body: `{"t":"{text}"}`})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, voice, language string) {
		q, err := e.request(t.Context(), speech.Request{Text: text, Voice: speech.Voice{ID: voice, Language: language}})
		if err != nil {
			t.Fatal(err)
		}
		if q.URL.Host != "speech.example" || !strings.HasPrefix(q.URL.EscapedPath(), "/v/") || strings.Count(q.URL.EscapedPath(), "/") != 2 {
			t.Errorf("address %s", q.URL)
		}
		if got := q.URL.Query().Get("t"); got != text {
			t.Errorf("text %q became %q", text, got)
		}
		if h := q.Header.Get("X"); strings.ContainsAny(h, "\r\n") {
			t.Errorf("header %q", h)
		}
		var j struct{ T string }
		if err := json.NewDecoder(q.Body).Decode(&j); err != nil {
			t.Errorf("body: %v", err)
		}
	})
}
