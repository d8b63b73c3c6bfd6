package sip

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// errNotParsed stands for a parser that failed in an unforeseen way.
var errNotParsed = errors.New("sip: the parser failed")

// Bounds of a message.
const (
	maxMessage  = 32 << 10 // bytes of a datagram
	maxStreamed = 65535    // bytes of one that comes over a connection
	maxHeaders  = 256      // header fields
)

// errTooLarge refuses a message beyond the bounds.
var errTooLarge = errors.New("sip: larger than any message of a call")

// oversized: there is too much to be read.
func oversized(data []byte, most int) bool {
	if len(data) > most {
		return true
	}
	head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	return bytes.Count(head, []byte{'\n'}) > maxHeaders
}

// parse makes a message of at most so many bytes.
func (u *UA) parse(data []byte, most int) (msg sipgo.Message, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errNotParsed
		}
	}()
	if oversized(data, most) {
		return nil, errTooLarge
	}
	if msg, err = u.parser.ParseSIP(data); err != nil {
		return nil, err
	}
	raw, ok := msg.(rawMessage)
	if !ok {
		return nil, errNotParsed
	}
	if err := readContacts(raw); err != nil {
		return nil, err
	}
	return msg, readVias(raw)
}

// newParser is sipgo's parser, but for header fields that are kept as they came:
// Via and Contact, see readVias and readContacts, and Record-Route, whose responses
// repeat all of it (RFC 3261 §12.1.1). A compact name becomes the long one (§7.3.3).
func newParser() *sipgo.Parser {
	ps := maps.Clone(sipgo.DefaultHeadersParser())
	as := func(name string) sipgo.HeaderParser {
		return func(_ []byte, value string) (sipgo.Header, error) { return sipgo.NewHeader(name, value), nil }
	}
	delete(ps, "record-route")
	ps["via"], ps["contact"] = as("Via"), as("Contact")
	for compact, name := range map[string]string{
		"a": "Accept-Contact", "b": "Referred-By", "d": "Request-Disposition", "e": "Content-Encoding", "j": "Reject-Contact",
		"k": "Supported", "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject", "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
		"y": "Identity",
	} {
		ps[compact] = as(name)
		if p, ok := ps[strings.ToLower(name)]; ok {
			ps[compact] = p
		}
	}
	return sipgo.NewParser(sipgo.WithHeadersParsers(ps))
}

// try calls f; a panic ends f alone and is counted and logged.
func (u *UA) try(f func()) {
	defer func() {
		if r := recover(); r != nil {
			u.m.panics.Inc()
			u.quiet.warn("SIP message handling failed",
				slog.String("panic", fmt.Sprint(r)), slog.String("stack", string(debug.Stack())))
		}
	}()
	f()
}

// unparsed counts a message that could not be parsed, and answers 400 if it is
// a request with what an answer needs. The datagram itself is not logged.
func (u *UA) unparsed(data []byte, src source, cause error) {
	u.m.unparsed.WithLabelValues(src.transport()).Inc()
	u.guard.blame(src, offenceUnparsed, false)
	u.quiet.warn("SIP message not understood",
		slog.String("transport", src.transport()), slog.String("source", src.addr.String()),
		slog.Int("bytes", len(data)), slog.String("error", bounded(cause.Error())))
	back := &flow{ua: u, sock: src.sock, conn: src.conn, to: src.addr}
	if res, code := rejectRaw(data); res != nil && !u.guard.alien(bare(src.addr.Addr())) && !scannerText(data) {
		u.m.response(dirOut, code)
		_ = back.writeBytes(res) // counted there
	}
}

// bounded keeps what outsiders wrote from filling the log.
func bounded(s string) string {
	const limit = 120
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return s
}

// rejectRaw makes a 400 from the raw header lines of a request that the parser
// refused, or a 416 if it has a Request-URI of another scheme; nil when it is
// no request, an ACK, or lacks a line that an answer must repeat (RFC 3261
// §8.2.6).
func rejectRaw(data []byte) (res []byte, code int) {
	start, rest, ok := bytes.Cut(data, []byte("\r\n"))
	if !ok || bytes.HasPrefix(start, []byte("SIP/")) || bytes.HasPrefix(start, []byte("ACK ")) ||
		!bytes.Contains(start, []byte("SIP/")) {
		return nil, 0
	}
	code = codeBadRequest
	if f := bytes.Fields(start); len(f) == 3 && foreign(string(f[1])) {
		code = codeScheme
	}
	found := map[string]bool{}
	var out bytes.Buffer
	fmt.Fprintf(&out, "SIP/2.0 %d %s\r\n", code, reasonOf(code, ""))
	copying := false // the line before was copied, so its continuation is
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, ok := bytes.Cut(line, []byte(":"))
			full, wanted := repeated(string(bytes.ToLower(bytes.TrimSpace(name))))
			copying = ok && wanted && (full == "via" || !found[full])
			found[full] = found[full] || copying
		}
		if copying {
			out.Write(line)
			out.WriteString("\r\n")
		}
	}
	for _, h := range []string{"via", "from", "to", "call-id", "cseq"} {
		if !found[h] {
			return nil, 0
		}
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	return out.Bytes(), code
}

// foreign: a URI whose scheme is well formed and not SIP's.
func foreign(uri string) bool {
	scheme, _, ok := strings.Cut(uri, ":")
	if !ok || scheme == "" || equalFold(scheme, "sip") || equalFold(scheme, "sips") {
		return false
	}
	return strings.IndexFunc(scheme, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+-.", r))
	}) < 0
}

// repeated maps the name of a header field that an answer repeats, long or
// compact, to its long form.
func repeated(name string) (string, bool) {
	switch name {
	case "via", "v":
		return "via", true
	case "from", "f":
		return "from", true
	case "to", "t":
		return "to", true
	case "call-id", "i":
		return "call-id", true
	case "cseq":
		return "cseq", true
	}
	return name, false
}

// bufferPool lends buffers to write messages into.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *bytes.Buffer {
	if b, ok := p.pool.Get().(*bytes.Buffer); ok {
		b.Reset()
		return b
	}
	return new(bytes.Buffer)
}

func (p *bufferPool) put(b *bytes.Buffer) { p.pool.Put(b) }

// retryAfterValue is a duration as the seconds of a Retry-After, at least 1.
func retryAfterValue(seconds float64) string {
	return strconv.Itoa(max(1, int(seconds+0.999)))
}

// maxName bounds what is remembered of a request beyond its life [bytes]: its
// Call-ID, tags and branch. Those of RFC 4475 §3.1.1.8 are a fifth of it.
const maxName = 1024

// checkNames refuses names that only serve to fill our memory.
func checkNames(req *sipgo.Request) *refusal {
	from, _ := param(req.From().Params, "tag")
	to, _ := param(req.To().Params, "tag")
	branch, _ := param(req.Via().Params, "branch")
	for _, v := range [...]string{req.CallID().Value(), from, to, branch, req.Via().Host} {
		if len(v) > maxName {
			return badRequest("Name Too Long")
		}
	}
	return nil
}
