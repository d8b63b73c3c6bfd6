package phone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"mediaserver/rtp"
	"mediaserver/sip"
)

// Answer waits for the next incoming call and answers it. The phone has been
// ringing since it came. Errors: ErrEnded after Close, that of ctx, and what
// keeps the call from coming about, which is then refused with 488.
func (p *Phone) Answer(ctx context.Context) (*Call, error) {
	for {
		d, err := p.next(ctx)
		if err != nil {
			return nil, err
		}
		c, err := p.accept(d)
		switch {
		case err == nil:
			return c, nil
		case d.Err() != nil: // given up meanwhile
			continue
		}
		return nil, errors.Join(fmt.Errorf("phone: answer: %w", err), d.Reject(sip488, ""))
	}
}

// Refuse waits for the next incoming call and rejects it with a SIP status of
// 300 to 699.
func (p *Phone) Refuse(ctx context.Context, code int) error {
	d, err := p.next(ctx)
	if err != nil {
		return err
	}
	return d.Reject(code, "")
}

// SIP statuses. RFC 3261 §21.4.
const (
	sip400 = 400 // Bad Request
	sip486 = 486 // Busy Here
	sip488 = 488 // Not Acceptable Here
)

// accept answers a call. One that brought no offer gets ours, and nothing is
// sent until its answer has come.
func (p *Phone) accept(d *sip.Dialog) (*Call, error) {
	inv := d.Invitation()
	sockets, err := p.ports.Open(inv.LocalAddr)
	if err != nil {
		return nil, err
	}
	n := newNegotiation(p.cfg.Can, inv.LocalAddr, sockets.Port())
	var body []byte
	var params rtp.Params
	if inv.Offer != nil {
		body, params, err = n.answer(inv.Offer)
	} else {
		body = n.offer(sendRecv)
		params, err = n.early()
	}
	c := &Call{phone: p, dialog: d, session: n, stopped: make(chan struct{})}
	if err == nil {
		c.Stream, err = p.stream(sockets, params)
	}
	if err == nil {
		err = d.Answer(body)
	}
	if err != nil {
		return nil, errors.Join(err, sockets.Close())
	}
	c.run(sockets)
	return c, nil
}

// Dial calls target, a SIP URI, and returns when the call is answered. A
// refusal is a *sip.StatusError; if ctx ends first the call is cancelled.
func (p *Phone) Dial(ctx context.Context, target string) (*Call, error) {
	c, err := p.dial(ctx, target, nil)
	if err != nil {
		return nil, fmt.Errorf("phone: dial %s: %w", target, err)
	}
	return c, nil
}

func (p *Phone) dial(ctx context.Context, target string, headers []sip.Header) (*Call, error) {
	via := target
	if p.cfg.Dial.Proxy != "" {
		via = p.cfg.Dial.Proxy
	}
	local, err := p.ua.LocalAddr(ctx, via)
	if err != nil {
		return nil, err
	}
	sockets, err := p.ports.Open(local)
	if err != nil {
		return nil, err
	}
	c, err := p.invite(ctx, target, headers, local, sockets)
	if err != nil {
		return nil, errors.Join(err, sockets.Close())
	}
	c.run(sockets)
	return c, nil
}

// invite places a call and makes its stream.
func (p *Phone) invite(ctx context.Context, target string, headers []sip.Header, local netip.Addr, sockets *rtp.Sockets) (*Call, error) {
	n := newNegotiation(p.cfg.Can, local, sockets.Port())
	o := p.cfg.Dial
	r := sip.InviteRequest{
		To: target, From: p.cfg.User, DisplayName: o.DisplayName,
		Proxy: o.Proxy, Username: o.Username, Password: o.Password, Headers: headers,
	}
	var params rtp.Params
	if o.LateOffer {
		r.Answer = func(offer []byte) (answer []byte, err error) {
			answer, params, err = n.answer(offer)
			return answer, err
		}
	} else {
		r.SDP = n.offer(sendRecv)
	}
	d, err := p.ua.Invite(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	if !o.LateOffer {
		params, err = n.accept(d.RemoteBody())
	}
	c := &Call{phone: p, dialog: d, session: n, stopped: make(chan struct{})}
	if err == nil {
		c.Stream, err = p.stream(sockets, params)
	}
	if err != nil {
		return nil, errors.Join(err, d.Bye(ctx))
	}
	return c, nil
}

// stream makes the media stream of a call.
func (p *Phone) stream(sockets *rtp.Sockets, params rtp.Params) (*Stream, error) {
	cfg := StreamConfig{
		RTP: sockets.RTP(), RTCP: sockets.RTCP(), Params: params,
		Jitter: p.cfg.Jitter, Keep: p.cfg.Keep,
	}
	if p.cfg.Source != nil {
		cfg.Source = p.cfg.Source(params.Codec.Rate())
	}
	return NewStream(cfg)
}
