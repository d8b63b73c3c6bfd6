package sip

import (
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// byConn is a far end at a connection: one that we have opened, or that has come.
func byConn(r *remote, l *streamListener) source {
	c := &streamConn{transport: viaTCP, link: &frames{}, local: r.src.sock.local, remote: r.src.addr, listener: l, done: make(chan struct{})}
	return source{conn: c, addr: r.src.addr}
}

// halted is a connection that gives half a message and then nothing.
type halted struct {
	net.Conn
	said bool
	end  time.Time
}

func (h *halted) SetReadDeadline(at time.Time) error { h.end = at; return nil }

func (h *halted) Read(b []byte) (int, error) {
	if !h.said {
		h.said = true
		return copy(b, "SIP/2.0 200 OK\r\nVia: "), nil
	}
	time.Sleep(time.Until(h.end))
	return 0, os.ErrDeadlineExceeded
}

// Who comes to us and speaks badly is blamed for it; whom we have called is not.
func TestWhoIsCalledIsNotBlamed(t *testing.T) {
	for name, c := range map[string]struct {
		l    *streamListener
		bans int
	}{"came to us": {&streamListener{transport: viaTCP}, 1}, "was called": {nil, 0}} {
		for fault, commit := range map[string]func(r *remote, src source){
			"cannot be parsed": func(r *remote, src source) { r.u.understand([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), src) },
			"stalls":           func(r *remote, src source) { r.u.serveBytes(src.conn, &halted{}) },
			"sends too many header fields": func(r *remote, src source) {
				r.u.understand([]byte(r.request("OPTIONS", strings.Repeat("X: y, y\r\n", maxHeaders)+"X: z")), src)
			},
		} {
			t.Run(name+" and "+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := strict()
					d.Window = time.Hour
					r := far(t, Config{Defence: d}, nil, "203.0.113.1:5060")
					for range 5 {
						commit(r, byConn(r, c.l))
					}
					if n := len(r.u.Bans()); n != c.bans {
						t.Errorf("%d bans, want %d", n, c.bans)
					}
				})
			})
		}
	}
}

// A phone may ask for what we do not do.
func TestWhoAsksForWhatWeDoNotDoIsNotBanned(t *testing.T) {
	for request, banned := range map[string]bool{
		"SUBSCRIBE": false, "PUBLISH": false, "MESSAGE": false, "FOO": true,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := far(t, Config{Defence: strict()}, nil, "203.0.113.1:5060")
			for range 6 {
				r.give(r.request(request))
			}
			if got := len(r.u.Bans()) > 0; got != banned {
				t.Errorf("%s: banned: %v", request, got)
			}
		})
	}
	for field, banned := range map[string]bool{
		"Require: path": false, "Accept: text/plain": false, "Max-Forwards: 0": false, "Max-Forwards: 999": true,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := strict()
			d.PendingPerSource = 100
			r := far(t, Config{Defence: d}, nil, "203.0.113.1:5060")
			for range 6 {
				r.give(r.request("INVITE", field))
			}
			if got := len(r.u.Bans()) > 0; got != banned {
				t.Errorf("%s: banned: %v", field, got)
			}
		})
	}
}
