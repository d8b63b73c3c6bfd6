package sdp

import (
	"fmt"
	"strconv"
	"strings"
)

// mediaName is an m= line as the peer wrote it.
type mediaName struct {
	line    int // in the description, from 1
	media   string
	proto   string
	formats []string
	ours    bool // an RTP audio stream, worth a look
}

// normalise turns what peers send into what the strict grammar below wants:
// lines in order, unused ones (i= u= e= p= b= k= r= z=) left out, s= and t=
// supplied, an odd o= replaced, streams that are not RTP audio reduced to a
// placeholder. What the m= lines said is returned beside it.
func normalise(body []byte) (text string, names []mediaName, err error) {
	if len(body) > MaxSize {
		return "", nil, &ParseError{Reason: fmt.Sprintf("%d bytes, more than %d", len(body), MaxSize)}
	}
	n := normaliser{session: section{used: true}}
	for raw := range strings.Lines(string(body)) {
		n.line++
		line := strings.TrimRight(raw, " \t\r\n")
		if line == "" {
			continue
		}
		if err := n.add(line); err != nil {
			return "", nil, &ParseError{Line: n.line, Reason: err.Error()}
		}
	}
	if !n.version || !n.origin {
		return "", nil, &ParseError{Reason: "no v= or no o= line"}
	}
	return n.text(), n.names, nil
}

// section is what is kept of the session or of one stream.
type section struct {
	media string // m= line; "" for the session
	conn  string // c= line
	attrs []byte // a= lines
	used  bool   // false: only the m= line matters
}

// normaliser collects the lines of a description by section.
type normaliser struct {
	line    int
	version bool
	origin  bool
	timing  string // t= line
	session section
	streams []section
	names   []mediaName
}

// current is the section that lines go to.
func (n *normaliser) current() *section {
	if len(n.streams) == 0 {
		return &n.session
	}
	return &n.streams[len(n.streams)-1]
}

// add takes one line.
func (n *normaliser) add(line string) error {
	if len(line) < 2 || line[1] != '=' {
		return fmt.Errorf("%q is not type=value", cut(line))
	}
	if i := strings.IndexFunc(line, isControl); i >= 0 {
		return fmt.Errorf("control character at %d", i)
	}
	kind, value := line[0], line[2:]
	if !n.version && kind != 'v' {
		return fmt.Errorf("%c= before v=", kind)
	}
	switch kind {
	case 'v':
		if n.version || value != "0" {
			return fmt.Errorf("version %q", cut(value))
		}
		n.version = true
	case 'o':
		n.origin = true
	case 's', 'i', 'u', 'e', 'p', 'b', 'k', 'r', 'z':
	case 'm':
		return n.addMedia(value)
	case 't':
		if n.timing == "" {
			n.timing = line + "\r\n"
		}
	case 'c':
		if s := n.current(); s.used && s.conn == "" {
			s.conn = line + "\r\n"
		}
	case 'a':
		if s := n.current(); s.used {
			s.attrs = append(append(s.attrs, line...), "\r\n"...)
		}
	default:
		// RFC 8866 §5: an unknown type spoils the whole description.
		return fmt.Errorf("unknown type %c=", kind)
	}
	return nil
}

// addMedia takes the value of an m= line. RFC 8866 §5.14.
func (n *normaliser) addMedia(value string) error {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return fmt.Errorf("m=%s: no media, port and transport", cut(value))
	}
	if len(n.names) == MaxStreams {
		return fmt.Errorf("more than %d streams", MaxStreams)
	}
	if len(fields)-3 > MaxFormats {
		return fmt.Errorf("more than %d formats", MaxFormats)
	}
	name := mediaName{line: n.line, media: fields[0], proto: fields[2], formats: fields[3:]}
	name.ours = name.media == "audio" && (strings.EqualFold(name.proto, "RTP/AVP") || strings.EqualFold(name.proto, "RTP/AVPF") || secureProto(name.proto) || tlsProto(name.proto))
	port, count, ranged := strings.Cut(fields[1], "/")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %q", cut(port))
	}
	if _, err := strconv.ParseUint(count, 10, 16); ranged && err != nil {
		return fmt.Errorf("number of ports %q", cut(count))
	}
	n.names = append(n.names, name)
	m := fmt.Sprintf("m=application %s UDP 0\r\n", port)
	if name.ours {
		m = fmt.Sprintf("m=audio %s RTP/AVP %s\r\n", port, strings.Join(name.formats, " "))
	}
	n.streams = append(n.streams, section{media: m, used: name.ours})
	return nil
}

// text is the description in the order of RFC 8866 §5. Nothing of o= and s=
// is used, so they are always the same.
func (n *normaliser) text() string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\n")
	b.WriteString(n.session.conn)
	if n.timing == "" {
		n.timing = "t=0 0\r\n"
	}
	b.WriteString(n.timing)
	b.Write(n.session.attrs)
	for _, s := range n.streams {
		b.WriteString(s.media)
		b.WriteString(s.conn)
		b.Write(s.attrs)
	}
	return b.String()
}

// isControl finds what no line of a description may hold.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// cut shortens what an error quotes.
func cut(s string) string { return s[:min(len(s), 40)] }
