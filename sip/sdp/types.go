package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Bounds of what Parse accepts.
const (
	MaxSize    = 64 << 10 // bytes of a description
	MaxStreams = 64       // m= lines of a description
	MaxFormats = 64       // formats of an m= line
)

// Packet times that can be agreed [ms]: MinPtime to MaxPtime in steps of
// PtimeStep.
const (
	MinPtime     = 10
	MaxPtime     = 60
	PtimeStep    = 10
	DefaultPtime = 20
)

// DefaultEventPT is the payload type of telephone-event in our first offer.
const DefaultEventPT = 101

// What Parse, Answer and Accept may return; test with errors.Is.
var (
	// ErrMalformed: not a session description, or beyond the bounds. SIP 400.
	ErrMalformed = errors.New("sdp: malformed")
	// ErrNoCommonCodec: no stream with a codec, a transport and an address we
	// can serve. SIP 488.
	ErrNoCommonCodec = errors.New("sdp: no common codec")
)

// ParseError says where a description is malformed. It wraps ErrMalformed.
type ParseError struct {
	Line   int // counted from 1; 0: the description as a whole
	Reason string
}

// Error names the line and the reason.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%v: %s", ErrMalformed, e.Reason)
	}
	return fmt.Sprintf("%v: line %d: %s", ErrMalformed, e.Line, e.Reason)
}

// Unwrap is ErrMalformed.
func (e *ParseError) Unwrap() error { return ErrMalformed }

// CodecSpec names a codec as a=rtpmap does.
type CodecSpec struct {
	Name        string // "PCMU", "PCMA"; upper and lower case are the same
	ClockRate   int    // of the RTP timestamp [Hz]
	PayloadType uint8  // static payload type of RFC 3551, or the one we offer
}

// The codecs of RFC 3551 §6 that need no a=rtpmap.
var (
	PCMU = CodecSpec{Name: "PCMU", ClockRate: 8000, PayloadType: 0}
	PCMA = CodecSpec{Name: "PCMA", ClockRate: 8000, PayloadType: 8}
)

// is reports whether the codec is the one named in an a=rtpmap.
func (c CodecSpec) is(name string, rate int) bool {
	return c.ClockRate == rate && strings.EqualFold(c.Name, name)
}

// rtpmap is the value of the codec's a=rtpmap, without the payload type.
func (c CodecSpec) rtpmap() string { return fmt.Sprintf("%s/%d", c.Name, c.ClockRate) }

// PayloadCodec ties a payload type of one session to a codec.
type PayloadCodec struct {
	PayloadType uint8
	Codec       CodecSpec
}

// Capability is what we can do. The zero value has no codec at all; see
// DefaultCapability.
type Capability struct {
	// Codecs in order of preference. The order decides what we send and how an
	// answer is sorted, whatever the order of the offer: an operator's
	// configured preference is the "specific reason" of RFC 3264 §6.1.
	Codecs []CodecSpec
	Events bool // telephone-event, RFC 4733
	Ptime  int  // packet time we offer, and take where the peer names none [ms]; 0: DefaultPtime
	// Security is what becomes of SRTP. Without keys in Local it is off.
	Security Security
	Keying   Keying // how its keys are exchanged
	// Mux: offer RTP and RTCP on one port (RFC 5761), also without DTLS.
	Mux bool
}

// security is what becomes of SRTP in a session of ours.
func (c Capability) security(l Local) Security {
	if !c.sdes(l) && !c.dtls(l) && c.Security == SecurityOptional {
		return SecurityOff
	}
	return c.Security
}

// sdes and dtls tell whether keys can come in these ways.
func (c Capability) sdes(l Local) bool { return c.Keying != KeyingDTLS && len(l.Crypto) > 0 }

func (c Capability) dtls(l Local) bool { return c.Keying != KeyingSDES && l.Fingerprint.Digest != "" }

// DefaultCapability is G.711 of both laws with telephone-events.
func DefaultCapability() Capability {
	return Capability{Codecs: []CodecSpec{PCMU, PCMA}, Events: true, Ptime: DefaultPtime}
}

// lookup finds a codec by the words of an a=rtpmap; -1: unknown.
func (c Capability) lookup(name string, rate int) int {
	return slices.IndexFunc(c.Codecs, func(s CodecSpec) bool { return s.is(name, rate) })
}

// ptime is our packet time [ms].
func (c Capability) ptime() int {
	if c.Ptime == 0 {
		return DefaultPtime
	}
	return clampPtime(c.Ptime)
}

// Local is our end of one session.
type Local struct {
	Addr netip.Addr // where we receive; not valid or unspecified: not chosen yet, goes with any peer
	Port int        // where we receive RTP; RTCP is received one above

	// SessionID is fixed for the life of the session and unique to it. Keep it
	// below 2^62: some peers parse a signed number.
	SessionID uint64
	// Version of the first description. Ignored when Previous is set.
	Version uint64
	// Crypto are the suites we can do, in order of preference, each with our
	// key, which is fixed for the life of the session too: a key that stays the
	// same keeps its rollover counter (RFC 4568 §7.1.4).
	Crypto []Crypto
	// Fingerprint is that of our certificate; zero: no DTLS.
	Fingerprint Fingerprint
	// Setup is our part in the DTLS association that exists, SetupActive or
	// SetupPassive; SetupNone: there is none yet.
	Setup Setup
	// ICE are our credentials, which change with the peer's; zero: no ICE.
	ICE Credentials
	// Previous is the description last sent in this session, offer or answer;
	// nil for the first. A description that differs gets a version one higher,
	// one that does not is repeated byte for byte (RFC 3264 §8), streams and
	// payload types stay where they were.
	Previous []byte
}

// Media is what offer and answer settled for the audio of a call.
type Media struct {
	// Remote is where the peer receives RTP; not valid when it gave 0.0.0.0.
	Remote netip.AddrPort
	// RemoteRTCP is where the peer receives RTCP: a=rtcp, else Remote's port
	// plus one. Not valid when Remote is not.
	RemoteRTCP netip.AddrPort

	Codec       CodecSpec      // what we send
	PayloadType uint8          // of Codec in what we send
	Accept      []PayloadCodec // what the peer may send, Codec's first
	EventPT     uint8          // payload type of telephone-event in what we send
	OwnEventPT  uint8          // the same in what the peer sends: our number for it, RFC 3264 §6.1
	HasEvent    bool           // telephone-event is agreed
	PtimeMS     int            // length of the packets we send [ms], MinPtime to MaxPtime

	Send    bool // the peer wants to receive
	Receive bool // the peer will send
	OnHold  bool // the peer does not want to receive: it has put us on hold

	Keys Keys // of SRTP by SDES; zero: nothing is protected by them
	DTLS DTLS // where keys of SRTP come from instead
	ICE  ICE  // whether the peer proves where it is
	Mux  bool // RTCP goes with RTP, RFC 5761
}

// clampPtime gives the nearest packet time that can be agreed [ms]; halfway
// is rounded down.
func clampPtime(ms int) int {
	ms = min(max(ms, MinPtime), MaxPtime)
	return (ms + PtimeStep/2 - 1) / PtimeStep * PtimeStep
}
