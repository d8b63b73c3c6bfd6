package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scan runs one program of sipvicious to its end, or until it has had its time.
func scan(t *testing.T, dir string, limit time.Duration, name string, args ...string) string {
	t.Helper()
	p := start(t, dir, name, limit, need(t, name, "sipvicious"), args...)
	<-p.done
	return p.output()
}

// listed says whether a program of sipvicious reports a find: a row of its
// table.
func listed(out, what string) bool {
	for line := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(line, "|") && strings.Contains(line, what) {
			return true
		}
	}
	return false
}

// TestScannersFindNothing has sipvicious look for the server (svmap), for its
// users (svwar) and for a password (svcrack), while the loopback interface is a
// place like any other.
func TestScannersFindNothing(t *testing.T) {
	t.Parallel()
	const limit = 5 * time.Second
	need(t, "svmap", "sipvicious")
	app := meeting(t)
	m := setup{
		app: app, services: meetingService(),
		sip: `, allow: ["192.0.2.0/24"], defence: {exempt: []}`,
	}.run(t)
	host, port, err := net.SplitHostPort(m.sip)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	words := filepath.Join(home, "words")
	if err := os.WriteFile(words, []byte("secret\n1234\nmeeting\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	scans := [][]string{
		{"svmap", "-p", port, host},
		{"svwar", "-p", port, "-e", "1000-1040", "-m", "REGISTER", "--force", host},
		{"svwar", "-p", port, "-e", "1000-1040", "-m", "OPTIONS", host},
		{"svcrack", "-p", port, "-u", "meeting", "-d", words, host},
	}
	running := make([]*program, len(scans))
	for i, s := range scans {
		running[i] = start(t, home, fmt.Sprint(s[0], i), baresipLimit, need(t, s[0], "sipvicious"), s[1:]...)
	}
	eventually(t, "the source that scans is banned", patience, func() bool { return m.metric(t, "mediaserver_sip_bans_active") > 0 })
	end := time.Now().Add(limit)
	for i, p := range running {
		p.ends(time.Until(end)) // or has had its time
		if out := p.output(); listed(out, host) || listed(out, "1000") || listed(out, "meeting") {
			t.Errorf("%v has found something:\n%s", scans[i], out)
		}
	}
	if n := m.metric(t, "mediaserver_sip_bans_active"); n != 1 {
		t.Errorf("%v sources banned, want the one that scans", n)
	}
	if got := probe(t, m, "OPTIONS", "meeting"); got != "" {
		t.Errorf("a banned source hears %q", got)
	}
	if m.metric(t, `mediaserver_sip_dropped_total{cause="banned"}`) == 0 {
		t.Error("nothing was dropped for the ban")
	}
}

// TestScannerOfAnOpenServerIsBanned: a server that lets everybody call answers
// to OPTIONS, but not those of a scanner, and calls to nobody ban.
func TestScannerOfAnOpenServerIsBanned(t *testing.T) {
	t.Parallel()
	const limit = 5 * time.Second
	need(t, "svmap", "sipvicious")
	app := meeting(t)
	m := setup{app: app, services: meetingService(), sip: `, defence: {exempt: []}`}.run(t)
	host, port, err := net.SplitHostPort(m.sip)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if out := scan(t, home, limit, "svmap", "-p", port, host); listed(out, host) {
		t.Errorf("svmap has found the server:\n%s", out)
	}
	// The same under no name: twenty wrong numbers.
	const patience = 40
	refused := 0
	for i := range patience {
		if strings.Contains(probe(t, m, "INVITE", fmt.Sprint(1000+i)), " 404 ") {
			refused++
		} else if m.metric(t, "mediaserver_sip_bans_active") > 0 {
			break
		}
	}
	if refused < 10 || refused > 20 {
		t.Errorf("banned after %d wrong numbers, want up to 20", refused)
	}
	if got := probe(t, m, "OPTIONS", "meeting"); got != "" {
		t.Errorf("a banned source hears %q", got)
	}
	if n := m.metric(t, "mediaserver_sip_bans_active"); n != 1 {
		t.Errorf("%v sources banned, want 1", n)
	}
}

// probe sends one request as anybody might and gives the final answer, "" if
// none comes.
func probe(t *testing.T, m *mediaserver, method, user string) string {
	t.Helper()
	c, err := net.Dial("udp4", m.sip)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	local := c.LocalAddr().String()
	msg := strings.Join([]string{
		method + " sip:" + user + "@" + m.sip + " SIP/2.0", "Via: SIP/2.0/UDP " + local + ";branch=z9hG4bK" + strings.ReplaceAll(local, ":", "-") + user + ";rport",
		"From: <sip:caller@" + local + ">;tag=1", "To: <sip:" + user + "@" + m.sip + ">", "Call-ID: " + user + local, "CSeq: 1 " + method,
		"Contact: <sip:caller@" + local + ">", "Content-Length: 0", "", "",
	}, "\r\n")
	if _, err := c.Write([]byte(msg)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	c.SetReadDeadline(time.Now().Add(time.Second)) //nolint:errcheck // a read fails then
	for {
		n, err := c.Read(buf)
		if err != nil {
			return ""
		}
		if got := string(buf[:n]); !strings.HasPrefix(got, "SIP/2.0 1") {
			first, _, _ := strings.Cut(got, "\r\n")
			return first
		}
	}
}
