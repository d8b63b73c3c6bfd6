package sip

import (
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	learntFor = time.Hour
	maxLearnt = 1024 // far hosts whose view of us is remembered
)

// view is one of our sockets as one far host sees it. What a far end says of
// our address is believed for its own calls only: another's could be led away
// by it.
type view struct {
	local netip.AddrPort // of the UDP listener; the zero value for connections
	far   netip.Addr
}

func (f *flow) view() view {
	if f.conn != nil {
		return view{far: f.to.Addr()}
	}
	return view{local: f.sock.local, far: f.to.Addr()}
}

// learntPort is the port to advertise: over UDP the one the far end sees; that
// of a connection says nothing of the listener.
func (f *flow) learntPort(seen netip.AddrPort, listener int) int {
	if f.conn == nil && seen.Port() != 0 {
		return int(seen.Port())
	}
	return listener
}

// learn notes what the response to a request of ours says of where we came
// from (RFC 3261 §18.2.1, RFC 3581 §4), and tells the operator when it is not
// what we say ourselves.
func (u *UA) learn(res *sipgo.Response, src source) {
	via := res.Via()
	received, _ := param(via.Params, "received")
	a, err := netip.ParseAddr(received)
	if err != nil || a.IsUnspecified() || a.IsMulticast() {
		return
	}
	a = a.Unmap()
	f := &flow{ua: u, sock: src.sock, conn: src.conn, to: src.addr}
	rport, _ := param(via.Params, "rport")
	port, _ := strconv.ParseUint(rport, 10, 16)
	seen := netip.AddrPortFrom(a, uint16(port))
	if known, ok := u.learnt.get(f.view()); ok && known == seen {
		return
	}
	u.learnt.put(f.view(), seen)
	own, err := f.route()
	if err != nil {
		return // what we would compare it with is not known
	}
	if host, _ := f.sentBy(); host == a.String() || a == own || a.IsPrivate() && !own.IsPrivate() {
		return
	}
	u.quiet.warn("SIP peer sees this server at another address than it names itself; set sip.advertise to it, or to auto",
		slog.String("peer", src.addr.String()), slog.String("seen", seen.String()),
		slog.String("named", via.Host))
}
