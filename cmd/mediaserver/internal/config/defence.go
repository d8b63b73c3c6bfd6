package config

import (
	"net/netip"
	"time"
)

// Defence says what is done against sources that misbehave.
type Defence struct {
	Enabled              bool           `yaml:"enabled"`
	RequestsPerSecond    int            `yaml:"requests_per_second" range:"1..1000000"`
	Failures             int            `yaml:"failures" range:"3..1000000"`
	WindowSeconds        int            `yaml:"window_seconds" range:"1..86400"`
	BanSeconds           int            `yaml:"ban_seconds" range:"1..86400"`
	BanMaxSeconds        int            `yaml:"ban_max_seconds" range:"1..2592000"`
	Exempt               []netip.Prefix `yaml:"exempt"`
	AnswerOptions        string         `yaml:"answer_options" enum:"known|all|none"`
	Silent               bool           `yaml:"silent"`
	PendingCalls         int            `yaml:"pending_calls" range:"1..1000000"`
	PendingPerSource     int            `yaml:"pending_per_source" range:"1..1000000"`
	ConnectionsPerSource int            `yaml:"connections_per_source" range:"1..8192"`
}

// Window is the time in which failures are counted.
func (d Defence) Window() time.Duration { return time.Duration(d.WindowSeconds) * time.Second }

// Ban is the time of a first ban.
func (d Defence) Ban() time.Duration { return time.Duration(d.BanSeconds) * time.Second }

// BanMax is the longest ban.
func (d Defence) BanMax() time.Duration { return time.Duration(d.BanMaxSeconds) * time.Second }

// defaultDefence is what holds when nothing is said.
func defaultDefence() Defence {
	return Defence{
		Enabled: true, RequestsPerSecond: 1000, Failures: 20, WindowSeconds: 60, BanSeconds: 60, BanMaxSeconds: 3600,
		Exempt:        []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		AnswerOptions: "known", PendingCalls: 10000, PendingPerSource: 200, ConnectionsPerSource: 256,
	}
}

// validateDefence checks the bounds between keys.
func (d *decoder) validateDefence(c *Defence) {
	if c.BanMaxSeconds < c.BanSeconds {
		d.at("sip.defence.ban_max_seconds", "must not be less than ban_seconds, %d", c.BanSeconds)
	}
	if c.PendingPerSource > c.PendingCalls {
		d.at("sip.defence.pending_per_source", "must not be more than pending_calls, %d", c.PendingCalls)
	}
}
