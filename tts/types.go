package tts

import (
	"context"
	"errors"

	"mediaserver/audio"
	"mediaserver/tts/speech"
)

// MaxText is the number of characters that a text may have.
const MaxText = 5000

// Errors of a Speaker.
var (
	ErrUnknownVoice = errors.New("tts: unknown voice")
	ErrTooLong      = errors.New("tts: text is too long")
	ErrNoText       = errors.New("tts: nothing to say")
	ErrNoEngine     = errors.New("tts: no speech engine is configured")
	ErrClosed       = errors.New("tts: speaker is closed")
	ErrTimeout      = errors.New("tts: speech engine took too long")
	ErrConfig       = errors.New("tts: configuration")

	// ErrFailed says that every engine that had the voice has failed.
	ErrFailed = speech.ErrFailed
)

// Synthesizer is an engine. Synthesize speaks one utterance, at whatever rate
// the engine has, and ends soon when ctx does; its errors wrap ErrFailed or are
// the cause of ctx's end. Both methods are safe for concurrent use. Package
// ttstest checks that an engine keeps to this.
type Synthesizer interface {
	Synthesize(ctx context.Context, r speech.Request) (audio.Clip, error)
	Voices() []speech.Voice // the first is the default; none means that there is no choice
}

// Request is a text to be spoken.
type Request struct {
	Text       string // plain or SSML, 1 to MaxText characters
	Voice      string // selector; "" is the default voice
	SampleRate int    // of the result [Hz]; 0 means 8000
	Private    bool   // the text is kept off the disk and out of logs and errors
}
