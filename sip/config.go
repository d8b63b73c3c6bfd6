package sip

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Defaults of Config.
const (
	DefaultMaxDialogs = 20000
	DefaultUserAgent  = "mediaserver"
	DefaultT1         = 500 * time.Millisecond
	DefaultT2         = 4 * time.Second
	DefaultRetryAfter = 5 * time.Second
	DefaultSourceRate = 10000
)

// Timers are the timers this package runs itself. They do not touch sipgo's.
//
// Deviation: the timers inside transactions (A, B, D–L of RFC 3261 §17) belong
// to sipgo and are the same for all user agents of a process: T1 = 500 ms,
// T2 = 4 s, T4 = 5 s.
type Timers struct {
	T1     time.Duration // first interval of a 2xx retransmission, RFC 3261 §13.3.1.4; 0 = 500 ms
	T2     time.Duration // longest interval; 0 = 4 s
	NoACK  time.Duration // a 2xx without ACK for so long ends the dialog; 0 = 64*T1
	Answer time.Duration // an INVITE we sent without any final response for so long is given up; 0 = 3 min

	second time.Duration // of session intervals; tests shorten it
}

// Config of a UA. The zero value listens on nothing, which is enough to test
// validation, or to be told where to listen later.
type Config struct {
	Listen     []string // "udp://host:port", or tcp, tls, ws, wss; "?advertise=HOST" or HOST:PORT or auto may follow; port 0 takes a free one, the same for udp and tcp
	Advertise  string   // host or IP for Contact and Via; "auto" = as the peer sees us; "" = address of the route to the peer
	Access     Access   // who may do what; SetAccess replaces it
	Registrar  RegistrarConfig
	Defence    Defence       // against sources that misbehave
	UserAgent  string        // User-Agent and Server header; "" = DefaultUserAgent
	Username   string        // default user part of our own addresses; "" = UserAgent
	Logger     *slog.Logger  // nil = discarded
	Metrics    *Metrics      // nil = unregistered
	MaxDialogs int           // more than so many dialogs: 503; 0 = DefaultMaxDialogs
	RetryAfter time.Duration // Retry-After of a 503 for want of room; 0 = DefaultRetryAfter
	SourceRate int           // datagrams per second accepted from one address; 0 = DefaultSourceRate, <0 = no limit
	Timers     Timers
	Extensions
	Network

	// Incoming may change what is known of the INVITE of a trunk (Source), such
	// as its numbers; nil = nothing is changed.
	Incoming func(Invitation) Invitation

	// Filter sees each datagram and each piece of a stream before it is
	// parsed, and may say that it is to be dropped. For tests; nil = none.
	Filter func(transport string, remote netip.AddrPort, data []byte) (drop bool)
}

func (c Config) withDefaults() Config {
	if c.UserAgent == "" {
		c.UserAgent = DefaultUserAgent
	}
	if c.Username == "" {
		c.Username = c.UserAgent
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.MaxDialogs == 0 {
		c.MaxDialogs = DefaultMaxDialogs
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = DefaultRetryAfter
	}
	if c.SourceRate == 0 {
		c.SourceRate = DefaultSourceRate
	}
	c.Advertise = strings.Trim(c.Advertise, "[]")
	c.Timers = c.Timers.withDefaults()
	c.Registrar = c.Registrar.withDefaults()
	c.Extensions = c.Extensions.withDefaults()
	return c
}

func (t Timers) withDefaults() Timers {
	if t.T1 == 0 {
		t.T1 = DefaultT1
	}
	if t.T2 == 0 {
		t.T2 = DefaultT2
	}
	if t.NoACK == 0 {
		t.NoACK = 64 * t.T1
	}
	if t.Answer == 0 {
		t.Answer = 3 * time.Minute
	}
	if t.second == 0 {
		t.second = time.Second
	}
	return t
}

func (c Config) validate() error {
	var errs []error
	for _, l := range c.Listen {
		if _, err := parseListen(l); err != nil {
			errs = append(errs, err)
		}
	}
	if a, err := parseAdvertise(c.Advertise); err != nil {
		errs = append(errs, err)
	} else if a.port != 0 {
		errs = append(errs, fmt.Errorf("sip: advertise %q: a port is for one listener alone", c.Advertise))
	}
	errs = append(errs, c.TLS.validate())
	if c.KeepAlive < 0 {
		errs = append(errs, errors.New("sip: negative KeepAlive"))
	}
	errs = append(errs, c.Extensions.validate(), c.Registrar.validate(), c.Defence.validate())
	if c.MaxDialogs < 0 {
		errs = append(errs, errors.New("sip: negative MaxDialogs"))
	}
	if c.Timers.T1 < 0 || c.Timers.T2 < 0 || c.Timers.NoACK < 0 || c.Timers.Answer < 0 {
		errs = append(errs, errors.New("sip: negative timer"))
	}
	return errors.Join(errs...)
}
