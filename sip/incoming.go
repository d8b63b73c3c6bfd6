package sip

import (
	"net/netip"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// incoming is a request that has passed validation, with what is asked of it
// most. The request is not changed after newIncoming.
type incoming struct {
	req     *sipgo.Request
	src     source
	back    *flow  // where its responses go
	key     string // of its server transaction, RFC 3261 §17.2.3
	callID  string
	fromTag string
	toTag   string // "" outside a dialog
	cseq    uint32
	trunk   string // whose source list it is in, "" none; set by judge
	login   string // phone that has authenticated, "" none; set by judge
}

func (in *incoming) method() string { return string(in.req.Method) }

// newIncoming needs a request whose mandatory header fields are there.
func (u *UA) newIncoming(req *sipgo.Request, src source) *incoming {
	in := &incoming{
		req: req, src: src,
		back:   u.wayBack(req.Via(), src),
		callID: req.CallID().Value(),
		cseq:   req.CSeq().SeqNo,
	}
	in.fromTag, _ = param(req.From().Params, "tag")
	in.toTag, _ = param(req.To().Params, "tag")
	in.key = serverKey(req, in.method())
	return in
}

// serverKey identifies a server transaction: branch, sent-by and method, and
// for branches without the magic cookie (RFC 2543) also what else tells calls
// apart.
func serverKey(req *sipgo.Request, method string) string {
	via := req.Via()
	branch, _ := param(via.Params, "branch")
	var b strings.Builder
	b.WriteString(branch)
	if !strings.HasPrefix(branch, sipgo.RFC3261BranchMagicCookie) || branch == sipgo.RFC3261BranchMagicCookie {
		tag, _ := param(req.From().Params, "tag")
		for _, s := range []string{req.CallID().Value(), tag, strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)} {
			b.WriteByte('\n')
			b.WriteString(s)
		}
	}
	b.WriteByte('\n')
	b.WriteString(via.Host)
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(via.Port))
	b.WriteByte('\n')
	b.WriteString(method)
	return b.String()
}

// wayBack marks the top Via with where the request really came from (RFC 3261
// §18.2.1, RFC 3581 §4) and gives the way for its responses (§18.2.2).
// maddr is not followed: it would let anybody aim our responses.
func (u *UA) wayBack(via *sipgo.ViaHeader, src source) *flow {
	to := src.addr
	ip := src.addr.Addr().WithZone("").String()
	_, rport := via.Params.Get("rport")
	if rport {
		via.Params.Add("rport", strconv.Itoa(int(src.addr.Port())))
	}
	if rport || strings.Trim(via.Host, "[]") != ip {
		via.Params.Add("received", ip)
	}
	if src.conn == nil && !rport {
		port := via.Port
		if port <= 0 || port > 65535 {
			port = defaultPort
		}
		to = netip.AddrPortFrom(src.addr.Addr(), uint16(port))
	}
	f := &flow{ua: u, sock: src.sock, conn: src.conn, to: to}
	if !u.guard.proven(src) {
		f.spare = newAllowance(src.size)
	}
	return f
}

// param is a parameter by name, compared without case.
func param(ps sipgo.HeaderParams, name string) (string, bool) {
	for _, p := range ps {
		if equalFold(strings.TrimSpace(p.K), name) {
			return strings.TrimSpace(p.V), true
		}
	}
	return "", false
}

// dialogID is the dialog that a request of the far end belongs to.
func (in *incoming) dialogID() dialogID { return dialogID{callID: in.callID, localTag: in.toTag} }

// inviteID names an INVITE across its paths, RFC 3261 §8.2.2.2.
func (in *incoming) inviteID() inviteID {
	return inviteID{callID: in.callID, fromTag: in.fromTag, cseq: in.cseq}
}

// inviteID is what all copies of one INVITE share.
type inviteID struct {
	callID, fromTag string
	cseq            uint32
}

// dialogID finds a dialog: the far tag is not needed, ours is unique.
type dialogID struct{ callID, localTag string }
