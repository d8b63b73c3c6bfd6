package tts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"mediaserver/audio"
	"mediaserver/tts/cache"
	"mediaserver/tts/speech"
	"mediaserver/tts/ssml"
)

// Speaker speaks texts.
type Speaker struct {
	cfg     Config
	engines []*engine
	views   []speech.Engine // of engines, the same order
	voices  map[string]string
	cache   *cache.Cache
	refused atomic.Bool // by the disk of the cache, the last
	flights flights

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // texts being spoken
}

// New makes a Speaker. Programs are started when they are needed; without any
// engine every text is ErrNoEngine. Errors wrap ErrConfig or are about the
// directory of the cache.
func New(cfg Config) (*Speaker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	store, err := cache.New(cfg.Cache)
	if err != nil {
		return nil, err
	}
	engines, err := assemble(cfg)
	if err != nil {
		return nil, err
	}
	s := &Speaker{cfg: cfg, engines: engines, cache: store, voices: map[string]string{}}
	for _, e := range engines {
		s.views = append(s.views, e.view())
		cfg.Metrics.begin(e.name)
	}
	for selector, v := range cfg.Voices {
		s.voices[fold(selector)] = v
	}
	if len(engines) > 0 {
		for _, selector := range append(slices.Sorted(maps.Keys(cfg.Voices)), cfg.Voice) {
			if _, err := s.plan(selector); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrConfig, errors.Join(err, closeAll(engines)))
			}
		}
	}
	return s, nil
}

// Engines lists the engines and their voices in the order in which they are
// tried.
func (s *Speaker) Engines() []speech.Engine { return s.views }

// Speak returns a text as audio. Errors are ErrUnknownVoice, ErrTooLong,
// ErrNoText, ErrNoEngine, ErrClosed or ErrFailed, wrapped with detail, or the
// cause of ctx's end.
func (s *Speaker) Speak(ctx context.Context, r Request) (audio.Clip, error) {
	whole := audio.Clip{Rate: r.rate()}
	for c, err := range s.Pieces(ctx, r) {
		if err != nil {
			return audio.Clip{}, err
		}
		if whole.Samples == nil {
			whole.Samples = c.Samples[:len(c.Samples):len(c.Samples)] // the cache has it too: never append in place
			continue
		}
		whole.Samples = append(whole.Samples, c.Samples...)
	}
	return whole, nil
}

// Pieces returns a text as audio, piece by piece, each when it is asked for.
// The first is short. An error, as those of Speak, comes last.
func (s *Speaker) Pieces(ctx context.Context, r Request) iter.Seq2[audio.Clip, error] {
	return func(yield func(audio.Clip, error) bool) {
		if err := s.enter(); err != nil {
			yield(audio.Clip{}, err)
			return
		}
		defer s.wg.Done()
		plan, parts, err := s.prepare(r)
		if err != nil {
			yield(audio.Clip{}, err)
			return
		}
		for _, p := range parts {
			for _, text := range pieces(p.Text) {
				t := utterance{text: text, speed: p.Rate, rate: r.rate(), private: r.Private}
				var clip audio.Clip
				// An engine that stood in speaks the rest too.
				if clip, plan, err = s.utter(ctx, t, plan); err != nil {
					yield(audio.Clip{}, err)
					return
				}
				if !yield(clip, nil) {
					return
				}
			}
			if p.Pause > 0 && !yield(silence(r.rate(), p.Pause), nil) {
				return
			}
		}
	}
}

func pieces(text string) []string {
	if text == "" {
		return nil
	}
	return ssml.Split(text)
}

func silence(rate int, d time.Duration) audio.Clip {
	return audio.Clip{Rate: rate, Samples: make([]int16, int(int64(rate)*int64(d)/int64(time.Second)))}
}

func (r Request) rate() int { return cmp.Or(r.SampleRate, defaultRate) }

// enter counts a text in, so that Close can wait for it.
func (s *Speaker) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.wg.Add(1)
	return nil
}

// prepare judges a request.
func (s *Speaker) prepare(r Request) (plan []speech.Match, parts []ssml.Part, err error) {
	if len(s.engines) == 0 {
		return nil, nil, ErrNoEngine
	}
	if n := utf8.RuneCountInString(r.Text); n > MaxText {
		return nil, nil, fmt.Errorf("%w: %d characters, at most %d", ErrTooLong, n, MaxText)
	}
	if parts = ssml.Parse(r.Text); len(parts) == 0 {
		return nil, nil, ErrNoText
	}
	plan, err = s.plan(cmp.Or(strings.TrimSpace(r.Voice), s.cfg.Voice))
	return plan, parts, err
}

// plan lists which voices of which engines are tried for a selector: of each
// engine the first that fits, then what can stand in.
func (s *Speaker) plan(selector string) ([]speech.Match, error) {
	if other, ok := s.voices[fold(selector)]; ok {
		selector = other
	}
	found := speech.Find(s.views, selector)
	if len(found) == 0 {
		return nil, fmt.Errorf("%w %q", ErrUnknownVoice, selector)
	}
	if s.cfg.NoFallback {
		return found[:1], nil
	}
	var plan []speech.Match
	has := make([]bool, len(s.engines))
	for _, m := range append(found, speech.Stand(s.views, found[0].Voice)...) {
		if !has[m.Engine] {
			has[m.Engine] = true
			plan = append(plan, m)
		}
	}
	return plan, nil
}

// fold makes selectors equal that differ in case and blanks.
func fold(selector string) string {
	return strings.ToLower(strings.Join(strings.Fields(selector), " "))
}

// Close ends what is being spoken, and the engines, and waits for it.
func (s *Speaker) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.flights.stop()
	s.wg.Wait()
	return closeAll(s.engines)
}
