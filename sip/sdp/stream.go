package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	pion "github.com/pion/sdp/v3"
)

// eventName is the encoding name of RFC 4733 §7.1.1.
const eventName = "telephone-event"

// maxPort is the highest port there is.
const maxPort = 1<<16 - 1

// maxMid is the longest a=mid that is repeated in an answer.
const maxMid = 64

// stream is one m= line with what applies to it.
type stream struct {
	mediaName
	port     int
	addr     netip.Addr     // where the author receives; unspecified: nowhere
	rtcp     netip.AddrPort // of a=rtcp; not valid without
	dir      direction      // seen from the author
	payloads []payload      // in the author's order of preference
	ptime    int            // [ms], 0: not said
	maxPtime int            // [ms], 0: not said
	cryptos  []cryptoLine   // those that can be read
	dtls     dtlsLines
	ice      iceLines
	mux      bool   // a=rtcp-mux
	mid      string // a=mid, RFC 5888
	why      string // not "": cannot be taken, for this reason
}

// payload is one format of an RTP stream.
type payload struct {
	pt   uint8
	name string // "" without a=rtpmap: no codec of ours
	rate int    // [Hz]
}

// newStream reads one stream. One that cannot be taken says why.
func newStream(name mediaName, m *pion.MediaDescription, session level) stream {
	s := stream{mediaName: name, port: m.MediaName.Port.Value}
	if !name.ours {
		s.why = fmt.Sprintf("%s over %s", name.media, name.proto)
		return s
	}
	at := levelOf(m.ConnectionInformation, m.Attributes).over(session)
	s.addr, s.dir, s.dtls, s.ice = at.addr, at.dir, at.dtls, at.ice
	s.readAttributes(m.Attributes)
	switch {
	case s.port == 0:
		s.why = "port 0"
	case at.named:
		s.why = "connection address is not a number" // no lookup in offer/answer
	case !s.addr.IsValid():
		s.why = "no connection address"
	case at.multicast:
		s.why = "multicast"
	case s.addr.IsUnspecified() && !(s.ice.offered() && s.port == discardPort):
		s.dir = s.dir.held() // RFC 3264 §8.4
	}
	return s
}

// readAttributes reads what a= lines say of packet times, RTCP and payloads.
func (s *stream) readAttributes(attrs []pion.Attribute) {
	maps := staticPayloads()
	for _, a := range attrs {
		switch a.Key {
		case "rtpmap":
			// One that cannot be read only takes its format out.
			if p, ok := parseRtpmap(a.Value); ok && maps[p.pt].name == "" {
				maps[p.pt] = p
			}
		case "ptime":
			s.ptime = parsePtime(a.Value)
		case "maxptime":
			s.maxPtime = parsePtime(a.Value)
		case "crypto":
			if c, ok := parseCrypto(a.Value); ok && len(s.cryptos) < maxCryptos {
				s.cryptos = append(s.cryptos, c)
			}
		case "rtcp":
			s.rtcp = parseRTCP(a.Value, s.addr)
		case "rtcp-mux", "rtcp-mux-only":
			s.mux = true
		case "mid":
			if id := strings.TrimSpace(a.Value); len(id) <= maxMid {
				s.mid = id
			}
		}
	}
	var seen [128]bool
	for _, f := range s.formats {
		pt, err := strconv.ParseUint(f, 10, 8)
		if err != nil || pt >= 128 || seen[pt] {
			continue
		}
		seen[pt] = true
		p := maps[uint8(pt)]
		p.pt = uint8(pt)
		s.payloads = append(s.payloads, p)
	}
}

// staticPayloads are the payload types that need no a=rtpmap, RFC 3551 §6; an
// a=rtpmap of the same number is ignored. It is not an array: two of them made
// the stacks of two goroutines of each call twice as large.
func staticPayloads() map[uint8]payload {
	maps := make(map[uint8]payload, 8) // enough for most
	for _, c := range []CodecSpec{PCMU, PCMA} {
		maps[c.PayloadType] = payload{pt: c.PayloadType, name: c.Name, rate: c.ClockRate}
	}
	return maps
}

// parseRtpmap reads "97 PCMU/8000/1", RFC 8866 §6.6. Anything but one channel
// is not for us.
func parseRtpmap(value string) (payload, bool) {
	number, encoding, _ := strings.Cut(value, " ")
	pt, err := strconv.ParseUint(number, 10, 7)
	if err != nil {
		return payload{}, false
	}
	parts := strings.Split(strings.TrimSpace(encoding), "/")
	if len(parts) < 2 || len(parts) == 3 && parts[2] != "1" || len(parts) > 3 || parts[0] == "" {
		return payload{}, false
	}
	rate, err := strconv.ParseUint(parts[1], 10, 31)
	if err != nil {
		return payload{}, false
	}
	return payload{pt: uint8(pt), name: parts[0], rate: int(rate)}, true
}

// settled is what a stream and our capability have in common.
type settled struct {
	codecs  []PayloadCodec
	eventPT uint8
	event   bool
	ptime   int          // [ms]
	cryptos []cryptoLine // ours
	dtls    DTLS
	ice     ICE
	// mismatch: ICE was offered, but somebody has changed the address.
	mismatch bool
	mux      bool
	mid      string
}

// settle picks what can be used of a stream. With ours the codecs are in our
// order of preference, else in the peer's. An empty why means that it works.
func (s *stream) settle(c Capability, ours bool) (settled, string) {
	if s.why != "" {
		return settled{}, s.why
	}
	t := settled{ptime: s.agreedPtime(c)}
	taken := make([]bool, len(c.Codecs))
	for _, p := range s.payloads {
		if i := c.lookup(p.name, p.rate); i >= 0 && !taken[i] {
			taken[i] = true
			t.codecs = append(t.codecs, PayloadCodec{PayloadType: p.pt, Codec: c.Codecs[i]})
		}
	}
	if len(t.codecs) == 0 {
		return settled{}, "no codec in common"
	}
	if ours {
		t.sortBy(c)
	}
	if !c.Events {
		return t, ""
	}
	t.eventPT, t.event = s.events(t.codecs[0].Codec.ClockRate)
	return t, ""
}

// events is the payload type of telephone-event beside audio of a rate. RFC 4733
// §2.1: events keep its clock.
func (s *stream) events(rate int) (pt uint8, ok bool) {
	for _, p := range s.payloads {
		if strings.EqualFold(p.name, eventName) && p.rate == rate {
			return p.pt, true
		}
	}
	return 0, false
}

// sortBy puts the codecs in our order of preference.
func (t *settled) sortBy(c Capability) {
	slices.SortFunc(t.codecs, func(a, b PayloadCodec) int {
		return slices.Index(c.Codecs, a.Codec) - slices.Index(c.Codecs, b.Codec)
	})
}

// agreedPtime is the length of the packets we send [ms]: what the author
// wants to receive, no more than it can take. RFC 8866 §6.4.
func (s *stream) agreedPtime(c Capability) int {
	ms := c.ptime()
	if s.ptime > 0 {
		ms = clampPtime(s.ptime)
	}
	if s.maxPtime > 0 && ms > s.maxPtime {
		ms = max(s.maxPtime/PtimeStep*PtimeStep, MinPtime)
	}
	return ms
}

// result is what was settled on stream s, described by the peer, when our own
// direction is dir.
func (s *stream) result(t settled, dir direction) Media {
	m := Media{
		Codec:       t.codecs[0].Codec,
		PayloadType: t.codecs[0].PayloadType,
		Accept:      t.codecs,
		EventPT:     t.eventPT,
		OwnEventPT:  t.eventPT,
		HasEvent:    t.event,
		PtimeMS:     t.ptime,
		Send:        dir.sends(),
		Receive:     dir.receives(),
		OnHold:      !s.dir.receives(),
		DTLS:        t.dtls,
		ICE:         t.ice,
		Mux:         t.mux,
	}
	if s.addr.IsUnspecified() {
		return m
	}
	m.Remote = netip.AddrPortFrom(s.addr, uint16(s.port))
	m.RemoteRTCP = s.rtcp
	switch {
	case t.mux:
		m.RemoteRTCP = m.Remote
	case !s.rtcp.IsValid() && s.port < maxPort:
		m.RemoteRTCP = netip.AddrPortFrom(s.addr, uint16(s.port+1)) // RFC 3550 §11
	}
	return m
}
