package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Role is what somebody may do; each includes those before it.
type Role uint8

// The roles.
const (
	Read    Role = iota + 1 // look
	Operate                 // start, steer and end calls and rooms, write files
	Admin                   // everything
)

// String is the word of the configuration.
func (r Role) String() string {
	switch r {
	case Read:
		return "read"
	case Operate:
		return "operate"
	case Admin:
		return "admin"
	default:
		return fmt.Sprintf("Role(%d)", uint8(r))
	}
}

// ParseRole is the inverse of Role.String; "" is Admin.
func ParseRole(s string) (Role, bool) {
	switch s {
	case "", "admin":
		return Admin, true
	case "operate":
		return Operate, true
	case "read":
		return Read, true
	}
	return 0, false
}

// User may log in with a password, an API key, or either.
type User struct {
	Name     string
	Password string // "": not with a password
	APIKey   string // "": not with a key
	Role     Role   // 0 = Admin
}

// Config says who may do what. The zero value lets clients on this machine do
// everything and nobody else anything.
type Config struct {
	Users    []User            // names are unique
	Services map[string]string // outbound services and their passwords; without a password only users start one
	// Refuse writes the answer to a refused request: 401, 403 or 429. nil
	// writes the status as plain text.
	Refuse     func(w http.ResponseWriter, r *http.Request, status int, text string)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// digest is of a secret: comparing digests takes the same time whatever the
// secrets and their lengths.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// account is a user as it is compared with what came.
type account struct {
	name             string
	role             Role
	password, apiKey *digest // nil: none
}

// Auth judges requests.
type Auth struct {
	now      atomic.Pointer[accounts] // who may log in
	refuse   func(w http.ResponseWriter, r *http.Request, status int, text string)
	log      *slog.Logger
	failures *failures
	refused  *prometheus.CounterVec
}

// accounts are all that may log in. They do not change.
type accounts struct {
	users    map[string]account
	keys     []account
	services map[string]digest
}

// ErrConfig: users that cannot be used; the text says which.
var ErrConfig = errors.New("auth: bad configuration")

// New makes an Auth; it starts nothing.
func New(cfg Config) (*Auth, error) {
	a := &Auth{
		refuse: cfg.Refuse, log: cfg.Logger,
		failures: newFailures(),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_http_refused_total",
			Help: "HTTP requests refused by reason: login, failures (too many), loopback, host, origin, role.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{reasonLogin, reasonFailures, reasonLoopback, reasonHost, reasonOrigin, reasonRole} {
		a.refused.WithLabelValues(reason)
	}
	if a.refuse == nil {
		a.refuse = func(w http.ResponseWriter, _ *http.Request, status int, text string) { http.Error(w, text, status) }
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(a.refused)
	}
	apply, err := a.Prepare(cfg.Users, cfg.Services)
	if err != nil {
		return nil, err
	}
	apply()
	return a, nil
}

// Prepare checks users and services that are to take the place of those there
// are, see Config; apply puts them there.
func (a *Auth) Prepare(users []User, services map[string]string) (apply func(), err error) {
	all := &accounts{users: map[string]account{}, services: map[string]digest{}}
	for _, u := range users {
		if err := all.addUser(u); err != nil {
			return nil, err
		}
	}
	for name, password := range services {
		if password != "" {
			all.services[name] = digestOf(password)
		}
	}
	return func() { a.now.Store(all) }, nil
}

func (a *accounts) addUser(u User) error {
	_, twice := a.users[u.Name]
	switch {
	case u.Name == "" || strings.ContainsAny(u.Name, "/:"):
		return fmt.Errorf("%w: %q is not a name of a user", ErrConfig, u.Name)
	case twice:
		return fmt.Errorf("%w: two users are named %q", ErrConfig, u.Name)
	case u.Password == "" && u.APIKey == "":
		return fmt.Errorf("%w: user %q has neither password nor API key", ErrConfig, u.Name)
	}
	one := account{name: u.Name, role: u.Role}
	if one.role == 0 {
		one.role = Admin
	}
	if u.Password != "" {
		one.password = new(digestOf(u.Password))
	}
	if u.APIKey != "" {
		one.apiKey = new(digestOf(u.APIKey))
		a.keys = append(a.keys, one)
	}
	a.users[u.Name] = one
	return nil
}

// Identity is who asks.
type Identity struct {
	User    string // "" = a client on this machine, without login
	Role    Role
	Service string // logged in for this outbound service only; "" = any
}

type identityKey struct{}

// IdentityOf is who asks in the context of a request that Wrap has let in.
func IdentityOf(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// UserOf is the name of who asks, "" for a client without login.
func UserOf(ctx context.Context) string { return IdentityOf(ctx).User }

// Wrap lets through to h whoever has a role. Logins for one service are not
// let through.
func (a *Auth) Wrap(role Role, h http.Handler) http.Handler { return a.wrap(role, false, h) }

// WrapService is Wrap that lets logins for one service through as well;
// h must keep to Identity.Service.
func (a *Auth) WrapService(role Role, h http.Handler) http.Handler { return a.wrap(role, true, h) }

func (a *Auth) wrap(role Role, services bool, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, refusal := a.judge(r, time.Now())
		if refusal == nil && (id.Role < role || id.Service != "" && !services) {
			refusal = &denial{reason: reasonRole, status: http.StatusForbidden, text: "this needs the role " + role.String()}
			if id.Service != "" {
				refusal.text = "a login for a service can only start calls of it"
			}
		}
		if refusal != nil {
			a.deny(w, r, refusal)
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, id)))
	})
}

// The reasons of denials, as labels of the metric.
const (
	reasonLogin    = "login"
	reasonFailures = "failures" // too many
	reasonLoopback = "loopback"
	reasonHost     = "host"
	reasonOrigin   = "origin"
	reasonRole     = "role"
)

// denial is why a request is refused.
type denial struct {
	reason string // label of the metric
	status int
	text   string
}

func (a *Auth) deny(w http.ResponseWriter, r *http.Request, d *denial) {
	a.refused.WithLabelValues(d.reason).Inc()
	a.log.Info("HTTP request refused", "reason", d.reason, "client", clientOf(r).String(), "path", r.URL.Path)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	switch d.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="mediaserver", charset="UTF-8"`)
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "60")
	}
	a.refuse(w, r, d.status, d.text)
}

// judge says who asks, or why not.
func (a *Auth) judge(r *http.Request, now time.Time) (Identity, *denial) {
	if text := foreignPage(r); text != "" {
		return Identity{}, &denial{reasonOrigin, http.StatusForbidden, text}
	}
	client := clientOf(r)
	all := a.now.Load()
	if len(all.users) == 0 {
		return localClient(r, client)
	}
	if a.failures.tooMany(client, now) {
		return Identity{}, &denial{reasonFailures, http.StatusTooManyRequests, "too many failed logins from this address"}
	}
	id, ok := all.login(r)
	if ok {
		return id, nil
	}
	if given := r.Header.Get("Authorization") != "" || r.Header.Get(apiKeyHeader) != ""; given {
		a.failures.add(client, now)
		if a.failures.tooMany(client, now) {
			return Identity{}, &denial{reasonFailures, http.StatusTooManyRequests, "too many failed logins from this address"}
		}
	}
	return Identity{}, &denial{reasonLogin, http.StatusUnauthorized, "a login is needed"}
}

// apiKeyHeader carries an API key where Authorization is taken.
const apiKeyHeader = "X-Api-Key"

// bearer begins the Authorization with an API key.
const bearer = "bearer "

// login checks what the request brings.
func (a *accounts) login(r *http.Request) (Identity, bool) {
	key := r.Header.Get(apiKeyHeader)
	if h := r.Header.Get("Authorization"); key == "" && len(h) > len(bearer) && strings.EqualFold(h[:len(bearer)], bearer) {
		key = h[len(bearer):]
	}
	if key != "" {
		return a.byKey(key)
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		return Identity{}, false
	}
	return a.byPassword(name, password)
}

func (a *accounts) byKey(key string) (Identity, bool) {
	given := digestOf(key)
	var found Identity
	for _, one := range a.keys { // all of them, whichever fits
		if subtle.ConstantTimeCompare(given[:], one.apiKey[:]) == 1 {
			found = Identity{User: one.name, Role: one.role}
		}
	}
	return found, found.User != ""
}

// byPassword checks "user", "account/user" and "account/user/service".
func (a *accounts) byPassword(name, password string) (Identity, bool) {
	given := digestOf(password)
	account, rest, hasAccount := strings.Cut(name, "/")
	user, service := account, ""
	if hasAccount {
		user, service, _ = strings.Cut(rest, "/")
	}
	one, known := a.users[user]
	var want digest // of nothing: no password has it
	switch {
	case service != "":
		if d, ok := a.services[service]; ok {
			want = d
		}
	case one.password != nil:
		want = *one.password
	}
	equal := subtle.ConstantTimeCompare(given[:], want[:]) == 1
	if !known || !equal {
		return Identity{}, false
	}
	id := Identity{User: one.name, Role: one.role, Service: service}
	if service != "" {
		id.Role = Operate // for starting calls of that service, whatever the user's role
	}
	return id, true
}

// clientOf is the address of who asks.
func clientOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}
