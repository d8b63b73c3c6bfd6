package sip

import (
	"slices"
	"strings"
	"testing"
)

// viasOf are the Via header fields of a message as text.
func viasOf(m string) []string {
	var vias []string
	for line := range strings.SplitSeq(m, "\r\n") {
		if v, ok := strings.CutPrefix(line, "Via: "); ok {
			vias = append(vias, v)
		}
	}
	return vias
}

// Who is answered finds in the answer what it has written, RFC 3261 §8.2.6.2:
// each value, whatever stands between its parts.
func TestViasAreRepeated(t *testing.T) {
	const own = "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx"
	tests := []struct {
		name string
		vias []string
		want []string
	}{
		{"as they came", []string{own, "SIP/2.0/TCP proxy.example.com"}, []string{own, "SIP/2.0/TCP proxy.example.com"}},
		{
			"the example of RFC 3261 §20.42",
			[]string{own, "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1"},
			[]string{own, "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1"},
		},
		{"white space behind our port", []string{"SIP/2.0/UDP 192.0.2.1:5070 ; branch = z9hG4bKx"}, []string{own}},
		{"several in a line, without parameters", []string{own + " , SIP/2.0/TCP a,SIP/2.0/UDP b:1"}, []string{own, "SIP/2.0/TCP a", "SIP/2.0/UDP b:1"}},
		{"compact, in lower case, with quotes", []string{own + `;a="b,c;d";e="f g";hidden`}, []string{own + `;a="b,c;d";e="f g";hidden`}},
		{
			"IPv6",
			[]string{own, "SIP/2.0/TCP [2001:db8::1] : 5062 ;received = 2001:db8::2, SIP/2.0/TLS [2001:db8::3]"},
			[]string{own, "SIP/2.0/TCP [2001:db8::1]:5062;received=2001:db8::2", "SIP/2.0/TLS [2001:db8::3]"},
		},
		{"a comment, RFC 2543", []string{own + " (from inside)"}, []string{own}},
		{"no port behind the colon", []string{"SIP/2.0/UDP 192.0.2.1:;branch=z9hG4bKx"}, nil},
		{"no host", []string{"SIP/2.0/UDP ;branch=z9hG4bKx"}, nil},
		{"no end of an address", []string{"SIP/2.0/UDP [::1;branch=z9hG4bKx"}, nil},
		{"one behind ours that cannot be read", []string{own, "SIP/2.0"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, virtually(func(t *testing.T) {
			u := startUA(t, Config{}, nil)
			p := newRawPeer(t, u)
			lines := with(plain(p, "OPTIONS"), "Via", "")
			for _, v := range tt.vias {
				lines = add(lines, "v:"+strings.ReplaceAll(v, "192.0.2.1:5070", p.addr()))
			}
			p.send(text("", lines...))
			if tt.want == nil {
				p.send(text("", plain(p, "OPTIONS")...))
				for m := p.read(patience); !strings.HasPrefix(m, "SIP/2.0 200"); m = p.read(patience) {
					if !strings.HasPrefix(m, "SIP/2.0 400") {
						t.Fatalf("got %q", m)
					}
				}
				return
			}
			got := viasOf(strings.ReplaceAll(p.expect("200 OPTIONS"), p.addr(), "192.0.2.1:5070"))
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		}))
	}
}

// rport is asked for in any case of letters, RFC 3261 §7.3.1.
func TestParametersOfViaAreFoundInAnyCase(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{}, nil)
		p := newRawPeer(t, u)
		p.send(text("", with(plain(p, "OPTIONS"), "Via", "SIP/2.0/UDP nowhere.example.com;Branch=z9hG4bKx;RPort")...))
		via := headerOf(p.expect("200 OPTIONS"), "Via")
		_, port, _ := strings.Cut(p.addr(), ":")
		if want := "SIP/2.0/UDP nowhere.example.com;branch=z9hG4bKx;rport=" + port + ";received=127.0.0.1"; via != want {
			t.Errorf("Via %q, want %q", via, want)
		}
	})(t)
}

// All of a Record-Route is repeated, not its URI alone, RFC 3261 §12.1.1.
func TestRecordRouteIsRepeatedAsItCame(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{}, a.handle)
		p, proxy := newRawPeer(t, u), newRawPeer(t, u)
		routes := []string{`"Edge, 1" <sip:` + proxy.addr() + `;lr=on;ftag=9>;pass="a;b" , <sip:two.example.com;LR?x=y>;z`, "<sips:[2001:db8::1]>;lr"}
		p.send(p.invite("recorded", 1, testSDP("offer"), "Record-Route: "+routes[0], "record-route: "+routes[1]))
		ok := p.expect("200 INVITE")
		var got []string
		for line := range strings.SplitSeq(ok, "\r\n") {
			if name, v, _ := strings.Cut(line, ": "); strings.EqualFold(name, "Record-Route") {
				got = append(got, v)
			}
		}
		if !slices.Equal(got, routes) {
			t.Errorf("Record-Route %q, want %q", got, routes)
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		go func() { _ = a.next(t).Bye(t.Context()) }()
		m := proxy.expect("BYE")
		if n := strings.Count(m, "\r\nRoute: "); n != 3 {
			t.Errorf("%d routes in %s", n, m)
		}
		proxy.reply(m, 200)
		emptied(t, u)
	})(t)
}

// A way back that leads nowhere is refused: the call could not be ended.
func TestRecordRouteThatLeadsNowhereIsRefused(t *testing.T) {
	for _, route := range []string{"", "<sip:>", "<tel:1>", "<sip:a>,", "sip:a@", "<sip:a"} {
		virtually(func(t *testing.T) {
			u := startUA(t, Config{}, nil)
			p := newRawPeer(t, u)
			p.send(p.invite("lost", 1, testSDP("offer"), "Record-Route: "+route))
			if m := p.read(patience); kindOf([]byte(m)) != "400 INVITE" {
				t.Errorf("%q: got %s", route, m)
			}
		})(t)
	}
}

// Names of header fields are compact or long, and the version is in any case of
// letters, RFC 3261 §7.1 and §7.3.3.
func TestOldWritingIsUnderstood(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{}, a.handle)
		p := newRawPeer(t, u)
		invite := p.invite("old", 1, testSDP("offer"), "s: tea", "B: <sip:carol@example.com>", "k: timer", "x: 1800;refresher=uac")
		p.send(strings.Replace(invite, "SIP/2.0\r\n", "sip/2.0\r\n", 1))
		if ok := p.expect("200 INVITE"); headerOf(ok, "Session-Expires") != "1800;refresher=uac" {
			t.Errorf("got %s", ok)
		}
		inv := a.next(t).Invitation()
		if inv.Header("Subject") != "tea" || inv.Header("Referred-By") != "<sip:carol@example.com>" {
			t.Errorf("headers %v", inv.Headers)
		}
		p.send(p.invite("packed", 1, testSDP("offer"), "e: gzip"))
		p.expect("415 INVITE")
	})(t)
}

// What has been read is written so that it is read as the same again.
func FuzzVia(f *testing.F) {
	for _, s := range []string{
		"SIP/2.0/UDP h:5060;branch=z9hG4bKx;rport", `SIP / 2.0 / TLS [::1] : 5061 ; a = "b ; c" ; d`, "SIP/2.0/TCP h;b=x (y)", `SIP/2.0/UDP h;a="b `,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := parseVia(s)
		if !ok {
			return
		}
		again, ok := parseVia(v.Value())
		if !ok || again.Value() != v.Value() {
			t.Errorf("%q is written %q and read %v", s, v.Value(), again)
		}
	})
}
