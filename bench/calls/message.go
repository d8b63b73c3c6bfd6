package calls

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// message is what is of interest of a SIP message.
type message struct {
	code    int    // of a response; 0 of a request
	method  string // of a request, or of the CSeq of a response
	call    int    // the number in the Call-ID; -1 if it is not ours
	to      string // header field value, with the tag
	contact string // the URI
	media   netip.AddrPort
	head    []string // Via, From, To, Call-ID, CSeq lines, to answer a request with
}

// parse reads a message; false if it is none.
func parse(data string) (m message, ok bool) {
	head, body, _ := strings.Cut(data, "\r\n\r\n")
	first, rest, _ := strings.Cut(head, "\r\n")
	m.call = -1
	if status, isResponse := strings.CutPrefix(first, "SIP/2.0 "); isResponse {
		code, _, _ := strings.Cut(status, " ")
		if m.code, _ = strconv.Atoi(code); m.code == 0 {
			return m, false
		}
	} else if m.method, _, ok = strings.Cut(first, " "); !ok {
		return m, false
	}
	for line := range strings.SplitSeq(rest, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "call-id", "i":
			number, _, _ := strings.Cut(value, "@")
			if n, err := strconv.Atoi(number); err == nil {
				m.call = n
			}
		case "to", "t":
			m.to = value
		case "contact", "m":
			m.contact = uriOf(value)
		case "cseq":
			if _, method, ok := strings.Cut(value, " "); ok && m.code != 0 {
				m.method = strings.TrimSpace(method)
			}
		case "via", "v", "from", "f":
		default:
			continue
		}
		m.head = append(m.head, line)
	}
	m.media = mediaOf(body)
	return m, m.call >= 0
}

// uriOf is the URI of a Contact.
func uriOf(value string) string {
	if _, after, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(after, ">")
		return uri
	}
	uri, _, _ := strings.Cut(value, ";")
	return uri
}

// mediaOf is where a session description wants RTP; not valid if nowhere.
func mediaOf(body string) netip.AddrPort {
	var ip netip.Addr
	port := 0
	for line := range strings.SplitSeq(body, "\r\n") {
		if a, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			ip, _ = netip.ParseAddr(strings.TrimSpace(a))
		} else if a, ok := strings.CutPrefix(line, "m=audio "); ok {
			p, _, _ := strings.Cut(a, " ")
			port, _ = strconv.Atoi(p)
		}
	}
	if !ip.IsValid() || port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, uint16(port))
}

// party is the two ends of all calls.
type party struct {
	own, server string // addresses
}

// header are the lines that all requests of a call have.
func (p party) header(method, uri string, c *call, branch string, cseq int) string {
	to := c.to
	if to == "" {
		to = "<" + c.uri + ">"
	}
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:%d@%s>;tag=f%d\r\nTo: %s\r\n"+
		"Call-ID: %d@bench\r\nCSeq: %d %s\r\n", method, uri, p.own, branch, c.number, p.own, c.number, to, c.number, cseq, method)
}

func (p party) invite(c *call, media netip.AddrPort) string {
	body := fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n",
		c.number+1, media.Addr(), media.Addr(), media.Port())
	return p.header("INVITE", c.uri, c, fmt.Sprintf("i%d", c.number), 1) +
		fmt.Sprintf("Contact: <sip:bench@%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", p.own, len(body), body)
}

// ack acknowledges a final response; that of a refusal belongs to the INVITE.
func (p party) ack(c *call, refused bool) string {
	uri, branch := c.target, fmt.Sprintf("a%d", c.number)
	if refused {
		uri, branch = c.uri, fmt.Sprintf("i%d", c.number)
	}
	return p.header("ACK", uri, c, branch, 1) + "Content-Length: 0\r\n\r\n"
}

func (p party) bye(c *call) string {
	return p.header("BYE", c.target, c, fmt.Sprintf("b%d", c.number), 2) + "Content-Length: 0\r\n\r\n"
}

// reply answers a request with 200.
func (m message) reply() string {
	return "SIP/2.0 200 OK\r\n" + strings.Join(m.head, "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
}
