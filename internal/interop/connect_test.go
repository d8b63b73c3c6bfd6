package interop

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// connecting is an application that connects to a destination.
func connecting(t *testing.T, destination string) *application {
	t.Helper()
	return serve(t, map[string]page{
		"/first": actions(object{"connect": object{
			"destinations": []string{destination}, "next_page": "/next",
			"secondary_call": object{"final_page": "/callee-final", "error_page": "/callee-error"},
		}}),
		"/next": actions(object{"hang_up": object{}}),
	})
}

func toTrunk(port int) string {
	return fmt.Sprintf(", trunks: [{name: carrier, address: \"sip:127.0.0.1:%d\"}]", port)
}

// TestConnectPhones connects two phones; each records the other, a key passes,
// and the callee's hang-up ends the connection.
func TestConnectPhones(t *testing.T) {
	for name, shared := range map[string]int{"a socket for each": 0, "on shared ports": 2} {
		t.Run(name, func(t *testing.T) { connectPhones(t, shared) })
	}
}

func connectPhones(t *testing.T, shared int) {
	t.Parallel()
	bert := phoneSetup{name: "bert", freq: 620, codec: "PCMU"}.start(t)
	app := connecting(t, fmt.Sprintf("bert@127.0.0.1:%d", bert.port))
	m := setup{app: app, services: meetingService(), shared: shared}.run(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	anna.call(t, m, "meeting")
	eventually(t, "bert is in a call", patience, func() bool { return bert.has("CALL_ESTABLISHED") })
	rest(t, 2*time.Second)
	anna.command(t, "sndcode", "5")
	eventually(t, "the key passes", patience, func() bool { return bert.has("CALL_DTMF_START") })
	rest(t, time.Second)
	bert.hangUp(t)
	anna.awaitEnd(t)
	next := app.await(t, "/next", 1)[0]
	app.expectCourse(t, next.info.ID, "/first", "/callee-final", "/next", "/final")
	if c := app.asked("/callee-final")[0].info.Call; c.Cause != "hung_up" || c.Direction != "out" {
		t.Errorf("secondary final page is told %+v", c)
	}
	for _, pair := range []struct{ listener, speaker *phone }{{anna, bert}, {bert, anna}} {
		expectHeard(t, pair.listener, pair.speaker.freq, 1500*time.Millisecond)
	}
	m.expectIdle(t)
}

// TestConnectByTrunk calls a number: the trunk is a SIPp that sends back all
// it receives.
func TestConnectByTrunk(t *testing.T) {
	t.Parallel()
	app := connecting(t, "44-1908-000200")
	port := freePorts(t, "127.0.0.1")
	m := setup{app: app, services: meetingService(), sip: toTrunk(port)}.run(t)
	trunk := sippCall{scenario: "focus", user: "trunk", port: port, arguments: []string{"-rtp_echo"}}.start(t, m)
	awaitFocus(t, port)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	anna.call(t, m, "meeting")
	rest(t, 3*time.Second)
	anna.hangUp(t)
	trunk.succeed(t)
	if !strings.Contains(trunk.read("messages.log"), "INVITE sip:441908000200@127.0.0.1:") {
		t.Error("the trunk was not called with the number")
	}
	final := app.await(t, "/final", 1)[0]
	app.expectCourse(t, final.info.ID, "/first", "/callee-final", "/final")
	expectHeard(t, anna, anna.freq, 1500*time.Millisecond)
	m.expectIdle(t)
}

// TestConnectBusy has the trunk refuse.
func TestConnectBusy(t *testing.T) {
	t.Parallel()
	app := connecting(t, "441908000200")
	port := freePorts(t, "127.0.0.1")
	m := setup{app: app, services: meetingService(), sip: toTrunk(port)}.run(t)
	trunk := sippCall{scenario: "focus_busy", user: "trunk", port: port}.start(t, m)
	awaitFocus(t, port)
	r := record(t, "127.0.0.1")
	sippCall{scenario: "stay", user: "meeting", keys: map[string]string{"recorder": r.port()}}.start(t, m).succeed(t)
	trunk.succeed(t)
	final := app.await(t, "/final", 1)[0]
	app.expectCourse(t, final.info.ID, "/first", "/callee-error", "/final")
	if fault := app.asked("/callee-error")[0].info.Fault; fault == nil || !strings.HasPrefix(fault.Result, "CONNECT_FAILED: actions[0].connect: busy (486)") {
		t.Errorf("error page is told %+v", fault)
	}
	m.expectIdle(t)
}

// TestConnectToAWebSocket has a phone hear itself from an agent that says back
// all it hears, over TLS with a certificate of its own.
func TestConnectToAWebSocket(t *testing.T) {
	t.Parallel()
	agent := httptest.NewTLSServer(http.HandlerFunc(echoAgent))
	t.Cleanup(agent.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: agent.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	app := serve(t, map[string]page{
		"/first": func(w http.ResponseWriter, _ request) {
			fmt.Fprintf(w, `{"api_version":"2.0","actions":[{"connect":{"destinations":["wss%s/"],"secondary_call":{"final_page":"/agent-final"}}}]}`,
				strings.TrimPrefix(agent.URL, "https"))
		},
	})
	m := setup{app: app, services: meetingService(), more: "websocket: {ca_file: \"" + ca + "\"}\n"}.run(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMU"}.start(t)
	anna.call(t, m, "meeting")
	rest(t, 4*time.Second)
	m.expectMetric(t, "mediaserver_websocket_calls_active", 1)
	anna.hangUp(t)
	final := app.await(t, "/final", 1)[0]
	app.expectCourse(t, final.info.ID, "/first", "/agent-final", "/final")
	expectHeard(t, anna, anna.freq, 2*time.Second)
	m.expectMetric(t, "mediaserver_websocket_calls_active", 0)
	m.expectIdle(t)
}

// echoAgent says back all it hears.
func echoAgent(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"v1.ws.cloud.aculab.com"}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ctx := context.WithoutCancel(r.Context())
	for {
		kind, data, err := ws.Read(ctx)
		if err != nil {
			return
		}
		if kind == websocket.MessageText {
			data = []byte(`{"type":"answer"}`)
		}
		if ws.Write(ctx, kind, data) != nil {
			return
		}
	}
}
