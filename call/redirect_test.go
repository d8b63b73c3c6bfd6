package call

import (
	"testing"

	"mediaserver/sip"
)

// carrier is one trunk for all numbers and for the addresses at its host.
type carrier struct{}

func (carrier) Routes(d Destination, _ string) ([]Route, error) {
	if d.Kind == ToNumber || hostPort(d.Value) == "carrier.example" {
		return []Route{{Take: func() (func(), error) { return func() {}, nil }}}, nil
	}
	return []Route{{Request: sip.InviteRequest{To: d.Value}}}, nil
}

// No callee can have a call placed at our cost.
func TestRedirectionsAreFollowedToAllowedHostsOnly(t *testing.T) {
	byTrunk := func() (func(), error) { return func() {}, nil }
	tests := []struct {
		name, dialled string
		take          func() (func(), error)
		hosts         []string
		named, want   string // "" = not followed
	}{
		{"the host that was dialled", "sip:a@pbx.example", nil, nil, "sip:b@PBX.example:5060;user=phone", "sip:b@PBX.example:5060;user=phone"},
		{"another port is another host", "sip:a@pbx.example", nil, nil, "sip:b@pbx.example:5070", ""},
		{"another host", "sip:a@pbx.example", nil, nil, "sip:b@other.example", ""},
		{"a host that looks like it", "sip:a@pbx.example", nil, nil, "sip:pbx.example@other.example", ""},
		{"a host in a parameter", "sip:a@pbx.example", nil, nil, "sip:b@evil.example;x=@pbx.example", ""},
		{"a host that is allowed in a parameter", "sip:a@pbx.example", nil, []string{"other.example"}, "sip:b@carrier.example;x=@other.example", ""},
		{"another host that is allowed", "sip:a@pbx.example", nil, []string{"other.example"}, "sip:b@other.example", "sip:b@other.example"},
		{"a trunk, by its address", "sip:a@pbx.example", nil, nil, "sip:+900@carrier.example", ""},
		{"a trunk, even if its host is listed", "sip:a@pbx.example", nil, []string{"carrier.example"}, "sip:+900@carrier.example", ""},
		{"a number, by a callee that is no trunk", "sip:a@pbx.example", nil, nil, "tel:+900", ""},
		{"a number, by the trunk", "sip:1@carrier.example;transport=tcp", byTrunk, nil, "tel:+49-30-1;x=y", "sip:+49301@carrier.example;transport=tcp"},
		{"a plain number, by the trunk", "sip:1@carrier.example;transport=tcp", byTrunk, nil, "tel:+49301", "sip:+49301@carrier.example;transport=tcp"},
		{"no number, by the trunk", "sip:1@carrier.example", byTrunk, nil, "tel:x@evil.example", ""},
		{"within the trunk", "sip:1@carrier.example", byTrunk, nil, "sip:2@carrier.example", "sip:2@carrier.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Outbound{Trunks: carrier{}, Redirects: Redirects{Hosts: tt.hosts}}
			got, ok := o.follow(Route{Request: sip.InviteRequest{To: tt.dialled}, Take: tt.take})(tt.named)
			if ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("got %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
	if (Outbound{Redirects: Redirects{Off: true}}).follow(Route{}) != nil {
		t.Error("followed though it is off")
	}
}
