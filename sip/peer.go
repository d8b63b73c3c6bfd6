package sip

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// peer is the half of a dialog's state that says how requests reach the far
// end and what they look like: RFC 3261 §12.
type peer struct {
	ua     *UA
	callID string
	// local and remote are our and the far end's From or To, with tags.
	local   sipgo.FromHeader
	contact sipgo.Uri // ours

	mu        sync.Mutex
	remote    sipgo.ToHeader
	known     bool        // the far end is: remote has its tag, or it has none, as in RFC 2543
	target    sipgo.Uri   // remote target, from the Contact
	routes    []sipgo.Uri // route set, in the order of the Route header fields
	flow      *flow       // the way the far end's last INVITE or 2xx came
	nat       bool        // its Contact cannot be reached, the source of its messages can
	phone     string      // of ours, whose registration leads to it as well; "": none
	since     time.Time   // the dialog began then; with phone
	login     *Digest     // for challenges to our requests; nil: none
	localSeq  uint32
	remoteSeq uint32 // 0 = none yet; valid numbers begin there too, hence heard
	heard     bool
	update    bool // the far end has said that it takes UPDATE
	// said and told are the session descriptions last sent to the far end and
	// received from it; nil: none.
	said, told []byte
}

// newTag is a random tag, branch or Call-ID part of 64 bits.
func newTag() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newBranch() string { return sipgo.RFC3261BranchMagicCookie + newTag() }

// peerOfUAS is the dialog that an INVITE makes here, RFC 3261 §12.1.1.
func peerOfUAS(u *UA, in *incoming, toTag string) *peer {
	from, to := in.req.From(), in.req.To()
	p := &peer{
		ua: u, callID: in.callID,
		local:  sipgo.FromHeader{DisplayName: to.DisplayName, Address: *to.Address.Clone(), Params: withTag(to.Params, toTag)},
		remote: sipgo.ToHeader{DisplayName: from.DisplayName, Address: *from.Address.Clone(), Params: from.Params.Clone()},
		target: *in.req.Contact().Address.Clone(),
		routes: recordedRoutes(in.req),
		flow:   &flow{ua: u, sock: in.src.sock, conn: in.src.conn, to: in.src.addr},

		known: true, remoteSeq: in.cseq, heard: true, phone: in.login, since: u.phones.registrar.now(),
	}
	p.nat = behindNAT(in.req.Via(), &p.target, in.src.addr) && len(p.routes) == 0
	p.learn(in.req)
	return p
}

func withTag(ps sipgo.HeaderParams, tag string) sipgo.HeaderParams {
	ps = slices.DeleteFunc(ps.Clone(), func(p sipgo.HeaderKV) bool { return equalFold(p.K, "tag") })
	return append(ps, sipgo.HeaderKV{K: "tag", V: tag})
}

// recordedRoutes are the Record-Route values in order, none if they cannot be read.
func recordedRoutes(m fields) []sipgo.Uri {
	routes, _ := readRoutes(m)
	return routes
}

// readRoutes reads the Record-Route values; false if one of them leads nowhere.
func readRoutes(m fields) (routes []sipgo.Uri, ok bool) {
	for _, v := range values(m, "Record-Route") {
		for _, route := range splitList(v) {
			var uri sipgo.Uri
			if _, err := sipgo.ParseAddressValue(strings.TrimSpace(route), &uri, nil); err != nil || !isSIP(&uri) || !plausible(&uri) {
				return nil, false
			}
			routes = append(routes, uri)
		}
	}
	return routes, true
}

// behindNAT: the far end names the same private place in Via and Contact, and
// its messages come from another.
//
// Deviation: requests within such a dialog go to where its messages came from
// and not to its Contact, which nobody can reach.
func behindNAT(via *sipgo.ViaHeader, contact *sipgo.Uri, from netip.AddrPort) bool {
	if unreachable(contact.Host) {
		return true
	}
	host, ok := literal(contact)
	if !ok || host == from.Addr().WithZone("") {
		return false
	}
	sentBy, ok := literal(&sipgo.Uri{Host: via.Host})
	return ok && sentBy == host
}

// is says whether the far end is the one with that tag, "" for none (RFC 3261
// §12.1.1, §12.1.2).
func (p *peer) is(tag string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	own, _ := param(p.remote.Params, "tag")
	return p.known && own == tag
}

// remoteTag is the far end's tag, "" before a response.
func (p *peer) remoteTag() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	tag, _ := param(p.remote.Params, "tag")
	return tag
}

// establish takes tag, target and route set from a 2xx, RFC 3261 §12.1.2.
func (p *peer) establish(res *sipgo.Response, f *flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to := res.To(); to != nil {
		p.remote.Params, p.known = to.Params.Clone(), true
	}
	if c := res.Contact(); c != nil && isSIP(&c.Address) && plausible(&c.Address) {
		p.target = *c.Address.Clone()
	}
	p.routes = recordedRoutes(res)
	slices.Reverse(p.routes)
	p.flow = f
}

// refresh takes a new remote target from a re-INVITE, an UPDATE or a 2xx to
// one of ours. The route set stays, RFC 3261 §12.2. f is the way the request came,
// in nobody else's hands; nil: as before.
func (p *peer) refresh(contact *sipgo.ContactHeader, via *sipgo.ViaHeader, f *flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if contact != nil && isSIP(&contact.Address) && plausible(&contact.Address) {
		p.target = *contact.Address.Clone()
	}
	if f != nil {
		f.pinned = p.flow != nil && p.flow.pinned
		p.flow = f
	}
	if via != nil && f != nil {
		p.nat = behindNAT(via, &p.target, f.to) && len(p.routes) == 0
	}
}

// heardBy is the way of a request within the dialog: it is that to the far end where
// the connection that was has ended (RFC 5626 §5.3).
func (p *peer) heardBy(f *flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flow != nil && !p.flow.alive() {
		f.pinned = p.flow.pinned
		p.flow = f
	}
}

// learn notes what the Allow of a message says of the far end.
func (p *peer) learn(m fields) {
	vs := values(m, "Allow")
	if len(vs) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.update = lists(vs, string(sipgo.UPDATE))
}

// updates says whether the far end takes UPDATE.
func (p *peer) updates() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.update
}

// describe notes the session descriptions that have been exchanged; nil leaves
// what was.
func (p *peer) describe(said, told []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if said != nil {
		p.said = said
	}
	if told != nil {
		p.told = told
	}
}

// described are the session descriptions that describe has noted last.
func (p *peer) described() (said, told []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said, p.told
}

// accepts takes the sequence number of a request of the far end; false if it
// is not above the last one, RFC 3261 §12.2.2.
func (p *peer) accepts(cseq uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.heard && cseq <= p.remoteSeq {
		return false
	}
	p.heard, p.remoteSeq = true, cseq
	return true
}

// nextSeq is the sequence number of our next request.
func (p *peer) nextSeq() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.localSeq++
	return p.localSeq
}

// request builds a request within the dialog, RFC 3261 §12.2.1.1, without Via,
// and says where it goes.
func (p *peer) request(method sipgo.RequestMethod, cseq uint32, headers ...Header) (*sipgo.Request, sipgo.Uri) {
	p.mu.Lock()
	target, routes, remote, within := *p.target.Clone(), slices.Clone(p.routes), p.remote, p.known
	p.mu.Unlock()

	next, uri := target, target
	if len(routes) > 0 {
		next = routes[0]
		if _, loose := param(next.UriParams, "lr"); !loose {
			// A strict router wants to find itself in the Request-URI.
			uri = next
			routes = append(routes[1:], target)
		}
	}
	uri.Headers = nil
	req := sipgo.NewRequest(method, uri)
	hops := sipgo.MaxForwardsHeader(maxForwards)
	callID := sipgo.CallIDHeader(p.callID)
	from := p.local
	to := sipgo.ToHeader{DisplayName: remote.DisplayName, Address: remote.Address, Params: remote.Params.Clone()}
	req.AppendHeader(&hops)
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: cseq, MethodName: method})
	for _, r := range routes {
		req.AppendHeader(&sipgo.RouteHeader{Address: r})
	}
	switch method {
	case sipgo.REFER, sipgo.NOTIFY:
		req.AppendHeader(&sipgo.ContactHeader{Address: p.contact})
	case sipgo.INVITE, sipgo.UPDATE:
		req.AppendHeader(&sipgo.ContactHeader{Address: p.contact})
		req.AppendHeader(sipgo.NewHeader("Allow", allowedMethods))
		supported := p.ua.cfg.supported()
		if within {
			supported = p.ua.cfg.supportedWithin()
		}
		req.AppendHeader(sipgo.NewHeader("Supported", supported))
	}
	req.AppendHeader(sipgo.NewHeader("User-Agent", p.ua.cfg.UserAgent))
	appendHeaders(req, headers)
	req.SetBody(nil)
	return req, next
}

// maxForwards of our requests, RFC 3261 §8.1.1.6.
const maxForwards = 70

// way finds the flow to the next hop of a request within the dialog.
func (p *peer) way(ctx context.Context, next sipgo.Uri) (*flow, error) {
	p.mu.Lock()
	f, nat, phone, since, target, routed := p.flow, p.nat, p.phone, p.since, p.target, len(p.routes) > 0
	p.mu.Unlock()
	if (nat || f.pinned) && f.alive() {
		return f, nil
	}
	if phone != "" && !routed && !f.alive() {
		if b := p.ua.phones.registrar.back(phone, &target, since); b != nil {
			return b.flow, nil
		}
	}
	return p.ua.flowTo(ctx, next, f)
}

// stamp puts our Via on a request that leaves by f.
func stamp(req *sipgo.Request, f *flow, branch string) {
	host, port := f.sentBy()
	req.PrependHeader(&sipgo.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: f.transport(), Host: host, Port: port,
		Params: sipgo.HeaderParams{{K: "branch", V: branch}, {K: "rport"}},
	})
}
