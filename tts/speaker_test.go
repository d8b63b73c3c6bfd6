package tts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"mediaserver/audio"
	"mediaserver/tts/cache"
	"mediaserver/tts/speech"
)

// fake is an engine that speaks 10 ms of tone a letter.
type fake struct {
	voices []speech.Voice
	takes  time.Duration
	fail   error
	rate   int

	mu   sync.Mutex
	said []speech.Request
	now  int // being spoken
	most int // at a time
}

func (f *fake) Voices() []speech.Voice { return f.voices }

func (f *fake) Synthesize(ctx context.Context, r speech.Request) (audio.Clip, error) {
	f.mu.Lock()
	f.said = append(f.said, r)
	f.now++
	f.most = max(f.most, f.now)
	fail := f.fail
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.now--
		f.mu.Unlock()
	}()
	select {
	case <-time.After(f.takes):
	case <-ctx.Done():
		return audio.Clip{}, context.Cause(ctx)
	}
	if fail != nil {
		return audio.Clip{}, fail
	}
	rate := f.rate
	if rate == 0 {
		rate = 8000
	}
	return audio.ToneClip(rate, []float64{500}, -30, time.Duration(len(r.Text))*10*time.Millisecond, 0), nil
}

func (f *fake) calls() []speech.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]speech.Request(nil), f.said...)
}

func (f *fake) set(fail error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

var (
	ann = speech.Voice{ID: "1", Language: "English", Country: "US", Gender: "Female", Name: "Ann"}
	tom = speech.Voice{ID: "2", Language: "English", Country: "US", Gender: "Male", Name: "Tom"}
	eva = speech.Voice{ID: "3", Language: "German", Gender: "Female", Name: "Eva"}
)

// count reads a counter.
func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func none(name string) (string, error) { return "", exec.ErrNotFound }

// newSpeaker makes a Speaker of fakes, called a, b, c …, and nothing else.
func newSpeaker(t *testing.T, cfg Config, list ...*fake) *Speaker {
	t.Helper()
	for i, f := range list {
		cfg.Engines = append(cfg.Engines, EngineConfig{Name: string(rune('a' + i)), Synthesizer: f})
	}
	cfg.LookPath = none
	cfg.without = true
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func speak(t *testing.T, s *Speaker, text, voice string) audio.Clip {
	t.Helper()
	c, err := s.Speak(t.Context(), Request{Text: text, Voice: voice})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSpeakGivesTheRateAndLoudnessWanted(t *testing.T) {
	s := newSpeaker(t, Config{}, &fake{rate: 22050})
	for _, rate := range []int{0, 8000, 16000} {
		c, err := s.Speak(t.Context(), Request{Text: strings.Repeat("x", 100), SampleRate: rate})
		if err != nil {
			t.Fatal(err)
		}
		want := max(rate, 8000)
		if c.Rate != want || math.Abs(c.Duration().Seconds()-1) > 0.01 {
			t.Errorf("%d Hz: %v at %d Hz", rate, c.Duration(), c.Rate)
		}
		if l := audio.LevelDBov(c.Samples); math.Abs(l-speechLevel) > 0.5 {
			t.Errorf("%d Hz: level %.1f dBov, want %.1f", rate, l, speechLevel)
		}
	}
}

func TestLevelKeepsPeaksAndSilence(t *testing.T) {
	spike := audio.Clip{Rate: 8000, Samples: make([]int16, 8000)}
	for i := 0; i < 8000; i += 40 {
		spike.Samples[i] = 8000
	}
	var peak int16
	for _, v := range level(spike).Samples {
		peak = max(peak, v)
	}
	if p := 20 * math.Log10(float64(peak)/audio.FullScale); p > peakLevel+0.1 {
		t.Errorf("peak %.1f dBFS", p)
	}
	silent := audio.Clip{Rate: 8000, Samples: make([]int16, 100)}
	if audio.Energy(level(silent).Samples) != 0 {
		t.Error("silence got loud")
	}
	if c := level(audio.Clip{Rate: 8000}); len(c.Samples) != 0 {
		t.Error("nothing became something")
	}
}

func TestTextsThatAreRefused(t *testing.T) {
	s := newSpeaker(t, Config{}, &fake{voices: []speech.Voice{ann}})
	for name, tt := range map[string]struct {
		r    Request
		want error
	}{
		"empty":                       {Request{}, ErrNoText},
		"only tags":                   {Request{Text: "<speak><p/></speak>"}, ErrNoText},
		"5001 characters":             {Request{Text: strings.Repeat("é", MaxText+1)}, ErrTooLong},
		"a voice that does not exist": {Request{Text: "x", Voice: "Klingon Female"}, ErrUnknownVoice},
	} {
		if _, err := s.Speak(t.Context(), tt.r); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
	if _, err := s.Speak(t.Context(), Request{Text: strings.Repeat("é", MaxText)}); err != nil {
		t.Errorf("5000 characters: %v", err)
	}
	if _, err := newSpeaker(t, Config{}).Speak(t.Context(), Request{Text: "x"}); !errors.Is(err, ErrNoEngine) {
		t.Errorf("no engine: error %v", err)
	}
}

func TestMarkupBecomesUtterancesAndPauses(t *testing.T) {
	f := &fake{}
	s := newSpeaker(t, Config{}, f)
	c := speak(t, s, `Hello <break time="1s"/> <prosody rate="fast">you <say-as interpret-as="digits">42</say-as></prosody>`, "")
	said := f.calls()
	if len(said) != 2 || said[0].Text != "Hello" || said[1].Text != "you 4 2" || said[0].Rate != 1 || said[1].Rate != 1.25 {
		t.Errorf("said %+v", said)
	}
	if want := 50*time.Millisecond + time.Second + 70*time.Millisecond; c.Duration() != want {
		t.Errorf("%v long, want %v", c.Duration(), want)
	}
	if gap := audio.LongestSilence(c, -60); math.Abs(gap.Length().Seconds()-1) > 0.02 {
		t.Errorf("silence %+v, want 1 s", gap)
	}
}

func TestFirstPieceComesBeforeTheRestIsSpoken(t *testing.T) {
	f := &fake{}
	s := newSpeaker(t, Config{}, f)
	text := "Hello. " + strings.Repeat("These words go on and on. ", 30)
	for c, err := range s.Pieces(t.Context(), Request{Text: text}) {
		if err != nil || len(f.calls()) != 1 || c.Duration() != 60*time.Millisecond {
			t.Errorf("first piece of %v after %d utterances, error %v", c.Duration(), len(f.calls()), err)
		}
		break
	}
}

func TestVoicesAreChosen(t *testing.T) {
	a, b := &fake{voices: []speech.Voice{ann, tom}}, &fake{voices: []speech.Voice{eva}}
	s := newSpeaker(t, Config{Voice: "English Male", Voices: map[string]string{"Front  Desk": "German", "old voice": "a/1"}}, a, b)
	for i, tt := range []struct {
		selector string
		engine   *fake
		id       string
	}{
		{"", a, "2"}, {"English US Female Ann", a, "1"}, {" german ", b, "3"}, {"front desk", b, "3"}, {"OLD voice", a, "1"}, {"b/3", b, "3"},
	} {
		speak(t, s, strings.Repeat("x", i+1), tt.selector)
		said := tt.engine.calls()
		if len(said) == 0 || said[len(said)-1].Voice.ID != tt.id || len(said[len(said)-1].Text) != i+1 {
			t.Errorf("%q: not spoken by voice %s", tt.selector, tt.id)
		}
	}
}

func TestSameTextIsSpokenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{takes: time.Second, voices: []speech.Voice{ann, tom}}
		m := NewMetrics(nil)
		s := newSpeaker(t, Config{Metrics: m}, f)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { speak(t, s, "Hello", "") })
		}
		wg.Wait()
		speak(t, s, "Hello", "")
		if n := len(f.calls()); n != 1 {
			t.Errorf("spoken %d times", n)
		}
		speak(t, s, "Hello", "English Male")
		speak(t, s, `<prosody rate="slow">Hello</prosody>`, "")
		if n := len(f.calls()); n != 3 {
			t.Errorf("another voice and another speed: spoken %d times, want 3", n)
		}
		for outcome, want := range map[string]float64{outcomeOK: 3, outcomeCached: 1} {
			if got := count(t, m.requests.WithLabelValues("a", outcome)); got != want {
				t.Errorf("%s: %v, want %v", outcome, got, want)
			}
		}
		if got := count(t, m.shared); got != 19 {
			t.Errorf("%v shared, want 19", got)
		}
	})
}

func TestOneCallerThatLeavesDoesNotDisturbTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{takes: time.Second}
		s := newSpeaker(t, Config{}, f)
		cause := errors.New("hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.Speak(ctx, Request{Text: "Hello"}); !errors.Is(err, cause) {
				t.Errorf("error %v, want the cause", err)
			}
		})
		synctest.Wait()
		wg.Go(func() { speak(t, s, "Hello", "") })
		synctest.Wait()
		cancel(cause)
		wg.Wait()
		if n := len(f.calls()); n != 1 {
			t.Errorf("spoken %d times", n)
		}
	})
}

func TestWorkEndsWhenAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := &fake{takes: time.Minute}, NewMetrics(nil)
		s := newSpeaker(t, Config{Timeout: time.Hour, Metrics: m}, f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Speak(ctx, Request{Text: "Hello"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if f.mu.Lock(); f.now != 0 {
			t.Error("it is still being spoken")
		}
		f.mu.Unlock()
		if got := count(t, m.requests.WithLabelValues("a", outcomeCanceled)); got != 1 {
			t.Errorf("%v canceled, want 1", got)
		}
	})
}

func TestNextEngineSpeaksWhereOneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		a := &fake{voices: []speech.Voice{ann}, fail: fmt.Errorf("%w: broken", ErrFailed)}
		b, c := &fake{voices: []speech.Voice{eva}}, &fake{voices: []speech.Voice{tom}, rate: 16000}
		m := NewMetrics(nil)
		s := newSpeaker(t, Config{Metrics: m, Logger: slog.New(slog.NewTextHandler(&logged, nil))}, a, b, c)
		text := "One. " + strings.Repeat("Some more words to be said here. ", 20)
		speak(t, s, text, "English US Female Ann")
		if n := len(a.calls()); n != 1 {
			t.Errorf("the broken engine was asked %d times in one text, want 1", n)
		}
		if len(b.calls()) != 0 || len(c.calls()) < 2 {
			t.Error("not spoken by the engine that has the language")
		}
		if !strings.Contains(logged.String(), "broken") || strings.Contains(logged.String(), "Some more") {
			t.Errorf("logged: %s", &logged)
		}
		// After some failures it is left alone, and then tried again.
		for i := range failures {
			speak(t, s, strings.Repeat("x", i+1), "English US Female Ann")
		}
		before := len(a.calls())
		speak(t, s, "left alone", "English US Female Ann")
		if len(a.calls()) != before || count(t, m.requests.WithLabelValues("a", outcomeSkipped)) == 0 {
			t.Error("it is not left alone")
		}
		time.Sleep(rest)
		a.set(nil)
		speak(t, s, "well again", "English US Female Ann")
		if len(a.calls()) != before+1 {
			t.Error("it is not tried again")
		}
	})
}

func TestWithoutFallbackTheErrorIsTheEngines(t *testing.T) {
	a, b := &fake{fail: fmt.Errorf("%w: broken", ErrFailed)}, &fake{}
	s := newSpeaker(t, Config{NoFallback: true}, a, b)
	_, err := s.Speak(t.Context(), Request{Text: "secret plan"})
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "engine a") || len(b.calls()) != 0 {
		t.Errorf("error %v", err)
	}
}

func TestErrorsOfPrivateTextsShowNothing(t *testing.T) {
	a := &fake{fail: fmt.Errorf("%w: cannot say %q", ErrFailed, "my pin is 1234")}
	dir := t.TempDir()
	s := newSpeaker(t, Config{Cache: cache.Config{Directory: dir}}, a)
	_, err := s.Speak(t.Context(), Request{Text: "my pin is 1234", Private: true})
	if !errors.Is(err, ErrFailed) || strings.Contains(err.Error(), "1234") {
		t.Errorf("error %v", err)
	}
	a.set(nil)
	if _, err := s.Speak(t.Context(), Request{Text: "my pin is 1234", Private: true}); err != nil {
		t.Fatal(err)
	}
	if list, err := filepath.Glob(dir + "/*/*"); err != nil || len(list) != 0 {
		t.Errorf("on disk: %v, error %v", list, err)
	}
}

func TestSlowEngineIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &fake{takes: time.Hour}, &fake{}
		m := NewMetrics(nil)
		s := newSpeaker(t, Config{Timeout: 2 * time.Second, Metrics: m}, a, b)
		begin := time.Now()
		speak(t, s, "Hello", "")
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("it took %v, want 2 s", d)
		}
		if count(t, m.requests.WithLabelValues("a", outcomeTimeout)) != 1 {
			t.Error("no timeout is counted")
		}
		b.set(fmt.Errorf("%w", ErrFailed))
		_, err := s.Speak(t.Context(), Request{Text: "Again"})
		if !errors.Is(err, ErrTimeout) || !errors.Is(err, ErrFailed) {
			t.Errorf("error %v, want ErrTimeout and ErrFailed", err)
		}
	})
}

func TestEnginesSpeakAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{takes: time.Second}
		cfg := Config{LookPath: none, without: true, Engines: []EngineConfig{{Name: "a", Synthesizer: f, Concurrency: 2}}}
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				// 10 s of waiting for a turn are over for the last of them.
				if _, err := s.Speak(t.Context(), Request{Text: strings.Repeat("x", i+1)}); err != nil && !errors.Is(err, ErrTimeout) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if f.most != 2 || len(f.calls()) < 20 || len(f.calls()) > 22 {
			t.Errorf("%d at a time, %d in all; want 2 and 20 to 22", f.most, len(f.calls()))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsWhatIsBeingSpoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpeaker(t, Config{Timeout: time.Hour}, &fake{takes: time.Minute})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.Speak(t.Context(), Request{Text: "Hello"}); !errors.Is(err, ErrClosed) {
				t.Errorf("error %v, want ErrClosed", err)
			}
		})
		synctest.Wait()
		begin := time.Now()
		if err := s.Close(); err != nil || time.Since(begin) != 0 {
			t.Errorf("error %v after %v", err, time.Since(begin))
		}
		wg.Wait()
		if _, err := s.Speak(t.Context(), Request{Text: "Hello"}); !errors.Is(err, ErrClosed) {
			t.Errorf("afterwards: error %v, want ErrClosed", err)
		}
	})
}

func TestSpeechIsFoundOnDiskAfterARestart(t *testing.T) {
	dir := t.TempDir()
	var first audio.Clip
	for i := range 2 {
		f, m := &fake{}, NewMetrics(nil)
		s := newSpeaker(t, Config{Cache: cache.Config{Directory: dir}, Metrics: m}, f)
		c := speak(t, s, "Hello", "")
		if n := len(f.calls()); n != 1-i {
			t.Errorf("start %d: spoken %d times", i+1, n)
		}
		if i == 0 {
			first = c
		} else if string(fmt.Sprint(first)) != fmt.Sprint(c) || count(t, m.hits.WithLabelValues(storeDisk)) != 1 {
			t.Error("what was found is not what was spoken")
		}
	}
}

// TestCacheThatCannotBeWrittenIsToldOnce, not with each text.
func TestCacheThatCannotBeWrittenIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "cache")
	s := newSpeaker(t, Config{Cache: cache.Config{Directory: dir}, Logger: slog.New(slog.NewTextHandler(&log, nil))}, &fake{})
	told := func(want string) {
		t.Helper()
		if got := log.String(); strings.Count(got, "kept on disk") != 1 || !strings.Contains(got, want) {
			t.Errorf("logged %q, want %q once", got, want)
		}
		log.Reset()
	}
	if err := errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two", "three"} {
		speak(t, s, text, "")
	}
	told("cannot be kept")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	speak(t, s, "four", "")
	speak(t, s, "five", "")
	told("can be kept")
}

// TestVoicesOfOneIDInTwoLanguagesAreToldApart: an engine may be asked for the
// language beside the ID, and "42" is written alike in both.
func TestVoicesOfOneIDInTwoLanguagesAreToldApart(t *testing.T) {
	f := &fake{voices: []speech.Voice{{ID: "nova", Language: "English"}, {ID: "nova", Language: "German"}}}
	s := newSpeaker(t, Config{}, f)
	speak(t, s, "42", "English")
	speak(t, s, "42", "German")
	speak(t, s, "42", "German")
	var languages []string
	for _, r := range f.calls() {
		languages = append(languages, r.Voice.Language)
	}
	if got := strings.Join(languages, " "); got != "English German" {
		t.Errorf("spoken in %q", got)
	}
}

// TestCacheTellsRequestsOfAServerApart: whatever of the request is configured
// may change the sound.
func TestCacheTellsRequestsOfAServerApart(t *testing.T) {
	seen := map[string]string{}
	for name, change := range map[string]func(*EngineConfig){
		"as it was":      func(*EngineConfig) {},
		"another header": func(c *EngineConfig) { c.Headers = map[string]string{"X-Model": "two"} },
		"one more":       func(c *EngineConfig) { c.Headers = map[string]string{"X-Model": "one", "X-Style": "sad"} },
		"another method": func(c *EngineConfig) { c.Method = "PUT" },
		"another body":   func(c *EngineConfig) { c.Body = `["{text}"]` },
	} {
		c := EngineConfig{
			Name: "x", Kind: KindHTTP, URL: "http://speech.example/", Body: `{"t":"{text}"}`,
			Headers: map[string]string{"X-Model": "one"},
		}
		change(&c)
		e, err := configured(c)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[e.digest]; ok {
			t.Errorf("%q has the key of %q", name, other)
		}
		seen[e.digest] = name
	}
}

func TestCachedSpeechIsNotChangedByWhoGetsIt(t *testing.T) {
	s := newSpeaker(t, Config{}, &fake{})
	want := fmt.Sprint(speak(t, s, "Hello", ""))
	speak(t, s, "Hello<break/>", "")
	if got := fmt.Sprint(speak(t, s, "Hello", "")); got != want {
		t.Error("it has changed")
	}
}

func TestConfigIsValidated(t *testing.T) {
	ok := EngineConfig{Name: "a", Synthesizer: &fake{voices: []speech.Voice{ann}}}
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"an engine without name":           {Config{Engines: []EngineConfig{{Kind: KindExec}}}, "engine 1 needs a name"},
		"an engine called auto":            {Config{Engines: []EngineConfig{{Name: Auto, Kind: KindExec}}}, "needs a name"},
		"two of one name":                  {Config{Engines: []EngineConfig{ok, ok}}, `two engines are called "a"`},
		"an unknown kind":                  {Config{Engines: []EngineConfig{{Name: "x", Kind: "grpc"}}}, `kind "grpc"`},
		"an unknown engine":                {Config{Engine: "y", Engines: []EngineConfig{ok}}, `engine "y"`},
		"an unknown preset":                {Config{Engines: []EngineConfig{{Name: "x", Kind: KindExec, Preset: "y"}}}, `preset "y"`},
		"an unknown preset for http":       {Config{Engines: []EngineConfig{{Name: "x", Kind: KindHTTP, Preset: "y"}}}, `preset "y"`},
		"piper without model":              {Config{Engines: []EngineConfig{{Name: "x", Kind: KindExec, Preset: "piper"}}}, "piper needs voices"},
		"no command":                       {Config{Engines: []EngineConfig{{Name: "x", Kind: KindExec}}}, "no program"},
		"no address":                       {Config{Engines: []EngineConfig{{Name: "x", Kind: KindHTTP}}}, "URL"},
		"an unknown format":                {Config{Engines: []EngineConfig{{Name: "x", Kind: KindExec, Command: []string{"p"}, Format: "ogg"}}}, `"ogg"`},
		"an unknown default voice":         {Config{Voice: "Klingon", Engines: []EngineConfig{ok}}, "unknown voice"},
		"a selector of a voice we lack":    {Config{Voices: map[string]string{"x": "Klingon"}, Engines: []EngineConfig{ok}}, "unknown voice"},
		"a selector that leads to another": {Config{Voices: map[string]string{"x": "y", "y": "Ann"}, Engines: []EngineConfig{ok}}, `unknown voice "y"`},
	} {
		t.Run(name, func(t *testing.T) {
			tt.cfg.LookPath, tt.cfg.without = none, true
			_, err := New(tt.cfg)
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want ErrConfig with %q", err, tt.want)
			}
		})
	}
}

func TestOrderOfEngines(t *testing.T) {
	list := []EngineConfig{{Name: "a", Synthesizer: &fake{}}, {Name: "b", Kind: KindHTTP, Preset: "openai", URL: "http://speech.example/", Key: "k"}}
	all := func(name string) (string, error) { return "/usr/bin/" + name, nil }
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"configured before found":  {Config{}, "a b flite espeak-ng"},
		"a named one comes first":  {Config{Engine: "espeak-ng"}, "espeak-ng a b flite"},
		"none are none":            {Config{Engine: None}, ""},
		"nothing found is nothing": {Config{LookPath: none}, "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.cfg.Engines, tt.cfg.without = list, true
			if tt.cfg.LookPath == nil {
				tt.cfg.LookPath = all
			}
			s, err := New(tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range s.Engines() {
				got = append(got, e.Name)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConfigIsLoggedWithoutSecrets(t *testing.T) {
	var b bytes.Buffer
	c := EngineConfig{Name: "cloud", Kind: KindHTTP, Key: "sk-secret", Headers: map[string]string{"X": "sk-secret"}}
	slog.New(slog.NewTextHandler(&b, nil)).Info("engine", "config", c)
	if strings.Contains(b.String(), "secret") {
		t.Errorf("logged: %s", &b)
	}
}

func TestMetricsRegister(t *testing.T) {
	r := prometheus.NewRegistry()
	m := NewMetrics(r)
	m.requests.WithLabelValues("flite", outcomeOK).Inc()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "mediaserver_tts_requests_total" {
			return
		}
	}
	t.Error("mediaserver_tts_requests_total is missing")
}

func TestWorkerExitCode(t *testing.T) {
	if code := RunWorker(strings.NewReader(""), os.Stdout, "/nonexistent"); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}
