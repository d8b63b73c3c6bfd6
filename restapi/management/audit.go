package management

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"time"

	"mediaserver/restapi/auth"
)

const (
	auditPruneInterval = time.Hour
	auditPruneBatch    = 5000
	auditQueue         = 1024 // changes that may wait for the disk
)

// Change is something that somebody asked to be changed.
type Change struct {
	Time    time.Time `json:"time"`
	User    string    `json:"user" doc:"empty: a client on the same machine, without login"`
	Client  string    `json:"client" doc:"IP address"`
	Method  string    `json:"method"`
	Path    string    `json:"path" doc:"without query"`
	Status  int       `json:"status" doc:"of the answer; 500 also when a fault of the server left none"`
	Outcome string    `json:"outcome" enum:"done,refused,failed"`
	TookMS  int64     `json:"took_ms"`
}

// AuditStore keeps changes: *store.Store.
type AuditStore interface {
	PutAudit(at time.Time, raw []byte) error
	PruneAudit(before time.Time, limit int) (int, error)
}

// AuditConfig says where changes are told.
type AuditConfig struct {
	Store         AuditStore // nil: to the log only
	RetentionDays int        // 0 = for ever
	Logger        *slog.Logger
}

// Audit tells who asked for which change, and what came of it. Safe for
// concurrent use; Run writes to the store.
type Audit struct {
	cfg   AuditConfig
	queue chan Change
}

// NewAudit makes an Audit. It starts nothing.
func NewAudit(cfg AuditConfig) *Audit {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Audit{cfg: cfg, queue: make(chan Change, auditQueue)}
}

// Wrap tells of every request to h. It goes inside the login.
func (a *Audit) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		begun, answered := time.Now(), false
		defer func() {
			if !answered { // a panic: the client gets no answer, or half of one
				status.status = http.StatusInternalServerError
			}
			client, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				client = r.RemoteAddr
			}
			a.tell(Change{
				Time: begun, User: auth.UserOf(r.Context()), Client: client, Method: r.Method, Path: r.URL.Path,
				Status: status.status, Outcome: outcomeOf(status.status), TookMS: time.Since(begun).Milliseconds(),
			})
		}()
		h.ServeHTTP(status, r)
		answered = true
	})
}

func outcomeOf(status int) string {
	switch {
	case status < http.StatusBadRequest:
		return "done"
	case status < http.StatusInternalServerError:
		return "refused"
	default:
		return "failed"
	}
}

func (a *Audit) tell(c Change) {
	a.cfg.Logger.Info("audit", "user", c.User, "client", c.Client, "method", c.Method, "path", c.Path,
		"status", c.Status, "outcome", c.Outcome)
	if a.cfg.Store == nil {
		return
	}
	select {
	case a.queue <- c:
	default:
		a.cfg.Logger.Error("a change is in this log only: the disk is too slow", "path", c.Path)
	}
}

// Run keeps changes until ctx ends, and then what has come by then.
func (a *Audit) Run(ctx context.Context) error {
	if a.cfg.Store == nil {
		<-ctx.Done()
		return nil
	}
	prune := time.NewTicker(auditPruneInterval)
	defer prune.Stop()
	for {
		select {
		case c := <-a.queue:
			a.keep(c)
		case <-prune.C:
			a.prune()
		case <-ctx.Done():
			for {
				select {
				case c := <-a.queue:
					a.keep(c)
				default:
					return nil
				}
			}
		}
	}
}

func (a *Audit) keep(c Change) {
	raw, err := json.Marshal(c)
	if err == nil {
		err = a.cfg.Store.PutAudit(c.Time, raw)
	}
	if err != nil {
		a.cfg.Logger.Error("a change is in this log only", "path", c.Path, "error", err)
	}
}

func (a *Audit) prune() {
	if a.cfg.RetentionDays == 0 {
		return
	}
	if _, err := a.cfg.Store.PruneAudit(time.Now().AddDate(0, 0, -a.cfg.RetentionDays), auditPruneBatch); err != nil {
		a.cfg.Logger.Warn("old changes cannot be deleted", "error", err)
	}
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
