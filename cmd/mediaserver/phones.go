package main

import (
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/restapi/management"
	"mediaserver/sip"
)

// registrar is how phones log in and register.
func registrar(r *config.Registrar) sip.RegistrarConfig {
	return sip.RegistrarConfig{
		Realm: r.Realm, Algorithms: r.Algorithms, Domains: r.Domains,
		MinExpires: r.MinExpires(), MaxExpires: r.MaxExpires(), MaxContacts: r.MaxContacts,
	}
}

// managedPhones are the phones and where they are.
func managedPhones(ua *sip.UA, phones []config.Phone) []management.Phone {
	out := make([]management.Phone, 0, len(phones))
	for i := range phones {
		p := management.Phone{Name: phones[i].Name, Contacts: []management.PhoneContact{}}
		for _, c := range ua.Contacts(p.Name) {
			p.Contacts = append(p.Contacts, management.PhoneContact{
				URI: c.URI, Source: c.Source.String(), Transport: c.Transport, Q: c.Q,
				Expires: c.Expires.UTC(), UserAgent: c.UserAgent,
			})
		}
		out = append(out, p)
	}
	return out
}
