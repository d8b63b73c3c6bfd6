package sip

import (
	"context"
	"net/netip"
	"time"
)

// Header is one header field of a message, as text.
type Header struct{ Name, Value string }

// Address is a SIP address as the rest of the server sees it.
type Address struct {
	Display string // display name, "" if none
	User    string // user part, unescaped; "" if none
	Host    string // IPv6 without brackets
	Port    int    // 0 if none
	URI     string // whole URI without parameters and headers: "sip:user@host:port"
}

// Invitation is what is known of the INVITE that made a dialog.
type Invitation struct {
	CallID      string
	From        Address // of the caller, for both directions
	To          Address // of the callee, for both directions
	RequestURI  Address
	Diversion   string         // URI of the first Diversion header (RFC 5806), else of History-Info, else ""
	Headers     []Header       // header fields the package does not use itself, in order
	RemoteAddr  netip.AddrPort // where the INVITE came from or went to
	LocalAddr   netip.Addr     // our address of the route to the far end, for SDP; never unspecified
	Transport   string         // "udp", "tcp", "tls", "ws" or "wss"
	Offer       []byte         // body of the INVITE if it is SDP; nil = late offer
	Replaces    *Dialog        // dialog of ours that the INVITE is to take the place of (RFC 3891), nil none
	Source      string         // trunk whose source list the sender is in, "" none
	Asserted    Address        // P-Asserted-Identity (RFC 3325) of a trunk; zero: none
	Attestation string         // of the caller's number, by a trunk: "A", "B", "C" or ""
	Login       string         // phone that has authenticated by digest, or is called by its registration, "" none
}

// Header is the value of the first header field of that name, compared
// without case, "" if there is none.
func (i Invitation) Header(name string) string {
	for _, h := range i.Headers {
		if equalFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// InviteRequest asks for an outgoing call.
type InviteRequest struct {
	To          string   // SIP URI
	From        string   // user part or SIP URI; "" = Config.Username
	DisplayName string   // of From
	Headers     []Header // added to the INVITE
	SDP         []byte   // the offer; nil = late offer, then Answer must be set
	Proxy       string   // SIP URI or host:port that the INVITE is sent to; "" = To
	Routes      []string // SIP URIs of the proxies to pass, RFC 3608; Proxy or the first is the next hop
	Username    string   // digest credentials
	Password    string
	Digest      *Digest // in the place of Username and Password: shared with other requests, for their nonces
	// Patience is how long the first response may take, for a request that has
	// another way to go; 0 = 64*T1. Then the error is ErrTimeout.
	Patience time.Duration
	// SessionExpires is asked for in the place of Config.SessionExpires; 0 = that.
	SessionExpires time.Duration
	contact        *binding // of a phone, which the INVITE is for
	// Follow decides on an address that a 3xx names: false leaves it alone, to
	// is the SIP URI to dial for it, which a tel URI has to be turned into. nil
	// follows none. Credentials, Proxy and Routes are not for another host.
	Follow func(uri string) (to string, ok bool)
	// Named is told the Call-ID of each INVITE before it is sent: of one for each
	// contact of a phone. It must not wait. nil: nobody.
	Named func(callID string)
	// Session is told what happens within early dialogs; see Dialog.SetSession
	// for the time after. nil refuses offers there.
	Session Session
	// Answer makes the answer that goes into the ACK from the offer that came
	// in the 2xx. Only used when SDP is nil. An error hangs up.
	Answer func(offer []byte) (answer []byte, err error)
}

// Progress is a provisional response to an INVITE of ours.
type Progress struct {
	Code   int // 101 to 199
	Reason string
	Body   []byte // early media answer; nil if none
	// Reliable says that the far end was told that the response has come (RFC
	// 3262): its answer is the answer to the offer.
	Reliable bool
	// Early is the early dialog of the one that rings, nil if there is none: a
	// call may ring at several places.
	Early *EarlyDialog
}

// Session receives what happens within a dialog, in order, one call at a time.
type Session interface {
	// Reoffer is a re-INVITE or UPDATE in the dialog of that name: of those who ring
	// each has its own, see EarlyDialog. offer is nil for a re-INVITE without
	// SDP: an offer of ours is wanted, whose answer comes with Acknowledged.
	// An error that is a *StatusError refuses with that code, any other with 488.
	Reoffer(dialog string, offer []byte) (answer []byte, err error)
	// Acknowledged is an ACK. body is the answer to a late offer, else nil.
	Acknowledged(body []byte)
	// Info is an INFO request. An error refuses it as in Reoffer, by default with 415.
	Info(cseq uint32, contentType string, body []byte) error
}

// Reanswerer is what a Session is besides that wants to know when the far end
// has answered a session refresh otherwise than before.
type Reanswerer interface {
	// Reanswered is the answer to our session description as it was. It comes
	// in the order of the Session's methods.
	Reanswered(answer []byte)
}

// Handler serves one incoming call. It runs on a goroutine of its own after
// the INVITE was validated and 100 was sent. ctx ends when the dialog ends or
// the UA closes. When it returns, a dialog that has not ended is ended: rejected
// with 480 or hung up.
type Handler func(ctx context.Context, d *Dialog)
