package sip

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// torment is one message of RFC 4475 and what becomes of it here.
type torment struct {
	section, name, title string
	udp                  int  // code of the final response; 0 = none
	tcp                  int  // the same over TCP
	closed               bool // and the connection is closed: nobody knows where the next message begins
	why                  string
}

// torments are the 49 messages, in the order of the RFC.
func torments() []torment {
	return []torment{
		{"3.1.1.1", "wsinv", "A short tortuous INVITE", 481, 481, false, "read; its To has a tag of no dialog of ours"},
		{"3.1.1.2", "intmeth", "Wide range of valid characters", 501, 501, false, "read; the method is not known"},
		{"3.1.1.3", "esc01", "Valid use of the % escaping mechanism", 404, 404, false, "read; there is no such service"},
		{"3.1.1.4", "escnull", "Escaped nulls in URIs", 401, 401, false, "read; with credentials both Contacts are registered"},
		{"3.1.1.5", "esc02", "Use of % when it is not an escape", 501, 501, false, "a method of its own, not REGISTER"},
		{"3.1.1.6", "lwsdisp", "Message with no LWS between display name and <", 200, 200, false, "accepted"},
		{"3.1.1.7", "longreq", "Long values in header fields", 404, 404, false, "read; there is no such service"},
		{"3.1.1.8", "dblreq", "Extra trailing octets in a UDP datagram", 401, 401, true, "the REGISTER counts; what follows it in the datagram is not looked at. Over TCP it is the next message, which is not whole"},
		{"3.1.1.9", "semiuri", "Semicolon-separated parameters in URI user part", 200, 200, false, "accepted"},
		{"3.1.1.10", "transports", "Varied and unknown transport types", 200, 200, false, "accepted"},
		{"3.1.1.11", "mpart01", "Multipart MIME message", 405, 405, false, "read; MESSAGE is not for a media server"},
		{"3.1.1.12", "unreason", "Unusual reason phrase", 0, 0, false, "read; a response to nothing of ours"},
		{"3.1.1.13", "noreason", "Empty reason phrase", 0, 0, false, "read; a response to nothing of ours"},
		{"3.1.2.1", "badinv01", "Extraneous header field separators", 400, 400, false, "refused"},
		{"3.1.2.2", "clerr", "Content-Length larger than message", 400, 0, false, "refused; over TCP the rest is waited for, 30 s at most"},
		{"3.1.2.3", "ncl", "Negative Content-Length", 400, 400, true, "refused"},
		{"3.1.2.4", "scalar02", "Request scalar fields with overlarge values", 400, 400, false, "refused"},
		{"3.1.2.5", "scalarlg", "Response scalar fields with overlarge values", 0, 0, false, "dropped"},
		{"3.1.2.6", "quotbal", "Unterminated quoted string in display name", 400, 400, false, "refused"},
		{"3.1.2.7", "ltgtruri", "<> enclosing Request-URI", 400, 400, false, "refused"},
		{"3.1.2.8", "lwsruri", "Malformed SIP Request-URI (embedded LWS)", 400, 400, false, "refused"},
		{"3.1.2.9", "lwsstart", "Multiple SP separating Request-Line elements", 400, 400, false, "refused"},
		{"3.1.2.10", "trws", "SP characters at end of Request-Line", 400, 400, false, "refused"},
		{"3.1.2.11", "escruri", "Escaped headers in SIP Request-URI", 400, 400, false, "refused"},
		{"3.1.2.12", "baddate", "Invalid time zone in Date header field", 404, 404, false, "the Date does not matter; there is no such service"},
		{"3.1.2.13", "regbadct", "Failure to enclose name-addr URI in <>", 401, 401, false, "read as if it were enclosed, as there is one meaning only"},
		{"3.1.2.14", "badaspec", "Spaces within addr-spec", 400, 400, false, "refused"},
		{"3.1.2.15", "baddn", "Non-token characters in display name", 200, 200, false, "the name is taken as it is"},
		{"3.1.2.16", "badvers", "Unknown protocol version", 505, 505, false, "refused"},
		{"3.1.2.17", "mismatch01", "Start line and CSeq method mismatch", 400, 400, false, "refused"},
		{"3.1.2.18", "mismatch02", "Unknown method with CSeq method mismatch", 400, 400, false, "refused"},
		{"3.1.2.19", "bigcode", "Overlarge response code", 0, 0, false, "dropped"},
		{"3.2.1", "badbranch", "Missing transaction identifier", 200, 200, false, "accepted; the transaction is told apart as RFC 2543 does"},
		{"3.3.1", "insuf", "Missing required header fields", 400, 400, false, "refused"},
		{"3.3.2", "unkscm", "Request-URI with unknown scheme", 416, 416, false, "refused"},
		{"3.3.3", "novelsc", "Request-URI with known but atypical scheme", 416, 416, false, "refused"},
		{"3.3.4", "unksm2", "Unknown URI schemes in header fields", 400, 400, false, "refused: neither To nor Contact is a SIP address"},
		{"3.3.5", "bext01", "Proxy-Require and Require", 420, 420, false, "refused; Unsupported names what Require names"},
		{"3.3.6", "invut", "Unknown Content-Type", 415, 415, false, "refused; Accept names what is known"},
		{"3.3.7", "regaut01", "Unknown authorization scheme", 401, 401, false, "challenged, as if there were no credentials"},
		{"3.3.8", "multi01", "Multiple values in single value required fields", 400, 400, false, "refused"},
		{"3.3.9", "mcl01", "Multiple Content-Length values", 400, 400, true, "refused"},
		{"3.3.10", "bcast", "200 OK response with broadcast Via header field value", 0, 0, false, "dropped: it has a Via that is not ours"},
		{"3.3.11", "zeromf", "Max-Forwards of zero", 200, 200, false, "accepted: it is for us"},
		{"3.3.12", "cparam01", "REGISTER with a Contact header parameter", 401, 401, false, "with credentials registered; the parameter is not one of the URI"},
		{"3.3.13", "cparam02", "REGISTER with a url-parameter", 401, 401, false, "with credentials registered; the parameter stays with the URI"},
		{"3.3.14", "regescrt", "REGISTER with a URL escaped header", 401, 401, false, "with credentials registered; calls do not take the Route out of the URI"},
		{"3.3.15", "sdp01", "Unacceptable Accept offering", 406, 406, false, "refused"},
		{"3.4.1", "inv2543", "INVITE with RFC 2543 syntax", 400, 400, true, "refused: without Contact there is nobody to hang up to; that it has no tag is forgiven"},
	}
}

// tormentOf reads a message.
func tormentOf(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "torture", name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// towards is the writing half of a socket whose datagrams all go to one place:
// who torments claims to be anybody in its Via.
type towards struct {
	pc *net.UDPConn
	to netip.AddrPort
}

func (w towards) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	return w.pc.WriteToUDPAddrPort(b, w.to)
}

// tormentedUA has a registrar and no service, and is there for everybody.
func tormentedUA(t *testing.T, to netip.AddrPort) *UA {
	t.Helper()
	cfg := phonesConfig()
	cfg.Access.Allow, cfg.Defence = nil, Defence{Off: true}
	cfg.Listen = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}
	u, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Listen(); err != nil {
		t.Fatal(err)
	}
	if to.IsValid() {
		u.udp[0].w = towards{u.udp[0].pc, to}
	}
	served := make(chan error, 1)
	go func() {
		served <- u.Serve(context.Background(), func(_ context.Context, d *Dialog) { _ = d.Reject(404, "") })
	}()
	<-u.started
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return u
}

// marker is a request whose answer says that all before it has been seen.
func marker(via string) string {
	return text("", "OPTIONS sip:marker@example.com SIP/2.0", "Via: SIP/2.0/"+via+";branch=z9hG4bKmarker;rport",
		"From: <sip:marker@example.com>;tag=1", "To: <sip:marker@example.com>", "Call-ID: marker", "CSeq: 1 OPTIONS", "Max-Forwards: 70")
}

func isMarker(m string) bool { return headerOf(m, "Call-ID") == "marker" }

// TestTorture: the reaction to each message of RFC 4475 is the one that
// docs/torture.md tells.
func TestTorture(t *testing.T) {
	for _, m := range torments() {
		data := tormentOf(t, m.name)
		t.Run(m.name+" over UDP", func(t *testing.T) {
			p := newRawPeer(t, nil)
			u := tormentedUA(t, netip.MustParseAddrPort(p.addr()))
			p.to = u.Addrs()[0].(*net.UDPAddr).AddrPort()
			p.send(string(data))
			p.send(marker("UDP " + p.addr()))
			got, marked := 0, false
			for !marked || got == 0 && m.udp != 0 {
				res := p.read(patience)
				switch code := codeIn(res); {
				case res == "":
					t.Fatalf("answered %d, want %d", got, m.udp)
				case isMarker(res):
					marked = true
				case code >= 200:
					got = code
				}
			}
			if got != m.udp {
				t.Errorf("answered %d, want %d", got, m.udp)
			}
		})
		t.Run(m.name+" over TCP", func(t *testing.T) { overTCP(t, m, data) })
	}
}

// overTCP sends a message on a connection, and another one after it.
func overTCP(t *testing.T, m torment, data []byte) {
	u := tormentedUA(t, netip.AddrPort{})
	nc, err := net.Dial("tcp", u.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write(data); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	first := func() int {
		for line := range strings.SplitSeq(all.String(), "\r\n") {
			if code := codeIn(line); code >= 200 {
				return code
			}
		}
		return 0
	}
	buf := make([]byte, 4096)
	for m.tcp != 0 && first() == 0 {
		n, err := nc.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if !m.closed {
		_, _ = nc.Write([]byte(marker("TCP " + nc.LocalAddr().String()))) // the next message is understood
		_ = nc.(*net.TCPConn).CloseWrite()
	}
	if _, err := io.Copy(&all, nc); err != nil {
		var netErr net.Error
		if ok := asNetError(err, &netErr); ok && netErr.Timeout() {
			t.Fatalf("the connection stays; heard %q", all.String())
		}
	}
	if m.tcp == 0 && !m.closed && m.name != "clerr" { // whose body the marker has become
		if !isMarker(all.String()) {
			t.Errorf("answered %q", all.String())
		}
		return
	}
	if got := first(); got != m.tcp {
		t.Errorf("answered %d, want %d: %q", got, m.tcp, all.String())
	}
	if marked := strings.Contains(all.String(), "Call-ID: marker"); marked == (m.closed || m.name == "clerr") {
		t.Errorf("the next message was answered: %v", marked)
	}
}

func asNetError(err error, to *net.Error) bool {
	e, ok := err.(net.Error)
	*to = e
	return ok
}

// TestTortureRegistrations: what REGISTERs of RFC 4475 want is done for those
// who show credentials.
func TestTortureRegistrations(t *testing.T) {
	for _, c := range []struct {
		name, contact string
		want          []string
	}{
		{"escnull", "<sip:%00@host5.example.com>, <sip:%00%00@host5.example.com>", []string{"<sip:%00%00@host5.example.com>", "<sip:%00@host5.example.com>"}},
		{"regbadct", "sip:user@example.com?Route=%3Csip:sip.example.com%3E", []string{"<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"}},
		{"cparam01", "sip:+19725552222@gw1.example.net;unknownparam", []string{"<sip:+19725552222@gw1.example.net>"}},
		{"cparam02", "<sip:+19725552222@gw1.example.net;unknownparam>", []string{"<sip:+19725552222@gw1.example.net;unknownparam>"}},
		{"regescrt", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>", []string{"<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := startUA(t, phonesConfig(), nil)
			p := newLoginPeer(t, u, "alice", "wonder land")
			res := p.register("alice", "Contact: "+c.contact)
			var got []string
			for _, v := range contactsIn(res) {
				got = append(got, strings.TrimSuffix(v, ";expires=3600"))
			}
			if codeIn(res) != 200 || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", res, c.want)
			}
		})
	}
}

// tortureTable is the table of docs/torture.md.
func tortureTable() string {
	var b strings.Builder
	b.WriteString("| RFC 4475 | message | what it is | over UDP | over TCP | why |\n|---|---|---|---|---|---|\n")
	reaction := func(code int) string {
		if code == 0 {
			return "no answer"
		}
		return fmt.Sprint(code)
	}
	for _, m := range torments() {
		tcp := reaction(m.tcp)
		if m.closed {
			tcp += ", closed"
		}
		title := strings.NewReplacer("<", `\<`, ">", `\>`).Replace(m.title)
		fmt.Fprintf(&b, "| %s | [%s](../sip/testdata/torture/%s.dat) | %s | %s | %s | %s |\n", m.section, m.name, m.name, title, reaction(m.udp), tcp, m.why)
	}
	return b.String()
}

func TestTortureTableIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "torture.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), tortureTable()) {
		t.Errorf("docs/torture.md needs this table:\n%s", tortureTable())
	}
}
