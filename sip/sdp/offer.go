package sdp

import (
	"fmt"
	"slices"

	pion "github.com/pion/sdp/v3"
)

// Offer makes an offer of our own: all codecs, sending and receiving. In a
// session that exists already (local.Previous: a re-INVITE without SDP, or
// one of ours) the streams and payload types of before are kept, as RFC 3264
// §8 asks for; a session description we never sent is ignored.
func Offer(c Capability, local Local) []byte {
	t := settled{ptime: c.ptime(), event: c.Events, eventPT: DefaultEventPT}
	for _, codec := range c.Codecs {
		t.codecs = append(t.codecs, PayloadCodec{PayloadType: codec.PayloadType, Codec: codec})
	}
	t.mux = c.Mux
	streams, at, proto := []*pion.MediaDescription{nil}, 0, t.protect(c, local)
	if before, i := parseOurs(local.Previous); i >= 0 {
		s := &before.streams[i]
		streams, at, proto = refuseAll(before.streams), i, s.proto
		t.keep(s.payloads)
		t.keepTransport(s, local)
	}
	streams[at] = local.audio(proto, t, sendRecv)
	return local.print(pion.Timing{}, streams, t.ice)
}

// protect offers keys; it returns the transport that goes with them. By DTLS, RTP
// and RTCP are offered on one port: it would take two handshakes otherwise.
func (t *settled) protect(c Capability, l Local) (proto string) {
	mode := c.security(l)
	dtls := c.Keying == KeyingDTLS && c.dtls(l)
	switch {
	case mode == SecurityOff:
		return "RTP/AVP"
	case dtls:
		t.dtls, t.mux = DTLS{Fingerprints: []Fingerprint{l.Fingerprint}, Setup: SetupActPass}, true
		proto = "UDP/TLS/RTP/SAVP"
	default:
		t.cryptos = l.offered()
		proto = "RTP/SAVP"
	}
	if mode == SecurityOptional {
		return "RTP/AVP" // with keys beside it, RFC 8643
	}
	return proto
}

// keepTransport uses the protection and the way of packets of before, our side
// of the stream: a session does not change these in the middle.
func (t *settled) keepTransport(before *stream, l Local) {
	if len(before.cryptos) == 0 {
		t.cryptos = nil
	}
	t.dtls = DTLS{}
	if len(before.dtls.fingerprints) > 0 {
		t.dtls = DTLS{Fingerprints: before.dtls.fingerprints, Setup: SetupActPass}
	}
	if before.ice.offered() && l.ICE != (Credentials{}) {
		t.ice = ICE{Remote: l.ICE}
	}
	t.mux, t.mid = before.mux, before.mid
}

// parseOurs reads a description we sent and finds the audio stream in use;
// -1: there is none.
func parseOurs(body []byte) (*Description, int) {
	d, err := Parse(body)
	if err != nil {
		return nil, -1
	}
	for i, s := range d.streams {
		if s.why == "" {
			return d, i
		}
	}
	return nil, -1
}

// keep uses the payload types of before for what has one, and moves a new one
// that would collide. RFC 3264 §8.3.2.
func (t *settled) keep(before []payload) {
	var used [128]bool
	for _, p := range before {
		used[p.pt] = true
	}
	free := func(pt uint8) uint8 {
		for used[pt] {
			pt = 96 + (pt+1)%32
		}
		used[pt] = true
		return pt
	}
	for i, pc := range t.codecs {
		t.codecs[i].PayloadType = carried(before, pc.Codec.Name, pc.Codec.ClockRate, pc.PayloadType, free)
	}
	if t.event {
		t.eventPT = carried(before, eventName, t.codecs[0].Codec.ClockRate, t.eventPT, free)
	}
}

// carried is the payload type that a codec had before, else a free one.
func carried(before []payload, name string, rate int, want uint8, free func(uint8) uint8) uint8 {
	for _, p := range before {
		if (CodecSpec{Name: name, ClockRate: rate}).is(p.name, p.rate) {
			return p.pt
		}
	}
	return free(want)
}

// Accept reads the answer to our offer, given as the bytes that were sent.
// The codec the peer prefers is what we send. Errors: ErrMalformed where the
// answer has other streams than the offer, ErrNoCommonCodec where the audio
// was refused or changed to something we did not offer.
func Accept(offer []byte, answer *Description, c Capability) (Media, error) {
	ours, at := parseOurs(offer)
	if at < 0 {
		return Media{}, fmt.Errorf("%w: our offer has no audio", ErrMalformed)
	}
	// RFC 3264 §6 wants as many streams; fewer is seen where the rest was refused.
	if len(answer.streams) <= at || len(answer.streams) > len(ours.streams) {
		return Media{}, &ParseError{Reason: fmt.Sprintf("answer has %d streams, offer %d", len(answer.streams), len(ours.streams))}
	}
	s := answer.streams[at]
	s.adopt(ours.streams[at].payloads)
	t, why := s.settle(c, false)
	if why != "" {
		return Media{}, fmt.Errorf("%w: %s", ErrNoCommonCodec, why)
	}
	agreed, why := s.accepted(c.Security, &ours.streams[at])
	if why != "" {
		return Media{}, fmt.Errorf("%w: %s", ErrNoCommonCodec, why)
	}
	t.dtls, t.mux = agreed.dtls, s.mux && ours.streams[at].mux
	if ours.streams[at].ice.offered() && s.ice.offered() {
		t.ice = ICE{Remote: s.ice.creds, Lite: s.ice.lite}
	}
	m := s.result(t, s.dir.answer())
	m.Keys = agreed.keys
	if pt, ok := ours.streams[at].events(m.Codec.ClockRate); ok {
		m.OwnEventPT = pt
	}
	return m, nil
}

// adopt names the formats that an answer lists without a=rtpmap by those of
// the offer.
func (s *stream) adopt(offered []payload) {
	s.payloads = slices.Clone(s.payloads)
	for i, p := range s.payloads {
		at := slices.IndexFunc(offered, func(o payload) bool { return o.pt == p.pt })
		if p.name == "" && at >= 0 {
			s.payloads[i] = offered[at]
		}
	}
}
