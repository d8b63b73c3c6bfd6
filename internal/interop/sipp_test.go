package interop

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// sippLimit ends a SIPp that hangs.
const sippLimit = time.Minute

// sippCall is a call, or many of them, by SIPp.
type sippCall struct {
	name      string // of the program in logs; "" = the scenario
	scenario  string // conference_NAME.xml
	user      string // called
	caller    string // "" = sipp
	tcp       bool
	keys      map[string]string // [key]s of the scenario
	replace   []string          // pairs, in the text of the scenario
	tone      *audio.Clip       // tone.ulaw of the scenario
	pcap      []byte            // media.pcap of the scenario
	length    time.Duration     // of the pause of the scenario
	port      int               // 0 = a free one
	calls     int               // 0 = 1
	rate      int               // calls per second
	lines     []string          // of digits.csv, read by the calls one after the other
	lasts     time.Duration     // how much longer than usual; then without a log of all messages
	arguments []string
}

// sipp is a running SIPp.
type sipp struct {
	*program
	dir   string
	lasts time.Duration // how much longer than usual
}

// start has SIPp call a server.
func (c sippCall) start(t *testing.T, m *mediaserver) *sipp {
	t.Helper()
	path := need(t, "sipp", "sip-tester")
	name := c.name
	if name == "" {
		name = c.scenario
	}
	dir := filepath.Join(t.ArtifactDir(), "sipp_"+name)
	c.write(t, dir)
	host := m.addr(t).Addr().String()
	port := c.port
	if port == 0 {
		port = freePorts(t, host)
	}
	args := []string{
		m.sip, "-sf", "scenario.xml", "-s", c.user, "-i", host, "-mi", host,
		"-p", strconv.Itoa(port), "-mp", strconv.Itoa(port + 4),
		"-m", strconv.Itoa(max(c.calls, 1)), "-nostdin", "-trace_err", "-error_file", "errors.log",
		"-timeout", strconv.Itoa(int((sippLimit + c.lasts).Seconds())) + "s", "-timeout_error",
		"-trace_stat", "-stf", "stat.csv", "-fd", "1",
		"-key", "caller", c.from(),
	}
	if c.lasts == 0 {
		args = append(args, "-trace_msg", "-message_file", "messages.log")
	}
	if c.lines != nil {
		args = append(args, "-inf", "digits.csv")
	}
	if c.tcp {
		args = append(args, "-t", "t1")
	}
	if c.length > 0 {
		args = append(args, "-d", strconv.FormatInt(c.length.Milliseconds(), 10))
	}
	if c.rate > 0 {
		args = append(args, "-r", strconv.Itoa(c.rate))
	}
	for k, v := range c.keys {
		args = append(args, "-key", k, v)
	}
	return &sipp{start(t, dir, "sipp_"+name+"_screen", sippLimit+c.lasts+5*time.Second, path, append(args, c.arguments...)...), dir, c.lasts}
}

func (c sippCall) from() string {
	if c.caller == "" {
		return "sipp"
	}
	return c.caller
}

// write puts what the scenario needs into the directory SIPp runs in.
func (c sippCall) write(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	scenario, err := os.ReadFile(filepath.Join("..", "..", "sip", "testdata", "sipp", "conference_"+c.scenario+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"scenario.xml": []byte(strings.NewReplacer(c.replace...).Replace(string(scenario))),
	}
	if c.tone != nil {
		files["tone.ulaw"] = make([]byte, len(c.tone.Samples))
		g711.PCMU().Encode(files["tone.ulaw"], c.tone.Samples)
	}
	if c.lines != nil {
		files["digits.csv"] = []byte("SEQUENTIAL\n" + strings.Join(c.lines, "\n") + "\n")
	}
	if c.pcap != nil {
		files["media.pcap"] = c.pcap
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// succeed waits for the end of all calls, none of which may have failed.
func (s *sipp) succeed(t *testing.T) {
	t.Helper()
	if code := s.exit(t, sippLimit+s.lasts); code != 0 {
		t.Errorf("%s ended with code %d\n%s\n%s", s.name, code, s.read("errors.log"), tail(s.read("messages.log")))
	}
}

// read is the text of a file that SIPp wrote, "" if there is none.
func (s *sipp) read(name string) string {
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		return ""
	}
	return string(b)
}

// statistic is a column of the last line of SIPp's statistics.
func (s *sipp) statistic(t *testing.T, column string) int {
	t.Helper()
	r := csv.NewReader(strings.NewReader(s.read("stat.csv")))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = ';', -1, true
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("statistics of %s: %d rows, %v", s.name, len(rows), err)
	}
	for i, name := range rows[0] {
		if name == column {
			n, err := strconv.Atoi(rows[len(rows)-1][i])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no column %q in the statistics of SIPp", column)
	return 0
}
