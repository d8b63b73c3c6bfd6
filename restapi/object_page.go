package restapi

import (
	"net/url"
	"unicode/utf8"
)

// maxURL is the longest address [characters].
const maxURL = 2048

var pageProperties = properties[Page]{
	property[Page]{name: "url", read: (*reader).pageURL}.must(both),
	choiceProperty("method", func(p *Page) *string { return &p.Method }, "GET", "POST"),
}

// pageURL reads the url of a page.
func (r *reader) pageURL(n *node, p *Page) {
	if s, ok := r.string(n); ok && r.address(n, s) {
		p.URL = s
	}
}

// address judges an address: http or https, or relative.
func (r *reader) address(n *node, s string) bool {
	switch length := utf8.RuneCountInString(s); {
	case length == 0:
		r.fault(n.pos, CodeInvalidValue, "the address is empty")
		return false
	case length > maxURL:
		r.fault(n.pos, CodeInvalidValue, "the address has %d characters, more than %d", length, maxURL)
		return false
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		r.fault(n.pos, CodeInvalidValue, "not an address")
		return false
	case u.Scheme == "" && u.Opaque == "":
		return true
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return true
	}
	r.fault(n.pos, CodeInvalidValue, "neither an absolute http or https address nor a relative one")
	return false
}

// page reads a page request, or a plain address that stands for one. On a
// fault the zero Page comes back.
func (r *reader) page(n *node, defaultMethod string) Page {
	p := Page{Method: defaultMethod}
	if n.kind == text {
		r.pageURL(n, &p)
		return p
	}
	readObject(r, n, pageProperties, &p)
	return p
}

// pageProperty is a page that is asked, with POST unless it says otherwise.
func pageProperty[T any](name string, field func(*T) *Page) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		*field(v) = r.page(n, "POST")
	}}
}
