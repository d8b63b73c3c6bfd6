package interop

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
)

// TestForgedCallBringsOneSecondOfSound measures what an INVITE without an ACK, as
// one in somebody else's name is, brings down on the address in it.
func TestForgedCallBringsOneSecondOfSound(t *testing.T) {
	t.Parallel()
	app := serve(t, map[string]page{"/first": actions(play("long.wav"))})
	clip := audio.ToneClip(8000, []float64{600}, -12, 30*time.Second, 0)
	m := setup{
		app: app, services: meetingService(), sip: `, defence: {exempt: []}`, files: map[string]*audio.Clip{"long.wav": &clip},
	}.run(t)
	victim, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	to, err := net.ResolveUDPAddr("udp4", m.sip)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h := &handCall{c: c, to: to, local: c.LocalAddr().String(), user: "meeting", id: "forged", seq: 1}
	port := victim.LocalAddr().(*net.UDPAddr).Port
	offer := strings.Replace(handSDP, "m=audio 9 ", "m=audio "+strconv.Itoa(port)+" ", 1)
	h.answer = h.ask(t, "INVITE", offer)

	packets, bytes := receivedUntilQuiet(t, victim, 3*time.Second)
	t.Logf("%d packets, %d bytes of RTP for one INVITE of %d bytes", packets, bytes, len(offer)+400)
	if packets < 10 || packets > 120 {
		t.Errorf("%d packets for a call without an ACK", packets)
	}
	_, tag, _ := strings.Cut(header(h.answer, "To"), ";tag=")
	h.tag = ";tag=" + tag
	h.write(t, "ACK", "", h.seq)
	if packets, _ := receivedUntil(t, victim, time.Now().Add(2*time.Second)); packets < 50 {
		t.Errorf("%d packets in the 2 s after the ACK", packets)
	}
	h.hangUp(t)
}

// receivedUntilQuiet counts what comes until nothing has come for so long.
func receivedUntilQuiet(t *testing.T, c *net.UDPConn, quiet time.Duration) (packets, bytes int) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		n, b := receivedUntil(t, c, time.Now().Add(quiet))
		if packets, bytes = packets+n, bytes+b; n == 0 {
			return packets, bytes
		}
	}
	t.Error("it does not end")
	return packets, bytes
}

// receivedUntil counts what comes until then.
func receivedUntil(t *testing.T, c *net.UDPConn, end time.Time) (packets, bytes int) {
	t.Helper()
	if err := c.SetReadDeadline(end); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	for {
		n, _, err := c.ReadFromUDP(buf)
		if err != nil {
			return packets, bytes
		}
		packets, bytes = packets+1, bytes+n
	}
}
