package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/tts"
	"mediaserver/tts/flite"
	"mediaserver/tts/speech"
)

// sayCommand makes the test program a speech engine whose voices are tones:
// the second argument is a frequency [Hz], the third the text.
const sayCommand = "say"

// sayTone is that engine. It cannot say "fail", and tells the text then.
func sayTone(voice, text string) int {
	freq, err := strconv.ParseFloat(voice, 64)
	if err != nil || strings.Contains(text, "fail") {
		fmt.Fprintf(os.Stderr, "cannot say %q by %q\n", text, voice)
		return 1
	}
	if err := wav.Encode(os.Stdout, wav.PCM16, audio.ToneClip(16000, []float64{freq}, -12, 2*time.Second, 0)); err != nil {
		return 1
	}
	return 0
}

// Frequencies of the voices of toneEngine [Hz].
const (
	annTone = 600
	bobTone = 900
)

// toneEngine is the test program as a configured engine.
func toneEngine(t *testing.T, name string) config.SpeechEngine {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return config.SpeechEngine{
		Name: name, Kind: config.SpeechExec, Format: "wav", Concurrency: 2,
		SpeechProgram: config.SpeechProgram{Command: []string{exe, sayCommand, "{voice}", "{text}"}},
		Voices: []config.SpeechVoice{
			{ID: fmt.Sprint(annTone), Language: "English", Gender: "Female", Name: "Ann"},
			{ID: fmt.Sprint(bobTone), Language: "English", Gender: "Male", Name: "Bob"},
		},
	}
}

// speaking is a configuration with toneEngine as the first engine.
func speaking(t *testing.T) *config.Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.TTS.Engine, cfg.TTS.Fallback = "tones", false
	cfg.TTS.Engines = []config.SpeechEngine{toneEngine(t, "tones")}
	return cfg
}

// saying is an application that plays a text, then waits.
func saying(item string) *application {
	return &application{first: `{"api_version":"2.0","actions":[{"play":{"play_list":[` + item + `]}},{"sleep":{"seconds":60}}]}`}
}

func TestServerSpeaks(t *testing.T) {
	for name, tt := range map[string]struct {
		item            string
		server, service string // default voices
		present, absent float64
	}{
		"by the first voice":             {`{"text_to_say":"hello"}`, "", "", annTone, bobTone},
		"by the server's voice":          {`{"text_to_say":"hello"}`, "English Male", "", bobTone, annTone},
		"by the service's voice":         {`{"text_to_say":"hello"}`, "Ann", "tones Bob", bobTone, annTone},
		"by the text's voice":            {`{"text_to_say":"hello","tts_voice":"tones/900"}`, "", "Ann", bobTone, annTone},
		"by the voice meant by a word":   {`{"text_to_say":"hello","tts_voice":"english us  female lisa"}`, "", "", bobTone, annTone},
		"what was spoken before at once": {`{"text_to_say":"hello"},{"text_to_say":"hello"}`, "", "", annTone, bobTone},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := withApplication(t, speaking(t), saying(tt.item))
			cfg.Services[0].APIVersion = "2.0"
			cfg.TTS.Voice = tt.server
			cfg.TTS.Voices = []config.VoiceSelector{{Selector: "English US Female Lisa", Voice: "Bob"}}
			cfg.Services[0].TTSVoice = tt.service
			i := startServer(t, cfg)
			c, err := i.dial("app")
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the voice is heard", func() bool { return c.ToneLevel(tt.present, 500*time.Millisecond) > -25 })
			if level := c.ToneLevel(tt.absent, 500*time.Millisecond); level > -50 {
				t.Errorf("the other voice has %.0f dBov", level)
			}
			const once = `mediaserver_tts_requests_total{engine="tones",outcome="ok"} 1`
			if got := i.metrics(); !strings.Contains(got, once) {
				t.Errorf("%s is not in the metrics", once)
			}
			c.HangUp(t.Context())
			i.drain()
			if err := i.wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// metrics is the text of /metrics.
func (i *instance) metrics() string {
	i.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get("http://" + i.addrs.http.String() + "/metrics")
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return string(text)
}

func TestArrivalsAreAnnouncedByWords(t *testing.T) {
	app := &application{first: `{"actions":[{"connect_to_conference":{"name":"r","conference_participant":{"beep_on_entry":false,` +
		`"has_joined_message":{"play":{"play_list":[{"text_to_say":"somebody has joined"}]}}}}}]}`}
	i := startServer(t, withApplication(t, speaking(t), app))
	first, err := i.dial("app")
	if err != nil {
		t.Fatal(err)
	}
	second, err := i.dial("app")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first hears the announcement", func() bool { return first.ToneLevel(annTone, 500*time.Millisecond) > -25 })
	eventually(t, "the second hears it", func() bool { return second.ToneLevel(annTone, 500*time.Millisecond) > -25 })
	first.HangUp(t.Context())
	second.HangUp(t.Context())
	i.drain()
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}

func TestTextsFail(t *testing.T) {
	const secret = "fail my secret"
	for name, tt := range map[string]struct {
		item  string
		setUp func(*config.Config)
		want  string
	}{
		"without an engine":        {`{"text_to_say":"hello"}`, func(c *config.Config) { c.TTS.Engine = "none" }, "no speech engine is configured"},
		"by an unknown voice":      {`{"text_to_say":"hello","tts_voice":"Klingon"}`, nil, `unknown voice \"Klingon\"`},
		"where the engine fails":   {`{"text_to_say":"fail"}`, nil, `cannot say`},
		"privately where it fails": {`{"text_to_say":"` + secret + `","text_is_private":true}`, nil, "a private text cannot be spoken"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := withApplication(t, speaking(t), saying(tt.item))
			cfg.Services[0].ErrorPage = cfg.Services[0].FinalPage
			cfg.Services[0].ErrorPage.URL = strings.Replace(cfg.Services[0].ErrorPage.URL, "/final", "/error", 1)
			cfg.Services[0].APIVersion = "2.0"
			if tt.setUp != nil {
				tt.setUp(cfg)
			}
			i := startServer(t, cfg)
			c, err := i.dial("app")
			if err != nil {
				t.Fatal(err)
			}
			<-c.Ended()
			i.drain()
			if err := i.wait(); err != nil {
				t.Error(err)
			}
			log := logOf(t, cfg.Media.LogDirectory)
			if !strings.Contains(log, "TTS_FAILED") || !strings.Contains(log, tt.want) {
				t.Errorf("%q is not in\n%s", tt.want, log)
			}
			if strings.Contains(log, secret) {
				t.Errorf("the private text is in\n%s", log)
			}
		})
	}
}

// logOf is the text of all logs of instances.
func logOf(t *testing.T, dir string) string {
	t.Helper()
	var all bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// complaining is an engine that fails and repeats the text.
type complaining struct{}

func (complaining) Voices() []speech.Voice { return nil }

func (complaining) Synthesize(_ context.Context, r speech.Request) (audio.Clip, error) {
	return audio.Clip{}, fmt.Errorf("%w: exit status 1: cannot say %q", speech.ErrFailed, r.Text)
}

func TestErrorsDoNotRepeatTheText(t *testing.T) {
	s, err := tts.New(tts.Config{Engine: "c", NoFallback: true, Engines: []tts.EngineConfig{{Name: "c", Synthesizer: complaining{}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, text := range []string{"Your number is 4711", "First. Then 4711 comes! And more?", "<speak>Take <s>4711</s> now</speak>"} {
		for _, private := range []bool{false, true} {
			_, err := spoken{speaker: s, rate: 8000}.Load(t.Context(), call.MediaItem{Text: text, Private: private})
			if !errors.Is(err, call.ErrSpeech) || !errors.Is(err, tts.ErrFailed) {
				t.Errorf("error %v", err)
			}
			if strings.Contains(err.Error(), "4711") {
				t.Errorf("private %v: the text is in %q", private, err)
			}
			if !private && !strings.Contains(err.Error(), "exit status 1") {
				t.Errorf("%q does not tell why", err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (spoken{speaker: s, rate: 8000}).Load(ctx, call.MediaItem{Text: "hello"}); !errors.Is(err, context.Canceled) || !errors.Is(err, call.ErrSpeech) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestSpeechThatCannotBeIsAConfigurationError(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", "") // no engine is installed
	const service = "services: [{name: a, direction: inbound, match: [a], first_page: \"http://h/\", tts_voice: Nobody}]\n"
	const own = "tts:\n  engines:\n    - {name: own, kind: exec, command: [say], voices: [{id: a, language: Dutch}]}\n"
	builtIn := ""
	if flite.Available() {
		builtIn = ", flite"
	}
	for name, tt := range map[string]struct{ text, want string }{
		"an engine that is not there": {
			own + "  engine: espeak-ng\n",
			`bad.yaml:4:11: tts.engine: no engine "espeak-ng" is configured, built in or installed; there are: auto, none, own` + builtIn,
		},
		"a voice that is not there": {
			own + "  voice: Klingon Male\n",
			`bad.yaml:4:10: tts.voice: no engine has a voice "Klingon Male"; the engines are: own` + builtIn,
		},
		"a service's voice that is not there": {
			own + service,
			`bad.yaml:4:90: services[0].tts_voice: no engine has a voice "Nobody"; the engines are: own` + builtIn,
		},
		"what a word stands for that is not there": {
			own + "  voices: [{selector: a, voice: b}]\n",
			`bad.yaml:4:33: tts.voices[0].voice: no engine has a voice "b"; the engines are: own` + builtIn,
		},
		"an address that is none": {
			"tts:\n  engines:\n    - {name: x, kind: http, url: \"ftp://user:hunter2@h/\"}\n",
			`bad.yaml:3:7: tts.engines[0]: remote: URL is not an address that begins with http:// or https://`,
		},
		"piper without voices": {
			"tts:\n  engines:\n    - {name: x, kind: exec, preset: piper}\n    - {name: y, kind: exec, preset: piper}\n",
			"bad.yaml:3:7: tts.engines[0]: preset piper needs voices whose id is the file of a model\n" +
				"bad.yaml:4:7: tts.engines[1]: preset piper needs voices whose id is the file of a model",
		},
		"a module that is not there": {
			"tts: {flite_module: gone.wasm}\n",
			`bad.yaml:1:21: tts.flite_module: cannot read gone.wasm: no such file or directory`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile("bad.yaml", []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"check-config", "serve"} {
				code, stdout, stderr := run(t, nil, command, "--config", "bad.yaml")
				if code != exitUsage || stdout != "" || stderr != tt.want+"\n" {
					t.Errorf("%s: exit code %d, stdout %q\ngot  %swant %s", command, code, stdout, stderr, tt.want)
				}
			}
		})
	}
}

func TestCacheDirectoryThatCannotBeIsAConfigurationError(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("bad.yaml", []byte("tts: {cache_directory: file/below}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := run(t, nil, "serve", "--config", "bad.yaml")
	if want := "bad.yaml:1:24: tts.cache_directory: "; code != exitUsage || !strings.HasPrefix(stderr, want) {
		t.Errorf("exit code %d, %q, want %s…", code, stderr, want)
	}
}

func TestCheckConfigWritesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, _, stderr := run(t, []string{"MEDIASERVER_TTS_CACHE_DIRECTORY=cache"}, "check-config"); code != exitClean {
		t.Error(stderr)
	}
	if _, err := os.Stat("cache"); !os.IsNotExist(err) {
		t.Error("the directory of the cache was made:", err)
	}
}

// TestSpeechDocumentation loads the examples of docs/speech.md.
func TestSpeechDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/speech.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"openai.key", "azure.key", "eleven.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("key\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	examples := strings.Split(string(text), "```yaml\n")[1:]
	if len(examples) == 0 {
		t.Error("there are none")
	}
	for i, example := range examples {
		example, _, _ = strings.Cut(example, "```")
		if i == 0 {
			example += "  engines: [{name: cloud, kind: exec, command: [a], voices: [{id: onyx, language: English, country: US, gender: Female, name: Ann}]}]\n"
		}
		file := filepath.Join(dir, "example.yaml")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(example, "/etc/mediaserver", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(config.Source{File: file})
		if err == nil {
			err = checkSpeech(cfg)
		}
		if err != nil {
			t.Errorf("%v\n%s", err, example)
		}
	}
}

// TestVoiceThatIsBuiltIn hears it in a call, spoken by a process of its own.
func TestVoiceThatIsBuiltIn(t *testing.T) {
	if !flite.Available() {
		withoutVoice(t)
	}
	cfg := testConfig(t)
	cfg.TTS.Engine, cfg.TTS.Fallback = "flite", false
	cfg = withApplication(t, cfg, saying(`{"text_to_say":"Welcome. The meeting will begin when the chair has arrived."}`))
	cfg.Services[0].APIVersion = "2.0"
	i := startServer(t, cfg)
	for _, what := range []string{"with the start of the voice", "from the cache"} {
		began := time.Now()
		c, err := i.dial("app")
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "words are heard", func() bool { return c.Level(60*time.Millisecond) > -30 })
		t.Logf("heard after %v, %s", time.Since(began).Round(time.Millisecond), what)
		eventually(t, "they end", func() bool { return c.Frame() > 150 && c.Level(time.Second) < -60 })
		c.HangUp(t.Context())
	}
	i.drain()
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}
