package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Phone is a user who registers and calls by SIP with a password.
type Phone struct {
	Name         string `yaml:"name"`
	Password     Secret `yaml:"password" secret:"true"`
	PasswordFile string `yaml:"password_file"`
	Transfer     string `yaml:"transfer" enum:"off|local|any"`
}

// setDefaults fills what holds for a phone that says nothing.
func (p *Phone) setDefaults() { *p = Phone{Transfer: "local"} }

// Registrar says how phones log in and register.
type Registrar struct {
	Realm             string   `yaml:"realm"`
	Algorithms        []string `yaml:"algorithms"`
	Domains           []string `yaml:"domains"`
	MinExpiresSeconds int      `yaml:"min_expires_seconds" range:"10..86400"`
	MaxExpiresSeconds int      `yaml:"max_expires_seconds" range:"10..604800"`
	MaxContacts       int      `yaml:"max_contacts" range:"1..100"`
}

// defaultRegistrar is the registrar of those who say nothing about it.
func defaultRegistrar() Registrar {
	return Registrar{Realm: "mediaserver", Algorithms: []string{"md5"}, Domains: []string{}, MinExpiresSeconds: 60, MaxExpiresSeconds: 3600, MaxContacts: 8}
}

// MinExpires is the shortest registration.
func (r Registrar) MinExpires() time.Duration {
	return time.Duration(r.MinExpiresSeconds) * time.Second
}

// MaxExpires is the longest registration.
func (r Registrar) MaxExpires() time.Duration {
	return time.Duration(r.MaxExpiresSeconds) * time.Second
}

// validatePhones checks the phones and their registrar.
func (d *decoder) validatePhones(s *SIP) {
	d.unique("sip.phones", len(s.Phones), func(i int) string { return s.Phones[i].Name })
	for i := range s.Phones {
		p, path := &s.Phones[i], fmt.Sprintf("sip.phones[%d]", i)
		if p.Name != "" && (len(p.Name) > maxName || strings.ContainsFunc(p.Name, notInName) || strings.Contains(p.Name, " ")) {
			d.at(join(path, "name"), "%q must be 1 to %d letters, digits or any of . _ -", p.Name, maxName)
		}
		if p.Password == "" && p.PasswordFile == "" {
			d.at(path, "has no password")
		}
	}
	r := &s.Registrar
	if r.Realm == "" || len(r.Realm) > maxName || strings.ContainsFunc(r.Realm, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		d.at("sip.registrar.realm", "%q must be 1 to %d printable characters without quotes", r.Realm, maxName)
	}
	if len(r.Algorithms) == 0 {
		d.at("sip.registrar.algorithms", "must name at least one of sha-256, md5")
	}
	for i, a := range r.Algorithms {
		path := fmt.Sprintf("sip.registrar.algorithms[%d]", i)
		switch {
		case a != "sha-256" && a != "md5":
			d.at(path, "%q is not one of sha-256, md5", a)
		case slices.Contains(r.Algorithms[:i], a):
			d.at(path, "%q is given twice", a)
		}
	}
	for i, host := range r.Domains {
		path := fmt.Sprintf("sip.registrar.domains[%d]", i)
		switch {
		case !isHost(host):
			d.at(path, "%q is neither an IP address nor a host name; give it without port", host)
		case slices.Contains(r.Domains[:i], host):
			d.at(path, "%q is given twice", host)
		}
	}
	if r.MaxExpiresSeconds < r.MinExpiresSeconds {
		d.at("sip.registrar.max_expires_seconds", "%d is less than sip.registrar.min_expires_seconds, %d", r.MaxExpiresSeconds, r.MinExpiresSeconds)
	}
}
