package tts

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"mediaserver/tts/cache"
	"mediaserver/tts/command"
	"mediaserver/tts/flite"
	"mediaserver/tts/remote"
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
)

// An engine that failed so many times in a row is left alone for a while if
// there is another.
const (
	failures = 3
	rest     = 30 * time.Second
)

// engine is a Synthesizer and what the Speaker knows about it.
type engine struct {
	Synthesizer

	name    string
	digest  string // of its configuration: the cache must not mix two
	timeout time.Duration
	turns   chan struct{} // as many as it may speak at a time
	close   func() error

	mu     sync.Mutex
	failed int // in a row
	until  time.Time
}

// assemble makes the engines in their order.
func assemble(cfg Config) ([]*engine, error) {
	if cfg.Engine == None {
		return nil, nil
	}
	var list []*engine
	fail := func(err error) ([]*engine, error) {
		return nil, errors.Join(err, closeAll(list))
	}
	for _, c := range cfg.Engines {
		e, err := configured(c)
		if err != nil {
			return fail(fmt.Errorf("%w: engine %q: %w", ErrConfig, c.Name, err))
		}
		e.timeout = cmp.Or(c.Timeout, cfg.Timeout)
		list = append(list, e)
	}
	own, err := unconfigured(cfg)
	if err != nil {
		return fail(err)
	}
	for _, e := range own {
		if !slices.ContainsFunc(list, func(o *engine) bool { return o.name == e.name }) {
			e.timeout = cfg.Timeout
			list = append(list, e)
		}
	}
	if cfg.Engine == Auto {
		return list, nil
	}
	i := slices.IndexFunc(list, func(e *engine) bool { return e.name == cfg.Engine })
	if i < 0 {
		return fail(fmt.Errorf("%w: engine %q is neither configured nor built in nor installed", ErrConfig, cfg.Engine))
	}
	first := list[i]
	return slices.Insert(slices.Delete(list, i, i+1), 0, first), nil
}

// configured makes an engine of the configuration.
func configured(c EngineConfig) (*engine, error) {
	if c.Synthesizer != nil {
		return newEngine(c.Name, cache.Key(c.Name), c.Synthesizer, max(1, c.Concurrency)), nil
	}
	format, err := sound.ParseFormat(c.Format)
	if err != nil {
		return nil, err
	}
	if c.Kind == KindHTTP {
		return overHTTP(c, format)
	}
	return byProgram(c, format)
}

func byProgram(c EngineConfig, format sound.Format) (*engine, error) {
	size := cmp.Or(c.Concurrency, localConcurrency())
	var p command.Config
	if c.Preset != "" {
		var ok bool
		if p, ok = command.Preset(c.Preset); !ok {
			return nil, fmt.Errorf("preset %q is not one of %v", c.Preset, command.Presets())
		}
	}
	if len(c.Command) > 0 {
		p.Command = c.Command
	}
	if c.Format != "" {
		p.Format = format
	}
	if c.Voices != nil {
		p.Voices = c.Voices
	}
	p.Warm, p.Line, p.Rate, p.Size = p.Warm || c.Warm, cmp.Or(c.Line, p.Line), cmp.Or(c.SampleRate, p.Rate), size
	if c.Preset == "piper" && len(p.Voices) == 0 {
		return nil, errors.New("preset piper needs voices whose id is the file of a model")
	}
	e, err := command.New(p)
	if err != nil {
		return nil, err
	}
	digest := cache.Key(append([]string{c.Name, p.Line, p.Format.String(), fmt.Sprint(p.Rate)}, p.Command...)...)
	return newEngine(c.Name, digest, e, size), nil
}

func overHTTP(c EngineConfig, format sound.Format) (*engine, error) {
	var r remote.Config
	switch c.Preset {
	case "":
	case "openai":
		r = remote.OpenAI(c.URL, c.Model)
	default:
		return nil, fmt.Errorf("preset %q is not openai", c.Preset)
	}
	r.URL, r.Key, r.Rate, r.Format = c.URL, c.Key, c.SampleRate, format
	r.Method, r.Body = cmp.Or(c.Method, r.Method), cmp.Or(c.Body, r.Body)
	if c.Headers != nil {
		r.Headers = c.Headers
	}
	if c.Voices != nil {
		r.Voices = c.Voices
	}
	e, err := remote.New(r)
	if err != nil {
		return nil, err
	}
	digest := cache.Key(c.Name, r.Method, r.URL, r.Body, r.Format.String(), fmt.Sprint(r.Rate), headerKey(r.Headers))
	return newEngine(c.Name, digest, e, cmp.Or(c.Concurrency, remoteConcurrency)), nil
}

// headerKey stands for headers, which may name the model or the form of the
// sound, in keys of the cache.
func headerKey(headers map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		parts = append(parts, name, headers[name])
	}
	return cache.Key(parts...)
}

// unconfigured are the engine built in and programs that are installed.
func unconfigured(cfg Config) ([]*engine, error) {
	var list []*engine
	wasm := cfg.Module != "" || flite.Available() && !cfg.without
	if wasm {
		e, err := builtIn(cfg)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	for _, name := range command.Presets() {
		if name != espeakName && (name != embeddedName || wasm) {
			continue // a program piper would need to know its voices
		}
		if _, err := cfg.LookPath(name); err != nil {
			continue
		}
		e, err := byProgram(EngineConfig{Name: name, Preset: name}, sound.Auto)
		if err != nil {
			return nil, errors.Join(err, closeAll(list))
		}
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(a, b *engine) int {
		return cmp.Compare(bias(a.name), bias(b.name))
	})
	return list, nil
}

// bias puts flite, which sounds better in English, before the others.
func bias(name string) int {
	if name == embeddedName {
		return 0
	}
	return 1
}

// builtIn is the engine built in, in processes of its own or in this one.
func builtIn(cfg Config) (*engine, error) {
	digest := cache.Key(embeddedName, flite.Version, cfg.Module)
	if len(cfg.Worker) > 0 {
		size := localConcurrency()
		program := slices.Clone(cfg.Worker)
		if cfg.Module != "" {
			program = append(program, cfg.Module)
		}
		e, err := flite.NewEngine(flite.Config{Program: program, Size: size})
		if err != nil {
			return nil, err
		}
		return newEngine(embeddedName, digest, e, size), nil
	}
	wasm := flite.Embedded()
	if cfg.Module != "" {
		var err error
		if wasm, err = os.ReadFile(cfg.Module); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	return newEngine(embeddedName, digest, flite.NewLocal(wasm, true), 1), nil
}

func newEngine(name, digest string, s Synthesizer, size int) *engine {
	e := &engine{Synthesizer: s, name: name, digest: digest, turns: make(chan struct{}, size), close: func() error { return nil }}
	if c, ok := s.(io.Closer); ok {
		e.close = c.Close
	}
	return e
}

func closeAll(list []*engine) error {
	var errs []error
	for _, e := range list {
		errs = append(errs, e.close())
	}
	return errors.Join(errs...)
}

// view is the engine as selectors see it.
func (e *engine) view() speech.Engine { return speech.Engine{Name: e.name, Voices: e.Voices()} }

// resting reports whether the engine is left alone.
func (e *engine) resting(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return now.Before(e.until)
}

// note keeps count of failures.
func (e *engine) note(ok bool, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ok {
		e.failed, e.until = 0, time.Time{}
		return
	}
	if e.failed++; e.failed >= failures {
		e.until = now.Add(rest)
	}
}

// WorkerCommand is the argument that makes a program that calls RunWorker a
// worker of the engine built in.
const WorkerCommand = "speech-worker"

// RunWorker is the worker: it speaks what comes from in, to its end, and
// returns the exit code of the process. args are those after WorkerCommand.
func RunWorker(in io.Reader, out io.Writer, args ...string) int {
	if err := flite.Serve(in, out, cmp.Or(args...)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
