package flite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mediaserver/audio"
	"mediaserver/tts/process"
	"mediaserver/tts/speech"
)

// Config says how an Engine gets its workers. Program is required.
type Config struct {
	Program []string      // command line of a process that calls Serve
	Size    int           // workers at most; 0 means 1
	Idle    time.Duration // an unused worker ends after it; 0 means 5 minutes
}

// Engine speaks in worker processes, which start when they are needed.
type Engine struct{ pool *process.Pool }

// NewEngine makes an engine.
func NewEngine(cfg Config) (*Engine, error) {
	if len(cfg.Program) == 0 {
		return nil, errors.New("flite: Config needs Program")
	}
	return &Engine{process.NewPool(process.PoolConfig{Program: cfg.Program, Size: cfg.Size, Idle: cfg.Idle})}, nil
}

// Voices are those of the module.
func (e *Engine) Voices() []speech.Voice { return Voices() }

// Synthesize speaks an utterance at the voice's own rate: 16 kHz, 8 kHz for kal.
// Errors wrap speech.ErrFailed, or are the cause of ctx's end.
func (e *Engine) Synthesize(ctx context.Context, r speech.Request) (audio.Clip, error) {
	var clip audio.Clip
	var reported *workerError
	err := e.pool.Do(ctx, func(in io.Writer, out *bufio.Reader) error {
		c, err := ask(in, out, r)
		if errors.As(err, &reported) {
			return nil // the worker is fit for the next
		}
		clip = c
		return err
	})
	if cause := context.Cause(ctx); cause != nil {
		return audio.Clip{}, cause
	}
	if err == nil && reported != nil {
		err = reported
	}
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: flite: %w", speech.ErrFailed, err)
	}
	return clip, nil
}

// Close ends the workers and waits for it.
func (e *Engine) Close() error { return e.pool.Close() }
