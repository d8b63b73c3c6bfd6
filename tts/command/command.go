package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/tts/process"
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
	"mediaserver/tts/template"
)

// Bounds of what a program may say.
const (
	maxSound  = 64 << 20 // bytes
	maxErrors = 500      // bytes of standard error in an error
	maxLine   = 4 << 10  // bytes of the line with which a warm program answers
)

// DefaultLine is what a warm program gets for each text: the form of piper's
// --json-input.
const DefaultLine = `{"text": "{text}", "output_file": "{output}"}`

// Config describes a program.
//
// Placeholders in Command and Line are {text}, {output} (a file for the
// sound), {voice} and {language} of the voice, {rate} (1 is normal), {wpm}
// (175 words a minute times the rate) and {stretch} (1 by the rate). In Line
// they are escaped for strings of JSON.
type Config struct {
	Command []string       // program and arguments; required
	Warm    bool           // it answers a line for each line and is kept running
	Line    string         // what a warm program gets for a text; "" means DefaultLine
	Format  sound.Format   // of what it gives
	Rate    int            // of raw samples [Hz]
	Voices  []speech.Voice // the first is the default
	Size    int            // warm programs at a time, for each voice; 0 means 1
	Idle    time.Duration  // an unused warm program ends after it; 0 means 5 minutes
}

func (c Config) validate() error {
	switch {
	case len(c.Command) == 0 || c.Command[0] == "":
		return errors.New("command: no program is given")
	case template.Uses(c.Command[0], textName):
		return errors.New("command: the text cannot name the program")
	case c.Format == sound.Raw && c.Rate <= 0:
		return errors.New("command: raw sound needs a rate")
	case c.Warm && !template.Uses(c.line(), outputName):
		return errors.New("command: a warm program needs {output} in its line")
	}
	return check(c.Command)
}

func (c Config) line() string {
	if c.Line == "" {
		return DefaultLine
	}
	return c.Line
}

// Engine speaks by a program.
type Engine struct {
	cfg Config

	mu    sync.Mutex
	pools map[string]*process.Pool // warm programs by command line
	done  bool
}

// New makes an engine. It does not look whether the program exists.
func New(cfg Config) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg, pools: map[string]*process.Pool{}}, nil
}

// Voices are those of the configuration.
func (e *Engine) Voices() []speech.Voice { return e.cfg.Voices }

// Synthesize speaks an utterance at whatever rate the program has. Errors wrap
// speech.ErrFailed, or are the cause of ctx's end.
func (e *Engine) Synthesize(ctx context.Context, r speech.Request) (audio.Clip, error) {
	if r.Voice.ID == "" && len(e.cfg.Voices) > 0 {
		r.Voice = e.cfg.Voices[0]
	}
	speak := e.once
	if e.cfg.Warm {
		speak = e.warm
	}
	data, err := speak(ctx, r)
	if cause := context.Cause(ctx); cause != nil {
		return audio.Clip{}, cause
	}
	var c audio.Clip
	if err == nil {
		c, err = sound.Decode(data, e.cfg.Format, e.cfg.Rate)
	}
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: %s: %w", speech.ErrFailed, filepath.Base(e.cfg.Command[0]), err)
	}
	return c, nil
}

// uses reports whether a placeholder stands in the command.
func (e *Engine) uses(name string) bool {
	return slices.ContainsFunc(e.cfg.Command, func(a string) bool { return template.Uses(a, name) })
}

// once runs the program for one utterance.
func (e *Engine) once(ctx context.Context, r speech.Request) (data []byte, err error) {
	var file string
	if e.uses(outputName) {
		dir, err := os.MkdirTemp("", "speech-*")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a directory for temporary files
		file = filepath.Join(dir, "sound")
	}
	args := arguments(e.cfg.Command, values(r, file))
	c := process.Command(ctx, args[0], args[1:]...)
	out, said := &bounded{limit: maxSound, strict: true}, &bounded{limit: maxErrors}
	c.Stdout, c.Stderr = out, said
	if !e.uses(textName) {
		c.Stdin = strings.NewReader(r.Text + "\n")
	}
	if err := process.Run(c); err != nil {
		if out.full {
			err = errTooMuch
		}
		return nil, errors.Join(err, said.err())
	}
	if file != "" {
		return read(file)
	}
	return out.buf, nil
}

// warm has a running program speak.
func (e *Engine) warm(ctx context.Context, r speech.Request) ([]byte, error) {
	dir, err := os.MkdirTemp("", "speech-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory for temporary files
	file := filepath.Join(dir, "sound")
	// Programs that get the rate as an argument are told apart by it: few rates.
	r.Rate = math.Round(4*r.Speed()) / 4
	pool, err := e.pool(arguments(e.cfg.Command, values(speech.Request{Voice: r.Voice, Rate: r.Rate}, "")))
	if err != nil {
		return nil, err
	}
	line := template.Expand(e.cfg.line(), values(r, file), template.JSON) + "\n"
	var data []byte
	err = pool.Do(ctx, func(in io.Writer, out *bufio.Reader) error {
		_, err := io.WriteString(in, line)
		if err == nil {
			err = answer(out)
		}
		if err == nil {
			// Without a file the line was no answer, and each further one would be
			// taken for that to the text after its own: the program must go.
			data, err = read(file)
		}
		return err
	})
	return data, err
}

// answer reads a line.
func answer(out *bufio.Reader) error {
	for range maxLine {
		b, err := out.ReadByte()
		if err != nil || b == '\n' {
			return err
		}
	}
	return errors.New("the answer is not a line")
}

// pool is the pool of a command line.
func (e *Engine) pool(args []string) (*process.Pool, error) {
	key := strings.Join(args, "\x00")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done {
		return nil, process.ErrClosed
	}
	p, ok := e.pools[key]
	if !ok {
		p = process.NewPool(process.PoolConfig{Program: args, Size: e.cfg.Size, Idle: e.cfg.Idle})
		e.pools[key] = p
	}
	return p, nil
}

// Close ends warm programs and waits for it.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.done = true
	pools := e.pools
	e.pools = nil
	e.mu.Unlock()
	var errs []error
	for _, p := range pools {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// read is the sound in a file that a program has written.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, errNoOutput
	}
	defer f.Close() //nolint:errcheck // read only: nothing can be lost
	b, err := io.ReadAll(io.LimitReader(f, maxSound+1))
	switch {
	case len(b) > maxSound:
		return nil, errTooMuch
	case err == nil && len(b) == 0:
		return nil, errNoOutput
	}
	return b, err
}

var (
	errTooMuch  = fmt.Errorf("more than %d bytes of sound", maxSound)
	errNoOutput = errors.New("the program has not written its output")
)

// bounded keeps up to limit bytes; if it is strict more is an error.
type bounded struct {
	limit  int
	strict bool
	full   bool // there was more, and it is strict
	buf    []byte
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.strict && len(b.buf)+len(p) > b.limit {
		b.full = true
		return 0, errTooMuch
	}
	b.buf = append(b.buf, p[:min(len(p), b.limit-len(b.buf))]...)
	return len(p), nil
}

// err is what was said, or nil.
func (b *bounded) err() error {
	if text := bytes.TrimSpace(b.buf); len(text) > 0 {
		return fmt.Errorf("it says %q", text)
	}
	return nil
}
