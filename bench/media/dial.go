package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"mediaserver/bench/generator"
	"mediaserver/rtp/srtp"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// callers place the calls of a run and hang them up.
type callers struct {
	o    Options
	ua   *sip.UA
	to   string // SIP address of the server
	gen  *generator.Generator
	cast *cast
	log  io.Writer

	mu     sync.Mutex
	calls  []*sip.Dialog
	failed int
}

// place dials every participant at the wanted rate.
func (c *callers) place(ctx context.Context) error {
	pace := time.NewTicker(time.Second / time.Duration(c.o.Rate))
	defer pace.Stop()
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for n := range c.o.Participants {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		tasks.Go(func() { c.join(ctx, n) })
	}
	return nil
}

// join dials participant n and begins its media.
func (c *callers) join(ctx context.Context, n int) {
	d, agreed, err := c.dial(ctx, n)
	var secure *srtp.Session
	if err == nil {
		secure, err = protection(agreed.Keys)
	}
	if err == nil {
		p := c.cast.participant(n)
		p.To, p.SRTP = agreed.Remote, secure
		c.gen.Add(n, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		const shown = 5
		if c.failed++; c.failed <= shown && c.log != nil {
			fmt.Fprintf(c.log, "bench: call %d: %v\n", n, err)
		}
		return
	}
	c.calls = append(c.calls, d)
}

// protection makes what protects a participant's packets; nil for none.
func protection(k sdp.Keys) (*srtp.Session, error) {
	suite, ok := srtp.ParseSuite(k.Suite)
	if !ok {
		return nil, nil
	}
	return srtp.New(srtp.Keys{Suite: suite, Send: srtp.KeyFrom([]byte(k.Local)), Receive: srtp.KeyFrom([]byte(k.Remote))})
}

func (c *callers) dial(ctx context.Context, n int) (*sip.Dialog, sdp.Media, error) {
	const answerTimeout = 20 * time.Second
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	codec := sdp.PCMU
	if c.o.Codec == "pcma" {
		codec = sdp.PCMA
	}
	own := c.gen.Address(n)
	capability := sdp.Capability{Codecs: []sdp.CodecSpec{codec}, Events: true}
	local := sdp.Local{Addr: own.Addr(), Port: int(own.Port()), SessionID: uint64(n + 1)}
	if suite := suites()[c.o.SRTP]; suite != srtp.NoSuite {
		capability.Security = sdp.SecurityRequired
		local.Crypto = []sdp.Crypto{{Suite: suite.String(), Key: sdp.Secret(srtp.NewKey(suite).Bytes())}}
	}
	offer := sdp.Offer(capability, local)
	d, err := c.ua.Invite(ctx, sip.InviteRequest{To: "sip:load@" + c.to, From: strconv.Itoa(n), SDP: offer}, nil)
	if err != nil {
		return nil, sdp.Media{}, err
	}
	answer, err := sdp.Parse(d.RemoteBody())
	if err != nil {
		return nil, sdp.Media{}, errors.Join(err, d.Bye(ctx))
	}
	agreed, err := sdp.Accept(offer, answer, capability)
	if err != nil {
		return nil, sdp.Media{}, errors.Join(err, d.Bye(ctx))
	}
	return d, agreed, nil
}

// hangUp ends all calls; it gives up after a while, for the server ends next.
func (c *callers) hangUp(ctx context.Context) {
	const byeTimeout = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), byeTimeout)
	defer cancel()
	var tasks sync.WaitGroup
	for _, d := range c.calls {
		tasks.Go(func() { d.Bye(ctx) }) //nolint:errcheck // the server ends next
	}
	tasks.Wait()
}
