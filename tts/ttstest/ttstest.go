package ttstest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/tts/speech"
)

// Synthesizer is what is tested: a tts.Synthesizer.
type Synthesizer interface {
	Synthesize(ctx context.Context, r speech.Request) (audio.Clip, error)
	Voices() []speech.Voice
}

// Options say what an engine cannot do.
type Options struct {
	NoRate    bool // it has one speed
	AllVoices bool // try every voice, not only the first four
}

// Limits of what is speech.
const (
	patience = time.Minute
	lowest   = -45.0 // level [dBov]
	shortest = 150 * time.Millisecond
	longest  = 6 * time.Second
	sentence = "The meeting will begin when the chair has arrived."
)

// Run puts an engine through all tests; make gives a new engine, and closes it
// when its test ends.
func Run(t *testing.T, o Options, make func(t *testing.T) Synthesizer) {
	for name, test := range map[string]func(*testing.T, Options, Synthesizer){
		"a sentence is audible and lasts as long as one": sentences,
		"longer text lasts longer":                       longer,
		"the rate changes the speed":                     rate,
		"every voice speaks":                             voices,
		"odd texts do no harm":                           odd,
		"an ended context is its cause":                  ended,
		"it speaks for several at once":                  several,
	} {
		t.Run(name, func(t *testing.T) { test(t, o, make(t)) })
	}
}

// say fails the test if a request does.
func say(t *testing.T, s Synthesizer, r speech.Request) audio.Clip {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := s.Synthesize(ctx, r)
	if err != nil {
		t.Fatalf("%.60q by voice %q: %v", r.Text, r.Voice.ID, err)
	}
	if c.Rate < 8000 || len(c.Samples) == 0 {
		t.Fatalf("%.60q by voice %q: %d samples at %d Hz", r.Text, r.Voice.ID, len(c.Samples), c.Rate)
	}
	return c
}

// first is the voice that is tried.
func first(s Synthesizer) speech.Voice {
	if v := s.Voices(); len(v) > 0 {
		return v[0]
	}
	return speech.Voice{}
}

func sentences(t *testing.T, _ Options, s Synthesizer) {
	for _, v := range []speech.Voice{{}, first(s)} {
		c := say(t, s, speech.Request{Text: sentence, Voice: v})
		if l := audio.LevelDBov(c.Samples); l < lowest {
			t.Errorf("voice %q: level %.1f dBov", v.ID, l)
		}
		if d := c.Duration(); d < time.Second || d > longest {
			t.Errorf("voice %q: %v long", v.ID, d)
		}
	}
	if d := say(t, s, speech.Request{Text: "Bob"}).Duration(); d < shortest || d > 2*time.Second {
		t.Errorf("a name lasts %v", d)
	}
}

func longer(t *testing.T, _ Options, s Synthesizer) {
	one := say(t, s, speech.Request{Text: sentence}).Duration()
	three := say(t, s, speech.Request{Text: strings.Repeat(sentence+" ", 3)}).Duration()
	if three < 2*one || three > 5*one {
		t.Errorf("one sentence %v, three %v", one, three)
	}
}

func rate(t *testing.T, o Options, s Synthesizer) {
	if o.NoRate {
		t.Skip("this engine has one speed")
	}
	slow := say(t, s, speech.Request{Text: sentence, Rate: 0.5}).Duration().Seconds()
	normal := say(t, s, speech.Request{Text: sentence, Rate: 1}).Duration().Seconds()
	fast := say(t, s, speech.Request{Text: sentence, Rate: 2}).Duration().Seconds()
	if slow < 1.4*normal || fast > 0.8*normal {
		t.Errorf("half speed %.2f s, normal %.2f s, double %.2f s", slow, normal, fast)
	}
}

func voices(t *testing.T, o Options, s Synthesizer) {
	list := s.Voices()
	if !o.AllVoices {
		list = list[:min(4, len(list))]
	}
	for _, v := range list {
		c := say(t, s, speech.Request{Text: "One, two, three.", Voice: v})
		if l := audio.LevelDBov(c.Samples); l < lowest {
			t.Errorf("voice %q: level %.1f dBov", v.ID, l)
		}
	}
}

// odd texts are spoken somehow, or refused; the engine goes on.
func odd(t *testing.T, _ Options, s Synthesizer) {
	for _, text := range []string{
		"-o /tmp/x", "--help", "@file", "$(reboot); `reboot` | & > < \\", `"quotes" 'and' {text} {voice} %s %n`,
		"Größe, naïve, 日本語, 🎉", "<speak>Tom &amp; Jerry</speak>", "[[hello]]", "...", "1234567890123456789012345678901234567890",
		strings.Repeat("a", 400), "line\nbreak\ttab",
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if _, err := s.Synthesize(ctx, speech.Request{Text: text}); err != nil && !errors.Is(err, speech.ErrFailed) {
			t.Errorf("%.40q: error %v does not wrap speech.ErrFailed", text, err)
		}
		cancel()
	}
	say(t, s, speech.Request{Text: "Still here."})
}

func ended(t *testing.T, _ Options, s Synthesizer) {
	cause := errors.New("the caller has hung up")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if _, err := s.Synthesize(ctx, speech.Request{Text: sentence}); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
	say(t, s, speech.Request{Text: "Still here."})
}

func several(t *testing.T, _ Options, s Synthesizer) {
	texts := []string{"One.", sentence, sentence + " " + sentence}
	clips := make([]audio.Clip, len(texts))
	errs := make([]error, len(texts))
	var wg sync.WaitGroup
	for i, text := range texts {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			clips[i], errs[i] = s.Synthesize(ctx, speech.Request{Text: text})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i := range clips[1:] {
		if clips[i].Duration() >= clips[i+1].Duration() {
			t.Errorf("answers are mixed up: text %d lasts %v, text %d lasts %v", i, clips[i].Duration(), i+1, clips[i+1].Duration())
		}
	}
}
