package flite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"mediaserver/audio"
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
)

// Bounds of one utterance.
const (
	maxOutput = 64 << 20 // bytes of WAV
	maxErrors = 4 << 10  // bytes of what it says beside
	maxPages  = 4096     // of 64 KiB: memory of the module
)

// output is the file that the module writes.
const output = "/out.wav"

// ErrNoModule is returned where a module is needed and none is built in.
var ErrNoModule = errors.New("flite: built without flite.wasm (go generate ./tts/flite)")

// Local runs the module in this process.
type Local struct {
	wasm          []byte
	interruptible bool

	mu       sync.Mutex // held while compiling
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// NewLocal makes an engine of a module, which is compiled when it is first
// used. An interruptible one ends an utterance when its context ends, and is
// ten times slower.
func NewLocal(wasm []byte, interruptible bool) *Local {
	return &Local{wasm: wasm, interruptible: interruptible}
}

// Voices are those of the module.
func (l *Local) Voices() []speech.Voice { return Voices() }

// compile prepares the module once.
func (l *Local) compile(ctx context.Context) (wazero.Runtime, wazero.CompiledModule, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.compiled != nil {
		return l.runtime, l.compiled, nil
	}
	if len(l.wasm) == 0 {
		return nil, nil, ErrNoModule
	}
	cfg := wazero.NewRuntimeConfig().WithMemoryLimitPages(maxPages).WithCloseOnContextDone(l.interruptible)
	r := wazero.NewRuntimeWithConfig(ctx, cfg)
	_, err := wasi_snapshot_preview1.Instantiate(ctx, r)
	if err == nil {
		l.compiled, err = r.CompileModule(ctx, l.wasm)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("flite: compile: %w", errors.Join(err, r.Close(ctx)))
	}
	l.runtime = r
	return r, l.compiled, nil
}

// Synthesize speaks an utterance at the voice's own rate: 16 kHz, 8 kHz for kal.
// Errors wrap speech.ErrFailed, or are the cause of ctx's end.
func (l *Local) Synthesize(ctx context.Context, r speech.Request) (audio.Clip, error) {
	if err := context.Cause(ctx); err != nil {
		return audio.Clip{}, err
	}
	runtime, compiled, err := l.compile(context.WithoutCancel(ctx))
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: %w", speech.ErrFailed, err)
	}
	voice := r.Voice.ID
	if voice == "" {
		voice = Voices()[0].ID
	}
	files := &memory{limit: maxOutput}
	said := &head{limit: maxErrors}
	cfg := wazero.NewModuleConfig().WithName("").WithStdout(said).WithStderr(said).
		WithFSConfig(wazero.NewFSConfig().(sysfs.FSConfig).WithSysFSMount(files, "/")).
		WithArgs("flite", "-voice", voice, "--setf", "duration_stretch="+strconv.FormatFloat(1/r.Speed(), 'f', 3, 64),
			"-t", ascii(r.Text), "-o", output)
	m, err := runtime.InstantiateModule(ctx, compiled, cfg)
	if m != nil {
		// It has run to its end; what it wrote is ours.
		_ = m.Close(context.WithoutCancel(ctx))
	}
	if cause := context.Cause(ctx); cause != nil {
		return audio.Clip{}, cause
	}
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: flite: %w: %s", speech.ErrFailed, err, said)
	}
	c, err := sound.Decode(files.written, sound.WAV, 0)
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: flite: %w: %s", speech.ErrFailed, err, said)
	}
	return c, nil
}

// Close frees the compiled module. No synthesis may be running.
func (l *Local) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runtime == nil {
		return nil
	}
	r := l.runtime
	l.runtime, l.compiled = nil, nil
	return r.Close(context.Background())
}

// head keeps the beginning of what is written to it.
type head struct {
	limit int
	buf   []byte
}

func (t *head) Write(b []byte) (int, error) {
	t.buf = append(t.buf, b[:min(len(b), t.limit-len(t.buf))]...)
	return len(b), nil
}

func (t *head) String() string { return string(bytes.TrimSpace(t.buf)) }
