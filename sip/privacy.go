package sip

import "strings"

// What an anonymous caller is called, RFC 3323 §4.1.1.3.
const (
	anonymousUser = "anonymous"
	anonymousName = "Anonymous"
	anonymousURI  = "sip:anonymous@anonymous.invalid"
	anonymousHost = "anonymous.invalid"
)

// Anonymous says whether the caller wants its identity kept from those who
// are called: its Privacy asks for id, user or header (RFC 3323 §4.2, RFC 3325
// §9.3), or its From names nobody.
func (i Invitation) Anonymous() bool {
	for _, h := range i.Headers {
		if !equalFold(h.Name, "Privacy") {
			continue
		}
		for word := range strings.FieldsFuncSeq(h.Value, func(r rune) bool { return r == ';' || r == ',' || r == ' ' || r == '\t' }) {
			if equalFold(word, "id") || equalFold(word, "user") || equalFold(word, "header") {
				return true
			}
		}
	}
	return equalFold(i.From.Host, anonymousHost) || equalFold(i.From.User, anonymousUser)
}

// Withheld says whether a caller, as InviteRequest.From names it, is nobody.
func Withheld(from string) bool {
	from = strings.TrimPrefix(from, "sip:")
	user, _, _ := strings.Cut(from, "@")
	return equalFold(user, anonymousUser)
}

// private is the request with the caller withheld where it is to be: neither
// From nor display name tell who calls, and what trusted neighbours know stays
// with them.
func (r InviteRequest) private() InviteRequest {
	if !Withheld(r.From) {
		return r
	}
	r.From, r.DisplayName = anonymousURI, anonymousName
	hs := make([]Header, 0, len(r.Headers)+1)
	for _, h := range r.Headers {
		if !equalFold(h.Name, "Privacy") {
			hs = append(hs, h)
		}
	}
	r.Headers = append(hs, Header{"Privacy", "id"})
	return r
}
