package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/audio"
	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/cmd/mediaserver/internal/robots"
	"mediaserver/tts"
	"mediaserver/tts/speech"
)

// newSpeaker makes what speaks texts. A configuration that cannot be used is
// config.Problems.
func newSpeaker(cfg *config.Config, reg prometheus.Registerer, log *slog.Logger) (*tts.Speaker, error) {
	if err := checkSpeech(cfg); err != nil {
		return nil, err
	}
	c, err := speechConfig(&cfg.TTS)
	if err != nil {
		return nil, err
	}
	c.Cache.Directory = cfg.TTS.CacheDirectory
	c.Logger, c.Metrics = log, tts.NewMetrics(reg)
	speaker, err := tts.New(c)
	if err != nil {
		return nil, config.Problems{cfg.Problem("tts.cache_directory", "%v", err)} // the rest is checked
	}
	return speaker, nil
}

// speechConfig is what the configuration says of speech, but for the directory
// of the cache. The voice that is built in speaks in processes of this program.
func speechConfig(t *config.TTS) (tts.Config, error) {
	program, err := os.Executable()
	if err != nil {
		return tts.Config{}, fmt.Errorf("find this program, which is to speak: %w", err)
	}
	c := tts.Config{
		Engine: t.Engine, Voice: t.Voice, NoFallback: !t.Fallback, Timeout: t.Timeout(),
		Worker: []string{program, tts.WorkerCommand}, Module: t.FliteModule, Voices: map[string]string{},
	}
	c.Cache.Disk = int64(t.CacheMegabytes) << 20
	for _, v := range t.Voices {
		c.Voices[v.Selector] = v.Voice
	}
	for i := range t.Engines {
		c.Engines = append(c.Engines, speechEngine(&t.Engines[i]))
	}
	return c, nil
}

// speechEngine is what the configuration says of one engine. What is not set
// is left to the preset.
func speechEngine(e *config.SpeechEngine) tts.EngineConfig {
	c := tts.EngineConfig{
		Name: e.Name, Kind: e.Kind, Preset: e.Preset,
		SampleRate: e.SampleRate, Timeout: e.Timeout(), Concurrency: e.Concurrency,
		Command: e.Command, Warm: e.Warm, Line: e.Line,
		URL: string(e.URL), Method: e.Method, Body: e.Body, Model: e.Model, Key: e.Secret.Reveal(),
	}
	if e.Format != "auto" {
		c.Format = e.Format
	}
	for _, h := range e.Headers {
		if name, value, ok := h.Split(); ok {
			if c.Headers == nil {
				c.Headers = map[string]string{}
			}
			c.Headers[name] = value
		}
	}
	for _, v := range e.Voices {
		c.Voices = append(c.Voices, speech.Voice(v))
	}
	return c
}

// checkSpeech tries what the configuration says of speech, without starting or
// writing anything. The error is config.Problems.
func checkSpeech(cfg *config.Config) error {
	c, err := speechConfig(&cfg.TTS)
	if err != nil {
		return err
	}
	var problems config.Problems
	for i := range c.Engines {
		alone := tts.Config{Engines: c.Engines[i : i+1], LookPath: findNothing, Worker: c.Worker}
		if _, err := try(alone); err != nil {
			problems = append(problems, cfg.Problem(fmt.Sprintf("tts.engines[%d]", i), "%s", reason(err, c.Engines[i].Name)))
		}
	}
	if m := cfg.TTS.FliteModule; m != "" {
		if _, err := os.Stat(m); err != nil {
			problems = append(problems, cfg.Problem("tts.flite_module", "cannot read %s: %v", m, cause(err)))
		}
	}
	if len(problems) > 0 || c.Engine == tts.None {
		return orNil(problems)
	}
	return orNil(checkVoices(cfg, c))
}

// checkVoices tries the names of engines and voices.
func checkVoices(cfg *config.Config, c tts.Config) config.Problems {
	voices := c.Voices
	c.Voice, c.Voices = "", nil
	engines, err := try(c)
	if err != nil {
		c.Engine = tts.Auto
		engines, _ = try(c) // those that could be named
		return config.Problems{cfg.Problem("tts.engine", "no engine %q is configured, built in or installed; there are: %s",
			cfg.TTS.Engine, strings.Join(append([]string{tts.Auto, tts.None}, names(engines)...), ", "))}
	}
	var problems config.Problems
	wanted := func(path, voice string) {
		if voice == "" {
			return
		}
		c.Voice = voice
		if _, err := try(c); err != nil {
			problems = append(problems, cfg.Problem(path, "no engine has a voice %q; the engines are: %s", voice, strings.Join(names(engines), ", ")))
		}
	}
	for i, v := range cfg.TTS.Voices {
		wanted(fmt.Sprintf("tts.voices[%d].voice", i), v.Voice)
	}
	if len(problems) > 0 {
		return problems
	}
	c.Voices = voices
	wanted("tts.voice", cfg.TTS.Voice)
	for i := range cfg.Services {
		wanted(fmt.Sprintf("services[%d].tts_voice", i), cfg.Services[i].TTSVoice)
	}
	return problems
}

// orNil is problems as an error.
func orNil(problems config.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// try makes a Speaker, which starts nothing, and tells its engines.
func try(c tts.Config) ([]speech.Engine, error) {
	s, err := tts.New(c)
	if err != nil {
		return nil, err
	}
	return s.Engines(), s.Close()
}

// cause is why a file cannot be used, without its name.
func cause(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

// findNothing finds no program.
func findNothing(string) (string, error) { return "", exec.ErrNotFound }

// reason is what is the matter with an engine, without what the place says
// already.
func reason(err error, engine string) string {
	text := strings.TrimPrefix(err.Error(), tts.ErrConfig.Error()+": ")
	return strings.TrimPrefix(text, fmt.Sprintf("engine %q: ", engine))
}

// names of engines.
func names(engines []speech.Engine) []string {
	list := make([]string, len(engines))
	for i, e := range engines {
		list[i] = e.Name
	}
	return list
}

// spoken is the call.Loader of texts.
type spoken struct {
	speaker *tts.Speaker
	rate    int // of the calls [Hz]
}

// Load speaks the text of an element.
func (s spoken) Load(ctx context.Context, item call.MediaItem) (audio.Clip, error) {
	clip, err := s.speaker.Speak(ctx, tts.Request{Text: item.Text, Voice: item.Voice, SampleRate: s.rate, Private: item.Private})
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: %w", call.ErrSpeech, withoutText(err, item.Text))
	}
	return clip, nil
}

// withoutText is err without the text that was to be spoken: what a program
// complains of may hold it.
func withoutText(err error, text string) error {
	said := err.Error()
	// Engines get a text by sentences.
	for _, part := range append([]string{text}, strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(".!?<>\n", r) })...) {
		if part = strings.TrimSpace(part); len(part) > 1 {
			said = strings.ReplaceAll(said, part, "…")
		}
	}
	if said == err.Error() {
		return err
	}
	return &quietError{said: said, err: err}
}

// quietError is an error that says less than what it stands for.
type quietError struct {
	said string
	err  error
}

// Error is what may be said.
func (e *quietError) Error() string { return e.said }

// Is compares with what it stands for. There is no Unwrap: that would say all.
func (e *quietError) Is(target error) bool { return errors.Is(e.err, target) }

// runSpeech closes the Speaker when ctx ends.
func (s *server) runSpeech(ctx context.Context) error {
	<-ctx.Done()
	return s.speaker.Close()
}

// speaks says whether texts can be spoken.
func (s *server) speaks() bool { return len(s.speaker.Engines()) > 0 }

// say speaks a text for the demo's robots, by the voice that fits best of
// those selected.
func (s *server) say(ctx context.Context, text string, voices ...string) (audio.Clip, error) {
	r := tts.Request{Text: text, SampleRate: robots.Rate}
	for _, r.Voice = range append(slices.Clone(voices), "") {
		clip, err := s.speaker.Speak(ctx, r)
		if !errors.Is(err, tts.ErrUnknownVoice) {
			return clip, err
		}
	}
	return audio.Clip{}, tts.ErrUnknownVoice
}
