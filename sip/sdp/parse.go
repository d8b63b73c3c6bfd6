package sdp

import (
	"net/netip"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// Description is a parsed session description of a peer.
type Description struct {
	timing  pion.Timing
	streams []stream
}

// Streams is the number of m= lines.
func (d *Description) Streams() int { return len(d.streams) }

// Addr is the connection address of the first audio stream that could be
// taken, for choosing the local address; not valid when there is none.
func (d *Description) Addr() netip.Addr {
	for _, s := range d.streams {
		if s.why == "" {
			return s.addr
		}
	}
	return netip.Addr{}
}

// Parse reads a session description. It is strict where a mistake would
// change the meaning and lenient with lines that are not used: see the bounds
// MaxSize, MaxStreams and MaxFormats. Errors are *ParseError.
func Parse(body []byte) (*Description, error) {
	text, names, err := normalise(body)
	if err != nil {
		return nil, err
	}
	var p pion.SessionDescription
	if err := p.UnmarshalString(text); err != nil {
		return nil, &ParseError{Reason: err.Error()}
	}
	if len(p.MediaDescriptions) != len(names) {
		return nil, &ParseError{Reason: "an m= within another line"} // which pion's parser takes for one of its own
	}
	d := &Description{streams: make([]stream, 0, len(names))}
	if len(p.TimeDescriptions) > 0 {
		d.timing = p.TimeDescriptions[0].Timing
	}
	session := levelOf(p.ConnectionInformation, p.Attributes)
	for i, m := range p.MediaDescriptions {
		d.streams = append(d.streams, newStream(names[i], m, session))
	}
	return d, nil
}

// level is what can be said for all streams and again for one: the
// connection address, the direction, and what belongs to DTLS and ICE.
type level struct {
	addr      netip.Addr
	multicast bool
	named     bool // a c= line that names a host, not an address
	dir       direction
	dtls      dtlsLines
	ice       iceLines
}

// levelOf reads c= and the direction attribute.
func levelOf(c *pion.ConnectionInformation, attrs []pion.Attribute) level {
	var l level
	if c != nil && c.Address != nil {
		text, _, _ := strings.Cut(c.Address.Address, "/") // TTL and count of a multicast address
		addr, err := netip.ParseAddr(text)
		l.named = err != nil
		l.addr = addr.Unmap().WithZone("")
		l.multicast = l.addr.IsMulticast()
	}
	for _, a := range attrs {
		if dir, ok := directionOf(a.Key); ok {
			l.dir = dir
		}
		l.dtls.read(a)
		l.ice.read(a)
	}
	return l
}

// over is the level of a stream within that of its session.
func (l level) over(session level) level {
	if !l.addr.IsValid() && !l.named {
		l.addr, l.named, l.multicast = session.addr, session.named, session.multicast
	}
	if l.dir == 0 {
		l.dir = session.dir
	}
	if l.dir == 0 {
		l.dir = sendRecv // RFC 8866 §6.7
	}
	l.dtls, l.ice = l.dtls.over(session.dtls), l.ice.over(session.ice)
	return l
}

// parsePtime reads the value of a=ptime or a=maxptime [ms]; 0: none. Some
// peers write a fraction.
func parsePtime(value string) int {
	text, _, _ := strings.Cut(strings.TrimSpace(value), ".")
	ms, err := strconv.Atoi(text)
	if err != nil || ms <= 0 {
		return 0
	}
	return ms
}

// parseRTCP reads a=rtcp, RFC 3605 §2.1: a port, and an address where it is
// not that of the stream. What cannot be read or reached is as if it were
// not there.
func parseRTCP(value string, addr netip.Addr) netip.AddrPort {
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return netip.AddrPort{}
	}
	port, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}
	}
	if len(fields) < 4 {
		return netip.AddrPortFrom(addr, uint16(port))
	}
	given, err := netip.ParseAddr(fields[3])
	given = given.Unmap().WithZone("")
	if err != nil || given.IsUnspecified() || given.IsMulticast() || given.Is4() != addr.Is4() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(given, uint16(port))
}
