package call

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// Sockets are the RTP and RTCP sides of one endpoint: *rtp.Sockets.
type Sockets interface {
	RTP() rtp.IO
	RTCP() rtp.IO
	Port() int
	Close() error
}

// media is what a call by SIP has for its audio. The session description is
// touched by one goroutine at a time: the actor until the call is set up, the
// dialog's mailbox afterwards; description guards the hand-over.
type media struct {
	sockets  Sockets
	endpoint *rtp.Endpoint
	port     *port
	session  *session
	room     *mixer.Room
	home     *mixer.Member // the call in its own room
}

// openMedia makes endpoint, port and the call's own room. m is what is known
// of the far end so far.
func (c *Call) openMedia(sockets Sockets, s *session, m sdp.Media) error {
	return c.openPort(sockets, s, s.params(), portOf(m))
}

func (c *Call) openPort(sockets Sockets, s *session, params rtp.Params, settled *portParams) error {
	p := &port{
		deliver: c.report,
		taps:    newTaps(c.manager.cfg.Engine.Format().Samples()),
	}
	p.events = &eventTap{port: p}
	p.settle(settled, c.manager.rate())
	var counted *rtp.Metrics
	if c.bySIP() {
		counted = c.manager.cfg.RTPMetrics
	}
	var aside rtp.Aside
	if s.path != nil {
		aside = s.path // not a nil *mediaPath, which is no nil interface
	}
	endpoint, err := rtp.NewEndpoint(rtp.EndpointConfig{
		RTP:     sockets.RTP(),
		RTCP:    sockets.RTCP(),
		Params:  params,
		Jitter:  c.manager.cfg.Jitter,
		CNAME:   c.base.ID,
		OnEvent: p.events.event,
		Aside:   aside,
		Metrics: counted,
	})
	if err != nil {
		return fmt.Errorf("open media: %w", err)
	}
	if s.path != nil {
		s.path.start(sockets)
	}
	p.endpoint = endpoint
	room := c.manager.cfg.Engine.NewRoom(c.base.ID)
	c.mu.Lock()
	c.media = &media{
		sockets: sockets, endpoint: endpoint, port: p, room: room, session: s,
		home: room.Add(mixer.MemberOptions{Port: p}),
	}
	c.mu.Unlock()
	c.manager.watch.news(c)
	return nil
}

// closeMedia takes the call out of its room and gives its ports back.
func (c *Call) closeMedia() {
	m := c.audio()
	if m == nil {
		return
	}
	<-m.home.Remove()
	m.room.Close()
	if err := errors.Join(m.endpoint.Close(), m.sockets.Close()); err != nil {
		c.logger().Debug("close media", "error", err)
	}
}

func (c *Call) hasMedia() bool { return c.audio() != nil }

func (c *Call) audio() *media {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.media
}

func portOf(m sdp.Media) *portParams {
	return &portParams{codec: codecOf(m.Codec.Name), events: m.HasEvent}
}

func codecOf(name string) audio.Codec {
	if name == g711.PCMA().Encoding().String() {
		return g711.PCMA()
	}
	return g711.PCMU()
}

func paramsOf(m sdp.Media) rtp.Params {
	p := rtp.Params{
		Remote: m.Remote, RemoteRTCP: m.RemoteRTCP,
		Codec: codecOf(m.Codec.Name), PayloadType: m.PayloadType,
		EventPT: m.EventPT, OwnEventPT: m.OwnEventPT, HasEvent: m.HasEvent,
		Ptime: time.Duration(m.PtimeMS) * time.Millisecond,
		Send:  m.Send, Receive: m.Receive,
		SRTP: keysOf(m.Keys), Mux: m.Mux,
	}
	for _, a := range m.Accept {
		p.Accept = append(p.Accept, rtp.PayloadCodec{PayloadType: a.PayloadType, Codec: codecOf(a.Codec.Name)})
	}
	return p
}

// mediaAddress is the address in our session descriptions.
func (m *Manager) mediaAddress(inv sip.Invitation) netip.Addr {
	if m.cfg.Advertise.IsValid() {
		return m.cfg.Advertise
	}
	return inv.LocalAddr
}
