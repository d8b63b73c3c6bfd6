package command

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
	"mediaserver/tts/ttstest"
)

// self is this test program as one that speaks.
func self(t testing.TB, args ...string) []string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{exe, "speak"}, args...)
}

func newEngine(t testing.TB, cfg Config) *Engine {
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

func TestConformance(t *testing.T) {
	voices := []speech.Voice{{ID: "v", Language: "English"}}
	for name, cfg := range map[string]Config{
		"text by standard input":    {Command: self(t, "-v", "{voice}", "-r", "{rate}"), Voices: voices},
		"text and file as argument": {Command: self(t, "-t", "{text}", "-o", "{output}", "-r", "{rate}")},
		"warm":                      {Command: self(t, "-warm", "yes", "-r", "{rate}"), Warm: true, Size: 2},
	} {
		t.Run(name, func(t *testing.T) {
			ttstest.Run(t, ttstest.Options{}, func(t *testing.T) ttstest.Synthesizer { return newEngine(t, cfg) })
		})
	}
}

func TestInstalledProgramsConform(t *testing.T) {
	for _, name := range Presets() {
		t.Run(name, func(t *testing.T) {
			cfg, ok := Preset(name)
			if !ok {
				t.Fatal("it has no preset")
			}
			if _, err := exec.LookPath(name); err != nil {
				t.Skip(err, "(Debian packages espeak-ng and flite)")
			}
			if len(cfg.Voices) == 0 {
				model := os.Getenv("SPEECH_TEST_PIPER_MODEL")
				if model == "" {
					t.Skip("SPEECH_TEST_PIPER_MODEL does not name a model")
				}
				cfg.Voices = []speech.Voice{{ID: model, Language: "English"}}
			}
			ttstest.Run(t, ttstest.Options{NoRate: name == "piper"}, func(t *testing.T) ttstest.Synthesizer { return newEngine(t, cfg) })
		})
	}
}

func TestHangingProgramIsKilled(t *testing.T) {
	for name, cfg := range map[string]Config{
		"once": {Command: self(t)},
		"warm": {Command: self(t, "-warm", "yes"), Warm: true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, cfg)
			cause := errors.New("too long")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, cause)
			defer cancel()
			begin := time.Now()
			if _, err := e.Synthesize(ctx, speech.Request{Text: "hang"}); !errors.Is(err, cause) {
				t.Errorf("error %v, want the cause", err)
			}
			if d := time.Since(begin); d > 30*time.Second { // it hangs for a minute
				t.Errorf("it took %v", d)
			}
			if _, err := e.Synthesize(t.Context(), speech.Request{Text: "Bob"}); err != nil {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  Config
		text string
		want string
	}{
		"a failing program says why":        {Config{Command: self(t)}, "fail", `cannot say`},
		"no output is an error":             {Config{Command: self(t)}, "nothing", "no data"},
		"no file is an error":               {Config{Command: self(t, "-o", "{output}")}, "nothing", "not written"},
		"a missing program is an error":     {Config{Command: []string{"/nonexistent/speaker"}}, "Bob", "speaker"},
		"endless output is cut off":         {Config{Command: []string{"cat", "/dev/zero"}, Format: sound.Raw, Rate: 8000}, "Bob", "more than"},
		"an endless answer line is cut off": {Config{Command: []string{"cat", "/dev/zero"}, Warm: true}, "Bob", "not a line"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newEngine(t, tt.cfg).Synthesize(t.Context(), speech.Request{Text: tt.text})
			if !errors.Is(err, speech.ErrFailed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want ErrFailed with %q", err, tt.want)
			}
		})
	}
}

// TestLineTooManyFailsOneText, not all that come after it.
func TestLineTooManyFailsOneText(t *testing.T) {
	e := newEngine(t, Config{Command: self(t, "-warm", "yes"), Warm: true})
	for _, tt := range []struct {
		text string
		ok   bool
	}{{"warn", true}, {"slow", false}, {"Bob", true}, {"Mary", true}} {
		if _, err := e.Synthesize(t.Context(), speech.Request{Text: tt.text}); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

func TestRawSoundHasTheRateGiven(t *testing.T) {
	e := newEngine(t, Config{Command: []string{"printf", `\001\000\002\000`}, Format: sound.Raw, Rate: 11025})
	c, err := e.Synthesize(t.Context(), speech.Request{Text: "Bob"})
	if err != nil || c.Rate != 11025 || !slices.Equal(c.Samples, []int16{1, 2}) {
		t.Errorf("got %+v, error %v", c, err)
	}
}

func TestTextCannotBecomeAnOption(t *testing.T) {
	r := speech.Request{Text: "-o x\x00", Voice: speech.Voice{ID: "en-us"}, Rate: 1.25}
	got := arguments([]string{"p", "{text}", "-v={voice}", "say {text}", "{wpm}", "{stretch}", "{rate}", "{output}"}, values(r, "/f"))
	want := []string{"p", " -o x", "-v=en-us", "say -o x", "219", "0.8", "1.25", "/f"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingIsLeftInTheTemporaryDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, cfg := range []Config{{Command: self(t, "-o", "{output}")}, {Command: self(t, "-warm", "y"), Warm: true}} {
		e := newEngine(t, cfg)
		for _, text := range []string{"Bob", "fail"} {
			// Whether it fails does not matter here.
			_, _ = e.Synthesize(t.Context(), speech.Request{Text: text})
		}
	}
	if left, err := filepath.Glob(dir + "/*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, error %v", left, err)
	}
}

func TestConfigIsValidated(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no program":              {},
		"the text as program":     {Command: []string{"{text}"}},
		"raw without rate":        {Command: []string{"p"}, Format: sound.Raw},
		"warm without output":     {Command: []string{"p"}, Warm: true, Line: "{text}"},
		"a placeholder not known": {Command: []string{"p", "{txet}"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(cfg); err == nil {
				t.Error("no error")
			}
		})
	}
}

// BenchmarkUtterance measures programs that are installed, from request to the
// whole sound: one word, and 21 words.
func BenchmarkUtterance(b *testing.B) {
	for _, name := range []string{"espeak-ng", "flite"} {
		for length, text := range map[string]string{
			"word": "one", "sentences": "The meeting will begin when the chair has arrived. Please hold the line, and press nine if you would like to leave.",
		} {
			b.Run(name+"/"+length, func(b *testing.B) {
				if _, err := exec.LookPath(name); err != nil {
					b.Skip(err)
				}
				cfg, _ := Preset(name)
				e := newEngine(b, cfg)
				var c audio.Clip
				for b.Loop() {
					var err error
					if c, err = e.Synthesize(b.Context(), speech.Request{Text: text}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/c.Duration().Seconds(), "rtf")
			})
		}
	}
}
