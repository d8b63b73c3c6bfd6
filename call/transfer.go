package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mediaserver/sip"
)

// TransferPolicy says what the far end of a call may have the call
// transferred to.
type TransferPolicy uint8

// The policies.
const (
	TransferLocal TransferPolicy = iota // services, rooms and phones of this server
	TransferOff                         // nothing
	TransferAny                         // whatever this server can call, trunks too
)

// String is the word of the configuration.
func (p TransferPolicy) String() string {
	switch p {
	case TransferLocal:
		return "local"
	case TransferOff:
		return "off"
	case TransferAny:
		return "any"
	default:
		return fmt.Sprintf("TransferPolicy(%d)", uint8(p))
	}
}

// ParseTransferPolicy reads what String writes.
func ParseTransferPolicy(word string) (TransferPolicy, bool) {
	all := []TransferPolicy{TransferLocal, TransferOff, TransferAny}
	i := slices.IndexFunc(all, func(p TransferPolicy) bool { return p.String() == word })
	return TransferPolicy(max(i, 0)), i >= 0
}

// FarEnd is who is at the other end of a call, as far as that gives rights.
type FarEnd struct {
	Call  Info   // of its call
	Trunk string // its source list holds the far end; "" = none
	Phone string // that has logged in; "" = none
}

// Transfers say what far ends may ask for. The zero value lets all of them
// transfer to services and rooms, under no name.
type Transfers struct {
	Policy func(FarEnd) TransferPolicy // nil: TransferLocal
	Here   func(host string) bool      // whether the host:port of a SIP address, the port optional, is this server; nil: none
	Phone  func(uri string) bool       // whether a SIP URI is that of a phone that registers here; nil: none is
}

// Domain codes of refused transfers.
const (
	codeForbidden = 403
	codeNoDialog  = 481
	leastRefusal  = 400
)

// farEndOf is who is at the other end of a dialog of c.
func (c *Call) farEndOf(d Dialog) FarEnd {
	f := FarEnd{Call: c.Info()}
	if dialog, ok := sipDialog(d); ok {
		inv := dialog.Invitation()
		f.Trunk, f.Phone = inv.Source, inv.Login
	}
	return f
}

func (m *Manager) transferPolicy(f FarEnd) TransferPolicy {
	if p := m.cfg.Outbound.Transfers.Policy; p != nil {
		return p(f)
	}
	return TransferLocal
}

// target is what a REFER comes to.
type target struct {
	to     Destination
	called string // user@host: a service or room that is called by this address
	other  *Call  // the call whose far end is to be put through; nil: none
	asked  sip.Referral
}

// party is the new far end as the pages would see it.
func (t target) party() string {
	switch {
	case t.other != nil:
		return t.other.behind().party
	case t.called != "":
		return t.called
	default:
		return t.to.party()
	}
}

// referred takes a REFER of the far end, or says why not. It does not wait.
func (c *Call) referred(r *sip.Referral) error {
	if c.Info().State != Answered {
		return &sip.StatusError{Code: codePending}
	}
	t, err := c.transferTarget(r)
	if err != nil {
		c.logger().Info("transfer refused", "to", r.To, "error", err)
		c.manager.metrics.transfers.WithLabelValues(transferByFarEnd, transferRefused).Inc()
		return err
	}
	if !c.moves.under.CompareAndSwap(false, true) {
		return &sip.StatusError{Code: codePending}
	}
	c.manager.tasks.Go(func() {
		ctx, cancel := context.WithTimeoutCause(context.Background(), defaultAnswerTimeout, ErrAnswerTimeout)
		defer cancel()
		ctx, done := c.lasting(ctx)
		defer done(nil)
		c.transfer(ctx, t, r)
	})
	return nil
}

// transferTarget says what a REFER of the far end comes to, if it may.
func (c *Call) transferTarget(r *sip.Referral) (target, error) {
	far := c.far()
	policy := c.manager.transferPolicy(c.farEndOf(far))
	t := target{asked: *r}
	if policy == TransferOff {
		return t, &sip.StatusError{Code: codeForbidden}
	}
	if r.Replaces != nil {
		if t.other = c.manager.callBy(*r.Replaces); t.other != nil {
			if t.other == c || t.other.primary == c || t.other == c.primary || !samePlace(far, t.other.far()) {
				return t, &sip.StatusError{Code: codeForbidden}
			}
			return t, wantCompany(c, t.other)
		}
	}
	address, number := strings.CutPrefix(r.To, "tel:")
	if !number {
		address = strings.TrimPrefix(address, "sip:")
		bare, _, _ := strings.Cut(address, ";")
		if phone := c.manager.cfg.Outbound.Transfers.Phone; phone != nil && phone("sip:"+bare) {
			t.to = Destination{Kind: ToSIP, Text: bare, Value: "sip:" + bare}
			return t, nil
		}
		if here := c.manager.cfg.Outbound.Transfers.Here; here != nil && r.Replaces == nil && here(hostOf(bare)) {
			t.called = bare
			t.to = Destination{Kind: ToService, Text: bare, Value: bare}
			return t, wantCompany(c)
		}
	}
	if policy != TransferAny {
		return t, &sip.StatusError{Code: codeForbidden}
	}
	prefix := "sip:"
	if number {
		prefix, address = "tel:", strings.NewReplacer(".", "", "(", "", ")", "", "-", "").Replace(address)
	}
	var err error
	if t.to, err = ParseDestination(prefix+address, true); err != nil {
		return t, &sip.StatusError{Code: codeNotFound}
	}
	return t, nil
}

// wantCompany refuses to put applications through to each other: one of the calls
// must be joined to another call or to a room.
func wantCompany(calls ...*Call) error {
	if slices.ContainsFunc(calls, (*Call).hasCompany) {
		return nil
	}
	return &sip.StatusError{Code: codeForbidden, Reason: "Nobody To Transfer"}
}

// hostOf is the host:port of user@host:port.
func hostOf(address string) string {
	if _, host, ok := strings.Cut(address, "@"); ok {
		return host
	}
	return address
}

// hasCompany: c is joined to another call or to a room.
func (c *Call) hasCompany() bool {
	return c.primary != nil || c.secondary() != nil
}

// samePlace: both dialogs lead to the same far end: the same phone, trunk or
// address.
func samePlace(a, b Dialog) bool {
	da, okA := sipDialog(a)
	db, okB := sipDialog(b)
	if !okA || !okB {
		return false
	}
	return sameSource(da.Invitation(), db.Invitation())
}

func sameSource(a, b sip.Invitation) bool {
	switch {
	case a.Login != "" || b.Login != "":
		return a.Login == b.Login
	case a.Source != "" || b.Source != "":
		return a.Source == b.Source
	default:
		return a.RemoteAddr.Addr().Unmap() == b.RemoteAddr.Addr().Unmap()
	}
}

// callBy is the call whose far end has the dialog that r names; nil: none.
func (m *Manager) callBy(r sip.Replaces) *Call {
	return m.callWith(func(d *sip.Dialog) bool {
		_, there := d.Replaces() // as the far end names it
		return there.CallID == r.CallID && there.FromTag == r.ToTag && there.ToTag == r.FromTag
	})
}

// callOf is the call with that dialog; nil: none.
func (m *Manager) callOf(d *sip.Dialog) *Call {
	return m.callWith(func(other *sip.Dialog) bool { return other == d })
}

func (m *Manager) callWith(is func(*sip.Dialog) bool) *Call {
	for _, c := range m.live() {
		if d, ok := c.answeredDialog(); ok && is(d) {
			return c
		}
	}
	return nil
}

// transfer calls the target and puts it in the place of the far end, which is
// told how that goes and hung up on in the end. If it comes to nothing the
// far end stays.
func (c *Call) transfer(ctx context.Context, t target, r *sip.Referral) {
	was, err := c.exchangeFor(ctx, t, func(p sip.Progress) { r.Tell(p.Code, p.Reason) })
	if err != nil {
		fault := dialFault(ctx, err)
		r.Tell(max(fault.RawCause, leastRefusal), "")
		c.logger().Info("transfer failed", "to", t.party(), "raw_cause", fault.RawCause, "error", err)
		c.manager.metrics.transfers.WithLabelValues(transferByFarEnd, transferFailed).Inc()
		_ = c.ask(context.WithoutCancel(ctx), c.stays) // it may have ended
		return
	}
	r.Tell(codeOK, "")
	c.manager.metrics.transfers.WithLabelValues(transferByFarEnd, transferDone).Inc()
	c.endIfAlone()
	if t.other != nil {
		t.other.endIfAlone()
	}
	for _, d := range was {
		c.manager.tasks.Go(func() {
			select {
			case <-r.Told():
			case <-d.dialog.Ended():
			}
			d.leave()
		})
	}
}

// stays notes that the far end was not exchanged, and ends the call if it has gone
// meanwhile. Of the actor.
func (c *Call) stays() error {
	c.moves.under.Store(false)
	c.moves.gone.Store(false)
	c.farEnded()
	return nil
}

// exchangeFor reaches the target and exchanges the far end for it.
func (c *Call) exchangeFor(ctx context.Context, t target, onProgress func(sip.Progress)) ([]*departed, error) {
	if t.other != nil {
		return c.putThrough(ctx, t.other)
	}
	comfort := c.newComfort()
	a := &attempt{
		call: c.newcomer(&outgoing{bySIP: t.to.Kind != ToService, depth: c.depth()}),
		to:   t.to, called: t.called != "",
		told: func(p sip.Progress) { onProgress(p); comfort.heed(p) },
	}
	a.call.base.From, a.call.base.To = c.callerFor(), t.party()
	if t.asked.By != "" {
		a.headers = append(a.headers, sip.Header{Name: "Referred-By", Value: t.asked.By})
	}
	if t.asked.Replaces != nil {
		a.headers = append(a.headers, sip.Header{Name: "Replaces", Value: t.asked.Replaces.String()})
	}
	err := a.reach(ctx)
	comfort.stop()
	if err != nil {
		a.call.discard()
		return nil, err
	}
	was, err := c.takeOver(ctx, a.call, t.party(), transferByFarEnd)
	if err != nil {
		a.call.discard()
		return nil, err
	}
	return []*departed{was}, nil
}

// callerFor is who calls the target: whom the far end talks to, else the far
// end itself.
func (c *Call) callerFor() string {
	if c.primary != nil {
		return c.primary.caller()
	}
	if s := c.secondary(); s != nil && s.dialog != nil {
		return s.caller()
	}
	return c.caller()
}

// behind is who the far end of c talks to: the far end that c is connected with, a
// room, or the application, by the address that it has.
func (c *Call) behind() farEnd {
	switch s := c.secondary(); {
	case c.primary != nil:
		return c.primary.who()
	case s != nil:
		who := s.who()
		who.room = who.room || s.keys != nil
		return who
	case c.base.Direction == Out:
		return farEnd{party: c.base.From}
	default:
		return farEnd{party: c.base.To}
	}
}

// putThrough joins what is behind c and behind another call of the same far
// end, which leaves both, maybe at once.
func (c *Call) putThrough(ctx context.Context, other *Call) ([]*departed, error) {
	if !other.moves.under.CompareAndSwap(false, true) {
		return nil, &sip.StatusError{Code: codePending}
	}
	was, err := c.link(ctx, other)
	if err != nil {
		_ = other.ask(context.WithoutCancel(ctx), other.stays) // it may have ended
	}
	return was, err
}

// link gives c and another call a path to each other as their far ends.
func (c *Call) link(ctx context.Context, other *Call) ([]*departed, error) {
	near, remote := newMemoryPath()
	l := &localCall{progress: make(chan sip.Progress, maxLocalProgress), answered: make(chan struct{})}
	l.caller = &localEnd{call: l, wire: near, ended: make(chan struct{})}
	l.callee = &localEnd{call: l, wire: remote, ended: make(chan struct{})}
	x := c.newcomer(&outgoing{ender: l.caller, depth: c.depth()})
	y := other.newcomer(&outgoing{ender: l.callee, depth: other.depth()})
	err := join(x, near, y, remote)
	var was []*departed
	if err == nil {
		was, err = c.trade(ctx, x, other, y)
	}
	if err == nil {
		c.manager.metrics.transfers.WithLabelValues(transferByFarEnd, transferDone).Inc()
		return was, nil
	}
	y.discard()
	if len(was) == 0 {
		x.discard()
	}
	for _, d := range was {
		d.leave() // c ends: its new far end has gone with y
	}
	return nil, err
}

// trade has c go on with x, and other with y. It has the turns of both: if one
// ends meanwhile the other keeps its far end. was are the far ends that have lost
// their places, also with an error: the media of other did not take y.
func (c *Call) trade(ctx context.Context, x, other, y *Call) (was []*departed, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, exchangeTimeout, &sip.StatusError{Code: codePending})
	defer cancel()
	there, here := other.behind(), c.behind()
	err = c.ask(ctx, func() error {
		return other.ask(ctx, func() error {
			a, err := c.goOnWith(x, there, transferByFarEnd)
			if err != nil {
				return err
			}
			was = append(was, a)
			b, err := other.goOnWith(y, here, transferByFarEnd)
			if err != nil {
				return err
			}
			was = append(was, b)
			return nil
		})
	})
	return was, err
}

// join makes the media of both ends of a path within the process.
func join(x *Call, near *memoryEnd, y *Call, remote *memoryEnd) error {
	there, here := newSession(x, near, memoryHost(), false), newSession(y, remote, memoryHost(), false)
	offer, err := there.begin(nil)
	if err != nil {
		return err
	}
	answer, err := here.Reoffer("", offer)
	if err != nil {
		return err
	}
	return errors.Join(y.openMedia(remote, here, here.media), x.settle(near, there, "", answer))
}

// What is counted of transfers.
const (
	transferByFarEnd   = "far_end"
	transferByAPI      = "api"
	transferByReplaces = "replaces"
	transferDone       = "done"
	transferFailed     = "failed"
	transferRefused    = "refused"
)

// emitTransferred tells that the far end of c is another now, or that c has
// been sent there. Of the actor.
func (c *Call) emitTransferred(by, to string) {
	now := &CallStart{Direction: c.base.Direction.String(), From: to, To: c.base.To, By: by}
	if c.base.Direction == Out {
		now.From, now.To = c.base.From, to
	}
	c.emit(Event{Type: CallTransferred, Started: now})
}
