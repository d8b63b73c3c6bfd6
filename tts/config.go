package tts

import (
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"time"

	"mediaserver/tts/cache"
	"mediaserver/tts/speech"
)

// Values of Config.Engine that are no names.
const (
	Auto = "auto"
	None = "none"
)

// Kinds of engines.
const (
	KindExec = "exec"
	KindHTTP = "http"
)

// Names of the engines that need no configuration.
const (
	embeddedName = "flite"
	espeakName   = "espeak-ng"
)

// Defaults of Config and EngineConfig.
const (
	defaultTimeout    = 10 * time.Second
	defaultRate       = 8000 // Hz
	remoteConcurrency = 8
)

// Config says which engines there are and how they are used. The zero value
// speaks by the engine that is built in, else by programs that are installed.
type Config struct {
	Engine     string            // "" or Auto: all, in the order given at Engines; a name: that one first; None: no speech
	Voice      string            // selector of the default voice; "" is the first engine's default
	Engines    []EngineConfig    // used in this order, before the engine built in and programs that are found
	Voices     map[string]string // selectors of one's own: what each stands for, a selector or "engine/ID"
	NoFallback bool              // only the first engine that has the voice is tried
	Cache      cache.Config
	Timeout    time.Duration // for one piece by one engine, and as long to wait for its turn; 0 means 10 s

	// Worker is the command line of a process that calls RunWorker: this program
	// with WorkerCommand. Without it the engine built in runs in this process,
	// ten times slower, and disturbs it.
	Worker   []string
	Module   string                       // file to be used in place of the flite.wasm that is built in
	LookPath func(string) (string, error) // finds programs; nil means exec.LookPath

	without bool // the engine built in, for tests

	Logger  *slog.Logger // nil means slog.Default()
	Metrics *Metrics     // nil means metrics that no one sees
}

// EngineConfig describes an engine. What is not set is taken from the Preset.
type EngineConfig struct {
	Name        string         // required, unique
	Kind        string         // KindExec or KindHTTP
	Preset      string         // exec: espeak-ng, flite, piper; http: openai
	Voices      []speech.Voice // the first is the default
	Format      string         // of the sound: auto, wav, raw, mp3; "" means auto
	SampleRate  int            // of raw sound [Hz]
	Timeout     time.Duration  // 0 means that of Config
	Concurrency int            // utterances at a time; 0 means half the cores for exec and 8 for http

	// For exec, see package command.
	Command []string
	Warm    bool
	Line    string

	// For http, see package remote.
	URL     string
	Method  string
	Headers map[string]string
	Body    string
	Model   string // of the preset openai
	Key     string // secret

	Synthesizer Synthesizer // an engine of one's own, in place of Kind and all that belongs to it
}

// LogValue shows what is not secret.
func (c EngineConfig) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", c.Name), slog.String("kind", c.Kind), slog.String("preset", c.Preset))
}

func (c Config) withDefaults() Config {
	if c.Engine == "" {
		c.Engine = Auto
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.LookPath == nil {
		c.LookPath = exec.LookPath
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	return c
}

func (c Config) validate() error {
	names := map[string]bool{}
	for i, e := range c.Engines {
		switch {
		case e.Name == "" || e.Name == Auto || e.Name == None:
			return fmt.Errorf("%w: engine %d needs a name other than %q and %q", ErrConfig, i+1, Auto, None)
		case names[e.Name]:
			return fmt.Errorf("%w: two engines are called %q", ErrConfig, e.Name)
		case e.Synthesizer == nil && e.Kind != KindExec && e.Kind != KindHTTP:
			return fmt.Errorf("%w: engine %q: kind %q is not one of %s, %s", ErrConfig, e.Name, e.Kind, KindExec, KindHTTP)
		}
		names[e.Name] = true
	}
	return nil
}

// localConcurrency is how many utterances programs speak at a time.
func localConcurrency() int { return max(1, runtime.GOMAXPROCS(0)/2) }
