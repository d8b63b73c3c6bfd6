package main

import (
	"net"
	"testing"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
)

func TestTransferPolicyIsThatOfTheFarEnd(t *testing.T) {
	cfg := &config.Config{
		Services: []config.Service{{Name: "desk", ServiceProtection: config.ServiceProtection{Transfer: "any"}}, {Name: "shut", ServiceProtection: config.ServiceProtection{Transfer: "off"}}},
		SIP: config.SIP{
			Trunks: []config.Trunk{{Name: "carrier", Transfer: "local"}, {Name: "pbx", Transfer: "any"}},
			Phones: []config.Phone{{Name: "bob", Transfer: "any"}, {Name: "lobby", Transfer: "off"}},
		},
	}
	for _, c := range []struct {
		name                  string
		trunk, phone, service string
		want                  call.TransferPolicy
	}{
		{"nobody known", "", "", "", call.TransferLocal},
		{"a caller of a service", "", "", "desk", call.TransferAny},
		{"a trunk before the service", "carrier", "", "desk", call.TransferLocal},
		{"a trunk that may", "pbx", "", "", call.TransferAny},
		{"a phone before its trunk", "pbx", "lobby", "desk", call.TransferOff},
		{"a phone that may", "", "bob", "", call.TransferAny},
		{"nobody where the service is shut", "pbx", "bob", "shut", call.TransferOff},
		{"a trunk that is no longer there", "gone", "", "", call.TransferLocal},
	} {
		got := transferPolicy(cfg, call.FarEnd{Trunk: c.trunk, Phone: c.phone}, c.service)
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAListenerOnAllAddressesHasThoseOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		listener, host string
		want           bool
	}{
		{"0.0.0.0", "127.0.0.1", true},
		{"::", "127.0.0.1", true},
		{"0.0.0.0", "localhost", true},
		{"0.0.0.0", "192.0.2.1", false},
		{"0.0.0.0", "pbx.example", false},
		{"127.0.0.1", "127.0.0.1", false}, // it is compared as it is
	} {
		if got := anyOf(c.listener, c.host); got != c.want {
			t.Errorf("%s: %s is ours %v, want %v", net.JoinHostPort(c.listener, "5060"), c.host, got, c.want)
		}
	}
}
