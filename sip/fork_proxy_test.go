package sip

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// forking is a proxy that sends every call to two places.
const forking = `#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:@SIP@
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "corex.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
request_route {
	if (has_totag()) {
		if (loose_route() || is_method("ACK") && t_check_trans()) {
			t_relay();
			exit;
		}
		if (!is_method("ACK")) sl_send_reply("404", "Not Here");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	t_check_trans();
	record_route();
	$ru = "sip:first@127.0.0.1:@FIRST@";
	append_branch("sip:second@127.0.0.1:@SECOND@");
	t_relay();
}
`

// startForking runs the proxy and waits until it answers.
func startForking(t *testing.T, first, second *UA) (address string) {
	t.Helper()
	bin, err := exec.LookPath("kamailio")
	if err != nil {
		t.Skip("kamailio is not installed")
	}
	portOf := func(u *UA) string { return strconv.Itoa(u.Addrs()[0].(*net.UDPAddr).Port) }
	port, dir := strconv.Itoa(freePort(t)), t.TempDir()
	file := filepath.Join(dir, "kamailio.cfg")
	text := strings.NewReplacer("@SIP@", port, "@FIRST@", portOf(first), "@SECOND@", portOf(second)).Replace(forking)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-f", file, "-DD", "-E", "-w", dir, "-Y", dir, "-P", filepath.Join(dir, "pid"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("kamailio: %s", tail(out.String(), 2500))
		}
	})
	p := newRawPeer(t, nil)
	address = "127.0.0.1:" + port
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.to = to.AddrPort()
	for range 100 {
		p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\nContent-Length: 0\r\n\r\n")
		if p.read(100*time.Millisecond) != "" {
			return address
		}
	}
	t.Fatalf("kamailio does not answer: %s", tail(out.String(), 2500))
	return ""
}

// A proxy in between rings two phones, both reliably: each gets its PRACKs,
// the one that answers wins, the other is cancelled.
func TestProxyForksACall(t *testing.T) {
	required := Extensions{Reliable: ReliableRequired}
	ringing := make(chan *Dialog, 2)
	first := startUA(t, Config{Extensions: required}, func(_ context.Context, d *Dialog) {
		_ = d.Progress(183, "", testSDP("first"))
		ringing <- d
		<-d.Ended()
	})
	a := newAnswering()
	answer := make(chan struct{})
	second := startUA(t, Config{Extensions: required}, func(ctx context.Context, d *Dialog) {
		d.SetSession(a.session)
		_ = d.Progress(183, "", testSDP("second"))
		select {
		case <-answer:
		case <-ctx.Done():
			return
		}
		_ = d.Answer(testSDP("second"))
		a.calls <- d
		<-d.Ended()
	})
	proxy := startForking(t, first, second)
	u := startUA(t, Config{}, nil)
	c := placing(t, u, InviteRequest{To: "sip:all@" + proxy, SDP: testSDP("offer")})
	heard := map[string]bool{}
	for range 2 {
		e := c.progress(183)
		heard[owner0(e.Body)] = e.Reliable
	}
	if !heard["first"] || !heard["second"] {
		t.Fatalf("heard %v", heard)
	}
	loser := <-ringing
	close(answer)
	d := c.answered()
	if owner0(d.RemoteBody()) != "second" {
		t.Errorf("answered by %s", owner0(d.RemoteBody()))
	}
	ended(t, loser, ErrCancelled)
	a.session.expect(t, "ack")
	in := a.next(t)
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	if err := d.Bye(ctx); err != nil && !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
	ended(t, in, ErrRemoteBye)
}
