package phone

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/rtp"
	"mediaserver/rtp/srtp"
	"mediaserver/sip/sdp"
)

// negotiation is a phone's side of the session description of one call.
type negotiation struct {
	can   sdp.Capability
	local sdp.Local

	mu      sync.Mutex
	offered []byte // our offer that waits for its answer
}

func newNegotiation(can sdp.Capability, addr netip.Addr, port int) *negotiation {
	id := rand.Uint64() >> 2 // Local.SessionID: below 2^62
	return &negotiation{can: can, local: sdp.Local{Addr: addr, Port: port, SessionID: id, Version: id, Crypto: newCryptos(can.Security)}}
}

// newCryptos makes a key for every suite of SRTP, if any may be needed.
func newCryptos(s sdp.Security) (all []sdp.Crypto) {
	if s == sdp.SecurityOff {
		return nil
	}
	for _, suite := range srtp.Suites() {
		all = append(all, sdp.Crypto{Suite: suite.String(), Key: sdp.Secret(srtp.NewKey(suite).Bytes())})
	}
	return all
}

// keysOf are agreed keys in the terms of the RTP endpoint.
func keysOf(k sdp.Keys) srtp.Keys {
	suite, ok := srtp.ParseSuite(k.Suite)
	if !ok {
		return srtp.Keys{}
	}
	return srtp.Keys{Suite: suite, Send: srtp.KeyFrom([]byte(k.Local)), Receive: srtp.KeyFrom([]byte(k.Remote))}
}

// The attribute of a description that says who sends, as sdp prints it.
var directions = [...]string{"a=sendrecv\r\n", "a=sendonly\r\n", "a=recvonly\r\n", "a=inactive\r\n"}

const (
	sendRecv = "a=sendrecv\r\n"
	sendOnly = "a=sendonly\r\n"
	inactive = "a=inactive\r\n"
)

// offer makes an offer with a direction.
func (n *negotiation) offer(direction string) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	local := n.local
	if local.Previous != nil {
		// Any other direction makes it differ, so that the version rises.
		local.Previous = withDirection(local.Previous, inactive)
	}
	n.offered = withDirection(sdp.Offer(n.can, local), direction)
	n.local.Previous = n.offered
	return n.offered
}

// accept reads the answer to the last offer.
func (n *negotiation) accept(body []byte) (rtp.Params, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := sdp.Parse(body)
	if err != nil {
		return rtp.Params{}, fmt.Errorf("phone: answer: %w", err)
	}
	m, err := sdp.Accept(n.offered, d, n.can)
	if err != nil {
		return rtp.Params{}, fmt.Errorf("phone: answer: %w", err)
	}
	return paramsOf(m)
}

// early is what is in effect until the answer to our first offer has come:
// anything offered may arrive, nothing is sent.
func (n *negotiation) early() (rtp.Params, error) {
	var p rtp.Params
	for _, spec := range n.can.Codecs {
		c, err := codecOf(spec)
		if err != nil {
			return rtp.Params{}, err
		}
		p.Accept = append(p.Accept, rtp.PayloadCodec{PayloadType: spec.PayloadType, Codec: c})
	}
	p.Codec, p.PayloadType = p.Accept[0].Codec, p.Accept[0].PayloadType
	p.EventPT, p.HasEvent, p.Receive = sdp.DefaultEventPT, n.can.Events, true
	return p, nil
}

// answer answers an offer.
func (n *negotiation) answer(body []byte) ([]byte, rtp.Params, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, err := sdp.Parse(body)
	if err != nil {
		return nil, rtp.Params{}, fmt.Errorf("phone: offer: %w", err)
	}
	answer, m, err := sdp.Answer(d, n.can, n.local)
	if err != nil {
		return nil, rtp.Params{}, fmt.Errorf("phone: offer: %w", err)
	}
	n.local.Previous = answer
	p, err := paramsOf(m)
	return answer, p, err
}

// withDirection replaces the direction that a description of ours says.
func withDirection(body []byte, direction string) []byte {
	for _, d := range directions {
		if bytes.Contains(body, []byte(d)) {
			return bytes.Replace(body, []byte(d), []byte(direction), 1)
		}
	}
	return body
}

// paramsOf is what was settled, in the terms of the RTP endpoint.
func paramsOf(m sdp.Media) (rtp.Params, error) {
	codec, err := codecOf(m.Codec)
	if err != nil {
		return rtp.Params{}, err
	}
	p := rtp.Params{
		Remote: m.Remote, RemoteRTCP: m.RemoteRTCP,
		Codec: codec, PayloadType: m.PayloadType,
		EventPT: m.EventPT, OwnEventPT: m.OwnEventPT, HasEvent: m.HasEvent,
		Ptime: time.Duration(m.PtimeMS) * time.Millisecond,
		Send:  m.Send, Receive: m.Receive,
		SRTP: keysOf(m.Keys),
	}
	for _, a := range m.Accept {
		c, err := codecOf(a.Codec)
		if err != nil {
			return rtp.Params{}, err
		}
		p.Accept = append(p.Accept, rtp.PayloadCodec{PayloadType: a.PayloadType, Codec: c})
	}
	return p, nil
}

// codecOf is the codec of a name.
func codecOf(c sdp.CodecSpec) (audio.Codec, error) {
	switch strings.ToUpper(c.Name) {
	case sdp.PCMU.Name:
		return g711.PCMU(), nil
	case sdp.PCMA.Name:
		return g711.PCMA(), nil
	}
	return nil, fmt.Errorf("phone: codec %s/%d: %w", c.Name, c.ClockRate, sdp.ErrNoCommonCodec)
}
