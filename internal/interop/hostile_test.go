package interop

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hostileShort is how many packets the test sends; INTEROP_HOSTILE_PACKETS
// says otherwise.
const hostileShort = 50_000

// enemies is how many addresses the packets come from.
const enemies = 24

// hostilePackets is how many packets are sent.
func hostilePackets(t *testing.T) int {
	v := os.Getenv("INTEROP_HOSTILE_PACKETS")
	if v == "" {
		return hostileShort
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestHostilePackets sends what the internet sends to an open SIP port and to
// the media ports of a call: random bytes, SIP with bytes changed, floods of
// every method, STUN, RTP and RTCP to the wrong port, garbage to the right
// one and on connections. The server holds in the end what it held in the
// beginning, and a caller who means well gets through during all of it. Once
// with the defence, where most is dropped at the door, once without, where all
// of it is read.
func TestHostilePackets(t *testing.T) {
	for name, defence := range map[string]string{
		"with the defence":    `, defence: {exempt: ["127.0.0.1/32"]}`,
		"without the defence": `, defence: {enabled: false}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", "50")                           // memory that waits to be collected is not asked for
			t.Setenv("MEDIASERVER_RTP_TIMEOUT_SECONDS", "0") // who calls by hand sends none
			app := meeting(t)
			m := setup{app: app, services: meetingService(), sip: defence, lasts: 10 * time.Minute}.run(t)
			target, err := net.ResolveUDPAddr("udp4", m.sip)
			if err != nil {
				t.Fatal(err)
			}
			total := hostilePackets(t) / 2
			army := newArmy(t, target)
			victim := callByHand(t, m, "meeting", "victim")
			before := m.atRest(t)
			army.attack(total/2, victim.media)
			army.connect(total / 500)
			// Somebody who means well is heard all the time.
			victim.expectAlive(t)
			first := m.atRest(t)
			if total > hostileShort {
				<-time.After(75 * time.Second) // what is remembered of transactions is forgotten
			}
			army.attack(total/2, victim.media)
			army.connect(total / 500)
			victim.expectAlive(t)
			last := m.atRest(t)
			for end := time.Now().Add(patience); last.grownFrom(before) && time.Now().Before(end); {
				last = m.atRest(t) // a busy machine closes connections late
			}
			t.Logf("before %+v, after %d packets %+v, after %d %+v", before, total/2, first, total, last)
			t.Logf("seen: %v unparsable, %v banned, %v too fast, %v bans",
				m.metric(t, `mediaserver_sip_parse_errors_total{transport="UDP"}`), m.metric(t, `mediaserver_sip_dropped_total{cause="banned"}`),
				m.metric(t, `mediaserver_sip_dropped_total{cause="rate_limit"}`), m.metric(t, "mediaserver_sip_bans_active"))
			if last.grownFrom(before) {
				t.Errorf("before %+v, after %d packets %+v", before, total, last)
			}
			// Transactions and what is remembered of them last 32 s: the second
			// half needs no more than the first.
			if last.memory > first.memory*5/4+16 {
				t.Errorf("memory grew from %.1f to %.1f MiB", first.memory, last.memory)
			}
			if n := m.metric(t, "mediaserver_sip_panics_total"); n != 0 {
				t.Errorf("%v messages made their handling fail", n)
			}
			victim.expectAlive(t)
			victim.hangUp(t)
		})
	}
}

// grownFrom says whether more is held than a request of the metrics and the
// connection of a page need.
func (l left) grownFrom(before left) bool {
	return l.goroutines > before.goroutines+8 || l.descriptors > before.descriptors+4
}

// atRest is what a server holds when nothing comes.
func (m *mediaserver) atRest(t *testing.T) left {
	t.Helper()
	<-time.After(time.Second)
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return left{
		goroutines: int(m.metric(t, "go_goroutines")), descriptors: len(files),
		memory: m.metric(t, "process_resident_memory_bytes") / (1 << 20),
	}
}

// army are sockets with addresses of their own.
type army struct {
	t       *testing.T
	sip     *net.UDPAddr
	sockets []*net.UDPConn
	random  *rand.Rand
}

func newArmy(t *testing.T, target *net.UDPAddr) *army {
	t.Helper()
	a := &army{t: t, sip: target, random: rand.New(rand.NewPCG(1, 2))}
	for i := range enemies {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 66, byte(i+1))})
		if err != nil {
			t.Skip("this system has one loopback address only")
		}
		t.Cleanup(func() { c.Close() })
		a.sockets = append(a.sockets, c)
	}
	return a
}

// attack sends n packets, a fifth of them to a media port and the next one.
func (a *army) attack(n int, media *net.UDPAddr) int {
	const burst, pause = 100, 2 * time.Millisecond // what a socket buffer can hold
	for i := range n {
		c := a.sockets[a.random.IntN(len(a.sockets))]
		to, packet := a.sip, []byte(nil)
		if i%5 == 0 {
			to = &net.UDPAddr{IP: media.IP, Port: media.Port + a.random.IntN(2)}
			packet = a.mediaGarbage()
		} else {
			packet = a.garbage(c.LocalAddr().String())
		}
		c.WriteToUDP(packet, to) //nolint:errcheck // a closed port says so
		if i%burst == burst-1 {
			<-time.After(pause)
		}
	}
	return n
}

// connect opens n connections to the SIP port and leaves garbage there; one in
// four says nothing.
func (a *army) connect(n int) {
	var open []net.Conn
	for i := range n {
		from := a.sockets[i%len(a.sockets)].LocalAddr().(*net.UDPAddr).IP
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}
		c, err := d.Dial("tcp4", a.sip.String())
		if err != nil {
			continue // refused
		}
		open = append(open, c)
		if i%4 > 0 {
			c.Write(a.garbage(c.LocalAddr().String())) //nolint:errcheck // it may be closed
		}
	}
	for _, c := range open {
		c.Close()
	}
}

func (a *army) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(a.random.Uint32())
	}
	return b
}

// garbage is a packet for the SIP port.
func (a *army) garbage(from string) []byte {
	switch a.random.IntN(8) {
	case 0:
		return a.bytes(1 + a.random.IntN(1400))
	case 1: // STUN binding request
		b := a.bytes(20)
		copy(b, []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
		return b
	case 2:
		return a.rtp()
	case 3:
		return []byte("OPTIONS sip:100@127.0.0.1 SIP/2.0\r\nUser-Agent: friendly-scanner\r\nVia: SIP/2.0/UDP " + from +
			";branch=z9hG4bK" + strconv.Itoa(a.random.Int()) + "\r\nFrom: <sip:100@1.1.1.1>;tag=1\r\nTo: <sip:100@1.1.1.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n")
	case 4:
		return []byte(strings.Repeat("INVITE sip:x SIP/2.0\r\nX: ", 1+a.random.IntN(40)))
	}
	methods := []string{"INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK", "SUBSCRIBE", "MESSAGE", "INFO", "REFER", "UPDATE", "PRACK", "SIP/2.0 200 OK"}
	method := methods[a.random.IntN(len(methods))]
	id := strconv.Itoa(a.random.Int())
	msg := []byte(method + " sip:" + strconv.Itoa(a.random.IntN(10000)) + "@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP " + from + ";branch=z9hG4bK" + id +
		";rport\r\nFrom: <sip:a@" + from + ">;tag=" + id + "\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: " + id + "\r\nCSeq: 1 " + method +
		"\r\nContact: <sip:a@" + from + ">\r\nContent-Type: application/sdp\r\nContent-Length: 0\r\n\r\n")
	for range a.random.IntN(4) { // none in one of four
		msg[a.random.IntN(len(msg))] = byte(a.random.Uint32())
	}
	return msg
}

func (a *army) rtp() []byte {
	b := a.bytes(12 + a.random.IntN(200))
	b[0] = 0x80
	return b
}

// mediaGarbage is a packet for a media port.
func (a *army) mediaGarbage() []byte {
	switch a.random.IntN(4) {
	case 0:
		return a.bytes(1 + a.random.IntN(1400))
	case 1: // RTCP with lengths that lie
		b := a.bytes(8 + a.random.IntN(100))
		b[0], b[1] = 0x80|b[0]&0x3f, 200+b[1]%8
		binary.BigEndian.PutUint16(b[2:], uint16(a.random.IntN(40)))
		return b
	case 2: // header extensions, CSRC and padding that lie
		b := a.rtp()
		b[0] = 0x80 | byte(a.random.Uint32())&0x3f
		return b
	}
	return a.rtp()
}

// handSDP is the offer of a call by hand: nobody hears what comes.
const handSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

// handCall is a call by UDP without a SIP library.
type handCall struct {
	c      *net.UDPConn
	to     *net.UDPAddr
	media  *net.UDPAddr // of the server
	local  string
	tag    string // of the server
	user   string
	id     string
	seq    int
	answer string
}

// newHandCall opens what a call to a service needs; it says nothing yet.
func newHandCall(t *testing.T, m *mediaserver, user, caller string) *handCall {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", m.sip)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &handCall{c: c, to: to, local: c.LocalAddr().String(), user: user, id: caller + "-by-hand", seq: 1}
}

// callByHand calls a service and acknowledges the answer.
func callByHand(t *testing.T, m *mediaserver, user, caller string) *handCall {
	t.Helper()
	h := newHandCall(t, m, user, caller)
	h.dial(t, handSDP)
	return h
}

// listenByHand calls a service and has its sound sent to a recorder. The call
// lasts until it is hung up.
func listenByHand(t *testing.T, m *mediaserver, user, caller string, r *recorder) *handCall {
	t.Helper()
	h := newHandCall(t, m, user, caller)
	h.dial(t, strings.Replace(handSDP, "m=audio 9 ", "m=audio "+r.port()+" ", 1))
	return h
}

// dial calls with an offer and acknowledges the answer.
func (h *handCall) dial(t *testing.T, offer string) {
	t.Helper()
	h.answer = h.ask(t, "INVITE", offer)
	_, rest, _ := strings.Cut(h.answer, "m=audio ")
	port, err := strconv.Atoi(strings.Fields(rest + " x")[0])
	if err != nil {
		t.Fatalf("no audio in the answer: %s", h.answer)
	}
	h.media = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	_, tag, _ := strings.Cut(header(h.answer, "To"), ";tag=")
	h.tag = ";tag=" + tag
	h.write(t, "ACK", "", h.seq)
}

func (h *handCall) write(t *testing.T, method, body string, seq int) {
	t.Helper()
	lines := []string{
		method + " sip:" + h.user + "@" + h.to.String() + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%d-%s", h.local, h.id, seq, method),
		"From: <sip:caller@" + h.local + ">;tag=hand", "To: <sip:" + h.user + "@" + h.to.String() + ">" + h.tag,
		"Call-ID: " + h.id, fmt.Sprintf("CSeq: %d %s", seq, method), "Contact: <sip:caller@" + h.local + ">", "Max-Forwards: 70",
	}
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	if _, err := h.c.WriteToUDP([]byte(strings.Join(lines, "\r\n")), h.to); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request, again if need be, and gives the 200.
func (h *handCall) ask(t *testing.T, method, body string) string {
	t.Helper()
	buf := make([]byte, 1<<16)
	for range 20 {
		h.write(t, method, body, h.seq)
		h.c.SetReadDeadline(time.Now().Add(patience / 60)) //nolint:errcheck // a read fails then
		for {
			n, _, err := h.c.ReadFromUDP(buf)
			if err != nil {
				break
			}
			msg := string(buf[:n])
			if strings.HasPrefix(msg, "SIP/2.0 200 ") && header(msg, "CSeq") == fmt.Sprintf("%d %s", h.seq, method) {
				return msg
			}
		}
	}
	t.Fatalf("%s was not answered", method)
	return ""
}

// expectAlive: the server answers within the call.
func (h *handCall) expectAlive(t *testing.T) {
	t.Helper()
	h.seq++
	h.ask(t, "OPTIONS", "")
}

func (h *handCall) hangUp(t *testing.T) {
	t.Helper()
	h.seq++
	h.ask(t, "BYE", "")
}

// header is the value of a header field.
func header(msg, name string) string {
	for line := range strings.SplitSeq(msg, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return v
		}
	}
	return ""
}
