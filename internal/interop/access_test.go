package interop

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWhoMayCall has callers from several addresses call a server that lets a
// network and two trunks in, then one that has read its configuration anew.
func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{
		app: app, services: meetingService(),
		sip: `, allow: ["127.0.7.0/24"], trunks: [{name: by-host, address: "sip:127.0.8.1:5099"}, {name: by-list, address: "sip:127.0.8.2:5099", allow: ["127.0.9.0/24"]}]`,
	}.run(t)
	const in, out = "SIP/2.0 404 Not Found", "SIP/2.0 403 Forbidden"
	expect := func(from, want string) {
		t.Helper()
		eventually(t, from+" hears "+want, patience, func() bool { return m.knock(t, from) == want })
	}
	expect("127.0.7.1", in)
	expect("127.0.8.1", in)
	expect("127.0.8.2", in)
	expect("127.0.9.200", in)
	expect("127.0.10.1", out)
	file := filepath.Join(m.dir, "mediaserver.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("127.0.7.0/24", "127.0.10.0/24", "127.0.9.0/24", "127.0.11.0/24").Replace(string(text))
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	expect("127.0.10.1", in)
	expect("127.0.11.1", in)
	expect("127.0.7.1", out)
	expect("127.0.9.200", out)
	expect("127.0.8.1", in)
}

// knock calls nobody from an address of this machine and gives the answer.
func (m *mediaserver) knock(t *testing.T, from string) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)})
	if err != nil {
		t.Skip("this system has one loopback address only")
	}
	defer c.Close()
	return tryFrom(t, c, m, "sip:nobody@"+m.sip)
}
