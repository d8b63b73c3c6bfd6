package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// carrierPassword is what the carrier wants to hear.
const carrierPassword = "carrier-secret"

// relayPorts is how many ports the carrier's media relay may use.
const relayPorts = 60

// carrier is the edge of a carrier: kamailio, and rtpengine for the media.
type carrier struct {
	proxy, relay *program
	port         int // of SIP, UDP and TCP
}

// startCarrier runs a carrier that gives all numbers to the callee's port.
func startCarrier(t *testing.T, callee int) *carrier {
	t.Helper()
	kamailio, rtpengine := need(t, "kamailio", "kamailio"), need(t, "rtpengine", "rtpengine-daemon")
	port := freePorts(t, "127.0.0.1")
	relay, media := port+2, takePorts(t, relayPorts)
	dir := filepath.Join(t.ArtifactDir(), "carrier")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := &carrier{port: port}
	c.relay = start(t, dir, "rtpengine", baresipLimit, rtpengine, "--interface=127.0.0.1", "--table=-1", "--foreground", "--log-stderr",
		fmt.Sprintf("--listen-ng=127.0.0.1:%d", relay), fmt.Sprintf("--port-min=%d", media), fmt.Sprintf("--port-max=%d", media+relayPorts-1),
		"--pidfile="+filepath.Join(dir, "rtpengine.pid"))
	// Kamailio looks for the relay once, at its start.
	eventually(t, "rtpengine listens", patience, func() bool { return udpTaken(relay) })
	text, err := os.ReadFile("testdata/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "kamailio.cfg")
	filled := strings.NewReplacer("@SIP@", strconv.Itoa(port), "@RELAY@", strconv.Itoa(relay),
		"@CALLEE@", strconv.Itoa(callee), "@PASSWORD@", carrierPassword).Replace(string(text))
	if err := os.WriteFile(config, []byte(filled), 0o644); err != nil {
		t.Fatal(err)
	}
	c.proxy = start(t, dir, "kamailio", baresipLimit, kamailio, "-f", config, "-DD", "-E", "-w", dir, "-Y", dir,
		"-P", filepath.Join(dir, "kamailio.pid"))
	t.Cleanup(func() { c.end(t) })
	awaitFocus(t, port)
	return c
}

// end lets kamailio end its children; killed, it would leave them.
func (c *carrier) end(t *testing.T) {
	for _, p := range []*program{c.proxy, c.relay} {
		if err := p.signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		p.exit(t, patience)
	}
}

// trunk is the configuration of a trunk to the carrier.
func (c *carrier) trunk() string {
	return fmt.Sprintf(", trunks: [{name: carrier, address: \"sip:127.0.0.1:%d\", username: trunk, password: %s, register: true}]",
		c.port, carrierPassword)
}

// udpTaken says whether somebody listens at a port.
func udpTaken(port int) bool {
	u, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return true
	}
	u.Close()
	return false
}

// TestCarrierEdge calls the server through a carrier with which it has
// registered, and the server calls a number by the same carrier, which asks
// for a password. The carrier's proxy stays in the way of both dialogs and
// its relay in that of the sound; the caller holds and resumes.
func TestCarrierEdge(t *testing.T) {
	t.Parallel()
	bert := phoneSetup{name: "bert", freq: 620, codec: "PCMU"}.start(t)
	c := startCarrier(t, bert.port)
	app := connecting(t, "+441908000300")
	m := setup{app: app, services: meetingService(), sip: c.trunk()}.run(t)
	m.expectMetric(t, `mediaserver_trunk_registered{trunk="carrier"}`, 1)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	anna.command(t, "dial", fmt.Sprintf("sip:meeting@127.0.0.1:%d", c.port))
	for _, p := range []*phone{anna, bert} {
		eventually(t, p.name+" is in a call", patience, func() bool { return p.has("CALL_ESTABLISHED") })
	}
	rest(t, 2*time.Second)
	anna.command(t, "hold", "")
	rest(t, time.Second)
	anna.command(t, "resume", "")
	rest(t, 2*time.Second)
	bert.hangUp(t)
	anna.awaitEnd(t)
	next := app.await(t, "/next", 1)[0]
	app.expectCourse(t, next.info.ID, "/first", "/callee-final", "/next", "/final")
	for _, pair := range []struct{ listener, speaker *phone }{{anna, bert}, {bert, anna}} {
		expectHeard(t, pair.listener, pair.speaker.freq, 1200*time.Millisecond)
	}
	m.expectIdle(t)
}
