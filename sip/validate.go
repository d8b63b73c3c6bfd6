package sip

import (
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Methods, extensions and bodies this package handles.
const (
	allowedMethods = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
	typeSDP        = "application/sdp"
	acceptedBodies = typeSDP + ", multipart/mixed"
	acceptedInfo   = "application/dtmf-relay, application/dtmf"
)

// Status codes that are decided in more than one place.
const (
	codeTrying         = 100
	codeRinging        = 180
	codeProgress       = 183
	codeOK             = 200
	codeBadRequest     = 400
	codeForbidden      = 403
	codeNotAllowed     = 405
	codeMediaType      = 415
	codeScheme         = 416
	codeExtension      = 420
	codeBadInfo        = 469
	codeUnavailable    = 480
	codeNoDialog       = 481
	codeLoop           = 482
	codeTooManyHops    = 483
	codeTerminated     = 487
	codeNotHere        = 488
	codeNoReliable     = 421
	codeInterval       = 422
	codePending        = 491
	codeInternal       = 500
	codeNotImplemented = 501
	codeNotAcceptable  = 406
	codeServerTimeout  = 504
	codeNoService      = 503
	codeVersion        = 505
	codeDecline        = 603
	codeTimeout        = 408
	codeUnauthorized   = 401
	codeNotFound       = 404
	codeProxyAuth      = 407
)

// refusal is the response to a request that is not let in.
type refusal struct {
	code    int
	reason  string // "" = usual
	headers []Header
}

func refuse(code int, h ...Header) *refusal { return &refusal{code: code, headers: h} }

func badRequest(reason string) *refusal { return &refusal{code: codeBadRequest, reason: reason} }

// breach: it refuses what breaks the rules of SIP. The others refuse what a far end
// may well ask for, as phones do that subscribe to something.
func (r *refusal) breach() bool {
	return r.code == codeBadRequest || r.code == codeVersion || r.code == codeNotImplemented
}

// answerable says whether a request has what a response must repeat. One
// that has not gets none.
func answerable(req *sipgo.Request) bool {
	via := req.Via()
	return via != nil && equalFold(via.ProtocolName, "SIP") && via.Host != "" && !strings.ContainsAny(via.Host, " \t,;<>\"")
}

// tidy takes away the white space that the parser has left in addresses, in their
// parameters and in CSeq: it would be written into them again, in quotes.
func tidy(m interface {
	From() *sipgo.FromHeader
	To() *sipgo.ToHeader
	Contact() *sipgo.ContactHeader
	CSeq() *sipgo.CSeqHeader
},
) {
	trim := func(uri *sipgo.Uri) { uri.Host = strings.TrimSpace(uri.Host) }
	if h := m.From(); h != nil {
		trim(&h.Address)
		h.Params = tidyParams(h.Params)
	}
	if h := m.To(); h != nil {
		trim(&h.Address)
		h.Params = tidyParams(h.Params)
	}
	if h := m.Contact(); h != nil {
		trim(&h.Address)
	}
	if h := m.CSeq(); h != nil {
		h.MethodName = sipgo.RequestMethod(strings.TrimSpace(string(h.MethodName)))
	}
}

// tidyParams are parameters without white space around their parts.
func tidyParams(ps sipgo.HeaderParams) sipgo.HeaderParams {
	var tidied sipgo.HeaderParams
	for _, p := range ps {
		if name := strings.TrimSpace(p.K); name != "" {
			tidied = append(tidied, sipgo.HeaderKV{K: name, V: paramValue(p.V)})
		}
	}
	return tidied
}

// paramValue is the value of a parameter as it is kept: sipgo writes quotes around
// one that has white space in it.
func paramValue(s string) string {
	s = strings.TrimSpace(s)
	switch spaced := strings.ContainsAny(s, " \t"); {
	case spaced && s[0] == '"':
		return strings.Trim(s, `"`)
	case spaced:
		return strings.Fields(s)[0] // RFC 2543: the rest is a comment
	}
	return s
}

// validate looks at a request as RFC 3261 §8.2 wants it done, short of what
// depends on dialogs and transactions. nil lets the request in.
func validate(req *sipgo.Request) *refusal {
	if !equalFold(req.SipVersion, "SIP/2.0") { // RFC 3261 §7.1: whatever its case
		return refuse(codeVersion)
	}
	for _, check := range []func(*sipgo.Request) *refusal{
		checkMandatory, checkNames, checkSingle, checkAddresses, checkMethod, checkURI, checkHops, checkRequire, checkAccept, checkBody,
	} {
		if r := check(req); r != nil {
			return r
		}
	}
	return nil
}

// checkMandatory: RFC 3261 §8.1.1. A missing Max-Forwards is forgiven.
func checkMandatory(req *sipgo.Request) *refusal {
	switch {
	case req.From() == nil:
		return badRequest("Missing From")
	case req.To() == nil:
		return badRequest("Missing To")
	case req.CallID() == nil || strings.TrimSpace(req.CallID().Value()) == "":
		return badRequest("Missing Call-ID")
	case req.CSeq() == nil:
		return badRequest("Missing CSeq")
	}
	if method := strings.TrimSpace(string(req.CSeq().MethodName)); !equalFold(method, string(req.Method)) {
		return badRequest("CSeq Method Mismatch")
	}
	if req.Method == sipgo.INVITE && len(req.GetHeaders("Contact")) == 0 {
		return badRequest("Missing Contact")
	}
	return nil
}

// checkSingle: header fields that may stand only once.
func checkSingle(req *sipgo.Request) *refusal {
	seen := make(map[string]bool, 8)
	for _, h := range req.Headers() {
		name := strings.ToLower(h.Name())
		switch name {
		case "from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type":
		case "contact":
			// RFC 3261 §8.1.1.8: exactly one in a request that makes a dialog.
			if req.Method != sipgo.INVITE {
				continue
			}
		default:
			continue
		}
		if seen[name] {
			return badRequest("Repeated " + h.Name())
		}
		seen[name] = true
	}
	return nil
}

func checkAddresses(req *sipgo.Request) *refusal {
	for _, a := range []struct {
		name string
		uri  *sipgo.Uri
	}{{"From", &req.From().Address}, {"To", &req.To().Address}} {
		if !plausible(a.uri) {
			return badRequest("Bad " + a.name)
		}
	}
	if _, ok := readRoutes(req); !ok && req.Method == sipgo.INVITE {
		return badRequest("Bad Record-Route")
	}
	if req.Method != sipgo.INVITE && req.Method != sipgo.UPDATE {
		return nil // whoever else needs one looks at it himself
	}
	for _, h := range req.GetHeaders("Contact") {
		if c, ok := h.(*sipgo.ContactHeader); !ok || c.Address.Wildcard || !isSIP(&c.Address) || !plausible(&c.Address) {
			return badRequest("Bad Contact")
		}
	}
	return nil
}

// plausible: an address that may be repeated in a message of ours. The parser
// lets pass what it does not understand.
func plausible(uri *sipgo.Uri) bool {
	if !isSIP(uri) {
		return uri.Raw() != "" && !strings.ContainsAny(uri.Raw(), " \t<>\"")
	}
	return uri.Host != "" && !strings.ContainsAny(uri.Host, " \t<>\"@,;?/\\") &&
		!strings.ContainsAny(uri.User, " \t<>\"") && uri.Port >= 0 && uri.Port <= 65535
}

func isSIP(uri *sipgo.Uri) bool { return uri.Scheme == "sip" || uri.Scheme == "sips" }

// checkMethod: RFC 3261 §8.2.1.
func checkMethod(req *sipgo.Request) *refusal {
	switch req.Method {
	case sipgo.INVITE, sipgo.ACK, sipgo.CANCEL, sipgo.BYE, sipgo.OPTIONS, sipgo.INFO, sipgo.UPDATE, sipgo.PRACK,
		sipgo.REFER, sipgo.NOTIFY, sipgo.REGISTER: // which is refused with the same code where there are no phones
		return nil
	}
	if methodLabel(string(req.Method)) == otherMethod {
		return refuse(codeNotImplemented, Header{"Allow", allowedMethods}) // RFC 3261 §21.5.2: not even known
	}
	return refuse(codeNotAllowed, Header{"Allow", allowedMethods})
}

// checkAccept: the caller of an INVITE must understand the session
// description of our answer, RFC 3261 §20.1, RFC 4475 §3.3.15.
func checkAccept(req *sipgo.Request) *refusal {
	hs := req.GetHeaders("Accept")
	if req.Method != sipgo.INVITE || len(hs) == 0 {
		return nil
	}
	for _, h := range hs {
		for t := range strings.SplitSeq(h.Value(), ",") {
			t, _, _ = strings.Cut(t, ";")
			switch strings.ToLower(strings.TrimSpace(t)) {
			case typeSDP, "application/*", "*/*":
				return nil
			}
		}
	}
	return refuse(codeNotAcceptable)
}

// checkURI: RFC 3261 §8.2.2.1. That sips came over TLS is seen to by dispatch.
func checkURI(req *sipgo.Request) *refusal {
	uri := &req.Recipient
	if !isSIP(uri) {
		return refuse(codeScheme)
	}
	if len(uri.Headers) > 0 { // RFC 3261 §19.1.1: not in a Request-URI
		return badRequest("Headers In Request-URI")
	}
	if !plausible(uri) {
		return badRequest("Bad Request-URI")
	}
	return nil
}

// maxHops is the largest Max-Forwards, RFC 3261 §20.22.
const maxHops = 255

// checkHops: a request that has come to its end may be handled however few
// hops it has left (RFC 4475 §3.1.2.10), but an INVITE can go on from here, as
// a call that we place for it (RFC 7332 §3).
func checkHops(req *sipgo.Request) *refusal {
	h := req.MaxForwards()
	switch {
	case h == nil:
		return nil
	case h.Val() > maxHops:
		return badRequest("Bad Max-Forwards")
	case h.Val() == 0 && req.Method == sipgo.INVITE:
		if tag, _ := param(req.To().Params, "tag"); tag == "" {
			return refuse(codeTooManyHops)
		}
	}
	return nil
}

// checkRequire: RFC 3261 §8.2.2.3. ACK and CANCEL cannot require anything.
func checkRequire(req *sipgo.Request) *refusal {
	if req.Method == sipgo.ACK || req.Method == sipgo.CANCEL {
		return nil
	}
	var tags []string
	for _, h := range req.GetHeaders("Require") {
		for tag := range strings.SplitSeq(h.Value(), ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !understood(tag) {
				tags = append(tags, tag)
			}
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return refuse(codeExtension, Header{"Unsupported", strings.Join(tags, ", ")})
}

// checkBody: RFC 3261 §8.2.3. INFO bodies are looked at by the Session, those
// of other requests do not matter.
func checkBody(req *sipgo.Request) *refusal {
	if len(req.Body()) == 0 {
		return nil
	}
	switch req.Method {
	case sipgo.INVITE, sipgo.UPDATE, sipgo.INFO, sipgo.PRACK:
	default:
		return nil
	}
	if optionalBody(req) {
		return nil
	}
	if h := req.GetHeader("Content-Encoding"); h != nil && !equalFold(strings.TrimSpace(h.Value()), "identity") {
		return refuse(codeMediaType, Header{"Accept-Encoding", "identity"})
	}
	if req.ContentType() == nil {
		return badRequest("Missing Content-Type")
	}
	if req.Method == sipgo.INFO {
		return nil
	}
	switch mediaType(req) {
	case typeSDP:
		return nil
	case "multipart/mixed", "multipart/alternative":
		if sdpOf(req) != nil {
			return nil
		}
	}
	return refuse(codeMediaType, Header{"Accept", acceptedBodies})
}

// optionalBody: the sender says that the body may be ignored, RFC 3261 §20.11.
func optionalBody(req *sipgo.Request) bool {
	h := req.GetHeader("Content-Disposition")
	return h != nil && strings.Contains(strings.ReplaceAll(strings.ToLower(h.Value()), " ", ""), "handling=optional")
}
