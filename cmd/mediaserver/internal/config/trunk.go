package config

import (
	"net/netip"
	"time"
)

// Trunk is a SIP neighbour that calls come from and go to.
type Trunk struct {
	Name         string         `yaml:"name"`
	Address      string         `yaml:"address"`
	Addresses    []string       `yaml:"addresses"`
	Proxy        string         `yaml:"proxy"`
	Domain       string         `yaml:"domain"`
	Username     string         `yaml:"username"`
	Password     Secret         `yaml:"password" secret:"true"`
	PasswordFile string         `yaml:"password_file"`
	SRTP         string         `yaml:"srtp" enum:"off|optional|required"`
	Keying       string         `yaml:"keying" enum:"sdes|dtls"`
	Allow        []netip.Prefix `yaml:"allow"`
	Transfer     string         `yaml:"transfer" enum:"off|local|any"`
	TrunkLine    `yaml:",inline"`
	TrunkCalls   `yaml:",inline"`
}

// TrunkLine is how the line to a trunk is kept.
type TrunkLine struct {
	Register               bool `yaml:"register"`
	RegisterExpiresSeconds int  `yaml:"register_expires_seconds" range:"30..2592000"`
	KeepaliveSeconds       int  `yaml:"keepalive_seconds" range:"0..86400"`
}

// Expires is what registrations ask for.
func (l TrunkLine) Expires() time.Duration {
	return time.Duration(l.RegisterExpiresSeconds) * time.Second
}

// Keepalive is the time between two OPTIONS; 0 is none.
func (l TrunkLine) Keepalive() time.Duration { return time.Duration(l.KeepaliveSeconds) * time.Second }

// TrunkCalls is about the calls of a trunk.
type TrunkCalls struct {
	Match          []string `yaml:"match"`
	MaxCalls       int      `yaml:"max_calls" range:"0..1000000"`
	CallsPerSecond int      `yaml:"calls_per_second" range:"0..100000"`
	From           string   `yaml:"from"`
	Identity       string   `yaml:"identity" enum:"off|asserted|preferred"`
	IdentityNumber string   `yaml:"identity_number"`
	IncomingCaller string   `yaml:"incoming_caller" enum:"from|asserted"`
	Headers        []Header `yaml:"headers"`
	Numbers        Numbers  `yaml:"numbers"`
}

// Numbers says how the numbers of a trunk are rewritten.
type Numbers struct {
	CountryCode         string       `yaml:"country_code"`
	NationalPrefix      string       `yaml:"national_prefix"`
	InternationalPrefix string       `yaml:"international_prefix"`
	OutgoingTo          []NumberRule `yaml:"outgoing_to"`
	OutgoingFrom        []NumberRule `yaml:"outgoing_from"`
	IncomingTo          []NumberRule `yaml:"incoming_to"`
	IncomingFrom        []NumberRule `yaml:"incoming_from"`
}

// NumberRule rewrites the numbers that fit.
type NumberRule struct {
	Match  string `yaml:"match"`
	Strip  int    `yaml:"strip" range:"0..32"`
	Prefix string `yaml:"prefix"`
	Form   string `yaml:"form" enum:"kept|e164|digits|national"`
}

// setDefaults fills what holds for a rule that says nothing.
func (r *NumberRule) setDefaults() { *r = NumberRule{Match: "*", Form: "kept"} }

// setDefaults fills what holds for a trunk that says nothing.
func (t *Trunk) setDefaults() {
	*t = Trunk{
		SRTP: "off", Keying: "sdes", Transfer: "local", Addresses: []string{}, Allow: []netip.Prefix{},
		TrunkLine: TrunkLine{RegisterExpiresSeconds: 3600},
		TrunkCalls: TrunkCalls{
			Match: []string{}, Identity: "off", IncomingCaller: "from", Headers: []Header{},
			Numbers: Numbers{
				NationalPrefix: "0", InternationalPrefix: "00",
				OutgoingTo: []NumberRule{}, OutgoingFrom: []NumberRule{}, IncomingTo: []NumberRule{}, IncomingFrom: []NumberRule{},
			},
		},
	}
}

// All are the addresses of the trunk, the preferred one first.
func (t *Trunk) All() []string { return append([]string{t.Address}, t.Addresses...) }
