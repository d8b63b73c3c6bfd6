package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"mediaserver/sip/guard"
)

// Answering says who gets an answer to OPTIONS outside a dialog.
type Answering string

// Who gets an answer to OPTIONS.
const (
	AnswerKnown Answering = "known" // who may call, trunks, and who has had a call; the default
	AnswerAll   Answering = "all"
	AnswerNone  Answering = "none"
)

// Defaults of Defence.
const (
	DefaultPending          = 10000
	DefaultPendingPerSource = 200
	DefaultConnsPerSource   = 256
)

// Defence says what is done against sources that misbehave. The zero value is
// on with its defaults.
type Defence struct {
	Off              bool           // only Config.SourceRate limits sources, nobody is banned
	PerSecond        int            // messages per second of a source that is not vouched for; 0 = guard.DefaultPerSecond
	Failures         int            // offences within Window that ban; 0 = guard.DefaultFailures
	Window           time.Duration  // 0 = guard.DefaultWindow
	Ban              time.Duration  // of the first ban, doubled for each further one; 0 = guard.DefaultBan
	BanMax           time.Duration  // 0 = guard.DefaultBanMax
	Exempt           []netip.Prefix // never banned; nil = loopback
	AnswerOptions    Answering      // "" = AnswerKnown
	Silent           bool           // an INVITE that is not allowed gets no answer instead of 403
	Pending          int            // unfinished calls of all sources that are not vouched for; 0 = DefaultPending
	PendingPerSource int            // of one of them; 0 = DefaultPendingPerSource
	ConnsPerSource   int            // connections of one source that is not trusted; 0 = DefaultConnsPerSource
	Sources          int            // that are remembered; 0 = guard.DefaultSources
	Strangers        int            // new sources per second; 0 = guard.DefaultStrangers
}

func (d Defence) withDefaults() Defence {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&d.PerSecond, guard.DefaultPerSecond)
	set(&d.Failures, guard.DefaultFailures)
	set(&d.Sources, guard.DefaultSources)
	set(&d.Strangers, guard.DefaultStrangers)
	set(&d.Pending, DefaultPending)
	set(&d.PendingPerSource, DefaultPendingPerSource)
	set(&d.ConnsPerSource, DefaultConnsPerSource)
	if d.Exempt == nil {
		d.Exempt = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	d.Exempt = unmapPrefixes(d.Exempt)
	if d.AnswerOptions == "" {
		d.AnswerOptions = AnswerKnown
	}
	return d
}

func (d Defence) validate() error {
	var errs []error
	switch d.AnswerOptions {
	case "", AnswerKnown, AnswerAll, AnswerNone:
	default:
		errs = append(errs, fmt.Errorf("sip: OPTIONS are answered to known, all or none, not to %q", d.AnswerOptions))
	}
	if d.Window < 0 || d.Ban < 0 || d.BanMax < 0 || d.Pending < 0 || d.PendingPerSource < 0 || d.ConnsPerSource < 0 {
		errs = append(errs, errors.New("sip: negative limit of the defence"))
	}
	return errors.Join(errs...)
}

// Ban is a source that is banned for the time being.
type Ban = guard.Ban

// Bans are the sources that are banned now, in no order.
func (u *UA) Bans() []Ban { return u.guard.watch.Bans(u.guard.now()) }

// LiftBan ends the ban of the source that an address belongs to; false if it
// has none.
func (u *UA) LiftBan(a netip.Addr) bool { return u.guard.watch.Lift(bare(a), u.guard.now()) }
