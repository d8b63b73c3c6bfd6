package restapi

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mediaserver/call"
)

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, called string
		want            bool
	}{
		{"1000", "1000", true},
		{"1000", "sip:1000@host.test", true},
		{"1000", "sip:1000@host.test:5062;transport=tcp?Subject=x", true},
		{"1000", "sip:10001@host.test", false},
		{"demo", "sip:Demo@host.test", false},
		{"+44*", "sip:+441908000100@host.test;user=phone", true},
		{"+44*", "+441908000100", true},
		{"+44*", "sip:0044@host.test", false},
		{"*", "sip:host.test", true},
		{"demo@*", "sip:demo@host.test", true},
		{"demo@HOST.test", "sip:demo@host.TEST", true},
		{"sip:demo@host.test", "sip:demo@host.test:5060", true},
		{"sip:demo@host.test:5060", "sip:demo@host.test:5060", true},
		{"sip:demo@host.test:5060", "sip:demo@host.test:5061", false},
		{"SIP:demo@host.test", "sip:demo@host.test", true},
		{"sips:demo@host.test", "sip:demo@host.test", false},
		{"sip:*@host.test", "sip:anyone@host.test", true},
		{"sip:*@host.test", "sip:anyone@other.test", false},
		{"sip:demo@[2001:db8::1]", "sip:demo@[2001:db8::1]:5060", true},
		{"sip:demo@[2001:db8::1]", "sip:demo@[2001:db8::1]", true},
		{"*21#", "sip:*21%23@host.test", true},
		{"*21%23", "sip:*21%23@host.test", true},
		{"sip:*21#@host.test", "sip:*21%23@host.test:5060", true},
		{"100%", "sip:100%@host.test", true},
		{"demo", "sip:demo;x=y@host.test", true},
		{"demo@host.test", "sip:demo;x=y@host.test:5060", true},
		{"a*c*e", "sip:abcde@host.test", true},
		{"a*c*e", "sip:abde@host.test", false},
		{"a*a", "a", false},
		{"", "sip:demo@host.test", false},
	} {
		s := Service{Match: []string{"never", tt.pattern}}
		if got := s.Matches(tt.called); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.called, got)
		}
	}
}

func TestFirstMatchWins(t *testing.T) {
	page := Page{URL: "http://app.test/"}
	s, err := NewServer(Config{Services: []Service{
		{Name: "out", Direction: call.Out, Match: []string{"*"}, FirstPage: page},
		{Name: "one", Match: []string{"1*"}, FirstPage: page},
		{Name: "all", Match: []string{"*"}, FirstPage: page},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{"sip:12@h": "one", "sip:21@h": "all"} {
		if got := s.serviceFor(call.Info{RequestURI: uri, To: "7"}); got == nil || got.Name != want {
			t.Errorf("%s: %+v, want %s", uri, got, want)
		}
	}
}

func TestDefaultsOfAService(t *testing.T) {
	for version, strict := range map[string]bool{"": false, Version1: false, Version2: true} {
		s := Service{APIVersion: version}.withDefaults()
		if *s.Strict != strict || *s.ExtraCalls != 1 || s.MaxDuration != 240*time.Minute || s.APIVersion == "" {
			t.Errorf("%q: %+v", version, s)
		}
	}
	if s := (Service{APIVersion: Version2, Strict: new(false), ExtraCalls: new(0)}).withDefaults(); *s.Strict || *s.ExtraCalls != 0 {
		t.Errorf("what is set was changed: %+v", s)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	good := Service{Name: "a", FirstPage: Page{URL: "http://app.test/"}}
	for name, change := range map[string]func(*Service){
		"name is missing":       func(s *Service) { s.Name = "" },
		"api_version":           func(s *Service) { s.APIVersion = "3" },
		"first_page is missing": func(s *Service) { s.FirstPage = Page{} },
		"first_page: method":    func(s *Service) { s.FirstPage.Method = "get" },
		"first_page: not an":    func(s *Service) { s.FirstPage.URL = "/relative" },
		"final_page":            func(s *Service) { s.FinalPage.URL = "ftp://app.test/" },
		"error_page":            func(s *Service) { s.ErrorPage.URL = "http://[::1" },
		"extra_channels":        func(s *Service) { s.ExtraCalls = new(-1) },
		"minutes":               func(s *Service) { s.MaxDuration = 25 * time.Hour },
	} {
		s := good
		change(&s)
		_, err := NewServer(Config{Services: []Service{s}})
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewServer(Config{Services: []Service{good, good}}); !errors.Is(err, ErrConfig) {
		t.Errorf("two of one name: %v", err)
	}
	if _, err := NewServer(Config{PageTimeout: -1}); !errors.Is(err, ErrConfig) {
		t.Errorf("negative timeout: %v", err)
	}
}

func TestOtherServicesTakeThePlaceOfThoseThereWere(t *testing.T) {
	one := func(name, match string) Service {
		return Service{Name: name, Match: []string{match}, FirstPage: Page{URL: "http://app.test/first"}}
	}
	s, err := NewServer(Config{Services: []Service{one("a", "1*"), one("b", "2*")}})
	if err != nil {
		t.Fatal(err)
	}
	named := func(called string) string {
		if svc := s.serviceFor(call.Info{Direction: call.In, RequestURI: "sip:" + called + "@h"}); svc != nil {
			return svc.Name
		}
		return ""
	}
	if _, err := s.PrepareServices([]Service{one("c", "3*"), one("c", "4*")}); !errors.Is(err, ErrConfig) {
		t.Fatalf("two of one name: %v", err)
	}
	apply, err := s.PrepareServices([]Service{one("c", "2*"), one("a", "1*")})
	if err != nil {
		t.Fatal(err)
	}
	if named("2") != "b" {
		t.Error("changed before it was applied")
	}
	apply()
	if named("2") != "c" || named("1") != "a" || named("3") != "" {
		t.Errorf("%s, %s, %s", named("2"), named("1"), named("3"))
	}
}
