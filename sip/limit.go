package sip

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

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
