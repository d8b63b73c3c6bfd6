package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// baresipLimit ends a phone that hangs.
const baresipLimit = 2 * time.Minute

// modulePaths is where the modules of baresip are.
func modulePaths() []string {
	return []string{"/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"}
}

// phoneSetup is a phone by baresip.
type phoneSetup struct {
	name  string
	freq  float64 // of its tone
	codec string  // PCMU or PCMA
	tcp   bool
	srtp  string // mediaenc of its account: "srtp" is beside RTP/AVP, "srtp-mand" RTP/SAVP, "dtls_srtp" keys by DTLS; "" is none
	ice   bool   // it checks the way of its media
	mux   bool   // RTCP goes with RTP

	// For TLS, which baresip then has at its port + 1: its key and certificate,
	// and whom it believes.
	certificate, authority string
}

// phone is a running baresip.
type phone struct {
	*program
	name string
	freq float64
	tcp  bool
	port int // of SIP
	dir  string
	conn net.Conn // commands and events

	mu     sync.Mutex
	events []phoneEvent
}

// phoneEvent is what baresip tells of itself.
type phoneEvent struct {
	Event bool   `json:"event"`
	Type  string `json:"type"`
	Param string `json:"param"`
}

// start runs a phone.
func (s phoneSetup) start(t *testing.T) *phone {
	t.Helper()
	path := need(t, "baresip", "baresip-core")
	p := &phone{name: s.name, freq: s.freq, tcp: s.tcp, dir: filepath.Join(t.ArtifactDir(), s.name)}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeWAV(t, filepath.Join(p.dir, "tone.wav"), *tone(s.freq, baresipLimit))
	port := freePorts(t, "127.0.0.1")
	p.port = port
	control := net.JoinHostPort("127.0.0.1", strconv.Itoa(port+2))
	s.write(t, p.dir, port, control)
	seconds := strconv.Itoa(int(baresipLimit.Seconds()))
	p.program = start(t, p.dir, "baresip_"+s.name, baresipLimit, path, "-f", p.dir, "-t", seconds)
	eventually(t, "baresip takes commands", patience, func() bool {
		var err error
		p.conn, err = net.Dial("tcp", control)
		return err == nil
	})
	read := make(chan struct{})
	go func() { defer close(read); p.listen() }()
	t.Cleanup(func() { p.conn.Close(); <-read })
	return p
}

// write writes the configuration.
func (s phoneSetup) write(t *testing.T, dir string, port int, control string) {
	t.Helper()
	modules := modulePaths()[0]
	for _, m := range modulePaths() {
		if _, err := os.Stat(m); err == nil {
			modules = m
			break
		}
	}
	config := []string{
		"net_interface 127.0.0.1",
		fmt.Sprintf("sip_listen 127.0.0.1:%d", port),
		"audio_source aufile," + filepath.Join(dir, "tone.wav"),
		"ausrc_srate 8000",
		"ausrc_channels 1",
		"snd_path " + dir,
		fmt.Sprintf("rtp_ports %d-%d", port+6, port+18),
		"module_path " + modules,
		"module g711.so",
		"module aufile.so",
		"module sndfile.so",
		"module_tmp account.so",
		"module_app menu.so",
		"module ctrl_tcp.so",
		"ctrl_tcp_listen " + control,
	}
	account := fmt.Sprintf("<sip:%s@127.0.0.1:%d>;regint=0;audio_codecs=%s;answermode=auto", s.name, port, s.codec)
	if s.srtp != "" {
		module := "srtp.so"
		if strings.HasPrefix(s.srtp, "dtls") {
			module = "dtls_srtp.so"
		}
		config = append(config, "module "+module)
		account += ";mediaenc=" + s.srtp
	}
	if s.ice {
		config = append(config, "module ice.so")
		account += ";medianat=ice"
	}
	if s.certificate != "" {
		config = append(config, "sip_certificate "+s.certificate, "sip_cafile "+s.authority)
	}
	if s.mux {
		config = append(config, "rtcp_mux yes")
	}
	for name, text := range map[string]string{"config": strings.Join(config, "\n") + "\n", "accounts": account + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// listen keeps the events until the connection ends. They come as netstrings:
// LENGTH:JSON,
func (p *phone) listen() {
	in := bufio.NewReader(p.conn)
	for {
		length, err := in.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
		if err != nil || n < 0 || n > 1<<20 {
			return
		}
		text := make([]byte, n+1)
		if _, err := io.ReadFull(in, text); err != nil {
			return
		}
		var e phoneEvent
		if json.Unmarshal(text[:n], &e) == nil && e.Event {
			p.mu.Lock()
			p.events = append(p.events, e)
			p.mu.Unlock()
		}
	}
}

// has says whether something has happened.
func (p *phone) has(event string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Type == event {
			return true
		}
	}
	return false
}

// command tells the phone to do something.
func (p *phone) command(t *testing.T, name, params string) {
	t.Helper()
	text, err := json.Marshal(map[string]string{"command": name, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.conn, "%d:%s,", len(text), text); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
}

// call dials and waits for the answer.
func (p *phone) call(t *testing.T, m *mediaserver, user string) {
	t.Helper()
	address := "sip:" + user + "@" + m.sip
	if p.tcp {
		address += ";transport=tcp"
	}
	p.command(t, "dial", address)
	eventually(t, p.name+" is in a call", patience, func() bool { return p.has("CALL_ESTABLISHED") })
}

// awaitEnd waits until the far end has hung up.
func (p *phone) awaitEnd(t *testing.T) {
	t.Helper()
	eventually(t, p.name+" was hung up", patience, func() bool { return p.has("CALL_CLOSED") })
}

// hangUp ends the call.
func (p *phone) hangUp(t *testing.T) {
	t.Helper()
	p.command(t, "hangup", "")
	p.awaitEnd(t)
}

// recording is what the phone heard, complete once the call has ended.
func (p *phone) recording(t *testing.T) audio.Clip {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if err != nil || len(files) != 1 {
		t.Fatalf("recordings of %s: %q, %v", p.name, files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	clip, info, err := wav.Decode(f, 64<<20)
	if err != nil || info.Rate != rate {
		t.Fatalf("recording of %s: %+v, %v", p.name, info, err)
	}
	return clip
}
