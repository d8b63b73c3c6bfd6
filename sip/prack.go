package sip

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// maxReliable is how many provisional responses of a call may wait for those
// before them to be acknowledged, and how many PRACKs of ours for a response.
const maxReliable = 8

// reliable are the reliable provisional responses to an INVITE of the far end,
// RFC 3262 §3. The mu of the dialog guards it.
type reliable struct {
	last    uint32         // RSeq of the last one sent; 0 = none
	current *provisional   // sent and not acknowledged
	queue   []*provisional // wait for current
	given   bool           // offer and answer are through before the 2xx
	sent    bool           // a session description of ours is in one of them
	held    func() error   // sends the 2xx that waits for a PRACK
}

// provisional is one reliable response.
type provisional struct {
	res      *sipgo.Response
	rseq     uint32
	sdp      bool
	acked    bool // its PRACK is being handled: nothing may overtake the response to that
	interval time.Duration
	deadline time.Time
	timer    *time.Timer
}

// stop ends the repetition and forgets what waits.
func (r *reliable) stop() {
	if r.current != nil && r.current.timer != nil {
		r.current.timer.Stop()
	}
	r.current, r.queue, r.held = nil, nil, nil
}

// answered ends the repetition: the 2xx is sent. The PRACK of what has been sent
// may still come, RFC 3262 §3.
func (r *reliable) answered() {
	sent := r.current
	r.stop()
	r.current = sent
}

// waiting says whether a session description of ours is not acknowledged, or
// that of a PRACK not answered.
func (r *reliable) waiting() bool {
	if r.current != nil && (r.current.sdp || r.current.acked) {
		return true
	}
	for _, p := range r.queue {
		if p.sdp {
			return true
		}
	}
	return false
}

// firstRSeq is a random first sequence number, RFC 3262 §3: 1 to 2^31-1.
func firstRSeq() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint32(b[:])>>2 + 1
}

// reliably says whether provisional responses to the INVITE are to be
// acknowledged.
func (d *Dialog) reliably() bool {
	req := d.invite.in.req
	switch d.ua.cfg.Reliable {
	case ReliableOff:
		return false
	case ReliableRequired:
		return supports(req, tagReliable)
	default:
		return requires(req, tagReliable)
	}
}

// judgeReliable refuses an INVITE that asks for reliable provisional responses
// where there are none, or does not know them where they must be.
func (u *UA) judgeReliable(req *sipgo.Request) *refusal {
	switch u.cfg.Reliable {
	case ReliableOff:
		if requires(req, tagReliable) {
			return refuse(codeExtension, Header{"Unsupported", tagReliable})
		}
	case ReliableRequired:
		if !supports(req, tagReliable) {
			return refuse(codeNoReliable, Header{"Require", tagReliable})
		}
	}
	return nil
}

// progressReliably sends a provisional response that is repeated until its
// PRACK, or queues it behind one that is.
//
// Only the first session description is sent: what comes in later ones would
// be another offer, which is UPDATE's. While the INVITE has no offer, a
// response without ours is left out: RFC 3261 §13.2.1 wants it in the first
// one.
func (d *Dialog) progressReliably(code int, reason string, body []byte) error {
	res := d.invite.response(code, reason, Header{"Require", tagReliable}, Header{"Allow", allowedMethods})
	res.AppendHeader(&sipgo.ContactHeader{Address: d.peer.contact})
	d.mu.Lock()
	if d.state != stateEarly {
		d.mu.Unlock()
		return d.stateErr()
	}
	r := &d.ext.rel
	if body == nil && !r.sent && d.inv.Offer == nil {
		d.mu.Unlock()
		return nil
	}
	if len(r.queue) >= maxReliable || r.held != nil {
		d.mu.Unlock()
		return fmt.Errorf("%w: too many provisional responses without PRACK", ErrState)
	}
	p := &provisional{res: res, sdp: body != nil && !r.sent}
	if p.sdp {
		withSDP(res, body)
		r.sent = true
		d.peer.describe(body, d.inv.Offer)
	}
	r.queue = append(r.queue, p)
	d.mu.Unlock()
	return d.nextProvisional()
}

// nextProvisional sends the response that has waited longest, if nothing is
// in front of it.
func (d *Dialog) nextProvisional() error {
	d.mu.Lock()
	r := &d.ext.rel
	if r.current != nil || len(r.queue) == 0 || d.state != stateEarly {
		d.mu.Unlock()
		return nil
	}
	p := r.queue[0]
	r.queue[0] = nil
	r.queue = r.queue[1:]
	if r.last == 0 {
		r.last = firstRSeq()
	} else {
		r.last++
	}
	p.rseq = r.last
	p.res.AppendHeader(sipgo.NewHeader("RSeq", strconv.FormatUint(uint64(p.rseq), 10)))
	t := d.ua.cfg.Timers
	p.interval, p.deadline = t.T1, time.Now().Add(t.transaction())
	r.current = p
	p.timer = time.AfterFunc(p.interval, func() { d.ua.own.run(func() { d.repeatProvisional(p) }) })
	d.mu.Unlock()
	return d.invite.respond(p.res)
}

// repeatProvisional sends a response again, or gives up the call, RFC 3262 §3.
func (d *Dialog) repeatProvisional(p *provisional) {
	now := time.Now()
	d.mu.Lock()
	if d.ext.rel.current != p || p.acked || d.state != stateEarly {
		d.mu.Unlock()
		return
	}
	if !now.Before(p.deadline) {
		d.mu.Unlock()
		d.ua.quiet.warn("SIP provisional response never acknowledged", slog.String("sip_call_id", d.id.callID))
		_ = d.refuseInvite(fmt.Errorf("%w: no PRACK came", ErrNoACK), codeServerTimeout, "") // else it has ended
		return
	}
	p.interval *= 2
	p.timer.Reset(min(p.interval, p.deadline.Sub(now)))
	d.mu.Unlock()
	_ = d.invite.in.back.resend(p.res, resentResponse) // counted there, and there is a next time
}

// pracked handles a PRACK, RFC 3262 §3 and §5.
func (d *Dialog) pracked(in *incoming) {
	if !d.sequence(in) {
		return
	}
	d.mu.Lock()
	r := &d.ext.rel
	p := r.current
	if p == nil || d.invite == nil || !acknowledges(in.req, p.rseq, d.invite.in.cseq) {
		d.mu.Unlock()
		d.ua.replyCode(in, refuse(codeNoDialog))
		return
	}
	p.timer.Stop()
	p.acked = true
	late := p.sdp && d.inv.Offer == nil
	r.given = r.given || p.sdp
	given, s := r.given, d.session
	d.mu.Unlock()
	body := sdpOf(in.req)
	var answer []byte
	switch {
	case late:
		d.peer.describe(nil, body)
		if s != nil {
			s.Acknowledged(body)
		} else {
			d.mu.Lock()
			d.heldACK = &heldACK{body: body}
			d.mu.Unlock()
		}
	case body != nil && !given:
		d.ua.replyCode(in, refuse(codeNotHere)) // RFC 3262 §5: no offer while another is open
		d.afterPRACK()
		return
	case body != nil:
		var refused *refusal
		if answer, refused = d.reoffer(d.peer, body); refused != nil {
			d.ua.replyCode(in, refused)
			d.afterPRACK()
			return
		}
	}
	res := d.ua.response(in.req, codeOK, "", d.id.localTag)
	withSDP(res, answer)
	d.ua.reply(in, res)
	d.afterPRACK()
}

// afterPRACK sends what has waited for it: the next provisional response, or
// the 2xx once no session description of ours is open.
func (d *Dialog) afterPRACK() {
	d.mu.Lock()
	r := &d.ext.rel
	r.current = nil
	send := r.held
	if r.waiting() {
		send = nil
	} else if send != nil {
		r.held = nil
	}
	d.mu.Unlock()
	if send != nil {
		_ = send() // the dialog ends if it cannot
		return
	}
	_ = d.nextProvisional() // as above
}

// acknowledges says whether the RAck of a PRACK names a response.
func acknowledges(req *sipgo.Request, rseq, cseq uint32) bool {
	h := req.GetHeader("RAck")
	if h == nil {
		return false
	}
	f := strings.Fields(h.Value())
	if len(f) != 3 || f[2] != string(sipgo.INVITE) {
		return false
	}
	a, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil || uint32(a) != rseq {
		return false
	}
	b, err := strconv.ParseUint(f[1], 10, 32)
	return err == nil && uint32(b) == cseq
}
