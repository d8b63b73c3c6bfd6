package main

import (
	"encoding/json"
	"testing"
	"time"

	"mediaserver/call/trunk"
	"mediaserver/cmd/mediaserver/internal/config"
)

func TestTrunksOfTheManagementAPI(t *testing.T) {
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	list := managedTrunks([]trunk.State{
		{
			Name: "a", Up: true, Since: at, Register: true, Registered: true, Until: at.Add(time.Hour), Calls: 2, Limits: trunk.Limits{MaxCalls: 3, CallsPerSecond: 4},
			Addresses: []trunk.AddressState{{Address: "sip:a", Asked: true, Up: true, Code: 200, Answer: at, RTT: 1500 * time.Microsecond}},
		},
		{Name: "b", Reason: "b does not answer", Addresses: []trunk.AddressState{{Address: "sip:b", Asked: true}}},
		{Name: "c", Up: true, Addresses: []trunk.AddressState{{Address: "sip:c"}}},
	})
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"name":"a","address":"sip:a","state":"up","since":"2026-11-23T00:00:00Z","register":true,"registered":true,` +
		`"registered_until":"2026-11-23T01:00:00Z","addresses":[{"address":"sip:a","reachable":true,"last_code":200,` +
		`"last_answer":"2026-11-23T00:00:00Z","rtt_ms":1.5}],"calls":2,"max_calls":3,"calls_per_second":4},` +
		`{"name":"b","address":"sip:b","state":"down","reason":"b does not answer","register":false,` +
		`"addresses":[{"address":"sip:b","reachable":false}],"calls":0,"max_calls":0,"calls_per_second":0},` +
		`{"name":"c","address":"sip:c","state":"up","register":false,"addresses":[{"address":"sip:c"}],"calls":0,"max_calls":0,"calls_per_second":0}]`
	if string(b) != want {
		t.Errorf("got %s", b)
	}
}

func TestTrunksOfTheConfiguration(t *testing.T) {
	cfg := config.SIP{Trunks: []config.Trunk{{
		Name: "a", Address: "sip:a", Addresses: []string{"sip:b"}, Username: "u", Password: "p", SRTP: "required", Keying: "sdes",
		TrunkLine: config.TrunkLine{Register: true, RegisterExpiresSeconds: 60, KeepaliveSeconds: 30},
		TrunkCalls: config.TrunkCalls{
			Identity: "asserted", IncomingCaller: "asserted", Headers: []config.Header{"X-A: b: c"},
			Numbers: config.Numbers{OutgoingTo: []config.NumberRule{{Match: "0*", Strip: 1, Prefix: "+44", Form: "national"}}},
		},
	}}}
	c := trunkConfigs(&cfg)[0]
	if l := c.Line; len(l.Addresses) != 2 || l.Password != "p" || !l.Register || l.Expires != time.Minute || l.Keepalive != 30*time.Second {
		t.Errorf("line: %+v", l)
	}
	if c.Security.String() != "required" || c.Caller.Identity != trunk.IdentityAsserted || !c.Caller.Believe || c.Headers[0].Value != "b: c" {
		t.Errorf("%+v", c)
	}
	if r := c.Numbers.OutgoingTo[0]; r != (trunk.Rule{Match: "0*", Strip: 1, Prefix: "+44", Form: trunk.FormNational}) {
		t.Errorf("%+v", r)
	}
}
