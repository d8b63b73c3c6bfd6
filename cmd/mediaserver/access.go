package main

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/restapi/management"
	"mediaserver/sip"
)

const (
	// hostsPeriod is how often the addresses of the trunks are looked up.
	hostsPeriod = 5 * time.Minute
	// hostsTimeout bounds one look-up of all of them.
	hostsTimeout = 20 * time.Second
)

// access is who may do what by SIP, short of what the hosts of the trunks
// resolve to.
func access(cfg *config.SIP) sip.Access {
	a := sip.Access{Allow: cfg.Allow}
	for i := range cfg.Trunks {
		a.Trunks = append(a.Trunks, sip.SourceList{Name: cfg.Trunks[i].Name, Allow: cfg.Trunks[i].Allow})
	}
	a.Phones = phonesOf(cfg)
	return a
}

// defence hands the limits of sources on.
func defence(c *config.Defence) sip.Defence {
	exempt := c.Exempt
	if exempt == nil {
		exempt = []netip.Prefix{}
	}
	return sip.Defence{
		Off: !c.Enabled, PerSecond: c.RequestsPerSecond, Failures: c.Failures,
		Window: c.Window(), Ban: c.Ban(), BanMax: c.BanMax(),
		Exempt: exempt, AnswerOptions: sip.Answering(c.AnswerOptions), Silent: c.Silent,
		Pending: c.PendingCalls, PendingPerSource: c.PendingPerSource, ConnsPerSource: c.ConnectionsPerSource,
	}
}

// phonesOf are the phones that may log in.
func phonesOf(cfg *config.SIP) []sip.Phone {
	var list []sip.Phone
	for i := range cfg.Phones {
		list = append(list, sip.Phone{Name: cfg.Phones[i].Name, Password: cfg.Phones[i].Password.Reveal()})
	}
	return list
}

// door keeps the access of the user agent as the configuration says and the
// addresses of the trunks are. run is its only goroutine.
type door struct {
	ua      *sip.UA
	log     *slog.Logger
	changed chan *config.SIP        // a new configuration; the last one counts
	hosts   map[string][]netip.Addr // last found, by address of a trunk; of run
}

func newDoor(ua *sip.UA, log *slog.Logger) *door {
	return &door{ua: ua, log: log, changed: make(chan *config.SIP, 1), hosts: make(map[string][]netip.Addr)}
}

// change puts another configuration into force, soon.
func (d *door) change(cfg *config.SIP) {
	select {
	case <-d.changed: // outdated
	default:
	}
	d.changed <- cfg
}

// run looks the trunks up from time to time until ctx ends.
func (d *door) run(ctx context.Context, cfg *config.SIP) error {
	tick := time.NewTicker(hostsPeriod)
	defer tick.Stop()
	for {
		d.set(ctx, cfg)
		select {
		case <-ctx.Done():
			return nil
		case cfg = <-d.changed:
		case <-tick.C:
		}
	}
}

// set puts the access of a configuration into force: at once with the
// addresses of the trunks that are known, then with those that are found. A
// host that cannot be resolved keeps the addresses it had.
func (d *door) set(ctx context.Context, cfg *config.SIP) {
	if len(cfg.Trunks) > 0 {
		d.ua.SetAccess(d.with(cfg))
		d.find(ctx, cfg)
	}
	d.ua.SetAccess(d.with(cfg))
}

// with is the access with the addresses of the trunks that are known.
func (d *door) with(cfg *config.SIP) sip.Access {
	a := access(cfg)
	for i := range cfg.Trunks {
		for _, address := range addressesOf(&cfg.Trunks[i]) {
			a.Trunks[i].Hosts = append(a.Trunks[i].Hosts, d.hosts[address]...)
		}
	}
	return a
}

// find looks the trunks up.
func (d *door) find(ctx context.Context, cfg *config.SIP) {
	ctx, cancel := context.WithTimeout(ctx, hostsTimeout)
	defer cancel()
	for i := range cfg.Trunks {
		t := &cfg.Trunks[i]
		for _, address := range addressesOf(t) {
			hosts, err := d.ua.Hosts(ctx, address)
			switch {
			case err == nil:
				d.hosts[address] = hosts
			case ctx.Err() == nil:
				d.log.LogAttrs(ctx, slog.LevelWarn, "cannot find the address of a trunk", slog.String("trunk", t.Name), slog.Any("error", err))
			}
		}
	}
}

// addressesOf are the SIP addresses of a trunk.
func addressesOf(t *config.Trunk) []string {
	list := append([]string{t.Address}, t.Addresses...)
	if t.Proxy != "" {
		list = append(list, t.Proxy)
	}
	return list
}

// bans are the banned sources as the management API shows them.
type bans struct{ ua *sip.UA }

// Bans are the sources that are banned now.
func (b bans) Bans() []management.Ban {
	now := b.ua.Bans()
	out := make([]management.Ban, len(now))
	for i, x := range now {
		source := x.Source.String()
		if x.Source.IsSingleIP() {
			source = x.Source.Addr().String()
		}
		out[i] = management.Ban{Source: source, Reason: x.Reason, Until: x.Until, Count: x.Count}
	}
	return out
}

// Lift ends the ban of a source.
func (b bans) Lift(a netip.Addr) bool { return b.ua.LiftBan(a) }
