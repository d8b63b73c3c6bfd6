package config

import (
	"net/url"
	"time"
)

// Service binds called addresses to the pages of a web application.
type Service struct {
	Name                  string   `yaml:"name"`
	Direction             string   `yaml:"direction" enum:"inbound|outbound"`
	Match                 []string `yaml:"match"`
	APIVersion            string   `yaml:"api_version" enum:"1|2.0"`
	FirstPage             Page     `yaml:"first_page"`
	FinalPage             Page     `yaml:"final_page"`
	ErrorPage             Page     `yaml:"error_page"`
	ExtraChannels         int      `yaml:"extra_channels" range:"0..1000"`
	TTSVoice              string   `yaml:"tts_voice"`
	ApplicationParameters string   `yaml:"application_parameters"`
	EarlyMedia            bool     `yaml:"early_media"`
	ServiceRecording      `yaml:",inline"`
	MinutesMaxDuration    int    `yaml:"minutes_max_call_duration" range:"1..1440"`
	Strict                *bool  `yaml:"strict"`
	SigningSecret         Secret `yaml:"signing_secret" secret:"true"`
	ServiceOutbound       `yaml:",inline"`
	DefaultMessages       DefaultMessages `yaml:"default_messages"`
	PageHosts             []string        `yaml:"page_hosts"`
	RingingTone           string          `yaml:"ringing_tone"`
	ServiceProtection     `yaml:",inline"`
}

// ServiceProtection is what becomes of SRTP in calls to a service.
type ServiceProtection struct {
	SRTP   string `yaml:"srtp" enum:"off|optional|required"`
	Keying string `yaml:"keying" enum:"sdes|dtls|any"`
	// Transfer is what callers may have their calls transferred to.
	Transfer string `yaml:"transfer" enum:"off|local|any"`
}

// DefaultMessages are the sentences for callers who enter nothing or the wrong
// thing; the n-th is for the n-th time. Empty: those that are built in.
type DefaultMessages struct {
	DigitTimeout []string `yaml:"digit_timeout"`
	InvalidDigit []string `yaml:"invalid_digit"`
}

// ServiceRecording says whether and how a service's calls are recorded.
type ServiceRecording struct {
	Recording     bool   `yaml:"call_recording"`
	Encryption    bool   `yaml:"call_recording_encryption"`
	Mode          string `yaml:"call_recording_mode" enum:"mixed|separate"`
	EliminateDTMF bool   `yaml:"call_recording_eliminate_dtmf"`
}

// ServiceOutbound is what only outbound services use.
type ServiceOutbound struct {
	Password        Secret `yaml:"password" secret:"true"`
	CallType        string `yaml:"call_type" enum:"telephone|conference"`
	ClassifyCallee  bool   `yaml:"classify_callee"`
	HangUpOnMachine bool   `yaml:"hang_up_on_machine"`
	MaxCalls        int    `yaml:"max_calls" range:"1..100000"`
	MaxQueued       int    `yaml:"max_queued" range:"1..1000000"`
}

// setDefaults fills what holds for a service that says nothing.
func (s *Service) setDefaults() {
	*s = Service{
		APIVersion: "1", ExtraChannels: 1, MinutesMaxDuration: 240, RingingTone: "uk",
		ServiceProtection: ServiceProtection{SRTP: "optional", Keying: "any", Transfer: "local"},
		ServiceRecording:  ServiceRecording{Mode: "mixed", EliminateDTMF: true},
		ServiceOutbound:   ServiceOutbound{CallType: "telephone", HangUpOnMachine: true, MaxCalls: 100, MaxQueued: 10000},
		Match:             []string{}, DefaultMessages: DefaultMessages{DigitTimeout: []string{}, InvalidDigit: []string{}}, PageHosts: []string{},
	}
}

// NewService is an inbound service with its defaults.
func NewService(name string, match []string, firstPage string) Service {
	var s Service
	s.setDefaults()
	s.Name, s.Direction, s.Match, s.FirstPage = name, "inbound", match, Page{URL: firstPage, Method: "POST"}
	return s
}

// IsStrict says whether unknown properties in answers are errors: as set, else
// by the version of the API.
func (s *Service) IsStrict() bool {
	if s.Strict != nil {
		return *s.Strict
	}
	return s.APIVersion == "2.0"
}

// MaxDuration is the longest a primary call may last.
func (s *Service) MaxDuration() time.Duration {
	return time.Duration(s.MinutesMaxDuration) * time.Minute
}

// Page is the address of a web page and how it is asked. The zero value is no
// page.
type Page struct {
	URL    string
	Method string // GET or POST; "" with an empty URL
}

// String is the address without the password it may hold.
func (p Page) String() string { return redactURL(p.URL) }

// mask is what is shown in place of a secret.
const mask = "********"

// redactURL replaces the password in an address.
func redactURL(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil {
		return mask
	}
	if u.User == nil {
		return s
	}
	return u.Redacted()
}

// Secret is a text that shows itself as asterisks wherever it is printed or
// logged.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is a mask, "" for no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks the secret in %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText masks the secret in every encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
