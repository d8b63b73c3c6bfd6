package interop

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sniffer records what goes over the loopback interface.
type sniffer struct {
	*program
	file string
}

// sniff records the datagrams from and to the server's SIP port and its
// ports for RTP.
func sniff(t *testing.T, filter string) *sniffer {
	t.Helper()
	needRoot(t)
	s := &sniffer{file: filepath.Join(t.ArtifactDir(), "call.pcapng")}
	s.program = start(t, t.ArtifactDir(), "dumpcap", baresipLimit, need(t, "dumpcap", "tshark"), "-q", "-i", "lo", "-f", filter, "-w", s.file)
	eventually(t, "dumpcap records", patience, func() bool { return strings.Contains(s.output(), "File:") })
	return s
}

// droppedLine is what dumpcap says of its recording in the end.
var droppedLine = regexp.MustCompile(`Packets received/dropped on interface '[^']*': \d+/(\d+)`)

// end stops the recording, once the kernel has handed over what it holds, and
// gives the number of packets that are missing in it.
func (s *sniffer) end(t *testing.T) (dropped int) {
	t.Helper()
	rest(t, time.Second)
	if err := s.signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	s.exit(t, patience)
	said := droppedLine.FindStringSubmatch(s.output())
	if said == nil {
		t.Fatalf("dumpcap says nothing of dropped packets:\n%s", s.output())
	}
	dropped, err := strconv.Atoi(said[1])
	if err != nil {
		t.Fatal(err)
	}
	return dropped
}

// shark asks tshark about the recording.
func (s *sniffer) shark(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(need(t, "tshark", "tshark"), append([]string{"-n", "-r", s.file}, args...)...).Output()
	if err != nil {
		t.Fatalf("tshark %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// streamLine is a line of tshark's table of RTP streams: begin, end, source,
// destination, SSRC, payload, packets, lost and problems.
var streamLine = regexp.MustCompile(`(?m)^\s*[\d.]+\s+[\d.]+\s+127\.0\.0\.1\s+(\d+)\s+127\.0\.0\.1\s+(\d+)\s+0x[0-9A-F]+\s+(\S+(?: \S+)*?)\s+(\d+)\s+(-?\d+) `)

// TestSharkJudgesACall records a call of baresip with a key and a hold, and
// lets tshark say whether SIP and RTP were well-formed: no malformed packet,
// no lost one from us, the key decoded, every request answered.
func TestSharkJudgesACall(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService()}.run(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMU"}.start(t)
	capture := sniff(t, fmt.Sprintf("udp and (port %s or portrange %d-%d)", fmt.Sprint(m.addr(t).Port()), anna.port, anna.port+18))
	anna.call(t, m, "meeting")
	rest(t, 1500*time.Millisecond)
	anna.command(t, "sndcode", "5")
	rest(t, time.Second)
	anna.command(t, "hold", "")
	rest(t, 500*time.Millisecond)
	anna.command(t, "resume", "")
	rest(t, time.Second)
	anna.hangUp(t)
	app.await(t, "/final", 1)
	dropped := capture.end(t)

	if bad := capture.shark(t, "-Y", `_ws.malformed || _ws.expert.severity == "Error"`, "-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info"); strings.TrimSpace(bad) != "" {
		t.Errorf("tshark finds faults:\n%s", bad)
	}
	ours := 0
	table := capture.shark(t, "-q", "-z", "rtp,streams")
	for _, row := range streamLine.FindAllStringSubmatch(table, -1) {
		source, _ := strconv.Atoi(row[1])
		packets, _ := strconv.Atoi(row[4])
		lost, _ := strconv.Atoi(row[5])
		if source >= anna.port && source < anna.port+20 || packets < 20 {
			continue
		}
		ours++
		if lost < 0 || lost > dropped {
			t.Errorf("tshark misses %d packets of ours, dumpcap dropped %d:\n%s", lost, dropped, table)
		}
	}
	if ours != 1 {
		t.Errorf("%d streams of ours, want 1:\n%s", ours, table)
	}
	if keys := capture.shark(t, "-Y", "rtpevent.end_of_event == 1", "-T", "fields", "-e", "rtpevent.event_id"); strings.TrimSpace(keys) == "" {
		t.Error("tshark finds no key")
	}
	for _, want := range []string{"INVITE", "ACK", "BYE"} {
		if !strings.Contains(capture.shark(t, "-Y", "sip.Method", "-T", "fields", "-e", "sip.Method"), want) {
			t.Errorf("tshark saw no %s", want)
		}
	}
	m.expectIdle(t)
}

// TestSipsakPings asks whether the server is there, over UDP and TCP.
func TestSipsakPings(t *testing.T) {
	t.Parallel()
	sipsak := need(t, "sipsak", "sipsak")
	m := setup{app: meeting(t), services: meetingService()}.run(t)
	for _, transport := range []string{"udp", "tcp"} {
		out, err := exec.Command(sipsak, "-E", transport, "-vv", "-s", "sip:meeting@"+m.sip).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "SIP/2.0 200 OK") {
			t.Errorf("over %s: %v\n%s", transport, err, out)
		}
	}
	m.expectAlive(t)
}
