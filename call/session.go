package call

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"mediaserver/dtmf"
	"mediaserver/rtp"
	"mediaserver/rtp/ice"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// session is the offer/answer state of a call (RFC 3264). It hears what
// happens in the dialog.
type session struct {
	call *Call
	can  sdp.Capability

	path    *mediaPath // nil: neither ICE nor DTLS
	mu      sync.Mutex
	former  bool // another far end takes, or has, the place in the call
	local   sdp.Local
	pending []byte    // our offer whose answer has not come
	placed  []byte    // our offer that the call was placed with, see hear
	ringing callees   // until one of them has answered
	speaker string    // the dialog of who is heard, of those who ring and then of who has answered; "": of no name
	media   sdp.Media // as agreed last
	changed time.Time // when media was agreed
	doubted bool      // whether the far end has called was not proven when params looked
}

// localDescription makes the body of our first answer, or our offer when the
// INVITE had none, and opens the media with it. A second call gives the same
// body.
func (c *Call) localDescription() ([]byte, error) {
	if m := c.audio(); m != nil {
		m.session.mu.Lock()
		defer m.session.mu.Unlock()
		return m.session.local.Previous, nil
	}
	if err := c.readOffer(); err != nil {
		return nil, err
	}
	own := c.finds(c.offer)
	sockets, addr, err := c.openSockets(own)
	if err != nil {
		return nil, err
	}
	s := newSession(c, sockets, addr, own)
	body, err := s.begin(c.offer)
	c.offer = nil
	if err == nil {
		err = c.openMedia(sockets, s, s.media)
	}
	if err != nil {
		return nil, errors.Join(err, sockets.Close())
	}
	c.dialog.SetSession(s)
	return body, nil
}

// readOffer reads the far end's offer, unless take has done so.
func (c *Call) readOffer() (err error) {
	if offer := c.dialog.Invitation().Offer; c.offer == nil && offer != nil {
		c.offer, err = sdp.Parse(offer)
	}
	return err
}

// openSockets takes ports for a session on the route to the far end; own: not
// those that all calls may share.
func (c *Call) openSockets(own bool) (Sockets, netip.Addr, error) {
	if local, ok := c.dialog.(*localEnd); ok {
		return local.wire, memoryHost(), nil
	}
	return c.manager.openSockets(c.dialog.Invitation(), c.offer, own)
}

// openSockets takes ports; own: not those that all calls may share.
func (m *Manager) openSockets(inv sip.Invitation, offer *sdp.Description, own bool) (Sockets, netip.Addr, error) {
	addr := m.mediaAddress(inv)
	sockets, err := m.cfg.OpenSockets(SocketRequest{
		Local: addr, Route: inv.LocalAddr, Signalling: inv.RemoteAddr.Addr(), Offer: offer, Own: own,
	})
	if err != nil {
		return nil, addr, fmt.Errorf("open media: %w", err)
	}
	return sockets, addr, nil
}

// newSession makes the session of a call; finds: it may come to ICE or DTLS.
func newSession(c *Call, sockets Sockets, addr netip.Addr, finds bool) *session {
	s := &session{call: c, can: c.manager.capability(c.security, c.keying), changed: time.Now()}
	s.local = sdp.Local{
		Addr: addr, Port: sockets.Port(),
		SessionID: rand.Uint64() >> 2, Version: 1,
		Crypto: newCryptos(c.security, c.keying),
	}
	if finds {
		t := c.manager.cfg.Transport
		s.path = newPath(s, t.Identity, t.Source == rtp.SourceStrict)
		s.local.Fingerprint = t.fingerprint()
	}
	return s
}

// begin makes our first description from the far end's offer, nil for none.
func (s *session) begin(offer *sdp.Description) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if offer == nil {
		return s.offer(), nil
	}
	return s.respond(offer)
}

// offer makes an offer of ours; what has been agreed stays until the answer.
func (s *session) offer() []byte {
	s.pending = sdp.Offer(s.can, s.local)
	s.local.Previous = s.pending
	return s.pending
}

func (s *session) answer(offer []byte) ([]byte, error) {
	d, err := sdp.Parse(offer)
	if err != nil {
		return nil, &sip.StatusError{Code: codeBadRequest, Reason: err.Error()}
	}
	return s.respond(d)
}

// respond answers an offer that has been read.
func (s *session) respond(offer *sdp.Description) ([]byte, error) {
	s.credentials(offer.ICE())
	body, m, err := sdp.Answer(offer, s.can, s.local)
	if err != nil {
		return nil, &sip.StatusError{Code: codeNotAcceptable}
	}
	s.local.Previous, s.pending = body, nil
	s.agree(m)
	return body, nil
}

// accept takes the far end's answer to our offer.
func (s *session) accept(answer []byte) error {
	m, err := s.accepted(s.pending, answer)
	if err != nil {
		return err
	}
	s.pending = nil
	s.agree(m)
	return nil
}

// accepted is what an offer of ours and its answer agree on.
func (s *session) accepted(offer, answer []byte) (sdp.Media, error) {
	d, err := sdp.Parse(answer)
	if err != nil {
		return sdp.Media{}, err
	}
	return sdp.Accept(offer, d, s.can)
}

// agree puts what was settled into force.
func (s *session) agree(m sdp.Media) {
	s.media, s.changed = m, time.Now()
	if s.path != nil {
		s.path.agree(m, s.local.ICE)
		if m.DTLS.Setup == sdp.SetupActive || m.DTLS.Setup == sdp.SetupPassive {
			s.local.Setup = m.DTLS.Setup
		}
	}
	s.putIntoForce()
}

// audio is what the session has of the call's audio: nil before there is any, and
// when another far end has its place. With mu, as all below that has no lock of
// its own.
func (s *session) audio() *media {
	if a := s.call.audio(); a != nil && a.session == s && !s.former {
		return a
	}
	return nil
}

// putIntoForce tells port and endpoint what was settled.
func (s *session) putIntoForce() {
	if a := s.audio(); a != nil {
		a.port.settle(portOf(s.media), s.call.manager.rate())
		s.enforce()
	}
}

// credentials makes credentials of our own for a far end that does ICE: new ones
// where its are (RFC 8839 §4.4.1.1.1).
func (s *session) credentials(theirs sdp.Credentials) {
	if s.path == nil || theirs == (sdp.Credentials{}) || s.local.ICE != (sdp.Credentials{}) && theirs == s.media.ICE.Remote {
		return
	}
	c := ice.NewCredentials()
	s.local.ICE = sdp.Credentials{Ufrag: c.Ufrag, Pwd: sdp.Secret(c.Pwd)}
}

// enforce tells the endpoint what was settled and what the path has found.
func (s *session) enforce() {
	a := s.audio()
	if a == nil {
		return
	}
	if err := a.endpoint.Update(s.params()); err != nil {
		s.call.logger().Warn("media parameters refused", "error", err)
	}
}

// params are what was settled in the terms of the endpoint.
func (s *session) params() rtp.Params {
	p := paramsOf(s.media)
	p.Source = s.call.manager.cfg.Transport.Source
	if s.path != nil {
		s.path.apply(&p)
	}
	s.doubt(&p)
	return p
}

// Reoffer answers a re-INVITE or UPDATE, or makes our offer when it had none. Of
// several who ring only who is heard may change something; of the others nothing
// but their answer is left to come.
func (s *session) Reoffer(dialog string, offer []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.pending != nil, s.ringing != nil && dialog != s.speaker:
		return nil, &sip.StatusError{Code: codePending}
	case s.speaker != "" && dialog != s.speaker:
		return nil, &sip.StatusError{Code: codeNoDialog}
	case offer == nil:
		return s.offer(), nil
	}
	body, err := s.answer(offer)
	if err == nil && s.ringing != nil {
		s.ringing[dialog] = s.ringing[dialog].changed(s.media)
	}
	return body, err
}

// Acknowledged takes the answer to a late offer out of the ACK.
func (s *session) Acknowledged(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trust()
	if s.pending == nil {
		return
	}
	if err := s.accept(body); err != nil {
		s.pending = nil
		s.hopeless("no usable answer to our offer: hanging up", err)
	}
}

// hopeless ends the call, if it is still that of the session.
func (s *session) hopeless(what string, err error) {
	if !s.former {
		s.call.logger().Warn(what, "error", err)
		s.call.requestEnd(Failed)
	}
}

// Info takes a digit out of an INFO request. It counts only while no
// telephone event is agreed.
func (s *session) Info(cseq uint32, contentType string, body []byte) error {
	d, err := dtmf.ParseInfo(contentType, body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	ignored, c := s.media.HasEvent || s.former, s.call
	s.mu.Unlock()
	if !ignored {
		c.report(press{digit: d, method: byInfo, cseq: cseq, at: time.Now()})
	}
	return nil
}

// moveTo has the session be that of another call, which has its endpoint already.
// What was settled on the way there is put into force.
func (s *session) moveTo(c *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call = c
	s.putIntoForce()
}

// resign: from now on what its far end says is not that of the call.
func (s *session) resign() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.former = true
}

// resume takes resign back: nobody has the place of the far end.
func (s *session) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.former = false
	s.putIntoForce()
}

// Refer is a REFER of the far end. One that has lost its place has no rights any
// more, least of all those of who has it.
func (s *session) Refer(r *sip.Referral) error {
	s.mu.Lock()
	c, former := s.call, s.former
	s.mu.Unlock()
	if former {
		return &sip.StatusError{Code: codeNoDialog}
	}
	return c.referred(r)
}

// silent tells whether the far end need not send anything.
func (s *session) silent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.media.Receive || s.media.OnHold
}

// since is when the session last changed.
func (s *session) since() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
