package sip

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// noLink is the link of a connection that leads nowhere.
type noLink struct{}

func (noLink) Write(b []byte) (int, error)         { return len(b), nil }
func (noLink) SetWriteDeadline(at time.Time) error { return nil }
func (noLink) Close() error                        { return nil }

// idleConn enters a connection into the tables of a user agent.
func idleConn(t *testing.T, u *UA, port uint16, l *streamListener) *streamConn {
	t.Helper()
	here, there := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5060}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: int(port)}
	c, err := newStreamConn(viaTCP, noLink{}, here, there)
	if err != nil {
		t.Fatal(err)
	}
	c.listener = l
	if err := u.streams.reserve(c); err != nil {
		t.Fatal(err)
	}
	u.streams.enter(c)
	return c
}

func (u *UA) inSight(c *streamConn) bool { return u.streams.find(c.way()) == c }

func TestIdleConnectionsAreClosed(t *testing.T) {
	newUA := func(t *testing.T) (*UA, time.Time) {
		u, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = u.Close() })
		return u, time.Now()
	}
	t.Run("first out of sight, then for good", func(t *testing.T) {
		u, now := newUA(t)
		c := idleConn(t, u, 1, nil)
		u.sweep(now.Add(idleTime - time.Second))
		if !u.inSight(c) {
			t.Error("hidden too early")
		}
		u.sweep(now.Add(idleTime + sweepEvery/2))
		if u.inSight(c) || c.closed() {
			t.Error("not hidden, or closed at once")
		}
		u.sweep(now.Add(idleTime + sweepEvery*3/2))
		if !c.closed() {
			t.Error("it stays open")
		}
	})
	t.Run("not while messages go by it", func(t *testing.T) {
		u, now := newUA(t)
		c := idleConn(t, u, 1, nil)
		c.sent.Store(now.Add(-time.Hour).UnixNano())
		if err := (&flow{ua: u, conn: c, to: c.remote}).writeBytes([]byte("SIP/2.0 200 OK\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		u.sweep(now)
		if !u.inSight(c) {
			t.Error("a busy connection is hidden")
		}
	})
	t.Run("not before the end of a registration by it", func(t *testing.T) {
		u, now := newUA(t)
		c := idleConn(t, u, 1, nil)
		c.want(time.Hour)
		c.want(time.Minute)
		u.sweep(now.Add(time.Hour - time.Second))
		if c.closed() || !u.inSight(c) {
			t.Error("calls that come by it are lost")
		}
		u.sweep(now.Add(time.Hour + time.Second))
		if !c.closed() {
			t.Error("it stays open")
		}
	})
	t.Run("not those of calls and phones", func(t *testing.T) {
		u, now := newUA(t)
		call, phone := idleConn(t, u, 1, nil), idleConn(t, u, 2, nil)
		d := newDialog(u, dialogID{"call", "tag"}, &peer{ua: u, flow: &flow{ua: u, conn: call}}, func(error) {})
		if !u.dialogs.add(d) {
			t.Fatal("no room")
		}
		u.phones.registrar.contacts["alice"] = []*binding{{flow: &flow{ua: u, conn: phone}}}
		u.sweep(now.Add(24 * time.Hour))
		if call.closed() || phone.closed() {
			t.Error("closed while in use")
		}
		u.dialogs.remove(d)
		u.sweep(now.Add(24 * time.Hour))
		if !call.closed() {
			t.Error("it stays open after the call")
		}
	})
	t.Run("accepted ones when there are many", func(t *testing.T) {
		u, now := newUA(t)
		l := &streamListener{transport: viaTCP}
		var all []*streamConn
		for i := range uint16(maxQuiet) {
			all = append(all, idleConn(t, u, 1+i, l))
		}
		u.sweep(now.Add(24 * time.Hour))
		if all[0].closed() {
			t.Error("closed while there is room")
		}
		all = append(all, idleConn(t, u, maxQuiet+1, l))
		all[1].sent.Store(now.Add(24 * time.Hour).UnixNano())
		u.sweep(now.Add(24 * time.Hour))
		if !all[0].closed() || all[1].closed() {
			t.Error("not closed, or one that is used is")
		}
	})
}

// A registration by a connection keeps it.
func TestConnectionOfARegistrationIsWanted(t *testing.T) {
	cfg := phonesConfig()
	cfg.Listen = []string{"tcp://127.0.0.1:0"}
	u := startUA(t, cfg, nil)
	phone := startUA(t, Config{Listen: []string{"udp://127.0.0.1:0"}}, nil)
	server := netip.MustParseAddrPort(u.Addrs()[0].String()).String()
	if _, err := phone.Register(t.Context(), RegisterRequest{
		Registrar: "sip:" + server + ";transport=tcp", Address: "sip:bob@" + server,
		Expires: time.Hour, Digest: NewDigest("bob", "builder"),
	}); err != nil {
		t.Fatal(err)
	}
	c := phone.streams.dialled()[0]
	phone.sweep(time.Now().Add(30 * time.Minute))
	u.sweep(time.Now().Add(30 * time.Minute))
	if c.closed() || !phone.inSight(c) {
		t.Error("the connection is given up")
	}
}
