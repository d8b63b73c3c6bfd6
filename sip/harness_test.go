package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// shortTimers make retransmissions and time-outs quick enough to wait for.
var shortTimers = Timers{T1: 20 * time.Millisecond, T2: 80 * time.Millisecond}

// testSDP is an offer or an answer; this package does not look inside.
func testSDP(name string) []byte {
	return []byte("v=0\r\no=" + name + " 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n")
}

// startUA serves a UA until the test ends.
func startUA(t testing.TB, cfg Config, h Handler) *UA {
	t.Helper()
	if cfg.Listen == nil {
		cfg.Listen = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	if h == nil {
		h = func(_ context.Context, d *Dialog) { _ = d.Reject(404, "") }
	}
	if isVirtual() && strings.HasPrefix(cfg.Listen[0], "udp") {
		return startVirtualUA(t, cfg, h)
	}
	u, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- u.Serve(context.Background(), h) }()
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		if n := u.Active(); n != 0 {
			t.Errorf("%d dialogs left after Close", n)
		}
	})
	return u
}

// target is a URI of the UA's first UDP or TCP listener.
func target(u *UA, transport string) string {
	for i, l := range u.cfg.Listen {
		if strings.HasPrefix(l, transport) {
			return fmt.Sprintf("sip:bob@%s;transport=%s", u.Addrs()[i], transport)
		}
	}
	panic("no such listener")
}

// sessionLog is a Session that notes its calls and answers every offer.
type sessionLog struct {
	events chan string
	mu     sync.Mutex
	reject error
	dialog string // of the last offer
}

func newSessionLog() *sessionLog { return &sessionLog{events: make(chan string, 64)} }

func (s *sessionLog) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reject = err
}

func (s *sessionLog) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reject
}

func (s *sessionLog) Reoffer(dialog string, offer []byte) ([]byte, error) {
	s.mu.Lock()
	s.dialog = dialog
	s.mu.Unlock()
	if offer == nil {
		s.events <- "offer wanted"
	} else {
		s.events <- "offer " + owner0(offer)
	}
	if err := s.refusal(); err != nil {
		return nil, err
	}
	return testSDP("re-answer"), nil
}

func (s *sessionLog) Acknowledged(body []byte) {
	if body == nil {
		s.events <- "ack"
	} else {
		s.events <- "ack " + owner0(body)
	}
}

func (s *sessionLog) Info(_ uint32, contentType string, body []byte) error {
	s.events <- "info " + contentType + " " + string(body)
	return s.refusal()
}

// owner0 is the name given to testSDP.
func owner0(sdp []byte) string {
	_, rest, _ := bytes.Cut(sdp, []byte("o="))
	name, _, _ := bytes.Cut(rest, []byte(" "))
	return string(name)
}

// expect waits for the next event of a Session.
func (s *sessionLog) expect(t testing.TB, want string) {
	t.Helper()
	select {
	case got := <-s.events:
		if got != want {
			t.Fatalf("session event %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("session event %q never came", want)
	}
}

// silent fails if there is an event that was not asked for.
func (s *sessionLog) silent(t testing.TB) {
	t.Helper()
	select {
	case got := <-s.events:
		t.Fatalf("unexpected session event %q", got)
	default:
	}
}

// answering is a Handler that answers each call and hands it to the test.
type answering struct {
	calls   chan *Dialog
	session *sessionLog
}

func newAnswering() *answering {
	return &answering{calls: make(chan *Dialog, 16), session: newSessionLog()}
}

func (a *answering) handle(_ context.Context, d *Dialog) {
	d.SetSession(a.session)
	if err := d.Answer(testSDP("answer")); err != nil {
		return
	}
	a.calls <- d
	<-d.Ended()
}

func (a *answering) next(t testing.TB) *Dialog {
	t.Helper()
	select {
	case d := <-a.calls:
		return d
	case <-time.After(patience):
		t.Fatal("no call came")
		return nil
	}
}

// dial places a call that must be answered.
func dial(t testing.TB, u *UA, to string) *Dialog {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	d, err := u.Invite(ctx, InviteRequest{To: to, From: "alice", SDP: testSDP("offer")}, nil)
	if err != nil {
		t.Fatalf("Invite: %v", err)
	}
	return d
}

// ended waits for the end of a dialog and checks its reason.
func ended(t testing.TB, d *Dialog, want error) {
	t.Helper()
	select {
	case <-d.Ended():
	case <-time.After(patience):
		t.Fatal("the dialog did not end")
	}
	if !errors.Is(d.Err(), want) {
		t.Fatalf("dialog ended with %v, want %v", d.Err(), want)
	}
}

// emptied waits until the UA has no dialog.
func emptied(t testing.TB, u *UA) {
	t.Helper()
	for _, d := range u.dialogs.list() {
		select {
		case <-d.gone:
		case <-time.After(patience):
			t.Fatalf("dialog %v stays", d.id)
		}
	}
}

func bye(t testing.TB, d *Dialog) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	if err := d.Bye(ctx); err != nil {
		t.Fatalf("Bye: %v", err)
	}
}

// tap is a Config.Filter that sees every message and may drop some.
type tap struct {
	mu   sync.Mutex
	seen []string // start lines
	drop func(startLine string, n int) bool
	n    map[string]int
}

func (f *tap) filter(_ string, _ netip.AddrPort, data []byte) bool {
	line, _, _ := strings.Cut(string(data), "\r\n")
	kind := kindOf(data)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, line)
	if f.n == nil {
		f.n = make(map[string]int)
	}
	f.n[kind]++
	return f.drop != nil && f.drop(kind, f.n[kind])
}

// kindOf names a message: its method, or its code and the method it answers.
func kindOf(data []byte) string {
	line, rest, _ := strings.Cut(string(data), "\r\n")
	if !strings.HasPrefix(line, "SIP/2.0 ") {
		method, _, _ := strings.Cut(line, " ")
		return method
	}
	for h := range strings.SplitSeq(rest, "\r\n") {
		if name, value, _ := strings.Cut(h, ":"); strings.EqualFold(name, "CSeq") {
			f := strings.Fields(value)
			return line[8:11] + " " + f[len(f)-1]
		}
	}
	return line[8:11]
}

func (f *tap) count(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n[kind]
}

// counted gives metrics and a reader of them: the sum of a metric over all its
// labels, by its name without prefix.
func counted(t testing.TB) (*Metrics, func(name string) float64) {
	t.Helper()
	r := prometheus.NewRegistry()
	return NewMetrics(r), func(name string) float64 {
		t.Helper()
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, f := range families {
			if f.GetName() == "mediaserver_sip_"+name {
				for _, m := range f.GetMetric() {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
		return sum
	}
}

// rawPeer is a UDP socket that speaks SIP by hand, in memory in a bubble.
type rawPeer struct {
	t  testing.TB
	pc datagrams
	to netip.AddrPort
}

func newRawPeer(t testing.TB, u *UA) *rawPeer {
	t.Helper()
	var pc datagrams
	var err error
	if isVirtual() {
		pc = theLAN.listen()
	} else if pc, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	var to netip.AddrPort
	if u != nil {
		to = u.Addrs()[0].(*net.UDPAddr).AddrPort()
	}
	return &rawPeer{t: t, pc: pc, to: to}
}

func (p *rawPeer) addr() string { return p.pc.LocalAddr().String() }

func (p *rawPeer) send(msg string) {
	p.t.Helper()
	if _, err := p.pc.WriteToUDPAddrPort([]byte(msg), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// read gives the next datagram, "" if none comes in time.
func (p *rawPeer) read(wait time.Duration) string {
	p.t.Helper()
	buf := make([]byte, maxDatagram)
	if err := p.pc.SetReadDeadline(time.Now().Add(wait)); err != nil {
		p.t.Fatal(err)
	}
	n, _, err := p.pc.ReadFromUDPAddrPort(buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// expect reads until a message of the kind comes.
func (p *rawPeer) expect(kind string) string {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		m := p.read(time.Until(end))
		if m == "" {
			break
		}
		if kindOf([]byte(m)) == kind {
			return m
		}
	}
	p.t.Fatalf("no %q came", kind)
	return ""
}

// headerOf is the value of a header field in a message as text.
func headerOf(msg, name string) string {
	head, _, _ := strings.Cut(msg, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// text joins lines and puts a body behind them.
func text(body string, lines ...string) string {
	return strings.Join(lines, "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
