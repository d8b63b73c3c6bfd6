package tts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"mediaserver/audio"
	"mediaserver/tts/cache"
	"mediaserver/tts/speech"
)

// utterance is a piece of text and how it is wanted.
type utterance struct {
	text    string
	speed   float64
	rate    int // of the result [Hz]
	private bool
}

// key names the result of an engine and voice: all of the voice that an engine
// can be asked for.
func (u utterance) key(e *engine, v speech.Voice) string {
	return cache.Key(e.digest, v.ID, v.Language, strconv.FormatFloat(u.speed, 'f', 3, 64), strconv.Itoa(u.rate), u.text)
}

// utter speaks a piece by the first engine of the plan that can, and returns
// the plan from that engine on.
func (s *Speaker) utter(ctx context.Context, u utterance, plan []speech.Match) (audio.Clip, []speech.Match, error) {
	var errs []error
	for i, m := range plan {
		e := s.engines[m.Engine]
		key := u.key(e, m.Voice)
		if c, place := s.cache.Get(key); place != cache.Nowhere {
			s.hit(e, place)
			return c, plan[i:], nil
		}
		if i < len(plan)-1 && e.resting(time.Now()) {
			s.cfg.Metrics.requests.WithLabelValues(e.name, outcomeSkipped).Inc()
			continue
		}
		s.cfg.Metrics.misses.Inc()
		c, shared, err := s.flights.do(ctx, key, func(ctx context.Context) (audio.Clip, error) {
			return s.synthesize(ctx, e, m.Voice, u, key)
		})
		if shared {
			s.cfg.Metrics.shared.Inc()
		}
		if err == nil {
			return c, plan[i:], nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return audio.Clip{}, nil, cause
		}
		if errors.Is(err, ErrClosed) {
			return audio.Clip{}, nil, err
		}
		if u.private {
			err = fmt.Errorf("%w: details of a private text are not shown", ErrFailed)
		}
		errs = append(errs, fmt.Errorf("engine %s: %w", e.name, err))
		if i < len(plan)-1 {
			s.cfg.Logger.Warn("speech engine failed, the next one speaks", "engine", e.name, "error", err)
		}
	}
	return audio.Clip{}, nil, fmt.Errorf("%w: %w", ErrFailed, errors.Join(errs...))
}

func (s *Speaker) hit(e *engine, p cache.Place) {
	store := storeMemory
	if p == cache.Disk {
		store = storeDisk
		s.cfg.Metrics.size(s.cache.Size())
	}
	s.cfg.Metrics.hits.WithLabelValues(store).Inc()
	s.cfg.Metrics.requests.WithLabelValues(e.name, outcomeCached).Inc()
}

// synthesize has an engine speak and keeps the result.
func (s *Speaker) synthesize(ctx context.Context, e *engine, v speech.Voice, u utterance, key string) (audio.Clip, error) {
	begin := time.Now()
	c, err := e.speak(ctx, speech.Request{Text: u.text, Voice: v, Rate: u.speed})
	outcome := outcomeOK
	switch {
	case err == nil:
		s.cfg.Metrics.seconds.WithLabelValues(e.name).Observe(time.Since(begin).Seconds())
		s.cfg.Metrics.speech.WithLabelValues(e.name).Add(c.Duration().Seconds())
		e.note(true, time.Now())
	case errors.Is(err, ErrTimeout):
		outcome = outcomeTimeout
		e.note(false, time.Now())
	case ctx.Err() != nil:
		outcome = outcomeCanceled
	default:
		outcome = outcomeFailed
		e.note(false, time.Now())
	}
	s.cfg.Metrics.requests.WithLabelValues(e.name, outcome).Inc()
	if err != nil {
		return audio.Clip{}, err
	}
	if c, err = audio.Resample(c, u.rate); err != nil {
		return audio.Clip{}, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	c = level(c)
	s.keep(key, c, u.private)
	return c, nil
}

// keep puts what was spoken into the cache, and logs when the disk begins to
// refuse it and when it takes it again.
func (s *Speaker) keep(key string, c audio.Clip, private bool) {
	err := s.cache.Put(key, c, private)
	s.cfg.Metrics.size(s.cache.Size())
	switch {
	case err != nil && s.refused.CompareAndSwap(false, true):
		s.cfg.Logger.Warn("speech cannot be kept on disk, it is spoken anew after a restart", "error", err)
	case err == nil && !private && s.refused.CompareAndSwap(true, false):
		s.cfg.Logger.Info("speech can be kept on disk again")
	}
}

// speak waits for its turn and has the engine speak, each for its timeout at
// most.
func (e *engine) speak(ctx context.Context, r speech.Request) (audio.Clip, error) {
	turn := time.NewTimer(e.timeout)
	defer turn.Stop()
	select {
	case e.turns <- struct{}{}:
	case <-turn.C:
		return audio.Clip{}, fmt.Errorf("%w: no turn within %v", ErrTimeout, e.timeout)
	case <-ctx.Done():
		return audio.Clip{}, context.Cause(ctx)
	}
	defer func() { <-e.turns }()
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("%w: more than %v", ErrTimeout, e.timeout))
	defer cancel()
	c, err := e.Synthesize(ctx, r)
	if err == nil && (c.Rate <= 0 || len(c.Samples) == 0) {
		err = fmt.Errorf("%w: no sound", ErrFailed)
	}
	return c, err
}
