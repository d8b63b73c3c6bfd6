package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// maxSources bounds the memory of a rate limiter, whatever the number of
// sources that send to it.
const maxSources = 4096

// prefixV6 is how much of an IPv6 address counts as one source [bits].
const prefixV6 = 64

// rateLimiter is a token bucket for each source, of one second's worth. It
// belongs to one reading goroutine.
type rateLimiter struct {
	rate    float64 // datagrams per second; <= 0 = no limit
	sources map[netip.Addr]*bucket
	rest    bucket // shared by the sources that found no room
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newRateLimiter(rate int) *rateLimiter {
	return &rateLimiter{rate: float64(rate), sources: make(map[netip.Addr]*bucket)}
}

// allow takes a token of the source's bucket.
func (l *rateLimiter) allow(a netip.Addr, now time.Time) bool {
	if l.rate <= 0 {
		return true
	}
	if a.Is6() {
		if p, err := a.Prefix(prefixV6); err == nil {
			a = p.Addr()
		}
	}
	b, ok := l.sources[a]
	if !ok {
		b = l.add(a, now)
	}
	b.tokens = min(l.rate, b.tokens+l.rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// add makes a bucket, dropping those that have become full again when there
// are too many.
func (l *rateLimiter) add(a netip.Addr, now time.Time) *bucket {
	if len(l.sources) >= maxSources {
		for k, b := range l.sources {
			if now.Sub(b.at) >= time.Second {
				delete(l.sources, k)
			}
		}
		if len(l.sources) >= maxSources {
			return &l.rest
		}
	}
	b := &bucket{tokens: l.rate, at: now}
	l.sources[a] = b
	return b
}

// quietPeriod is the least time between two log lines of one kind.
const quietPeriod = time.Second

// quietLog logs at most one line of a kind per quietPeriod and says how many
// it has left out.
type quietLog struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	kinds map[string]quiet
}

type quiet struct {
	last   time.Time
	missed int
}

func newQuietLog(log *slog.Logger, now func() time.Time) *quietLog {
	return &quietLog{log: log, now: now, kinds: make(map[string]quiet)}
}

// warn logs msg, which is also the kind, so it must be a constant.
func (q *quietLog) warn(msg string, attrs ...slog.Attr) {
	now := q.now()
	q.mu.Lock()
	k := q.kinds[msg]
	if now.Sub(k.last) < quietPeriod {
		k.missed++
		q.kinds[msg] = k
		q.mu.Unlock()
		return
	}
	q.kinds[msg] = quiet{last: now}
	q.mu.Unlock()
	if k.missed > 0 {
		attrs = append(attrs, slog.Int("left_out", k.missed))
	}
	q.log.LogAttrs(context.Background(), slog.LevelWarn, msg, attrs...)
}
