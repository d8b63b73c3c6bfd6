package call

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/rtp"
	"mediaserver/sip"
)

// StreamDialer places calls to WebSockets that carry raw audio.
type StreamDialer interface {
	// Dial connects and waits for the answer. heard is told the digits of the
	// far end; it never waits. An error with a method StatusCode is a refusal
	// by the far end.
	Dial(ctx context.Context, address, callID string, heard func(dtmf.Digit)) (Stream, error)
}

// Stream is a call to a WebSocket. Its packets are RTP with 16-bit linear
// samples, little-endian, of payload type StreamPayloadType.
type Stream interface {
	rtp.IO
	// SendDigit sends a digit; it never waits.
	SendDigit(d dtmf.Digit)
	// HangUp ends the call and returns when nothing works for it any more.
	HangUp()
	// Ended is closed when the far end has hung up or was lost.
	Ended() <-chan struct{}
}

// StreamPayloadType is the RTP payload type of a Stream.
const StreamPayloadType = 96

// ErrUnreachable: a WebSocket that could not be connected, or a host without
// a route.
var ErrUnreachable = errors.New("call: cannot be reached")

// linear16 is 16-bit linear PCM, little-endian, at 8 kHz.
type linear16 struct{}

func (linear16) Encoding() audio.Encoding { return audio.Linear }
func (linear16) Rate() int                { return audio.Narrowband().Rate }

func (linear16) Encode(dst []byte, src []int16) int {
	for i, s := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(s))
	}
	return 2 * len(src)
}

func (linear16) Decode(dst []int16, src []byte) int {
	n := len(src) / 2
	for i := range n {
		dst[i] = int16(binary.LittleEndian.Uint16(src[2*i:]))
	}
	return n
}

// streamEnd is the signalling of a call to a WebSocket.
type streamEnd struct {
	stream Stream
}

// Bye hangs up.
func (e streamEnd) Bye(context.Context, ...sip.Header) error {
	e.stream.HangUp()
	return nil
}

// Ended is closed when the far end has ended the call.
func (e streamEnd) Ended() <-chan struct{} { return e.stream.Ended() }

// Err says that the far end hung up: a lost connection is no different.
func (e streamEnd) Err() error { return sip.ErrRemoteBye }

// farStream is the WebSocket at the far end of c.
func (c *Call) farStream() (Stream, bool) {
	return streamOf(c.far())
}

// streamSockets are the Sockets of a call to a WebSocket.
type streamSockets struct{ stream Stream }

func (s streamSockets) RTP() rtp.IO  { return s.stream }
func (s streamSockets) RTCP() rtp.IO { return nil }
func (s streamSockets) Port() int    { return memoryPortA }
func (s streamSockets) Close() error { return nil }

// StreamPeer stands for the far end of a WebSocket as the source of packets.
func StreamPeer() netip.AddrPort { return netip.AddrPortFrom(memoryHost(), memoryPortB) }

// dialStream connects to a WebSocket and opens the media once it answers.
func (c *Call) dialStream(ctx context.Context, address string) error {
	if c.manager.cfg.Outbound.Streams == nil {
		return errNoDialer
	}
	stream, err := c.manager.cfg.Outbound.Streams.Dial(ctx, address, c.base.ID, func(d dtmf.Digit) {
		c.report(press{digit: d, method: byMessage, at: time.Now()})
	})
	if err != nil {
		return err
	}
	c.dialog.(*outgoing).ender = streamEnd{stream}
	s := &session{call: c, changed: time.Now()}
	return c.openPort(streamSockets{stream}, s, rtp.Params{
		Remote: StreamPeer(), Codec: linear16{}, PayloadType: StreamPayloadType, Send: true, Receive: true,
	}, &portParams{codec: linear16{}, messages: true})
}
