package sip

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// errOtherContact is why the contacts of a phone stop ringing when one of them
// has answered.
var errOtherContact = errors.New("sip: another contact answered")

// phoneAt is the phone that a URI names: a name that may log in, at a domain
// or address of ours. ours without a name is nobody at a domain of ours.
func (u *UA) phoneAt(uri *sipgo.Uri) (name string, ours bool) {
	if !u.phones.challenger.any() || uri.User == "" || !u.ourHost(uri) {
		return "", false
	}
	if name = unescape(uri.User); u.phones.challenger.known(name) {
		return name, true
	}
	for _, d := range u.cfg.Registrar.Domains {
		if equalFold(uri.Host, d) {
			return "", true
		}
	}
	return "", false // an address of ours may be called for a service
}

// contactsOf finds the contacts that a call to a URI rings. A *StatusError
// says that there are none: 404 for nobody, 480 for a phone that is not
// registered. Both results are nil for a URI that is none of ours.
func (u *UA) contactsOf(to string) ([]*binding, error) {
	uri, err := parseURI(to)
	if err != nil {
		return nil, err
	}
	name, ours := u.phoneAt(&uri)
	switch {
	case !ours:
		return nil, nil
	case name == "":
		return nil, &StatusError{Code: codeNotFound}
	}
	list := u.phones.registrar.of(name)
	if len(list) == 0 {
		return nil, &StatusError{Code: codeUnavailable}
	}
	return list, nil
}

// ringing is a call to all contacts of a phone. The first to answer wins.
type ringing struct {
	request InviteRequest
	said    chan saying // closed when no contact says any more
	stop    context.CancelCauseFunc

	mu     sync.Mutex
	winner *Dialog
	taken  bool // the offer of one of them is being answered
	worst  error
}

// saying is a provisional response of one contact.
type saying struct {
	by *binding
	Progress
}

// ring places a call to all contacts of a phone at once, as a proxy would fork
// it (RFC 3261 §16.6): an INVITE for each, with the same offer.
func (u *UA) ring(ctx context.Context, r InviteRequest, contacts []*binding, onProgress func(Progress)) (*Dialog, error) {
	ringCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	all := &ringing{request: r, said: make(chan saying), stop: stop}
	var calls sync.WaitGroup
	for _, b := range contacts {
		calls.Go(func() {
			d, err := u.invite(ringCtx, all.requestTo(b), func(p Progress) { all.said <- saying{b, p} })
			if loser := all.over(d, err); loser != nil {
				u.own.run(func() { _ = loser.Bye(context.WithoutCancel(ctx)) }) // nobody to tell
			}
		})
	}
	go func() { calls.Wait(); close(all.said) }()
	all.listen(onProgress)
	if all.winner != nil {
		return all.winner, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, all.worst
}

// requestTo is the INVITE for one contact.
func (all *ringing) requestTo(b *binding) InviteRequest {
	r := all.request
	r.contact = b
	if answer := r.Answer; answer != nil {
		r.Answer = func(offer []byte) ([]byte, error) {
			all.mu.Lock()
			late := all.taken
			all.taken = true
			all.mu.Unlock()
			if late {
				return nil, errOtherContact
			}
			return answer(offer)
		}
	}
	return r
}

// listen passes on what the contacts say until all are done, one after the other.
// Only the first that sends early media is heard, and nobody when one has answered.
func (all *ringing) listen(tell func(Progress)) {
	var heard *binding
	for p := range all.said {
		if p.Body != nil && heard == nil {
			heard = p.by
		}
		if p.by != heard {
			p.Body = nil
		}
		if tell != nil && !all.won() {
			tell(p.Progress)
		}
	}
}

// won says whether a contact has answered.
func (all *ringing) won() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.winner != nil
}

// over notes what became of one contact; a dialog that is returned is one too
// many. A refusal for the whole phone (6xx) ends the others, RFC 3261 §16.7.
func (all *ringing) over(d *Dialog, err error) (loser *Dialog) {
	all.mu.Lock()
	defer all.mu.Unlock()
	switch {
	case err == nil && all.winner == nil:
		all.winner = d
		all.stop(errOtherContact)
	case err == nil:
		return d
	case errors.Is(err, errOtherContact):
	case all.worst == nil || rank(err) > rank(all.worst):
		all.worst = err
		if rank(err) == rankGlobal {
			all.stop(err)
		}
	}
	return nil
}

// Ranks of failures, by what they say of the phone as a whole.
const (
	rankLost   = iota // nothing was heard of this contact
	rankOther         // refused
	rankBusy          // somebody is there
	rankGlobal        // refused for all contacts
)

func rank(err error) int {
	status, ok := errors.AsType[*StatusError](err)
	switch {
	case !ok || status.Code == codeTimeout:
		return rankLost
	case status.Code >= 600:
		return rankGlobal
	case status.Code == codeBusy:
		return rankBusy
	default:
		return rankOther
	}
}

// localOf is our address of the way to a phone's most wanted contact.
func localOf(contacts []*binding) (netip.Addr, error) {
	own, err := contacts[0].flow.route()
	return own.WithZone(""), err
}

// huntFor is the way of an INVITE: that of a phone's contact, if it is for
// one.
func (u *UA) huntFor(ctx context.Context, next sipgo.Uri, contact *binding) (*hunt, error) {
	if contact != nil {
		return &hunt{ua: u, only: contact.flow}, nil
	}
	return u.hunt(ctx, next, nil)
}

// callContact makes a contact of a phone the target of a dialog.
func (p *peer) callContact(b *binding) {
	if b != nil {
		p.phone, _ = p.ua.phoneAt(&p.target)
		p.since = p.ua.phones.registrar.now()
		p.target = *b.uri.Clone()
	}
}
