package main

import (
	"context"
	"time"

	"mediaserver/call"
	"mediaserver/call/trunk"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/restapi/management"
	"mediaserver/sip"
)

// trunkBusy is what a trunk is told whose calls have no room: 503 would take
// us out of its service altogether.
const trunkBusy = 486

// trunkConfigs hands the configured trunks on.
func trunkConfigs(cfg *config.SIP) []trunk.Config {
	out := make([]trunk.Config, 0, len(cfg.Trunks))
	for i := range cfg.Trunks {
		c := &cfg.Trunks[i]
		security, _ := call.ParseSecurity(c.SRTP) // config knows the words
		keying, _ := call.ParseKeying(c.Keying)
		one := trunk.Config{
			Name: c.Name, Match: c.Match, Security: security, Keying: keying,
			Line: trunk.Line{
				Addresses: c.All(), Proxy: c.Proxy, Domain: c.Domain, Username: c.Username, Password: c.Password.Reveal(),
				Register: c.Register, Expires: c.Expires(), Keepalive: c.Keepalive(),
			},
			Limits:  trunk.Limits{MaxCalls: c.MaxCalls, CallsPerSecond: c.CallsPerSecond},
			Caller:  trunk.Caller{Default: c.From, Identity: identityOf(c.Identity), Number: c.IdentityNumber, Believe: c.IncomingCaller == "asserted"},
			Numbers: numbersOf(&c.Numbers),
		}
		for _, h := range c.Headers {
			name, value, _ := h.Split() // config has looked
			one.Headers = append(one.Headers, sip.Header{Name: name, Value: value})
		}
		out = append(out, one)
	}
	return out
}

func identityOf(word string) trunk.Identity {
	return map[string]trunk.Identity{"asserted": trunk.IdentityAsserted, "preferred": trunk.IdentityPreferred}[word]
}

func numbersOf(n *config.Numbers) trunk.Numbers {
	return trunk.Numbers{
		CountryCode: n.CountryCode, NationalPrefix: n.NationalPrefix, InternationalPrefix: n.InternationalPrefix,
		OutgoingTo: rulesOf(n.OutgoingTo), OutgoingFrom: rulesOf(n.OutgoingFrom),
		IncomingTo: rulesOf(n.IncomingTo), IncomingFrom: rulesOf(n.IncomingFrom),
	}
}

func rulesOf(list []config.NumberRule) []trunk.Rule {
	forms := map[string]trunk.Form{"e164": trunk.FormE164, "digits": trunk.FormDigits, "national": trunk.FormNational}
	out := make([]trunk.Rule, 0, len(list))
	for _, r := range list {
		out = append(out, trunk.Rule{Match: r.Match, Strip: r.Strip, Prefix: r.Prefix, Form: forms[r.Form]})
	}
	return out
}

// newTrunks makes the table of the trunks, which register and ask by a user
// agent.
func (s *server) newTrunks(ua *sip.UA) *trunk.Table {
	t := trunk.NewTable(trunk.TableConfig{Agent: ua, Metrics: trunk.NewMetrics(s.registry), Logger: s.log, Events: s.keep.log})
	t.Replace(trunkConfigs(&s.cfg.SIP), s.cfg.SIP.DefaultTrunk)
	return t
}

// takeCall serves an incoming call, if its trunk has room for it.
func (s *server) takeCall(ctx context.Context, d *sip.Dialog) {
	if release := s.admit(d); release != nil {
		defer release()
		s.parts.calls.HandleInvite(ctx, d, s.serveCall)
	}
}

// admit takes the place of a call in its trunk, which release gives back; nil: it
// was refused.
func (s *server) admit(d *sip.Dialog) (release func()) {
	source := d.Invitation().Source
	release, digest, err := s.parts.trunks.TakeIncoming(source)
	if err != nil {
		s.log.Info("call in refused", "trunk", source, "error", err)
		if err := d.Reject(trunkBusy, ""); err != nil {
			s.log.Debug("reject", "error", err)
		}
		return nil
	}
	if digest != nil {
		d.SetDigest(digest)
	}
	return release
}

// managedTrunks are the trunks as the management API tells of them.
func managedTrunks(states []trunk.State) []management.Trunk {
	out := make([]management.Trunk, 0, len(states))
	for i := range states {
		out = append(out, managedTrunk(&states[i]))
	}
	return out
}

func managedTrunk(s *trunk.State) management.Trunk {
	t := management.Trunk{
		Name: s.Name, Address: s.Addresses[0].Address, State: "up", Reason: s.Reason, Since: instant(s.Since),
		Register: s.Register, Registration: s.Refused, Until: instant(s.Until),
		Calls: s.Calls, MaxCalls: s.Limits.MaxCalls, CallsPerSecond: s.Limits.CallsPerSecond,
	}
	if !s.Up {
		t.State = "down"
	}
	if s.Register {
		t.Registered = new(s.Registered)
	}
	for _, a := range s.Addresses {
		one := management.TrunkAddress{
			Address: a.Address, LastCode: a.Code, LastAnswer: instant(a.Answer), RTTMS: float64(a.RTT) / float64(time.Millisecond),
		}
		if a.Asked {
			one.Reachable = new(a.Up)
		}
		t.Addresses = append(t.Addresses, one)
	}
	return t
}

// instant is a time that may be missing.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
