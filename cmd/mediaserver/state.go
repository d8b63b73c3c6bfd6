package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/restapi/auth"
	"mediaserver/restapi/events"
	"mediaserver/restapi/management"
	"mediaserver/restapi/records"
	"mediaserver/restapi/store"
)

// state is what outlives the process, and what tells of its life.
type state struct {
	store    *store.Store // nil: everything is in memory
	noStore  string       // why, if a directory is configured
	journal  *records.Journal
	log      *events.Log
	webhooks *events.Webhooks
	audit    *management.Audit
	api      *management.API // made when calls are
}

// openState opens the store and makes what writes into it. The default
// directory may be missing or belong to another server: then this one keeps
// its state in memory.
func (s *server) openState() (*state, error) {
	cfg, st := s.cfg, &state{}
	if cfg.Store.Directory != "" {
		var err error
		st.store, err = store.Open(store.Config{Directory: cfg.Store.Directory, NoSync: !cfg.Store.Sync})
		switch {
		case err == nil:
		case cfg.Store.Directory == config.DefaultStoreDirectory && !errors.Is(err, store.ErrCorrupt):
			s.log.Warn("state is kept in memory only", "key", "store.directory", "error", err)
			st.noStore = "store.directory cannot be used: " + err.Error()
		case errors.Is(err, store.ErrCorrupt):
			return nil, err
		default:
			return nil, explainDirectory(err, "store.directory", "/var/lib/mediaserver/state")
		}
	}
	collect := records.Config{RetentionDays: cfg.Records.RetentionDays, Logger: s.log}
	if cfg.Records.Directory != "" && st.store != nil {
		var err error
		st.journal, err = records.NewJournal(records.JournalConfig{
			Directory: cfg.Records.Directory, RetentionDays: cfg.Records.RetentionDays,
			Metrics: records.NewMetrics(s.registry), Logger: s.log,
		})
		if err != nil {
			return st, explainDirectory(err, "records.directory", "/var/lib/mediaserver/records")
		}
	}
	collect.Journal = st.journal
	c := events.Config{
		Retention: cfg.Events.Retention(), MaxEvents: cfg.Events.MaxEvents, ClientBuffer: cfg.Events.ClientBuffer,
		ShowDigits: cfg.Events.Digits == "shown", Metrics: events.NewMetrics(s.registry), Logger: s.log,
	}
	audit := management.AuditConfig{RetentionDays: cfg.Records.RetentionDays, Logger: s.log}
	if st.store != nil { // a nil *Store is no nil interface
		c.Store, collect.Store, audit.Store = st.store, st.store, st.store
	}
	c.Collector = records.NewCollector(collect)
	st.audit = management.NewAudit(audit)
	var err error
	if st.log, err = events.NewLog(c); err != nil {
		return st, err
	}
	st.webhooks, err = events.NewWebhooks(s.webhooksConfig(st))
	return st, err
}

func (s *server) webhooksConfig(st *state) events.WebhooksConfig {
	c := events.WebhooksConfig{Log: st.log, UserAgent: userAgent(), Logger: s.log}
	if st.store != nil {
		c.Places = st.store.Documents("webhooks")
	}
	for _, w := range s.cfg.Events.Webhooks {
		c.List = append(c.List, events.Webhook{
			Name: w.Name, URL: w.URL, Secret: w.SigningSecret.Reveal(), MaxLag: w.MaxEvents,
			Timeout: time.Duration(w.TimeoutSeconds) * time.Second, GiveUpAfter: time.Duration(w.GiveUpMinutes) * time.Minute,
		})
	}
	return c
}

// keeper is a set of documents of the store, nil without one.
func (st *state) keeper(name string) call.Keeper {
	if st.store == nil {
		return nil // not a nil *Documents, which is no nil interface
	}
	return st.store.Documents(name)
}

// startState starts what writes events, the first of the components: the
// others emit until they have ended.
func (s *server) startState(ctx context.Context) {
	s.group.Start(ctx, "events", s.keep.log.Run)
	s.group.Start(ctx, "audit", s.keep.audit.Run)
	s.group.Start(ctx, "webhooks", s.keep.webhooks.Run)
}

// close closes the files. Nothing may write any more.
func (st *state) close() error {
	if st == nil {
		return nil
	}
	var errs []error
	if st.journal != nil {
		errs = append(errs, st.journal.Close())
	}
	if st.store != nil {
		errs = append(errs, st.store.Close())
	}
	return errors.Join(errs...)
}

// newManagement makes the management API over the parts.
func (s *server) newManagement(a *auth.Auth) (*management.API, error) {
	c := management.Config{
		Version: version, Calls: s.parts.calls, Rooms: s.parts.calls, Media: s.parts.calls, Reservations: s.parts.calls,
		Events: s.keep.log, Audit: s.keep.audit, Guard: a.Wrap, MaxStreams: s.cfg.Events.MaxStreams,
		Services: func() []management.Service { return managedServices(s.live.Load().Services) }, Logger: s.log, Registerer: s.registry,
		Bans:   bans{s.parts.ua},
		Phones: func() []management.Phone { return managedPhones(s.parts.ua, s.live.Load().SIP.Phones) },
		Trunks: func() []management.Trunk { return managedTrunks(s.parts.trunks.States()) },
		Health: func() management.Health {
			return management.Health{Phase: s.state.Phase().String(), ClockRuns: s.parts.engine.Healthy(time.Now())}
		},
	}
	if s.keep.store != nil {
		c.Records = s.keep.store
	}
	c.NoRecords = s.keep.noStore
	return management.New(c)
}

// withoutSecrets is an address without login and query.
func withoutSecrets(address string) string {
	r, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err != nil {
		return ""
	}
	r.URL.User, r.URL.RawQuery, r.URL.Fragment = nil, "", ""
	return r.URL.String()
}

// refuse answers a request that a login refused, in the form of what was asked.
func refuse(root func(http.ResponseWriter, *http.Request, int, string)) func(http.ResponseWriter, *http.Request, int, string) {
	return func(w http.ResponseWriter, r *http.Request, status int, text string) {
		if strings.HasPrefix(r.URL.Path, management.Prefix+"/") {
			management.Refuse(w, r, status, text)
			return
		}
		root(w, r, status, text)
	}
}
