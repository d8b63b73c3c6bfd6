package sip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// seedTorture adds the messages of RFC 4475.
func seedTorture(f *testing.F, add func(message []byte)) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "torture", "*.dat"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no torture messages: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		add(b)
	}
}

// wholeUA serves calls without a network, in the time of a bubble: it answers
// all of them and stays until they end.
type wholeUA struct {
	*UA
	capture
	src   source
	count func(string) float64
	calls chan *Dialog
	end   context.CancelFunc
	over  chan error
}

func startWholeUA(t testing.TB) *wholeUA {
	t.Helper()
	w := &wholeUA{calls: make(chan *Dialog, 64), over: make(chan error, 1)}
	cfg := phonesConfig()
	cfg.Access.Allow = nil
	cfg.Metrics, w.count = counted(t)
	cfg.Extensions.Reliable, cfg.Defence = ReliableRequired, Defence{Off: true}
	u, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.UA = u
	w.src = source{
		sock: &udpSocket{w: &w.capture, local: netip.MustParseAddrPort("192.0.2.1:5060")},
		addr: netip.MustParseAddrPort("192.0.2.9:5070"),
	}
	ctx, end := context.WithCancel(context.Background())
	w.end = end
	go func() {
		w.over <- u.Serve(ctx, func(_ context.Context, d *Dialog) {
			d.SetSession(acceptAll{})
			_ = d.Progress(codeProgress, "", testSDP("early"))
			if d.Answer(testSDP("answer")) != nil {
				return
			}
			select {
			case w.calls <- d:
			default:
			}
			<-d.Ended()
		})
	}()
	synctest.Wait()
	return w
}

// acceptAll is a Session that has nothing against anything.
type acceptAll struct{}

func (acceptAll) Reoffer(string, []byte) ([]byte, error) { return testSDP("re-answer"), nil }
func (acceptAll) Acknowledged([]byte)                    {}
func (acceptAll) Info(uint32, string, []byte) error      { return nil }

// finish ends everything and checks that nothing is left. messages is how many
// came in; the answers to them, and what is repeated for want of an ACK, are
// bounded by it.
func (w *wholeUA) finish(t *testing.T, messages int) {
	t.Helper()
	w.end()
	if err := <-w.over; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if n := w.count("panics_total"); n != 0 {
		t.Errorf("%v messages made the handling fail", n)
	}
	if n := w.Active(); n != 0 {
		t.Errorf("%d dialogs are left", n)
	}
	const most = 64 // responses and repetitions for one message
	if n := len(w.all()); n > most*(messages+1) {
		t.Errorf("%d messages were sent for %d", n, messages)
	}
}

// FuzzWhole: whatever datagrams come one after the other, and whatever time
// passes between them, nothing panics and nothing is left. In the input a line
// of one % is where a datagram ends, and %% where a minute passes as well.
func FuzzWhole(f *testing.F) {
	seedTorture(f, func(m []byte) { f.Add(m) })
	f.Add([]byte("\r\n\r\n\n%\n\x00\x01\x00\x00\x21\x12\xa4\x42012345678901\n%%\nx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			w := startWholeUA(t)
			n := 0
			for line := range bytes.SplitSeq(data, []byte("\n%\n")) {
				for i, m := range bytes.Split(line, []byte("\n%%\n")) {
					if n++; n > 64 {
						break
					}
					if i > 0 {
						time.Sleep(time.Minute)
					}
					w.receive(bytes.Clone(m), w.src)
					synctest.Wait()
				}
			}
			w.finish(t, min(n, 64))
		})
	})
}

// FuzzStream: bytes that come over a connection, in pieces.
func FuzzStream(f *testing.F) {
	seedTorture(f, func(m []byte) { f.Add(m, byte(7)) })
	f.Add([]byte("\r\n\r\n\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\n"), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, piece byte) {
		if len(data) > 1<<16 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := startWholeUA(t)
			here, there := net.Pipe()
			c, err := newStreamConn(viaTCP, here,
				&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 5070})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.adopt(c, func(c *streamConn) { w.serveBytes(c, here) }); err != nil {
				t.Fatal(err)
			}
			heard := make(chan int, 1)
			go func() {
				n, buf := 0, make([]byte, 4096)
				for {
					m, err := there.Read(buf)
					n += m
					if err != nil {
						heard <- n
						return
					}
				}
			}()
			step := max(1, int(piece)*16)
			for len(data) > 0 {
				k := min(step, len(data))
				if _, err := there.Write(data[:k]); err != nil {
					break
				}
				data = data[k:]
			}
			synctest.Wait()
			_ = there.Close()
			<-heard
			w.finish(t, 64)
		})
	})
}

// Steps of FuzzDialog: what the far end does next with one of its calls.
const (
	stepInvite = iota
	stepInviteAgain
	stepInviteMerged
	stepACK
	stepACKRefusal
	stepCancel
	stepBye
	stepReinvite
	stepReinviteLate
	stepUpdate
	stepInfo
	stepPrack
	stepOptions
	stepRefer
	stepNotify
	stepAccept
	stepRefuse
	stepProvisional
	stepSecond
	stepLong
	stepOurBye
	stepOurReinvite
	stepOurInfo
	stepOldSeq
	steps
)

// script is the far end of FuzzDialog.
type script struct {
	*wholeUA
	t      *testing.T
	seq    [4]int
	branch int
	seen   int // messages of ours that were looked at
	tags   [4]string
	asked  [4]string // last request of ours in the call
}

// look reads what the UA has sent since.
func (s *script) look() {
	all := s.all()
	for _, b := range all[s.seen:] {
		m := string(b)
		var call int
		if _, err := fmt.Sscanf(headerOf(m, "Call-ID"), "call-%d", &call); err != nil || call < 0 || call > 3 {
			continue
		}
		if !strings.HasPrefix(m, "SIP/2.0 ") {
			s.asked[call] = m
		} else if _, tag, ok := strings.Cut(headerOf(m, "To"), ";tag="); ok {
			s.tags[call] = tag
		}
	}
	s.seen = len(all)
}

// say sends a request of a call.
func (s *script) say(call int, method, branch, tag string, seq int, body string, lines ...string) {
	if tag != "" {
		tag = ";tag=" + tag
	}
	all := append([]string{
		method + " sip:bob@192.0.2.1 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK" + branch,
		fmt.Sprintf("From: <sip:alice@192.0.2.9>;tag=far%d", call), "To: <sip:bob@192.0.2.1>" + tag,
		fmt.Sprintf("Call-ID: call-%d", call), fmt.Sprintf("CSeq: %d %s", seq, method),
		"Contact: <sip:alice@192.0.2.9:5070>", "Max-Forwards: 70",
	}, lines...)
	if body != "" && method != "INFO" {
		all = append(all, "Content-Type: application/sdp")
	}
	s.receive([]byte(text(body, all...)), s.src)
}

// play does one step.
func (s *script) play(step, call int) {
	s.branch++
	fresh := fmt.Sprintf("b%d", s.branch)
	first := fmt.Sprintf("first%d", call)
	sdp, tag := string(testSDP("far")), s.tags[call]
	next := func() int { s.seq[call]++; return s.seq[call] + 1 }
	in := func(method, body string, lines ...string) { s.say(call, method, fresh, tag, next(), body, lines...) }
	respond := func(code int, body string) {
		if m := s.asked[call]; m != "" {
			lines := []string{"Contact: <sip:alice@192.0.2.9:5070>"}
			if body != "" {
				lines = append(lines, "Content-Type: application/sdp")
			}
			s.receive([]byte(answer(m, code, "far", body, lines...)), s.src)
		}
	}
	local := func(do func(context.Context, *Dialog) error) {
		select {
		case d := <-s.calls:
			go func() {
				ctx, done := context.WithTimeout(context.Background(), 40*time.Second)
				defer done()
				_ = do(ctx, d)
			}()
			select {
			case s.calls <- d:
			default:
			}
		default:
		}
	}
	switch step {
	case stepInvite, stepInviteAgain:
		s.say(call, "INVITE", first, "", 1, sdp, "Supported: 100rel, timer")
	case stepInviteMerged:
		s.say(call, "INVITE", fresh, "", 1, sdp)
	case stepACK:
		s.say(call, "ACK", fresh, tag, s.seq[call]+1, "")
	case stepACKRefusal:
		s.say(call, "ACK", first, tag, 1, "")
	case stepCancel:
		s.say(call, "CANCEL", first, "", 1, "")
	case stepBye:
		in("BYE", "")
	case stepReinvite:
		in("INVITE", sdp)
	case stepReinviteLate:
		in("INVITE", "")
	case stepUpdate:
		in("UPDATE", sdp)
	case stepInfo:
		in("INFO", "Signal=5\r\n", "Content-Type: application/dtmf-relay")
	case stepPrack:
		in("PRACK", "", "RAck: 1 1 INVITE")
	case stepOptions:
		in("OPTIONS", "")
	case stepRefer:
		in("REFER", "", "Refer-To: <sip:carol@192.0.2.1>")
	case stepNotify:
		in("NOTIFY", "", "Event: refer", "Subscription-State: active")
	case stepAccept:
		respond(200, sdp)
	case stepRefuse:
		respond(491, "")
	case stepProvisional:
		respond(180, "")
	case stepSecond:
		time.Sleep(time.Second)
	case stepLong:
		time.Sleep(40 * time.Second)
	case stepOurBye:
		local(func(ctx context.Context, d *Dialog) error { return d.Bye(ctx) })
	case stepOurReinvite:
		local(func(ctx context.Context, d *Dialog) error { _, err := d.Reinvite(ctx, testSDP("ours")); return err })
	case stepOurInfo:
		local(func(ctx context.Context, d *Dialog) error {
			return d.Info(ctx, "application/dtmf-relay", []byte("Signal=1"))
		})
	case stepOldSeq:
		s.say(call, "BYE", fresh, tag, 0, "")
	}
}

// FuzzDialog: whatever the far end does in whatever order within four calls,
// and whatever is done here meanwhile, nothing panics, hangs or is left.
func FuzzDialog(f *testing.F) {
	f.Add([]byte{stepInvite, stepACK, stepReinvite, stepACK, stepBye})
	f.Add([]byte{stepInvite, stepCancel, stepACKRefusal, stepInviteAgain, stepInviteMerged})
	f.Add([]byte{stepInvite, stepPrack, stepACK, stepOurReinvite, stepReinvite, stepRefuse, stepUpdate, stepLong})
	f.Add([]byte{stepInvite, stepACK, stepOurInfo, stepAccept, stepOurBye, stepAccept, stepLong, stepBye})
	f.Add([]byte{stepInvite, stepACK, stepRefer, stepNotify, stepOptions, stepInfo, stepReinviteLate, stepSecond, stepOldSeq})
	f.Add([]byte{stepInvite | 1<<6, stepInvite | 2<<6, stepACK | 1<<6, stepLong, stepProvisional | 1<<6, stepBye | 2<<6})
	f.Fuzz(func(t *testing.T, plan []byte) {
		if len(plan) > 48 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := &script{wholeUA: startWholeUA(t), t: t}
			for _, b := range plan {
				s.play(int(b&0x3f)%steps, int(b>>6))
				synctest.Wait()
				s.look()
			}
			s.finish(t, len(plan))
		})
	})
}

// FuzzCredentials: whatever stands in an Authorization header field lets
// nobody in, and whatever a challenge is made of is met or left alone.
func FuzzCredentials(f *testing.F) {
	f.Add(`Digest username="alice", realm="home", nonce="AAAA", uri="sip:b", response="00", algorithm=MD5, qop=auth, nc=00000001, cnonce="x"`)
	f.Add(`Digest realm="home", nonce="n\"", algorithm=SHA-512-256-sess, qop="auth-int,auth", stale=true, opaque="", domain="sip:x"`)
	f.Add(`digest username="\\",realm=home,,nonce=,=,qop`)
	f.Add("NoOneKnowsThisScheme opaque-data=here")
	f.Fuzz(func(t *testing.T, header string) {
		header = oneLine(header)
		c := newChallenger(RegistrarConfig{Realm: "home"}, time.Now)
		c.setPhones([]Phone{{Name: "alice", Password: "secret"}})
		req := sipgo.NewRequest(sipgo.REGISTER, sipgo.Uri{Scheme: "sip", Host: "b"})
		req.AppendHeader(sipgo.NewHeader("Authorization", header))
		in := &incoming{req: req, src: source{addr: netip.MustParseAddrPort("192.0.2.9:5060")}, key: "1"}
		if login, v := c.verify(in); v == loggedIn || login != "" {
			t.Errorf("%q let %q in: %v", header, login, v)
		}
		g := NewDigest("alice", "secret")
		res := sipgo.NewResponse(codeUnauthorized, "")
		res.AppendHeader(sipgo.NewHeader("WWW-Authenticate", header))
		if g.learn(res, map[string]int{}) {
			for _, h := range g.headers("INVITE", "sip:b", nil) {
				if strings.ContainsAny(h.Value, "\r\n") || strings.Contains(h.Value, "secret") && !strings.Contains(header, "secret") {
					t.Errorf("%q is answered with %q", header, h.Value)
				}
			}
		}
	})
}
