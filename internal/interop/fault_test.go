package interop

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// invite is an INVITE as it should be, in parts that a test may spoil.
func invite(m *mediaserver, callID, extra string) string {
	body := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
	return fmt.Sprintf("INVITE sip:meeting@%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bK%s\r\n"+
		"From: <sip:bad@127.0.0.1>;tag=%s\r\nTo: <sip:meeting@%s>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n"+
		"Contact: <sip:bad@127.0.0.1:5099>\r\nMax-Forwards: 70\r\n%sContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		m.sip, callID, callID, m.sip, callID, extra, len(body), body)
}

// spoiltMessages are what no SIP client should send. Each is followed by the
// end of the stream over TCP.
func spoiltMessages(m *mediaserver) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	garbage := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	good := invite(m, "whole", "")
	list := [][]byte{
		{},
		{0},
		[]byte("\r\n\r\n"), []byte("\r\n"), garbage(1), garbage(20), garbage(1400), garbage(60000),
		[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		[]byte("SIP/2.0 200 OK\r\n\r\n"),
		[]byte("INVITE\r\n\r\n"),
		[]byte(strings.Repeat("INVITE sip:x SIP/2.0\r\n", 2000)),
		[]byte(invite(m, "long-header", "X-Long: "+strings.Repeat("x", 50000)+"\r\n")),
		[]byte(invite(m, "many-headers", strings.Repeat("Via: SIP/2.0/UDP 127.0.0.1:5099\r\n", 1500))),
		[]byte(invite(m, "binary-header", "Subject: \x00\xff\xfe\r\n")),
		[]byte(strings.Replace(invite(m, "length", ""), "Content-Length: ", "Content-Length: 9999", 1)),
		[]byte(strings.Replace(invite(m, "negative", ""), "Content-Length: ", "Content-Length: -", 1)),
		[]byte(strings.Replace(invite(m, "cseq", ""), "CSeq: 1 ", "CSeq: 99999999999999999999 ", 1)),
		[]byte(strings.Replace(invite(m, "version", ""), "SIP/2.0\r\nVia", "SIP/9.9\r\nVia", 1)),
		[]byte(strings.Replace(invite(m, "sdp", ""), "m=audio 9", "m=audio 99999999", 1)),
		[]byte(strings.Replace(invite(m, "line", ""), "v=0\r\n", "v=0\r\nz", 1)),
		[]byte(strings.ReplaceAll(invite(m, "method", ""), "INVITE", "FROBNICATE")),
	}
	for n := 1; n < len(good); n += 37 {
		list = append(list, []byte(good[:n]))
	}
	for range 100 {
		b := []byte(good)
		for range 1 + random.IntN(20) {
			b[random.IntN(len(b))] = byte(random.Uint32())
		}
		list = append(list, b)
	}
	return list
}

// send sends one message to an address over a connection of its own, and does
// not care what comes of it.
func send(t *testing.T, network, address string, message []byte) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a connection has deadlines
	c.Write(message)                        //nolint:errcheck // the server may have closed
}

// TestBadSIP sends what is no SIP, in between a call that has to go on.
func TestBadSIP(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService()}.run(t)
	r := record(t, "127.0.0.1")
	running := sippCall{
		name: "running", scenario: "listen", user: "meeting", keys: map[string]string{"recorder": r.port()}, length: 3 * time.Second,
	}.start(t, m)
	app.await(t, "/room-first", 1)
	for _, message := range spoiltMessages(m) {
		send(t, "udp", m.sip, message)
		send(t, "tcp", m.sip, message)
	}
	m.expectAlive(t)
	running.succeed(t)
	r.expectCleanStream(t, m, 0)
	expectGoodCall(t, m)
	for _, name := range []string{
		`mediaserver_sip_parse_errors_total{transport="UDP"}`,
		`mediaserver_sip_parse_errors_total{transport="TCP"}`,
		`mediaserver_sip_responses_total{code="400",direction="out"}`,
	} {
		n := m.metric(t, name)
		t.Logf("%s %v", name, n)
		if n == 0 {
			t.Errorf("%s is 0", name)
		}
	}
	if n := m.metric(t, "mediaserver_sip_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
	expectBoundedLog(t, m)
}

// expectGoodCall calls as if nothing had happened.
func expectGoodCall(t *testing.T, m *mediaserver) {
	t.Helper()
	r := record(t, "127.0.0.1")
	sippCall{
		name: "good", scenario: "listen", user: "meeting", keys: map[string]string{"recorder": r.port()}, length: time.Second,
	}.start(t, m).succeed(t)
	r.expectCleanStream(t, m, 0)
	m.expectAlive(t)
}

// expectBoundedLog checks that bad input did not fill the log.
func expectBoundedLog(t *testing.T, m *mediaserver) {
	t.Helper()
	if n := len(m.output()); n > 200_000 {
		t.Errorf("log of %d bytes", n)
	}
}

// TestBadRTP sends garbage to the media ports of calls from elsewhere: what
// the callers hear must stay what it was.
func TestBadRTP(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService()}.run(t)
	r := record(t, "127.0.0.1")
	listener := listenByHand(t, m, "meeting", "listener", r)
	talker := sippCall{scenario: "talk", user: "meeting", caller: "talker", tone: tone(440, 3*time.Second), length: 3200 * time.Millisecond}.start(t, m)
	m.expectMetric(t, `mediaserver_conference_participants{role="talker"}`, 2)
	eventually(t, "RTP from the talker", patience, func() bool {
		return m.metric(t, `mediaserver_rtp_packets_total{direction="in"}`) > 10
	})
	spoil(t, rtpPort(t, talker))
	// The listener sends nothing: the server does not know where its RTP would
	// come from, and believes no stray packet.
	spoil(t, listener.media.Port)
	m.expectAlive(t)
	talker.succeed(t)
	listener.hangUp(t)
	m.expectTone(t, decode(t, r.expectCleanStream(t, m, 0)), 440, 3*time.Second)
	for _, cause := range []string{"malformed", "source"} {
		n := m.metric(t, `mediaserver_rtp_packets_dropped_total{cause="`+cause+`"}`)
		t.Logf("%v datagrams thrown away: %s", n, cause)
		if n == 0 {
			t.Errorf("no datagram counts as %s", cause)
		}
	}
	expectGoodCall(t, m)
	expectBoundedLog(t, m)
}

// rtpPort is the RTP port of the call of a SIPp, as the answer names it.
func rtpPort(t *testing.T, s *sipp) int {
	t.Helper()
	var port int
	eventually(t, "the answer is in the log of SIPp", patience, func() bool {
		_, answer, _ := strings.Cut(s.read("messages.log"), "SIP/2.0 200 OK")
		_, media, _ := strings.Cut(answer, "m=audio ")
		number, _, whole := strings.Cut(media, " ")
		var err error
		port, err = strconv.Atoi(number)
		return whole && err == nil
	})
	return port
}

// spoil sends garbage to an RTP port and to the RTCP port beside it; half of
// it looks like RTP or RTCP.
func spoil(t *testing.T, rtp int) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	for _, port := range []int{rtp, rtp + 1} {
		c, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 400 {
			b := make([]byte, 2+random.IntN(300))
			for j := range b {
				b[j] = byte(random.Uint32())
			}
			b[0] &= 0x7f // another version
			if i%2 == 0 {
				b[0], b[1] = 0x80, byte([]int{0, 8, 13, 101, 200}[i/2%5])
			}
			c.Write(b) //nolint:errcheck // nobody need listen
		}
		c.Close()
	}
}

// TestBadPages answers page requests with rubbish.
func TestBadPages(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, _ request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"api_version":"2.0","actions":[],"token":"`) //nolint:errcheck // the server has gone
		w.Write(bytes.Repeat([]byte("x"), 2<<20))                        //nolint:errcheck // the server has gone
		io.WriteString(w, `"}`)                                          //nolint:errcheck // the server has gone
	}
	deep := `{"api_version":"2.0","actions":[{"play":{"play_list":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}}]}"
	tests := []struct {
		name, code string
		page       page
	}{
		{"not-json", "INVALID_JSON", text(200, "<html>hello</html>")},
		{"half-json", "INVALID_JSON", text(200, `{"api_version":"2.0","actions":[`)},
		{"deep-json", "LIMIT_EXCEEDED", text(200, deep)},
		{"binary", "INVALID_JSON", text(200, "\x00\xff\xfe\x80")},
		{"empty", "INVALID_JSON", text(200, "")},
		{"array", "INVALID_JSON", text(200, "[]")},
		{"no-actions", "MISSING_ACTIONS", text(200, `{"api_version":"2.0"}`)},
		{"unknown-action", "UNKNOWN_ACTION", actions(object{"dance": object{}})},
		{"status", "PAGE_HTTP_STATUS", text(500, "no")},
		{"two-megabytes", "PAGE_TOO_LARGE", endless},
		{"slow", "PAGE_TIMEOUT", never},
		{"redirects", "PAGE_REDIRECTS", func(w http.ResponseWriter, q request) {
			w.Header().Set("Location", q.path+"?again")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
		{"reset", "PAGE_UNREACHABLE", func(http.ResponseWriter, request) { panic(http.ErrAbortHandler) }},
	}
	pages := map[string]page{"/first": actions(join("meeting", nil, object{"secondary_call": object{"first_page": "/room-first"}}))}
	services := meetingService()
	for _, tt := range tests {
		pages["/"+tt.name] = tt.page
		services = append(services, service{match: tt.name, first: "/" + tt.name, final: "/final-" + tt.name, error: "/error-" + tt.name})
	}
	app := serve(t, pages)
	m := setup{app: app, services: services, more: "pages: {timeout_seconds: 4}\n"}.run(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refused(tt.name, "0 101", 603).start(t, m).succeed(t)
			final := app.await(t, "/final-"+tt.name, 1)[0]
			if c := final.info.Call; c.Cause != "failed" || c.RawCause != "603" {
				t.Errorf("final page is told %+v", c)
			}
			fault := app.await(t, "/error-"+tt.name, 1)[0].info.Fault
			if fault == nil || !strings.HasPrefix(fault.Result, tt.code+": ") {
				t.Errorf("error page is told %+v, want %s", fault, tt.code)
			}
			m.expectAlive(t)
		})
	}
	for _, outcome := range []string{"invalid_json", "missing_actions", "page_http_status", "page_too_large", "page_timeout", "page_redirects", "page_unreachable"} {
		if m.metric(t, `mediaserver_page_requests_total{outcome="`+outcome+`",page="first"}`) == 0 {
			t.Errorf("no page request counts as %s", outcome)
		}
	}
	m.expectMetric(t, `mediaserver_calls_total{cause="failed",direction="in"}`, float64(len(tests)))
	expectGoodCall(t, m)
	m.expectIdle(t)
	expectBoundedLog(t, m)
}

// TestSecretsStayOut has logins in the addresses of pages and of media, fails
// with them in all ways, and looks for them in whatever the server writes.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	const user, password = "knownuser", "s3cr3tpassw0rd"
	app := serve(t, map[string]page{})
	secret := strings.Replace(app.server.URL, "http://", "http://"+user+":"+password+"@", 1)
	gone := "http://" + user + ":" + password + "@127.0.0.1:1/gone"
	app.pages["/first"] = actions(
		object{"play": object{"play_list": []object{{"file_to_play": secret + "/missing.wav"}}}},
	)
	app.pages["/missing.wav"] = text(404, "")
	app.pages["/error"] = actions(join("secret", nil, object{
		"hold_media":     object{"play": object{"play_list": []object{{"file_to_play": gone + ".wav"}}}},
		"secondary_call": object{"first_page": gone, "final_page": secret + "/room-final", "error_page": secret + "/room-error"},
	}), object{"redirect": object{"next_page": secret + "/next"}})
	app.pages["/next"] = text(500, password)
	m := setup{
		app: app, logLevel: "debug",
		services: []service{{match: "secret", first: secret + "/first", final: secret + "/final", error: secret + "/error"}},
	}.run(t)
	r := record(t, "127.0.0.1")
	sippCall{scenario: "stay", user: "secret", keys: map[string]string{"recorder": r.port()}}.start(t, m).succeed(t)
	for _, q := range app.await(t, "/final", 1) {
		if u, p, ok := (&http.Request{Header: q.header}).BasicAuth(); !ok || u != user || p != password {
			t.Errorf("%s was asked without the login", q.path)
		}
		if strings.Contains(fmt.Sprint(q.info), password) {
			t.Error("the final page is told the password")
		}
	}
	t.Logf("pages %q", app.course(app.asked("/final")[0].info.ID))
	expectNowhere(t, m, password)
}

// expectNowhere looks for a word in the log, the files and the metrics of a
// server.
func expectNowhere(t *testing.T, m *mediaserver, word string) {
	t.Helper()
	resp, err := m.ask("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil || bytes.Contains(metrics, []byte(word)) {
		t.Errorf("the metrics hold the password, or %v", err)
	}
	if i := strings.Index(m.output(), word); i >= 0 {
		t.Errorf("the log holds the password: %.300s", m.output()[max(0, i-200):])
	}
	at := filepath.Join(m.dir, "rest_logs")
	eventually(t, "the log of the instance is written to its end", patience, func() bool {
		files, _ := filepath.Glob(filepath.Join(at, "*/*/*/*.log"))
		return slices.ContainsFunc(files, func(f string) bool {
			text, err := os.ReadFile(f)
			return err == nil && bytes.Contains(text, []byte("instance ends"))
		})
	})
	logs := 0
	err = filepath.WalkDir(at, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		logs++
		text, err := os.ReadFile(path)
		if i := bytes.Index(text, []byte(word)); i >= 0 {
			t.Errorf("%s holds the password: %.300s", path, text[max(0, i-200):])
		}
		return err
	})
	if err != nil || logs == 0 {
		t.Errorf("%d logs of instances, %v", logs, err)
	}
}
