package restapi

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"mediaserver/audio"
	"mediaserver/call"
)

// Page is the address of a web page and how it is asked. The zero value is no
// page.
type Page struct {
	URL    string // http or https; relative addresses only inside answers
	Method string // GET or POST; "" = POST
}

// isSet says whether there is a page at all.
func (p Page) isSet() bool { return p.URL != "" }

// method is how the page is asked.
func (p Page) method() string {
	if p.Method == "" {
		return "POST"
	}
	return p.Method
}

// The versions of the API a service may speak.
const (
	Version1 = "1"
	Version2 = "2.0"
)

// Limits and defaults of a service.
const (
	defaultExtraCalls  = 1
	defaultMaxDuration = 240 * time.Minute
	longestMaxDuration = 1440 * time.Minute
)

// Service is a configured application: which calls it takes, which pages it
// asks and how. The zero value of an optional field is its default.
type Service struct {
	Name      string
	Direction call.Direction // In: it takes inbound calls
	Match     []string       // called users or SIP addresses, * as wildcard; inbound only

	APIVersion string // Version1 or Version2; "" = Version1
	Strict     *bool  // nil = by version: false for 1, true for 2.0

	FirstPage Page // absolute; required
	FinalPage Page // absolute; the zero Page is none
	ErrorPage Page // absolute; the zero Page is none

	// ExtraCalls is the setting extra_channels: how many secondary calls one
	// instance may have at once. nil = 1.
	ExtraCalls *int

	Voice                 string               // tts_voice; "" = the server's
	ApplicationParameters string               // handed to pages
	EarlyMedia            bool                 // no automatic answer
	Ringing               audio.RingingPattern // what callers hear who wait for a room; zero = UK
	MaxDuration           time.Duration        // of the primary call, from its answer; 0 = 240 min
	Recording             Recording            // of the primary call as a whole
	SigningSecret         string               // "" = requests are not signed
	Messages              DefaultMessages      // said to callers who enter nothing or the wrong thing
	PageHosts             []string             // allowed host patterns for pages and media; none = all
	Outbound              Outbound             // of a service that places calls
	Protection            Protection           // of the audio of inbound calls
}

// Protection says what becomes of SRTP in calls.
type Protection struct {
	Security call.Security
	Keying   call.Keying // how its keys may be exchanged
}

// ErrConfig: a configuration that cannot be used; the text says which part.
var ErrConfig = errors.New("restapi: bad configuration")

// withDefaults is s with every default filled in.
func (s Service) withDefaults() Service {
	if s.APIVersion == "" {
		s.APIVersion = Version1
	}
	if s.Strict == nil {
		s.Strict = new(s.APIVersion == Version2)
	}
	s.Outbound = s.Outbound.withDefaults()
	if s.ExtraCalls == nil {
		s.ExtraCalls = new(defaultExtraCalls)
	}
	if s.MaxDuration == 0 {
		s.MaxDuration = defaultMaxDuration
	}
	return s
}

// validate says what is wrong with s, all at once.
func (s *Service) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: service %q: %s", ErrConfig, s.Name, fmt.Sprintf(format, args...)))
	}
	if s.Name == "" {
		bad("name is missing")
	}
	if s.APIVersion != Version1 && s.APIVersion != Version2 {
		bad("api_version %q is neither %q nor %q", s.APIVersion, Version1, Version2)
	}
	if !s.FirstPage.isSet() {
		bad("first_page is missing")
	}
	for _, p := range []struct {
		name string
		page Page
	}{{"first_page", s.FirstPage}, {"final_page", s.FinalPage}, {"error_page", s.ErrorPage}} {
		if err := p.page.validateAbsolute(); err != nil {
			bad("%s: %v", p.name, err)
		}
	}
	if *s.ExtraCalls < 0 {
		bad("extra_channels %d is negative", *s.ExtraCalls)
	}
	if s.MaxDuration < time.Minute || s.MaxDuration > longestMaxDuration {
		bad("minutes_max_call_duration: %v is outside 1 to 1440 minutes", s.MaxDuration)
	}
	return errors.Join(errs...)
}

// validateAbsolute checks a page of a service. No page is fine.
func (p Page) validateAbsolute() error {
	if !p.isSet() {
		return nil
	}
	if m := p.method(); m != "GET" && m != "POST" {
		return fmt.Errorf("method %q is neither GET nor POST", m)
	}
	u, err := url.Parse(p.URL)
	switch {
	case err != nil:
		return errors.New("not an address")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("not an absolute http or https address")
	}
	return nil
}

// version is the API version as the tables know it.
func (s *Service) version() version {
	if s.APIVersion == Version2 {
		return v2
	}
	return v1
}
