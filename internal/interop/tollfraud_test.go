package interop

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// tollTrunk is a trunk that notes the INVITEs it gets and answers nothing.
type tollTrunk struct {
	addr string

	mu      sync.Mutex
	invites []string // request lines
}

func newTollTrunk(t *testing.T) *tollTrunk {
	t.Helper()
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)})
	if err != nil {
		t.Skip("this system has one loopback address only")
	}
	c := &tollTrunk{addr: pc.LocalAddr().String()}
	over := make(chan struct{})
	go func() {
		defer close(over)
		buf := make([]byte, 1<<16)
		for {
			n, _, err := pc.ReadFromUDP(buf)
			if err != nil {
				return
			}
			line, _, _ := strings.Cut(string(buf[:n]), "\r\n")
			if strings.HasPrefix(line, "INVITE ") {
				c.mu.Lock()
				c.invites = append(c.invites, line)
				c.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { pc.Close(); <-over })
	return c
}

func (c *tollTrunk) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.invites
}

// TestInboundCallsDoNotReachTrunks tries every way by which a caller might
// have this server dial for him, with all there is switched on: rooms by
// direct dial, rooms elsewhere at the trunk, transfers. The trunk hears
// nothing until the page of a service dials.
func TestInboundCallsDoNotReachTrunks(t *testing.T) {
	t.Parallel()
	c := newTollTrunk(t)
	app := serve(t, map[string]page{
		"/first":   actions(join("meeting", nil, object{})),
		"/connect": actions(object{"connect": object{"destinations": []string{"tel:442071838750"}}}),
	})
	m := setup{
		app: app,
		services: []service{
			{match: "meeting", first: "/first"}, {match: "dialler", first: "/connect"},
		},
		sip:  fmt.Sprintf(`, trunks: [{name: carrier, address: "sip:%s", username: user, password: secret}]`, c.addr),
		more: fmt.Sprintf("conference: {direct_dial: true, destinations: [{match: \"out-*\", address: \"sip:{name}@%s\"}]}\n", c.addr),
	}.run(t)
	const number = "+442071838750"
	us := m.sip
	for what, lines := range map[string][]string{
		"a number here":                   {"sip:" + number + "@" + us},
		"a number at the trunk":           {"sip:" + number + "@" + c.addr},
		"a number and a route":            {"sip:" + number + "@" + c.addr, "Route: <sip:" + c.addr + ";lr>"},
		"a service and a route":           {"sip:nobody@" + us, "Route: <sip:" + us + ";lr>, <sip:" + c.addr + ";lr>"},
		"a telephone URI":                 {"tel:" + number},
		"a prefix of destinations":        {"sip:tel:" + number + "@" + us},
		"another one":                     {"sip:loc:carrier@" + us},
		"a room by prefix":                {"sip:con:" + number + "@" + us},
		"a room that lives at the trunk":  {"sip:conf-out-442071838750@" + us},
		"a room that names a host":        {"sip:conf-out-x%40" + strings.Split(c.addr, ":")[0] + "@" + us},
		"a host in the user part":         {"sip:" + number + "%40" + c.addr + "@" + us},
		"a diversion":                     {"sip:nobody@" + us, "Diversion: <sip:" + number + "@" + c.addr + ">"},
		"a Refer-To in an INVITE":         {"sip:nobody@" + us, "Refer-To: <sip:" + number + "@" + c.addr + ">"},
		"somebody else's call to replace": {"sip:nobody@" + us, "Replaces: x;from-tag=1;to-tag=2"},
		"an asserted identity":            {"sip:" + number + "@" + us, "P-Asserted-Identity: <sip:" + number + "@" + c.addr + ">"},
	} {
		if got := tryInvite(t, m, lines[0], lines[1:]...); strings.Contains(got, " 200 ") {
			t.Errorf("%s: answered %q", what, got)
		}
	}
	call := callByHand(t, m, "meeting", "fraud")
	for _, to := range []string{
		"<sip:" + number + "@" + c.addr + ">", "<sip:" + number + "@" + us + ">", "<tel:" + number + ">",
		"<sip:x@" + c.addr + "?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>", "<sip:conf-out-442071838750@" + us + ">", "<loc:carrier>",
	} {
		call.seq++
		call.writeWith(t, "REFER", call.seq, "Refer-To: "+to)
	}
	call.seq++
	call.writeWith(t, "UPDATE", call.seq, "Contact: <sip:"+number+"@"+c.addr+">")
	call.expectAlive(t)
	<-time.After(time.Second) // whoever was to be dialled has been
	if got := c.got(); len(got) > 0 {
		t.Fatalf("the trunk was called: %q", got)
	}
	call.hangUp(t)
	caller := callStart(t, m, "dialler", "customer")
	eventually(t, "the page's call reaches the trunk", patience, func() bool { return len(c.got()) > 0 })
	caller.cancel(t)
}

// tryInvite sends an INVITE with any Request-URI and gives the final answer.
func tryInvite(t *testing.T, m *mediaserver, uri string, headers ...string) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return tryFrom(t, c, m, uri, headers...)
}

// tryFrom is tryInvite from a socket of one's own.
func tryFrom(t *testing.T, c *net.UDPConn, m *mediaserver, uri string, headers ...string) string {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", m.sip)
	if err != nil {
		t.Fatal(err)
	}
	local := c.LocalAddr().String()
	id := strings.ReplaceAll(local, ":", "-")
	lines := append([]string{
		"INVITE " + uri + " SIP/2.0", "Via: SIP/2.0/UDP " + local + ";branch=z9hG4bK" + id + ";rport",
		"From: <sip:caller@" + local + ">;tag=1", "To: <sip:somebody@" + m.sip + ">", "Call-ID: " + id, "CSeq: 1 INVITE",
		"Contact: <sip:caller@" + local + ">", "Max-Forwards: 70", "Content-Length: 0",
	}, headers...)
	if _, err := c.WriteToUDP([]byte(strings.Join(append(lines, "", ""), "\r\n")), to); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	c.SetReadDeadline(time.Now().Add(patience)) //nolint:errcheck // a read fails then
	for {
		n, err := c.Read(buf)
		if err != nil {
			t.Errorf("%s: no answer", uri)
			return ""
		}
		if got := string(buf[:n]); !strings.HasPrefix(got, "SIP/2.0 1") {
			first, _, _ := strings.Cut(got, "\r\n")
			return first
		}
	}
}

// writeWith sends a request within the call with one header field of one's own.
func (h *handCall) writeWith(t *testing.T, method string, seq int, field string) {
	t.Helper()
	lines := []string{
		method + " sip:" + h.user + "@" + h.to.String() + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%d-%s", h.local, h.id, seq, method),
		"From: <sip:caller@" + h.local + ">;tag=hand", "To: <sip:" + h.user + "@" + h.to.String() + ">" + h.tag,
		"Call-ID: " + h.id, fmt.Sprintf("CSeq: %d %s", seq, method), "Max-Forwards: 70", field, "Content-Length: 0", "", "",
	}
	if !strings.HasPrefix(field, "Contact:") {
		lines[7] = field + "\r\nContact: <sip:caller@" + h.local + ">"
	}
	if _, err := h.c.WriteToUDP([]byte(strings.Join(lines, "\r\n")), h.to); err != nil {
		t.Fatal(err)
	}
}

// callStart begins a call and does not wait for its answer.
func callStart(t *testing.T, m *mediaserver, user, caller string) *handCall {
	t.Helper()
	h := newHandCall(t, m, user, caller)
	h.write(t, "INVITE", handSDP, h.seq)
	return h
}

// cancel gives a call up that has perhaps been answered.
func (h *handCall) cancel(t *testing.T) {
	t.Helper()
	answer := h.ask(t, "INVITE", handSDP) // an unanswered call is answered by connect
	_, tag, _ := strings.Cut(header(answer, "To"), ";tag=")
	h.tag = ";tag=" + tag
	h.write(t, "ACK", "", h.seq)
	h.hangUp(t)
}
