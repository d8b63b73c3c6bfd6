package sip

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	typeSipfrag = "message/sipfrag"
	// maxUntold is how many provisional statuses wait for their NOTIFY.
	maxUntold = 4
	// referLife is what is said of the life of a subscription [s]; the final
	// status ends it long before.
	referLife = 180
	// maxUnheard is how many NOTIFYs wait for Refer to look at them.
	maxUnheard = 16
)

// tell queues a status. Only the first final one counts.
func (t *telling) tell(code int, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || code < codeOK && len(t.queue) >= maxUntold {
		return
	}
	t.ended = code >= codeOK
	t.queue = append(t.queue, Progress{Code: code, Reason: reason})
	t.startLocked()
}

// release begins to send, now that the REFER has its response; with wanted
// false nothing is ever sent.
func (t *telling) release(wanted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !wanted {
		t.ended, t.queue = true, nil
		t.overLocked()
		return
	}
	t.held = false
	t.queue = append([]Progress{{Code: codeTrying}}, t.queue...)
	t.startLocked()
}

func (t *telling) startLocked() {
	if t.held || t.working {
		return
	}
	t.working = true
	if !t.dialog.ua.own.run(t.work) {
		t.ended = true
		t.overLocked()
	}
}

// overLocked lets the dialog take the next REFER.
func (t *telling) overLocked() {
	d := t.dialog
	d.mu.Lock()
	if d.refers.telling == t {
		d.refers.telling = nil
	}
	d.mu.Unlock()
	close(t.done)
}

// work sends what is queued, one after the other. A far end that does not want
// a NOTIFY gets no more.
func (t *telling) work() {
	for {
		t.mu.Lock()
		if len(t.queue) == 0 {
			t.working = false
			if t.ended {
				t.overLocked()
			}
			t.mu.Unlock()
			return
		}
		p := t.queue[0]
		t.queue = t.queue[1:]
		t.mu.Unlock()
		if !t.send(p) {
			t.mu.Lock()
			t.queue = nil
			t.ended = true
			t.mu.Unlock()
		}
	}
}

// send sends one NOTIFY, RFC 3515 §2.4.5.
//
// Deviation: with the dialog the subscription ends too (RFC 5057 §4.1 would
// have it go on): who has hung up has gone.
func (t *telling) send(p Progress) bool {
	d := t.dialog
	d.mu.Lock()
	ended := d.state == stateEnded
	d.mu.Unlock()
	if ended {
		return false
	}
	state := fmt.Sprintf("active;expires=%d", referLife)
	if p.Code >= codeOK {
		state = "terminated;reason=noresource"
	}
	ctx, done := context.WithTimeout(context.Background(), d.ua.cfg.Timers.transaction())
	defer done()
	body := fmt.Sprintf("SIP/2.0 %d %s\r\n", p.Code, reasonOf(p.Code, oneLine(p.Reason)))
	res, err := d.exchange(ctx, sipgo.NOTIFY, []Header{{"Event", t.event}, {"Subscription-State", state}},
		typeSipfrag+";version=2.0", []byte(body))
	return err == nil && res.StatusCode < 300
}

// asked is a REFER of ours whose outcome is awaited.
type asked struct {
	after uint32 // CSeq before it: an Event with an id names a later one
	news  chan news
}

// news is what a NOTIFY says.
type news struct {
	status Progress // Code 0: nothing
	last   bool     // the subscription has ended
}

// ReferRequest asks the far end of a dialog to call somebody else.
type ReferRequest struct {
	To       string    // SIP or tel URI
	Replaces *Replaces // the dialog there that is to be replaced; nil: none
	By       string    // SIP URI for Referred-By (RFC 3892); "": ours
}

// ErrReferring: the far end has been asked before and has not finished.
var ErrReferring = errors.New("sip: another REFER is under way")

// Refer sends a REFER within the dialog and waits for the outcome, or the end
// of ctx. onProgress (may be nil) is told each provisional status. The result
// is the final status that the far end got, 200 to 299; 202 if it has agreed,
// and does not tell or hung up before it could. A refusal, by the far end or
// by whom it called, is a *StatusError.
func (d *Dialog) Refer(ctx context.Context, r ReferRequest, onProgress func(Progress)) (int, error) {
	a := &asked{news: make(chan news, maxUnheard)}
	d.peer.mu.Lock()
	a.after = d.peer.localSeq
	d.peer.mu.Unlock()
	d.mu.Lock()
	confirmed, busy := d.state == stateConfirmed, d.refers.asked != nil
	if confirmed && !busy {
		d.refers.asked = a
	}
	d.mu.Unlock()
	switch {
	case !confirmed:
		return 0, d.stateErr()
	case busy:
		return 0, ErrReferring
	}
	defer func() {
		d.mu.Lock()
		d.refers.asked = nil
		d.mu.Unlock()
	}()
	by := r.By
	if by == "" {
		by = d.peer.local.Address.String()
	}
	res, err := d.exchange(ctx, sipgo.REFER, []Header{
		{"Refer-To", "<" + referURI(r.To, r.Replaces) + ">"}, {"Referred-By", "<" + by + ">"}, {"Supported", "norefersub"},
	}, "", nil)
	switch {
	case err != nil:
		return 0, err
	case res.StatusCode >= 300:
		d.lost(res.StatusCode)
		return 0, statusError(res)
	}
	if h := res.GetHeader("Refer-Sub"); h != nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(h.Value())), "false") {
		return codeAccepted, nil
	}
	return d.awaitReferred(ctx, a, onProgress)
}

// awaitReferred follows the NOTIFYs of a REFER.
func (d *Dialog) awaitReferred(ctx context.Context, a *asked, onProgress func(Progress)) (int, error) {
	for {
		var n news
		select {
		case n = <-a.news:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-d.ended:
			select {
			case n = <-a.news:
			default:
				return codeAccepted, nil
			}
		}
		switch code := n.status.Code; {
		case code >= 300:
			return 0, &StatusError{Code: code, Reason: n.status.Reason}
		case code >= codeOK:
			return code, nil
		case n.last:
			return codeAccepted, nil
		case code > codeTrying && onProgress != nil:
			onProgress(n.status)
		}
	}
}

// notified handles a NOTIFY: it must be about a REFER of ours, RFC 3515 §2.4.4.
func (d *Dialog) notified(in *incoming) {
	if !d.sequence(in) {
		return
	}
	events := values(in.req, "Event")
	name, id := "", ""
	if len(events) == 1 {
		var rest string
		name, rest, _ = strings.Cut(events[0], ";")
		for p := range strings.SplitSeq(rest, ";") {
			if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); equalFold(k, "id") {
				id = v
			}
		}
	}
	if !equalFold(strings.TrimSpace(name), "refer") {
		d.ua.replyCode(in, refuse(codeBadEvent, Header{"Allow-Events", "refer"}))
		return
	}
	d.mu.Lock()
	a := d.refers.asked
	d.mu.Unlock()
	if a == nil || !a.named(id) {
		d.ua.replyCode(in, refuse(codeNoDialog))
		return
	}
	n, bad := newsOf(in.req)
	if bad != nil {
		d.ua.replyCode(in, bad)
		return
	}
	select {
	case a.news <- n:
		d.ua.replyCode(in, &refusal{code: codeOK})
	default:
		d.ua.replyCode(in, &refusal{code: codeInternal, headers: []Header{retryAfter(time.Second)}})
	}
}

// named says whether the id of an Event is that of a; without one it is.
func (a *asked) named(id string) bool {
	if id == "" {
		return true
	}
	n, err := strconv.ParseUint(id, 10, 32)
	return err == nil && uint32(n) > a.after
}

// newsOf reads a NOTIFY about a REFER.
func newsOf(req *sipgo.Request) (news, *refusal) {
	var n news
	for _, h := range req.GetHeaders("Subscription-State") {
		state, _, _ := strings.Cut(h.Value(), ";")
		n.last = n.last || equalFold(strings.TrimSpace(state), "terminated")
	}
	if len(req.Body()) == 0 {
		return n, nil
	}
	if mediaType(req) != typeSipfrag {
		return n, refuse(codeMediaType, Header{"Accept", typeSipfrag})
	}
	status, ok := parseSipfrag(string(req.Body()))
	if !ok {
		return n, badRequest("Bad Sipfrag")
	}
	n.status = status
	return n, nil
}

// parseSipfrag reads the status line that a sipfrag begins with, RFC 3420.
func parseSipfrag(body string) (Progress, bool) {
	s := bufio.NewScanner(strings.NewReader(body))
	if !s.Scan() {
		return Progress{}, false
	}
	version, rest, _ := strings.Cut(strings.TrimSpace(s.Text()), " ")
	digits, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
	code, err := strconv.ParseUint(digits, 10, 16)
	if !equalFold(version, "SIP/2.0") || err != nil || code < 100 || code > 699 {
		return Progress{}, false
	}
	return Progress{Code: int(code), Reason: bounded(reason)}, true
}
