package sip

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Bounds of what names a dialog.
const (
	maxReplaces   = 1024 // of the whole value
	maxReferTo    = 2048 // of a Refer-To
	maxReferredBy = 1024 // of a Referred-By
)

// noTag stands for a tag that a far end has none of, RFC 3891 §3.
const noTag = "0"

// ErrReplaces: a text that is no Replaces header field value.
var ErrReplaces = errors.New("sip: not a Replaces value")

// Replaces names the dialog that an INVITE is to take the place of, RFC 3891
// §6.1. The tags are named as who gets the INVITE sees them: ToTag is its own.
type Replaces struct {
	CallID, ToTag, FromTag string
	EarlyOnly              bool // only while the dialog is not answered
}

// String is the value of the header field.
func (r Replaces) String() string {
	s := r.CallID + ";to-tag=" + r.ToTag + ";from-tag=" + r.FromTag
	if r.EarlyOnly {
		s += ";early-only"
	}
	return s
}

// ParseReplaces reads the value of a Replaces header field. The error wraps
// ErrReplaces.
func ParseReplaces(s string) (Replaces, error) {
	var r Replaces
	if len(s) > maxReplaces || strings.ContainsAny(s, "\r\n\x00") {
		return r, fmt.Errorf("%w: too long, or of several lines", ErrReplaces)
	}
	parts := strings.Split(s, ";")
	r.CallID = strings.TrimSpace(parts[0])
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		value = strings.TrimSpace(value)
		var twice bool
		switch name = strings.TrimSpace(name); {
		case equalFold(name, "to-tag"):
			twice, r.ToTag = r.ToTag != "", value
		case equalFold(name, "from-tag"):
			twice, r.FromTag = r.FromTag != "", value
		case equalFold(name, "early-only"):
			r.EarlyOnly = true
		}
		if twice {
			return Replaces{}, fmt.Errorf("%w: %s is given twice", ErrReplaces, name)
		}
	}
	for _, v := range []string{r.CallID, r.ToTag, r.FromTag} {
		if v == "" || strings.ContainsAny(v, " \t,") {
			return Replaces{}, fmt.Errorf("%w: Call-ID or a tag is missing or malformed", ErrReplaces)
		}
	}
	return r, nil
}

// Replaces says how an INVITE to the far end of d would name the dialog, and
// the SIP URI that reaches it: its Contact.
func (d *Dialog) Replaces() (target string, r Replaces) {
	p := d.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	uri := *p.target.Clone()
	uri.Headers = nil
	tag, _ := param(p.remote.Params, "tag")
	if tag == "" {
		tag = noTag
	}
	return uri.String(), Replaces{CallID: d.id.callID, ToTag: tag, FromTag: d.id.localTag}
}

// referURI is a Refer-To URI: to, with a Replaces header field in it.
func referURI(to string, r *Replaces) string {
	if r == nil {
		return to
	}
	return to + "?Replaces=" + strings.ReplaceAll(url.QueryEscape(r.String()), "+", "%20")
}

// replacedBy finds the dialog that an INVITE is to take the place of, RFC 3891
// §3; nil for an INVITE without Replaces.
//
// Deviation: an early dialog cannot be replaced, whoever made it: 481.
func (u *UA) replacedBy(req *sipgo.Request) (*Dialog, *refusal) {
	hs := req.GetHeaders("Replaces")
	switch {
	case len(hs) == 0:
		return nil, nil
	case len(hs) > 1:
		return nil, badRequest("Several Replaces")
	}
	r, err := ParseReplaces(hs[0].Value())
	if err != nil {
		return nil, badRequest("Bad Replaces")
	}
	d := u.find(r)
	if d == nil {
		return nil, refuse(codeNoDialog)
	}
	d.mu.Lock()
	state := d.state
	d.mu.Unlock()
	switch {
	case state == stateEnded:
		return nil, refuse(codeDecline)
	case state == stateEarly:
		return nil, refuse(codeNoDialog)
	case r.EarlyOnly:
		return nil, refuse(codeBusy)
	}
	return d, nil
}

// find is the dialog that r names, nil if it is none of ours.
func (u *UA) find(r Replaces) *Dialog {
	d := u.dialogs.find(dialogID{callID: r.CallID, localTag: r.ToTag})
	if d == nil || !d.peer.is(r.FromTag) && (r.FromTag != noTag || !d.peer.is("")) {
		return nil
	}
	return d
}

// Dialog is the dialog that r names, nil if it is none of this user agent's.
func (u *UA) Dialog(r Replaces) *Dialog { return u.find(r) }
