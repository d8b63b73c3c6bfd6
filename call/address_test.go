package call

import (
	"testing"

	"mediaserver/sip"
)

func TestParty(t *testing.T) {
	for _, c := range []struct {
		name string
		in   sip.Address
		want string
	}{
		{"a number", sip.Address{User: "441908000001", Host: "x"}, "441908000001"},
		{"an international number", sip.Address{User: "+441908000001", Host: "x"}, "+441908000001"},
		{"a name", sip.Address{User: "mira", Host: "phones.test"}, "mira@phones.test"},
		{"a lone plus", sip.Address{User: "+", Host: "x"}, "+@x"},
		{"no user", sip.Address{Host: "x"}, "x"},
	} {
		if got := party(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestInboundInfo(t *testing.T) {
	i := inboundInfo(sip.Invitation{
		From:        sip.Address{User: "+441", Host: "a"},
		To:          sip.Address{User: "1000", Host: "b"},
		RequestURI:  sip.Address{User: "2000", Host: "b", URI: "sip:2000@b"},
		Diversion:   "sip:+4477@b",
		Attestation: "A",
	})
	if i.From != "+441" || i.Target != "1000" || i.To != "2000" || i.RequestURI != "sip:2000@b" ||
		i.Divert != "+4477" || i.Attestation != "A" || i.Direction != In {
		t.Errorf("got %+v", i)
	}
}

func TestDivertIsANumberOrAnAddress(t *testing.T) {
	for uri, want := range map[string]string{
		"": "", "sip:+4477@b": "+4477", "sips:+4477@b": "+4477", "tel:+4477": "+4477", "sip:desk@b": "desk@b", "sip:b": "b",
	} {
		if got := divert(uri); got != want {
			t.Errorf("%q: %q, want %q", uri, got, want)
		}
	}
}

func TestDestinations(t *testing.T) {
	d := Destinations{{"ext-*", "sip:{name}@pbx.test"}, {"all", "sip:hall@pbx.test"}, {"ext-9", "sip:never@pbx.test"}}
	for name, want := range map[string]string{
		"ext-9": "sip:ext-9@pbx.test", "ext-1@evil.test": "sip:ext-1%40evil.test@pbx.test", "all": "sip:hall@pbx.test", "EXT-9": "", "room": "",
	} {
		if got, elsewhere := d.Place(name); got != want || elsewhere != (want != "") {
			t.Errorf("%s is at %q, %v", name, got, elsewhere)
		}
	}
}

func TestAnonymousCallersStayUnknown(t *testing.T) {
	from := sip.Address{User: "+441", Host: "a"}
	for _, c := range []struct {
		inv  sip.Invitation
		want string
	}{
		{sip.Invitation{From: from}, "+441"},
		{sip.Invitation{From: from, Headers: []sip.Header{{Name: "Privacy", Value: "none"}}}, "+441"},
		{sip.Invitation{From: from, Headers: []sip.Header{{Name: "privacy", Value: "header;ID"}}}, "anonymous"},
		{sip.Invitation{From: sip.Address{User: "anonymous", Host: "anonymous.invalid"}}, "anonymous"},
		{sip.Invitation{From: sip.Address{User: "Anonymous", Host: "carrier.example"}}, "anonymous"},
	} {
		if got := inboundInfo(c.inv).From; got != c.want || sip.Withheld(callerURI(got)) != (c.want == "anonymous") {
			t.Errorf("%+v: call_from %q", c.inv, got)
		}
	}
}
