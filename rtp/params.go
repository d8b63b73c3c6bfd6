package rtp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mediaserver/audio"
	"mediaserver/rtp/srtp"
)

// ErrParams: parameters that cannot be: no codec, a payload type beyond 127, a
// packet time outside 10 to 60 ms, codecs of different rates, keys that do
// not fit their suite.
var ErrParams = errors.New("rtp: bad parameters")

// frameTime is the length of a frame, the unit of Receive and Send.
const frameTime = 20 * time.Millisecond

// Limits of the packet time we send.
const (
	minPtime = 10 * time.Millisecond
	maxPtime = 60 * time.Millisecond
)

// Limits of the rate of a codec [samples per second].
const (
	minRate = 8000
	maxRate = 48000
)

// Payload types with a fixed meaning. RFC 3551 table 4.
const (
	ptComfortNoise    = 13  // RFC 3389
	ptComfortNoiseOld = 19  // reserved, once used for comfort noise
	maxPayloadType    = 127 // seven bits
)

// PayloadCodec is a payload type that may arrive and how to decode it.
type PayloadCodec struct {
	PayloadType uint8
	Codec       audio.Codec
}

// Params is what offer and answer settled. The zero Remote means that nothing
// is sent before the far end has been heard.
type Params struct {
	Remote     netip.AddrPort // where RTP goes until its source is known
	RemoteRTCP netip.AddrPort // from a=rtcp (RFC 3605); zero = host of Remote, port + 1

	Codec       audio.Codec // what we send
	PayloadType uint8       // of Codec, as the far end wants it
	// Accept lists what may arrive besides PayloadType. All codecs have one rate.
	Accept []PayloadCodec

	EventPT    uint8 // payload type of telephone events, if HasEvent
	OwnEventPT uint8 // what those that arrive may have as well, where we number them otherwise; 0 = nothing else
	HasEvent   bool
	Ptime      time.Duration // audio per packet we send, 10–60 ms; 0 = 20 ms

	// SRTP are the keys that RTP and RTCP are protected with; zero = in the
	// clear. Where a key stays the same in an Update, its rollover counter does.
	SRTP srtp.Keys
	// SRTCP are keys of RTCP alone, where a handshake on its own port gave them
	// (RFC 5764 §4); zero = those of SRTP.
	SRTCP srtp.Keys

	Send    bool // the direction allows us to send
	Receive bool // the direction allows the far end to send

	Mux    bool   // RTCP goes by the way of RTP, RFC 5761
	Source Source // from where packets are believed

	// Unproven says that Remote may be of somebody who has not called: after
	// a second (see trial) nothing is sent but while packets come from it, until an
	// Update says otherwise.
	Unproven bool
}

// Source says from where packets of the far end are believed to come.
type Source uint8

// The values of Source.
const (
	// SourceLenient: from the signalled address, or from where a NAT has moved it:
	// see the package documentation.
	SourceLenient Source = iota
	// SourceStrict: from the signalled address, Remote, only, and RTCP from the
	// same host.
	SourceStrict
)

// kind is what a payload type of a packet means to us.
type kind uint8

const (
	kindUnknown kind = iota
	kindEvent        // telephone event
	kindNoise        // comfort noise, RFC 3389
	kindMark         // no sound: holds the place of its sequence number
	kindAudio        // kindAudio+i: decoded by codecs[i]
)

// brief is what every frame needs of settings.
type brief struct {
	rate      int         // samples per second of all codecs
	frame     int         // samples of a frame
	perPacket int         // samples of a packet we send
	sends     audio.Codec // Params.Codec, which is codecs[0]
	format    uint8       // Params.PayloadType
	send      bool        // Params.Send
	receive   bool        // Params.Receive
	mux       bool        // Params.Mux
}

// settings are Params prepared for the media path. They never change.
type settings struct {
	brief
	secure  *srtp.Session // nil = in the clear
	control *srtp.Session // the same for RTCP
	codecs  []audio.Codec
	few     [2]audio.Codec // memory of codecs, mostly
	kinds   [maxPayloadType + 1]kind
	Params
}

// current are the settings in effect, the worker's. What every frame needs is
// there twice, so that the settings themselves need not be looked at.
type current struct {
	brief
	*settings
	pt   uint8 // of the packet before
	kind kind  // of pt
}

func newCurrent(s *settings) current {
	return current{brief: s.brief, settings: s, pt: s.format, kind: s.kinds[s.format]}
}

// kindOf is what payload type pt, of seven bits, means.
func (c *current) kindOf(pt uint8) kind {
	if pt != c.pt {
		c.pt, c.kind = pt, c.kinds[pt]
	}
	return c.kind
}

// codec is the codec of a kind of audio.
func (c *current) codec(k kind) audio.Codec {
	if k == kindAudio {
		return c.sends
	}
	return c.codecs[k-kindAudio]
}

// newSettings prepares p, to follow the settings old, nil for the first.
func newSettings(p Params, old *settings) (*settings, error) {
	if p.Ptime == 0 {
		p.Ptime = frameTime
	}
	p.Remote, p.RemoteRTCP = plain(p.Remote), plain(p.RemoteRTCP)
	p.Accept = slices.Clone(p.Accept)
	s := &settings{Params: p, brief: brief{sends: p.Codec, format: p.PayloadType, send: p.Send, receive: p.Receive, mux: p.Mux}}
	s.codecs = append(s.few[:0], p.Codec)
	if err := s.validate(); err != nil {
		return nil, err
	}
	if err := s.protect(old); err != nil {
		return nil, err
	}
	s.rate = p.Codec.Rate()
	s.frame = samplesOf(frameTime, s.rate)
	s.perPacket = samplesOf(p.Ptime, s.rate)
	s.kinds[ptComfortNoise] = kindNoise
	s.kinds[ptComfortNoiseOld] = kindNoise
	for _, a := range append(p.Accept, PayloadCodec{p.PayloadType, p.Codec}) {
		s.kinds[a.PayloadType] = s.kindFor(a.Codec)
	}
	if p.HasEvent {
		s.kinds[p.EventPT] = kindEvent
		if p.OwnEventPT != 0 {
			s.kinds[p.OwnEventPT] = kindEvent
		}
	}
	return s, nil
}

// protect makes the sessions of SRTP that follow those of old.
func (s *settings) protect(old *settings) (err error) {
	if s.SRTP == (srtp.Keys{}) {
		return nil
	}
	var before, control *srtp.Session
	if old != nil {
		before = old.secure
		if old.control != old.secure {
			control = old.control
		}
	}
	if s.secure, err = before.With(s.SRTP); err != nil {
		return fmt.Errorf("%w: %w", ErrParams, err)
	}
	if s.control = s.secure; s.SRTCP == (srtp.Keys{}) {
		return nil
	}
	if s.control, err = control.With(s.SRTCP); err != nil {
		return fmt.Errorf("%w: %w", ErrParams, err)
	}
	return nil
}

// kindFor is the kind of what a codec has made.
func (s *settings) kindFor(c audio.Codec) kind {
	i := slices.Index(s.codecs, c)
	if i < 0 {
		i = len(s.codecs)
		s.codecs = append(s.codecs, c)
	}
	return kindAudio + kind(i)
}

func (s *settings) validate() error {
	if s.Codec == nil || s.Codec.Rate() < minRate || s.Codec.Rate() > maxRate {
		return fmt.Errorf("%w: codec", ErrParams)
	}
	if s.Ptime < minPtime || s.Ptime > maxPtime {
		return fmt.Errorf("%w: packet time %v", ErrParams, s.Ptime)
	}
	if s.PayloadType > maxPayloadType || s.HasEvent && max(s.EventPT, s.OwnEventPT) > maxPayloadType {
		return fmt.Errorf("%w: payload type", ErrParams)
	}
	for _, a := range s.Accept {
		if a.PayloadType > maxPayloadType || a.Codec == nil || a.Codec.Rate() != s.Codec.Rate() {
			return fmt.Errorf("%w: accepted payload type %d", ErrParams, a.PayloadType)
		}
	}
	return nil
}

// nextPort is the RTCP address that belongs to an RTP address. RFC 3550 §11.
func nextPort(a netip.AddrPort) netip.AddrPort {
	if !a.IsValid() {
		return a
	}
	return netip.AddrPortFrom(a.Addr(), a.Port()+1)
}

// plain is a with an IPv4 address in its own form, not mapped into IPv6, so
// that addresses compare equal.
func plain(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4In6() {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	return a
}

// reachable tells whether packets can be sent to a.
func reachable(a netip.AddrPort) bool {
	return a.IsValid() && a.Port() != 0 && !a.Addr().IsUnspecified()
}

// samplesOf is the number of samples in d.
func samplesOf(d time.Duration, rate int) int {
	return int(int64(d) * int64(rate) / int64(time.Second))
}
