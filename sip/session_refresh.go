package sip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// dialogExtensions is what a dialog keeps for the extensions of RFC 3261. It
// is guarded by the mu of the dialog.
type dialogExtensions struct {
	clock    sessionClock
	rel      reliable
	reminder *time.Timer // of the provisional response sent last; nil: none
}

// stop ends everything that waits for a time.
func (e *dialogExtensions) stop() {
	e.clock.stop()
	e.rel.stop()
	e.forgetReminder()
}

// forgetReminder: no provisional response is to be sent again.
func (e *dialogExtensions) forgetReminder() {
	if e.reminder != nil {
		e.reminder.Stop()
		e.reminder = nil
	}
}

// sessionClock is the session timer of a dialog.
type sessionClock struct {
	agreement
	min      uint32 // Min-SE that a 422 has taught us [s]
	byInvite bool   // the far end does not let UPDATE refresh
	due      time.Time
	serial   uint64 // of the timer that counts
	timer    *time.Timer
}

// stop makes the timer that runs count no more.
func (c *sessionClock) stop() {
	c.serial++
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// keepSession begins an interval: we refresh at its half, or hang up when
// nobody has.
func (d *Dialog) keepSession(a agreement) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, t := &d.ext.clock, d.ua.cfg.Timers
	c.stop()
	c.agreement = a
	if a.expires == 0 || d.state == stateEnded {
		return
	}
	wait := a.deadline(t)
	c.due = time.Now().Add(wait)
	if a.ours {
		wait = t.interval(a.expires) / 2
	}
	d.armLocked(wait)
}

func (d *Dialog) armLocked(wait time.Duration) {
	c := &d.ext.clock
	c.stop()
	serial := c.serial
	c.timer = time.AfterFunc(wait, func() { d.ua.own.run(func() { d.sessionDue(serial) }) })
}

// refreshPause is how long to wait after a refresh that was refused, in
// seconds of the session's interval.
const refreshPause = 5

// sessionDue is the end of a wait of the session timer.
func (d *Dialog) sessionDue(serial uint64) {
	d.mu.Lock()
	c := &d.ext.clock
	if c.serial != serial || d.state != stateConfirmed {
		d.mu.Unlock()
		return
	}
	late := !time.Now().Before(c.due)
	d.mu.Unlock()
	if late {
		d.log("SIP session not refreshed")
		if d.end(ErrExpired) {
			d.sayBye([]Header{{"Reason", `SIP;cause=408;text="Session timer expired"`}})
		}
		return
	}
	ctx, done := context.WithTimeout(context.Background(), d.ua.cfg.Timers.transaction())
	defer done()
	err := d.refresh(ctx)
	if err == nil {
		return
	}
	d.log("SIP session not refreshed yet", slog.Any("error", err))
	pause := d.ua.cfg.Timers.interval(refreshPause)
	if e, ok := errors.AsType[*StatusError](err); ok && e.RetryAfter > pause {
		pause = e.RetryAfter
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.serial == serial && d.state == stateConfirmed {
		d.armLocked(min(pause, time.Until(c.due)))
	}
}

// refresh tells the far end that the session lives, RFC 4028 §7.4: by UPDATE
// without an offer where it takes that, else by a re-INVITE with the session
// as it is. An error leaves the timer as it was.
func (d *Dialog) refresh(ctx context.Context) error {
	d.mu.Lock()
	byInvite := d.ext.clock.byInvite || !d.peer.updates()
	d.mu.Unlock()
	offer, before := d.peer.described()
	if !byInvite || offer == nil {
		res, err := d.exchange(ctx, sipgo.UPDATE, d.timerHeaders(), "", nil)
		switch {
		case err != nil:
			if errors.Is(err, ErrTimeout) {
				d.lost(codeTimeout)
			}
			return err
		case res.StatusCode < 300:
			d.peer.refresh(res.Contact(), nil, nil)
			d.settleSession(res)
			return nil
		case res.StatusCode != codeNotAllowed && res.StatusCode != codeNotImplemented:
			d.lost(res.StatusCode)
			d.raise(res)
			return statusError(res)
		}
		d.mu.Lock()
		d.ext.clock.byInvite = true
		d.mu.Unlock()
	}
	answer, err := d.Reinvite(ctx, offer)
	if err != nil || answer == nil || bytes.Equal(answer, before) {
		return err
	}
	d.mu.Lock()
	s := d.session
	d.mu.Unlock()
	if r, ok := s.(Reanswerer); ok {
		d.post(func() { r.Reanswered(answer) })
	}
	return nil
}

// settleSession takes the session timer from a 2xx to an INVITE or UPDATE of
// ours.
func (d *Dialog) settleSession(res *sipgo.Response) {
	d.peer.learn(res)
	d.mu.Lock()
	a := d.ext.clock.agreement // stays if the 2xx cannot be read
	d.mu.Unlock()
	if terms, ok := readTimerTerms(res); ok {
		a = agreed(terms)
	}
	d.keepSession(a)
}

// raise takes the shortest interval that the far end allows from a 422. It
// says whether that is news, so that it is worth to try again.
func (d *Dialog) raise(res *sipgo.Response) bool {
	terms, ok := readTimerTerms(res)
	if res.StatusCode != codeInterval || !ok {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &d.ext.clock
	sent := max(c.expires, d.ask())
	if sent == 0 || terms.min <= max(c.min, sent) {
		return false
	}
	c.min = terms.min
	return true
}

// ask is the interval that we want for a call [s]; 0 = none.
func (d *Dialog) ask() uint32 {
	if d.out != nil && d.out.request.SessionExpires != 0 {
		return max(uint32(d.out.request.SessionExpires/time.Second), d.ua.cfg.policy().min)
	}
	return d.ua.cfg.policy().ask
}

// timerHeaders are what an INVITE or UPDATE of ours says of the session timer:
// what is in force, or what we want.
func (d *Dialog) timerHeaders() []Header {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &d.ext.clock
	least := max(c.min, d.ua.cfg.policy().min)
	want, who := c.expires, refresherAny
	switch {
	case want == 0:
		want = d.ask()
	case c.ours:
		who = refresherUAC
	default:
		who = refresherUAS
	}
	if want == 0 {
		return nil
	}
	h := []Header{sessionExpires(max(want, c.min), who)}
	if least > uint32(MinSessionExpires/time.Second) {
		h = append(h, Header{"Min-SE", strconv.FormatUint(uint64(least), 10)})
	}
	return h
}

// judgeSession is the reaction to the session timer of an INVITE or UPDATE of
// the far end, see timerPolicy.judge.
func (u *UA) judgeSession(req *sipgo.Request) (agreement, []Header, *refusal) {
	terms, ok := readTimerTerms(req)
	if !ok {
		return agreement{}, nil, badRequest("Bad Session-Expires")
	}
	return u.cfg.policy().judge(terms)
}
