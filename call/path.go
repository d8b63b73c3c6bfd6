package call

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"mediaserver/rtp"
	"mediaserver/rtp/dtls"
	"mediaserver/rtp/ice"
	"mediaserver/rtp/srtp"
	"mediaserver/sip/sdp"
)

const (
	// pathQueue is how many datagrams wait for the goroutine of a path at most.
	pathQueue = 16
	// consentInterval is how often consent is looked after.
	consentInterval = 5 * time.Second
)

// mediaPath is what a session has for ICE and DTLS: where its packets go, and where
// their keys come from. It is the Aside of the session's endpoint, which closes
// it. Its goroutine answers checks and delivers to the handshake, which has one
// of its own; both end with Close.
type mediaPath struct {
	session  *session
	identity *dtls.Identity // nil: no DTLS
	strict   bool           // DTLS from the announced address only
	sealed   srtp.Keys      // that nobody has, until there are others
	ways     [2]rtp.IO      // RTP, RTCP; set by start
	queue    chan asideDatagram
	free     chan []byte
	changed  chan struct{} // something for the goroutine to look at
	tasks    sync.WaitGroup
	stop     context.CancelFunc // nil before start

	mu     sync.Mutex
	media  sdp.Media // as agreed last
	agent  *ice.Agent
	wanted sdp.DTLS     // of the associations there are or are to be
	shakes [2]handshake // of RTP, and of RTCP where it has a port of its own
}

// handshake is where the keys of a component stand; under mediaPath.mu.
type handshake struct {
	begun   bool // there is an association as it is wanted
	cancel  context.CancelFunc
	assoc   *dtls.Association
	peer    netip.AddrPort // where the far end's datagrams come from
	keys    srtp.Keys
	settled bool // keys are those that are wanted
}

// The components as they are counted here.
const (
	viaRTP = iota
	viaRTCP
)

// asideDatagram is one of Take.
type asideDatagram struct {
	data []byte
	from netip.AddrPort
	rtcp bool
}

// newPath makes the path of a session; it starts nothing.
func newPath(s *session, identity *dtls.Identity, strict bool) *mediaPath {
	p := &mediaPath{
		session: s, identity: identity, strict: strict,
		sealed: srtp.Keys{Suite: srtp.GCM128, Send: srtp.NewKey(srtp.GCM128), Receive: srtp.NewKey(srtp.GCM128)},
		queue:  make(chan asideDatagram, pathQueue),
		free:   make(chan []byte, pathQueue), changed: make(chan struct{}, 1),
	}
	for range pathQueue {
		p.free <- nil // made when needed
	}
	return p
}

// Take implements rtp.Aside: it keeps a copy for the goroutine, if there is room.
func (p *mediaPath) Take(datagram []byte, from netip.AddrPort, rtcp bool) {
	select {
	case b := <-p.free:
		p.queue <- asideDatagram{append(b[:0], datagram...), from, rtcp} // as many places as there is memory
	default:
	}
}

// start begins to serve the path over the sockets of its endpoint.
func (p *mediaPath) start(sockets Sockets) {
	p.ways = [2]rtp.IO{sockets.RTP(), sockets.RTCP()}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.tasks.Go(func() { p.run(ctx) })
}

// Close implements rtp.Aside: it ends handshake and goroutine.
func (p *mediaPath) Close() error {
	p.stop()
	p.tasks.Wait()
	return nil
}

func (p *mediaPath) run(ctx context.Context) {
	consent := time.NewTicker(consentInterval)
	defer consent.Stop()
	for {
		p.renew(ctx)
		select {
		case d := <-p.queue:
			p.renew(ctx) // it may be the first of another handshake
			p.handle(d, time.Now())
			p.free <- d.data
		case <-consent.C:
			p.watchConsent(time.Now())
		case <-p.changed:
		case <-ctx.Done():
			return
		}
	}
}

// agree takes what was settled, with our credentials of ICE. It never waits.
func (p *mediaPath) agree(m sdp.Media, ours sdp.Credentials) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.media = m
	if m.ICE.Used() {
		local, remote := iceCredentials(ours), iceCredentials(m.ICE.Remote)
		if p.agent == nil {
			p.agent = ice.NewAgent(local, remote)
		} else {
			p.agent.Restart(local, remote)
		}
	}
	if m.DTLS.Used() && m.DTLS.Setup != sdp.SetupHold && !m.DTLS.Same(p.wanted) {
		p.wanted = m.DTLS
		for i := range p.shakes {
			p.shakes[i].begun, p.shakes[i].settled = false, false
		}
	}
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func iceCredentials(c sdp.Credentials) ice.Credentials {
	return ice.Credentials{Ufrag: c.Ufrag, Pwd: string(c.Pwd)}
}

// handle takes a datagram.
func (p *mediaPath) handle(d asideDatagram, now time.Time) {
	if d.data[0] > lastSTUN {
		p.deliver(d)
		return
	}
	component, way := ice.RTP, p.ways[0]
	if d.rtcp {
		component, way = ice.RTCP, p.ways[1]
	}
	p.mu.Lock()
	if p.agent == nil {
		p.mu.Unlock()
		return
	}
	reply, event := p.agent.Handle(d.data, d.from, component, now)
	p.mu.Unlock()
	if reply != nil {
		way.Flush(reply, d.from) //nolint:errcheck // the check comes again
	}
	if event == ice.Nominated {
		p.session.log().Debug("the far end has nominated a way for its media", "component", component, "address", d.from)
		p.session.refresh()
	}
}

// lastSTUN is the highest first byte of STUN. RFC 7983 §7.
const lastSTUN = 3

// deliver hands a datagram to the handshake, if it may be of the far end. From
// whom it is, its certificate has to prove.
func (p *mediaPath) deliver(d asideDatagram) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, component, announced := &p.shakes[viaRTP], ice.RTP, p.media.Remote
	if d.rtcp {
		h, component, announced = &p.shakes[viaRTCP], ice.RTCP, p.media.RemoteRTCP
	}
	switch {
	case h.assoc == nil:
		return
	case p.media.ICE.Used():
		if !p.agent.Knows(d.from, component) {
			return
		}
	case p.strict && d.from != announced, h.settled && d.from != h.peer:
		return
	}
	h.peer = d.from
	h.assoc.Deliver(d.data)
}

// renew begins the handshakes that are wanted, once there is somewhere to go.
func (p *mediaPath) renew(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.shakes {
		if !p.wanted.Used() || p.shakes[i].begun || i == viaRTCP && p.media.Mux ||
			p.media.ICE.Used() && !p.agent.Nominated(component(i)).IsValid() {
			continue
		}
		p.begin(ctx, i)
	}
}

// component is one of a path in the words of ICE.
func component(i int) ice.Component { return ice.RTP + ice.Component(i) }

// begin begins the handshake of a component. With mu.
func (p *mediaPath) begin(ctx context.Context, i int) {
	h := &p.shakes[i]
	if h.cancel != nil {
		h.cancel()
	}
	h.begun, h.peer = true, netip.AddrPort{}
	own, cancel := context.WithCancel(ctx)
	h.cancel = cancel
	assoc := dtls.New(dtls.Config{
		Identity: p.identity, Client: p.wanted.Setup == sdp.SetupActive, Peer: fingerprints(p.wanted.Fingerprints),
		Send: func(b []byte) error { return p.send(i, b) },
	})
	h.assoc = assoc
	p.tasks.Go(func() {
		defer cancel()
		err := assoc.Run(own, func(k srtp.Keys) { p.keyed(i, assoc, k) })
		switch {
		case err == nil, own.Err() != nil:
		case i == viaRTCP: // a far end that has none for RTCP is heard all the same
			p.session.log().Debug("no keys for RTCP by DTLS", "error", err)
		default:
			p.session.fail("no keys for the media by DTLS: hanging up", err)
		}
	})
}

func fingerprints(list []sdp.Fingerprint) []dtls.Fingerprint {
	all := make([]dtls.Fingerprint, len(list))
	for i, f := range list {
		all[i] = dtls.Fingerprint(f)
	}
	return all
}

// send sends a datagram of the handshake to where the far end is.
func (p *mediaPath) send(i int, datagram []byte) error {
	p.mu.Lock()
	to := p.shakes[i].peer
	switch {
	case p.media.ICE.Used():
		to = p.agent.Nominated(component(i))
	case to.IsValid():
	case i == viaRTCP:
		to = p.media.RemoteRTCP
	default:
		to = p.media.Remote
	}
	p.mu.Unlock()
	if !to.IsValid() {
		return nil
	}
	return p.ways[i].Flush(datagram, to)
}

// keyed takes the keys of an association.
func (p *mediaPath) keyed(i int, assoc *dtls.Association, k srtp.Keys) {
	p.mu.Lock()
	h := &p.shakes[i]
	current := h.assoc == assoc
	if current {
		h.keys, h.settled = k, true
	}
	p.mu.Unlock()
	if !current {
		return
	}
	what := "the media have keys by DTLS"
	if i == viaRTCP {
		what = "RTCP has keys by DTLS"
	}
	p.session.log().Debug(what, "suite", k.Suite.String())
	p.session.refresh()
}

// watchConsent stops sending to a far end of which nothing has been heard for
// long, neither checks nor media.
func (p *mediaPath) watchConsent(now time.Time) {
	media := p.session.lastReceived()
	p.mu.Lock()
	gone := p.agent != nil && p.media.ICE.Used() && p.agent.Nominated(ice.RTP).IsValid() &&
		now.Sub(p.agent.Heard()) > ice.Consent && now.Sub(media) > ice.Consent
	if gone {
		p.agent.Forget()
	}
	p.mu.Unlock()
	if gone {
		p.session.log().Info("the far end makes no checks any more: nothing is sent to it")
		p.session.refresh()
	}
}

// nowhere is an address that nothing is sent to.
func nowhere() netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), 0) }

// apply puts what has been found into the parameters of the endpoint. Until there
// are keys or a way, nothing is sent and nothing heard.
func (p *mediaPath) apply(r *rtp.Params) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.media.ICE.Used() {
		r.Source = rtp.SourceStrict
		r.Remote, r.RemoteRTCP = p.agent.Nominated(ice.RTP), p.agent.Nominated(ice.RTCP)
		if !r.RemoteRTCP.IsValid() {
			r.RemoteRTCP = nowhere()
		}
	}
	if !p.media.DTLS.Used() {
		return
	}
	h := &p.shakes[viaRTP]
	if h.keys == (srtp.Keys{}) {
		r.SRTP, r.Send, r.Remote, r.RemoteRTCP = p.sealed, false, netip.AddrPort{}, nowhere()
		return
	}
	r.SRTP = h.keys
	if !p.media.ICE.Used() && h.settled && h.peer.IsValid() && !p.strict {
		r.Remote = h.peer // its certificate came from there
	}
	if r.Mux {
		return
	}
	c := &p.shakes[viaRTCP]
	switch {
	case c.keys == (srtp.Keys{}):
		r.SRTCP, r.RemoteRTCP = p.sealed, nowhere()
	default:
		r.SRTCP = c.keys
		if !p.media.ICE.Used() && c.settled && c.peer.IsValid() && !p.strict {
			r.RemoteRTCP = c.peer
		}
	}
}

// log is where a session tells of itself.
func (s *session) log() *slog.Logger {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.call.logger()
}

// refresh puts into force what the path has found.
func (s *session) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enforce()
}

// fail ends the call of the session.
func (s *session) fail(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hopeless(what, err)
}

// lastReceived is when the last RTP packet of the far end came.
func (s *session) lastReceived() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.audio(); a != nil {
		return a.endpoint.LastReceived()
	}
	return time.Time{}
}
