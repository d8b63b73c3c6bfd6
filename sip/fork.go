package sip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// maxForks is how many early dialogs one INVITE of ours may have; the
// responses of further ones count as if they made none.
const maxForks = 16

// fork is an early dialog of an INVITE of ours: proxies on the way may have
// sent it to several places, RFC 3261 §13.2.2.4. The mu of the Dialog guards
// it.
type fork struct {
	peer *peer
	rseq uint32 // of the last reliable response, RFC 3262; 0 = none
	// body is the session description that a reliable response brought: the
	// answer to our offer, or the offer that the PRACK has answered. nil = none.
	body []byte
	// preview is the first session description that a provisional response of it
	// brought: the answer, if the 2xx has none (RFC 3261 §13.2.1). nil = none.
	preview []byte
	acks    chan struct{} // closed when its last PRACK is over; of the goroutine of Invite
	open    int           // PRACKs that are not over, at most maxReliable
}

// EarlyDialog is what one callee of a forked INVITE has made before it
// answers.
type EarlyDialog struct {
	d *Dialog
	f *fork
}

// Name tells the early dialogs of a call apart, whatever INVITEs they are of. That
// of nil is "".
func (e *EarlyDialog) Name() string {
	if e == nil {
		return ""
	}
	return e.d.nameOf(e.f.peer)
}

// Tag tells the early dialogs of one INVITE apart.
func (e *EarlyDialog) Tag() string { return e.f.peer.remoteTag() }

// Update offers a changed session before the answer, as Dialog.Update. It must
// not be called from the function that hears of progress. ErrState unless the
// first offer has been answered reliably.
func (e *EarlyDialog) Update(ctx context.Context, offer []byte) (answer []byte, err error) {
	return e.d.updateBy(ctx, e.f.peer, offer, func() bool { return e.d.state == stateEarly && e.f.body != nil })
}

// peerOf is the far end with a tag: that of the dialog, or of an early dialog
// of our INVITE while nobody has answered; nil if there is none.
func (d *Dialog) peerOf(tag string) *peer {
	if d.peer.is(tag) {
		return d.peer
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.out != nil && d.state == stateEarly {
		if f := d.out.forks[tag]; f != nil {
			return f.peer
		}
	}
	return nil
}

// settledLocked: offer and answer of the INVITE are through before the 2xx,
// for the far end with the tag.
func (d *Dialog) settledLocked(tag string) bool {
	if d.out == nil {
		return d.ext.rel.given
	}
	f := d.out.forks[tag]
	return f != nil && f.body != nil
}

// forkOf finds or makes the early dialog of a response; nil if it makes none.
func (d *Dialog) forkOf(res *sipgo.Response, way *flow) *fork {
	tag, _ := param(res.To().Params, "tag")
	if tag == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.out.forks[tag]
	if f == nil && len(d.out.forks) < maxForks && d.state == stateEarly {
		p := d.peer
		f = &fork{peer: &peer{
			ua: p.ua, callID: p.callID, local: p.local, contact: p.contact,
			remote: sipgo.ToHeader{DisplayName: p.remote.DisplayName, Address: p.remote.Address}, target: p.target,
		}}
		if d.out.forks == nil {
			d.out.forks = make(map[string]*fork)
		}
		d.out.forks[tag] = f
	}
	if f != nil {
		f.peer.establish(res, way)
		f.peer.learn(res)
	}
	return f
}

// adopt takes over what an early dialog knows of the far end that has answered
// in it.
func (p *peer) adopt(early *peer) {
	early.mu.Lock()
	seq, heard, said, told := early.remoteSeq, early.heard, early.said, early.told
	early.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remoteSeq, p.heard, p.said, p.told = seq, heard, said, told
}

// progress handles a provisional response to our INVITE. nil: it counts for
// nothing, for it is a copy or has overtaken another. An error ends the call.
func (d *Dialog) progress(ctx context.Context, res *sipgo.Response, way *flow) (*Progress, error) {
	p := &Progress{Code: res.StatusCode, Reason: res.Reason, Body: sdpOf(res)}
	f := d.forkOf(res, way)
	if f == nil {
		return p, nil
	}
	p.Early = &EarlyDialog{d: d, f: f}
	d.mu.Lock()
	answered := f.body != nil
	if f.preview == nil {
		f.preview = p.Body
	}
	d.mu.Unlock()
	if rseq, reliable := rseqOf(res); reliable && d.ua.cfg.Reliable != ReliableOff {
		if !d.next(f, rseq) {
			return nil, nil
		}
		p.Reliable = true
		if err := d.prack(ctx, f, rseq, p.Body); err != nil {
			return nil, err
		}
	}
	if answered || d.out.request.SDP == nil {
		p.Body = nil // nothing new, or an offer that has been answered
	}
	return p, nil
}

// rseqOf is the number of a reliable response.
func rseqOf(res *sipgo.Response) (uint32, bool) {
	h := res.GetHeader("RSeq")
	if h == nil || !requires(res, tagReliable) {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(h.Value()), 10, 32)
	return uint32(n), err == nil && n > 0
}

// next takes a reliable response whose turn it is, RFC 3262 §4.
func (d *Dialog) next(f *fork, rseq uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.rseq != 0 && rseq != f.rseq+1 || f.open >= maxReliable {
		return false
	}
	f.rseq = rseq
	f.open++
	return true
}

// prack acknowledges a reliable response with a PRACK, which answers the offer
// in it if the INVITE had none.
func (d *Dialog) prack(ctx context.Context, f *fork, rseq uint32, body []byte) error {
	d.mu.Lock()
	first := f.body == nil && body != nil
	if first {
		f.body = body
		f.peer.describe(d.out.request.SDP, body)
	}
	d.mu.Unlock()
	var answer []byte
	if first && d.out.request.SDP == nil {
		var err error
		if answer, err = d.out.request.Answer(body); err != nil {
			return err
		}
		f.peer.describe(answer, nil)
	}
	rack := Header{"RAck", fmt.Sprintf("%d %d INVITE", rseq, d.out.cseq)}
	// One after the other: the next reliable response may come before the
	// response to this PRACK.
	before, done := f.acks, make(chan struct{})
	f.acks = done
	if !d.ua.own.run(func() {
		defer d.pracks(f, done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.ua.cfg.Timers.transaction())
		defer cancel()
		if before != nil {
			select {
			case <-before:
			case <-ctx.Done():
			}
		}
		_, _ = d.exchangeBy(ctx, f.peer, sipgo.PRACK, []Header{rack}, typeSDP, answer) // without it the far end gives up
	}) {
		d.pracks(f, done)
		return ErrClosed
	}
	return nil
}

// pracks notes that a PRACK is over.
func (d *Dialog) pracks(f *fork, done chan<- struct{}) {
	close(done)
	d.mu.Lock()
	defer d.mu.Unlock()
	f.open--
}

// chosen is the early dialog in which our INVITE was answered; nil if the 2xx
// made one of its own. The others end with it: their 2xx are hung up.
func (d *Dialog) chosen(res *sipgo.Response) *fork {
	tag, _ := param(res.To().Params, "tag")
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.out.forks[tag]
	d.out.forks = nil
	return f
}

// forgetForks is before an INVITE is sent again.
func (d *Dialog) forgetForks() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.out.forks = nil
}

// accepted handles the session descriptions of the 2xx to our INVITE: what
// went through reliably before it counts, RFC 6337 §3.1.1. The result is the
// body of the ACK.
func (d *Dialog) accepted(res *sipgo.Response, f *fork) (ack []byte, err error) {
	d.out.body = sdpOf(res)
	early := f != nil && f.body != nil
	if early {
		d.out.body = f.body
	}
	r := d.out.request
	if d.out.body == nil && f != nil && r.SDP != nil {
		d.out.body = f.preview
	}
	if r.SDP == nil && !early {
		if d.out.body == nil {
			return nil, errors.New("sip: neither the INVITE nor its answer has an offer")
		}
		ack, err = r.Answer(d.out.body)
		d.peer.describe(ack, d.out.body)
		return ack, err
	}
	if !early {
		d.peer.describe(r.SDP, d.out.body)
	}
	return nil, nil
}
