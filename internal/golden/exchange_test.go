package golden

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"mediaserver/call"
	"mediaserver/call/trunk"
	"mediaserver/dtmf"
	"mediaserver/sip"
)

// callee says how somebody who is called behaves.
type callee struct {
	rings    time.Duration // until it decides
	refuses  int           // with this code; 0: it answers
	never    bool          // decides nothing
	late     bool          // answers although it was cancelled
	early    time.Duration // when early media begin; 0: never
	noEvents bool          // no telephone events
	tone     float64       // in which it speaks
	// before is what happens in early dialogs, after it has begun to ring.
	before func(r sip.InviteRequest, onProgress func(sip.Progress))
}

// exchange is the telephone network: it answers for callees.
type exchange struct {
	w       *world
	callees map[string]callee // by the user part they are called by
	down    map[string]error  // what becomes of an INVITE to a host at once

	mu        sync.Mutex
	phones    map[string]*phone
	tried     []string // hosts, in order
	requests  map[string]sip.InviteRequest
	cancelled map[string]time.Duration // when
}

// connecting runs a test with callees, and a trunk for numbers.
func connecting(callees map[string]callee, o options) (options, *exchange) {
	x := &exchange{
		callees: callees, phones: map[string]*phone{}, requests: map[string]sip.InviteRequest{}, cancelled: map[string]time.Duration{},
	}
	o.dialer = x
	if o.outbound.Trunks == nil {
		carrier := trunk.Line{Addresses: []string{"sip:trunk.test;transport=tcp"}, Username: "us", Password: "secret"}
		o.outbound.Trunks = trunksOf(trunk.Config{Name: "carrier", Line: carrier})
	}
	return o, x
}

// trunksOf are trunks without limits of time.
func trunksOf(list ...trunk.Config) *trunk.Table {
	t := trunk.NewTable(trunk.TableConfig{})
	t.Replace(list, "")
	return t
}

func (*exchange) Route(_ context.Context, address string) (netip.Addr, error) {
	if strings.HasSuffix(address, ".invalid") {
		return netip.Addr{}, errors.New("no such host")
	}
	return netip.MustParseAddr("192.0.2.100"), nil
}

// Dial does what the callee does.
func (x *exchange) Dial(ctx context.Context, r sip.InviteRequest, onProgress func(sip.Progress)) (call.OutboundDialog, error) {
	name, host, _ := strings.Cut(r.To[len("sip:"):], "@")
	x.mu.Lock()
	x.requests[name] = r
	x.tried = append(x.tried, host)
	x.mu.Unlock()
	if err := x.down[host]; err != nil {
		return nil, err
	}
	c, ok := x.callees[name]
	if !ok {
		return nil, &sip.StatusError{Code: 404}
	}
	onProgress(sip.Progress{Code: 180})
	if c.before != nil {
		c.before(r, onProgress)
	}
	var p *phone
	wait := func(d time.Duration) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			x.mu.Lock()
			x.cancelled[name] = x.w.now()
			x.mu.Unlock()
			if c.late {
				return nil
			}
			return context.Cause(ctx)
		}
	}
	rings := c.rings
	if c.never {
		rings = time.Hour
	}
	if c.early > 0 {
		if err := wait(c.early); err != nil {
			return nil, err
		}
		p = x.phone(name, c, r)
		onProgress(sip.Progress{Code: 183, Body: offer(9000, !c.noEvents)})
		close(p.up)
		rings -= c.early
	}
	if err := wait(rings); err != nil {
		if p != nil {
			p.end(err)
		}
		return nil, err
	}
	if c.refuses != 0 {
		if p != nil {
			p.end(sip.ErrRejected)
		}
		return nil, &sip.StatusError{Code: c.refuses}
	}
	if p == nil {
		p = x.phone(name, c, r)
		close(p.up)
	}
	return called{remote{p}, c.noEvents}, nil
}

// phone makes the phone that was called.
func (x *exchange) phone(name string, c callee, r sip.InviteRequest) *phone {
	var port int
	if i := bytes.Index(r.SDP, []byte("m=audio ")); i >= 0 {
		fmt.Sscanf(string(r.SDP[i:]), "m=audio %d", &port) //nolint:errcheck // 0 then
	}
	x.w.mu.Lock()
	end := x.w.ways[port]
	x.w.mu.Unlock()
	p := x.w.phoneOf(name, end)
	end.heard = p.hear
	p.say(c.tone)
	x.w.tasks.Go(p.run)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.phones[name] = p
	return p
}

// called is a phone that was called.
type called struct {
	remote
	noEvents bool
}

func (c called) RemoteBody() []byte { return offer(9000, !c.noEvents) }

// reached is the phone of a callee.
func (x *exchange) reached(name string) *phone {
	x.w.t.Helper()
	synctest.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.phones[name]
	if p == nil {
		x.w.t.Fatalf("%s was not reached", name)
	}
	return p
}

// request is what a callee was sent; ok says whether it was called.
func (x *exchange) request(name string) (r sip.InviteRequest, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, ok = x.requests[name]
	return r, ok
}

// wasCancelled is when the attempt was given up, 0 if it was not.
func (x *exchange) wasCancelled(name string) time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cancelled[name]
}

// pressed are the digits that a phone got as telephone events.
func (p *phone) pressed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// event notes a telephone event, once for each timestamp.
func (p *phone) event(packet []byte) {
	ts := binary.BigEndian.Uint32(packet[4:])
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gotTS == ts && p.got != "" {
		return
	}
	p.gotTS = ts
	if d, ok := dtmf.FromEvent(packet[rtpBytes]); ok {
		p.got += string(d)
	}
}
