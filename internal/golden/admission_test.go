package golden

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/rtp"
)

// refusedBusy fails unless the phone was refused with 503 and Retry-After.
func refusedBusy(t *testing.T, p *phone) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rejected != 503 || len(p.headers) != 1 || p.headers[0].Name != "Retry-After" {
		t.Errorf("refused with %d and %v", p.rejected, p.headers)
		return
	}
	if s, err := strconv.Atoi(p.headers[0].Value); err != nil || s < 5 || s > 15 {
		t.Errorf("may come back after %q", p.headers[0].Value)
	}
}

func TestMoreCallsThanConfiguredAreRefusedUntilOneEnds(t *testing.T) {
	run(t, options{admission: call.Admission{MaxCalls: 2}}, func(w *world) {
		phones := meet(w, quiet(), quiet())
		if h := w.manager.Headroom(); !h.Busy || h.Fit != 0 {
			t.Errorf("two of two calls: %+v", h)
		}
		refusedBusy(t, w.dial(r, phoneOptions{}))
		phones[0].hangUp()
		w.at(4 * second)
		if h := w.manager.Headroom(); h.Busy || h.Fit != 1 {
			t.Errorf("one of two calls: %+v", h)
		}
		if c := w.dial(r, phoneOptions{}); c.rejected == 503 {
			t.Error("refused, though it fits")
		}
		w.at(5 * second)
	})
}

func TestCallWithoutAPortIsToldToComeBack(t *testing.T) {
	run(t, options{noPorts: fmt.Errorf("open media: %w", rtp.ErrNoPorts)}, func(w *world) {
		w.on("first", answer(dict{"answer": dict{}}))
		refusedBusy(t, w.dial(p, phoneOptions{}))
		w.at(second)
	})
}

// portsOr opens ports, or fails.
func (w *world) portsOr(none error) func(call.SocketRequest) (call.Sockets, error) {
	if none == nil {
		return w.openSockets
	}
	return func(call.SocketRequest) (call.Sockets, error) { return nil, none }
}

// burden makes each slot take a while.
type burden struct{ cost atomic.Int64 }

func (b *burden) Gather(int, time.Time)  { time.Sleep(time.Duration(b.cost.Load())) }
func (b *burden) Scatter(int, time.Time) {}

func TestCallsAreRefusedWhileTheSlotsTakeTooLong(t *testing.T) {
	for name, tc := range map[string]struct {
		cost      time.Duration
		admission call.Admission
		busy      bool
	}{
		"half a millisecond of five":         {milli / 2, call.Admission{}, false},
		"three of five":                      {3 * milli, call.Admission{}, true},
		"three of five, and nobody measures": {3 * milli, call.Admission{Unmeasured: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := &burden{}
			run(t, options{admission: tc.admission, transport: b}, func(w *world) {
				meet(w, quiet())
				b.cost.Store(int64(tc.cost))
				w.at(5 * second)
				if h := w.manager.Headroom(); h.Busy != tc.busy || !tc.busy && !tc.admission.Unmeasured && h.Fit < 100 {
					t.Errorf("headroom: %+v", h)
				}
				c := w.dial(q, phoneOptions{})
				if tc.busy {
					refusedBusy(t, c)
				} else if c.rejected == 503 {
					t.Error("refused, though it fits")
				}
				w.at(6 * second)
				b.cost.Store(0)
				w.at(9 * second)
				if h := w.manager.Headroom(); h.Busy {
					t.Errorf("headroom when it is over: %+v", h)
				}
			})
		})
	}
}
