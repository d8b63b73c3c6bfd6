package sip

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// handle takes a parsed message from a reader, which it must not keep waiting.
func (u *UA) handle(msg sipgo.Message, src source) {
	switch m := msg.(type) {
	case interface{ Headers() []sipgo.Header }:
		if len(m.Headers()) > maxHeaders {
			u.guard.blame(src, offenceUnparsed, false)
			u.m.drop(dropSize)
			return
		}
	}
	switch m := msg.(type) {
	case *sipgo.Request:
		u.handleRequest(m, src)
	case *sipgo.Response:
		u.handleResponse(m, src)
	}
}

func (u *UA) handleRequest(req *sipgo.Request, src source) {
	u.m.request(dirIn, string(req.Method))
	if !answerable(req) {
		u.m.drop(dropNoVia)
		return
	}
	tidy(req)
	if u.hostile(req, src) {
		return
	}
	if r := validateFrom(req, src); r != nil {
		if r.breach() {
			u.guard.blame(src, offenceInvalid, false)
		}
		u.refuseStateless(req, u.wayBack(req.Via(), src), r)
		return
	}
	in := u.newIncoming(req, src)
	switch {
	case req.Method == sipgo.ACK:
		u.acknowledged(in)
	case req.Method == sipgo.CANCEL:
		u.cancel(in)
	case req.Method == sipgo.INVITE:
		if t := u.txs.findServer(in.key); t != nil {
			t.repeated(req)
			return
		}
		if in.toTag == "" {
			u.invited(in)
			return
		}
		u.toDialog(in)
	case in.toTag != "":
		u.toDialog(in)
	case req.Method == sipgo.OPTIONS:
		u.asked(in)
	case req.Method == sipgo.REGISTER:
		u.registered(in)
	case req.Method == sipgo.REFER:
		u.refuseStateless(req, in.back, refuse(codeForbidden)) // nobody sends us calling outside a call
	default:
		// BYE, INFO and UPDATE make no sense outside a dialog.
		u.refuseStateless(req, in.back, refuse(codeNoDialog))
	}
}

// acknowledged sorts an ACK: of a refusal, of a 2xx, or of nothing.
func (u *UA) acknowledged(in *incoming) {
	if t := u.txs.findServer(serverKey(in.req, string(sipgo.INVITE))); t != nil && t.acknowledged() {
		u.guard.refusalHeard(in, t)
		return
	}
	d := u.within(in)
	if d != nil {
		u.guard.vouch(in.src)
		d.leavePlace()
	}
	if d == nil || !d.post(func() { d.request(in) }) {
		u.m.drop(dropStray)
	}
}

// cancel finds what a CANCEL is about, RFC 3261 §9.2.
func (u *UA) cancel(in *incoming) {
	key := serverKey(in.req, string(sipgo.INVITE))
	var tag string
	if t := u.txs.findServer(key); t != nil {
		tag = t.toTag
	} else if s, known := u.seen.get(in.inviteID()); known && s.key == key {
		tag = s.toTag
	} else {
		u.refuseStateless(in.req, in.back, refuse(codeNoDialog))
		return
	}
	d := u.dialogs.find(dialogID{callID: in.callID, localTag: tag})
	if d == nil || d.invite == nil || d.invite.in.key != key {
		// Its final response has been sent: the CANCEL has no effect.
		_ = in.back.send(u.response(in.req, codeOK, "", tag)) // it will come again
		return
	}
	if !d.post(func() { d.cancelled(in) }) {
		u.m.drop(dropBusy)
	}
}

// toDialog queues a request for its dialog.
func (u *UA) toDialog(in *incoming) {
	repeats := in.req.Method != sipgo.INVITE && in.src.conn == nil
	if repeats {
		if done, known := u.served.get(in.key); known {
			u.servedAgain(in, done)
			return
		}
	}
	d := u.within(in)
	if d != nil {
		u.guard.vouch(in.src)
	} else {
		u.refuseStateless(in.req, in.back, refuse(codeNoDialog))
		return
	}
	if repeats {
		if done, known := u.served.claim(in.key, nil); known {
			u.servedAgain(in, done)
			return
		}
	}
	if !d.post(func() { d.request(in) }) {
		u.m.drop(dropBusy)
		if repeats {
			u.served.forget(in.key)
		}
	}
}

// servedAgain is a copy of a request within a dialog: the response is sent
// again if there is one yet.
func (u *UA) servedAgain(in *incoming, response []byte) {
	u.m.resend(resentIn)
	if response != nil {
		u.m.resend(resentResponse)
		_ = in.back.writeBytes(response) // counted there
	}
}

// maxRemembered is the longest response that is kept for copies of its request
// [bytes]; those of calls have a tenth of it.
const maxRemembered = 4096

// servedCost is about what a remembered response takes beside its own bytes [bytes].
const servedCost = 512

// servedLeast is how many of the longest responses there is room for beside those
// of the dialogs.
const servedLeast = 256

// newServed remembers responses, by their bytes: a REGISTER may have a long one.
func newServed(keep time.Duration, dialogs int) *memory[string, []byte] {
	m := newMemory[string, []byte](keep, maxRemembered*(dialogs+servedLeast), time.Now)
	m.weigh = func(response []byte) int { return servedCost + len(response) }
	return m
}

// reply sends the final response to a request within a dialog that is no
// INVITE, and keeps it for copies of the request (RFC 3261 §17.2.2).
func (u *UA) reply(in *incoming, res *sipgo.Response) {
	if in.src.conn != nil {
		_ = in.back.send(res) // the far end will notice
		return
	}
	var buf bytes.Buffer
	res.StringWrite(&buf)
	if buf.Len() <= maxRemembered {
		u.served.put(in.key, bytes.Clone(buf.Bytes()))
	}
	u.m.response(dirOut, res.StatusCode)
	_ = in.back.writeBytes(buf.Bytes()) // counted there; the request will come again
}

func (u *UA) replyCode(in *incoming, r *refusal) {
	u.reply(in, u.response(in.req, r.code, r.reason, in.toTag, r.headers...))
}

// asked answers OPTIONS outside a dialog: as an INVITE would be (RFC 3261
// §11.2), but for the caller's rights.
func (u *UA) asked(in *incoming) {
	if u.mute(in) {
		return
	}
	if after := u.draining(); after > 0 {
		u.refuseStateless(in.req, in.back, refuse(codeNoService, retryAfter(after)))
		return
	}
	_ = in.back.send(u.capabilities(in.req)) // it will be asked again
}

// capabilities is the 200 to OPTIONS.
func (u *UA) capabilities(req *sipgo.Request) *sipgo.Response {
	return u.response(req, codeOK, "", u.statelessTag(req),
		Header{"Allow", allowedMethods}, Header{"Allow-Events", "refer"}, Header{"Accept", typeSDP}, Header{"Accept-Encoding", "identity"},
		Header{"Accept-Language", "en"}, Header{"Supported", u.cfg.supported()})
}

// tagOf is a tag that only we can derive from id.
func (u *UA) tagOf(id string) string {
	sum := sha256.Sum256(append(u.secret[:], id...))
	return hex.EncodeToString(sum[:8])
}

// handleResponse takes a response to its transaction, or a repeated 2xx to
// its dialog.
func (u *UA) handleResponse(res *sipgo.Response, src source) {
	u.m.response(dirIn, res.StatusCode)
	if !u.expected(res) {
		u.m.drop(dropStray)
		return
	}
	tidy(res)
	method := string(res.CSeq().MethodName)
	callID := res.CallID().Value()
	accepted := method == string(sipgo.INVITE) && res.StatusCode >= 200 && res.StatusCode < 300
	key := clientKey(res.Via(), method)
	c := u.txs.findClient(key)
	if c != nil {
		u.guard.vouch(src)
	}
	ok := true
	if c != nil {
		u.learn(res, src)
	}
	switch {
	case c != nil && accepted && c.accept != nil:
		// Behind the provisional responses, then among the call's messages.
		ok = u.replies.post(key, func() {
			<-c.ready
			u.boxes.post(callID, func() {
				// In this order: who waits for the transaction looks for the answer first.
				c.accept(res)
				c.tx.Terminate()
			})
		})
	case c != nil:
		ok = u.replies.post(key, func() { c.receive(res) })
	case accepted:
		ok = u.strayAnswer(res, src)
	default:
		u.m.drop(dropStray)
	}
	if !ok {
		u.m.drop(dropBusy)
	}
}

// expected: the response has what we look at, and no Via but ours (RFC 3261
// §8.1.3.3).
func (u *UA) expected(res *sipgo.Response) bool {
	if res.Via() == nil || res.CSeq() == nil || res.CallID() == nil || res.From() == nil || res.To() == nil {
		return false
	}
	return res.StatusCode >= 100 && res.StatusCode <= 699 && len(res.GetHeaders("Via")) == 1
}

// strayAnswer is a 2xx to an INVITE whose transaction has ended.
func (u *UA) strayAnswer(res *sipgo.Response, src source) bool {
	f := &flow{ua: u, sock: src.sock, conn: src.conn, to: netip.AddrPortFrom(src.addr.Addr(), src.addr.Port())}
	tag, _ := param(res.From().Params, "tag")
	id := dialogID{callID: res.CallID().Value(), localTag: tag}
	if d := u.dialogs.find(id); d != nil {
		return d.post(func() { d.repeatedAnswer(res, f) })
	}
	if _, known := u.ours.get(id); known {
		return u.boxes.post(id.callID, func() { u.declineAnswer(res, f) })
	}
	u.m.drop(dropStray)
	return true
}
