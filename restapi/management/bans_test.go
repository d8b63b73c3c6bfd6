package management

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// oneBanned is a list of one.
type oneBanned struct{ lifted []string }

func (o *oneBanned) Bans() []Ban {
	return []Ban{
		{Source: "203.0.113.7", Reason: "scanner", Until: time.Unix(1000, 0), Count: 1},
		{Source: "2001:db8::/64", Reason: "unparsable", Until: time.Unix(2000, 0), Count: 3},
	}
}

func (o *oneBanned) Lift(a netip.Addr) bool {
	o.lifted = append(o.lifted, a.String())
	return a == netip.MustParseAddr("203.0.113.7")
}

func TestBans(t *testing.T) {
	list := &oneBanned{}
	b := newBench(t, func(c *Config) { c.Bans = list })
	status, body := b.ask(http.MethodGet, Prefix+"/bans", "")
	if status != 200 || !strings.Contains(body, `"total":2`) ||
		strings.Index(body, "2001:db8::/64") > strings.Index(body, "203.0.113.7") {
		t.Errorf("%d %s", status, body)
	}
	for address, want := range map[string]int{"203.0.113.7": 204, "203.0.113.8": 404, "nobody": 422} {
		if status, body := b.ask(http.MethodDelete, Prefix+"/bans/"+address, ""); status != want {
			t.Errorf("%s: %d %s, want %d", address, status, body, want)
		}
	}
	if len(list.lifted) != 2 {
		t.Errorf("lifted %q", list.lifted)
	}
	if status, body := newBench(t, nil).ask(http.MethodGet, Prefix+"/bans", ""); status != 200 || !strings.Contains(body, `"bans":[]`) {
		t.Errorf("without a list: %d %s", status, body)
	}
}
