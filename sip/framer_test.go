package sip

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFramer(t *testing.T) {
	message := func(headers, body string) string { return "M x SIP/2.0\r\n" + headers + "\r\n\r\n" + body }
	sized := func(body string) string { return message(fmt.Sprintf("A: b\r\nContent-Length: %d", len(body)), body) }
	for _, c := range []struct {
		name, in string
		want     []string
		err      error
		pinged   bool
		begun    bool
	}{
		{name: "one", in: sized("abc"), want: []string{sized("abc")}},
		{name: "two and a part", in: sized("") + sized("\r\n\r\n") + "M x", want: []string{sized(""), sized("\r\n\r\n")}, begun: true},
		{name: "line ends between", in: "\r\n" + sized("a") + "\r\n" + sized("b"), want: []string{sized("a"), sized("b")}},
		{name: "a keep-alive between", in: sized("a") + ping + sized("b"), want: []string{sized("a"), sized("b")}, pinged: true},
		{name: "a keep-alive behind", in: sized("a") + ping, want: []string{sized("a")}, pinged: true},
		{name: "compact and folded", in: message("l:\r\n\t2", "ab") + sized(""), want: []string{message("l:\r\n\t2", "ab"), sized("")}},
		{name: "the same twice", in: message("l: 1\r\nCONTENT-LENGTH : 1", "a"), want: []string{message("l: 1\r\nCONTENT-LENGTH : 1", "a")}},
		{name: "two lengths", in: message("l: 1\r\nContent-Length: 2", "ab"), err: errNoLength},
		{name: "no length", in: message("A: b", ""), err: errNoLength},
		{name: "no number", in: message("l: -1", ""), err: errNoLength},
		{name: "a length beyond numbers", in: message("l: 99999999999999999999", ""), err: errNoLength},
		{name: "a body that is too large", in: message(fmt.Sprint("l: ", maxStreamed), ""), err: errTooLarge},
		{name: "a header without end", in: strings.Repeat("x", maxStreamed+1), err: errTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{len(c.in), 7, 1} {
				if step < 7 && len(c.in) > 1000 {
					continue
				}
				var f framer
				var got []string
				var err error
				for piece := range slices.Chunk([]byte(c.in), step) {
					f.add(piece)
					for err == nil {
						var m []byte
						if m, err = f.next(); m == nil {
							break
						}
						got = append(got, string(m))
					}
				}
				if !slices.Equal(got, c.want) || !errors.Is(err, c.err) || err == nil && f.begun() != c.begun {
					t.Errorf("in pieces of %d: %q, %v", step, got, err)
				}
				if step == len(c.in) && f.pinged != c.pinged {
					t.Errorf("keep-alive: %v", f.pinged)
				}
			}
		})
	}
}

// Over a connection a message may be larger than over UDP.
func TestALargeMessageMayCome(t *testing.T) {
	u := startUA(t, Config{}, nil)
	s := newRawStream(t, u)
	head, _, _ := strings.Cut(options("large"), "Content-Length")
	s.send(text(strings.Repeat("x", maxMessage), strings.TrimSuffix(head, "\r\n"), "Content-Type: text/plain"))
	if h := s.head(); !strings.HasPrefix(h, "SIP/2.0 200") {
		t.Errorf("got %q", h)
	}
}

// framed are the messages of a stream that comes in pieces.
func framed(data []byte, piece int) (messages []string, failed bool) {
	var f framer
	for p := range slices.Chunk(data, piece) {
		f.add(p)
		for {
			m, err := f.next()
			if err != nil {
				return messages, true
			}
			if m == nil {
				break
			}
			messages = append(messages, string(m))
		}
	}
	return messages, false
}

// FuzzFramer: in whatever pieces a stream comes, it is cut in the same places.
func FuzzFramer(f *testing.F) {
	f.Add([]byte(options("1")+ping+options("2")), byte(7))
	f.Add([]byte("A\r\nl:\r\n 1\r\n\r\nx\r\nB\r\nl: x\r\n\r\n"), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, piece byte) {
		if len(data) > maxStreamed/2 {
			return
		}
		whole, failed := framed(data, max(1, len(data)))
		got, failedToo := framed(data, int(piece)+1)
		if !slices.Equal(got, whole) || failed != failedToo {
			t.Errorf("whole %q %v, in pieces %q %v", whole, failed, got, failedToo)
		}
	})
}

// A message that cannot be understood is refused, and the calls of others whose
// messages come over the same connection go on.
func TestABadMessageSparesItsConnection(t *testing.T) {
	u := startUA(t, Config{}, nil)
	s := newRawStream(t, u)
	s.send(strings.Replace(options("bad"), "CSeq: 1 OPTIONS", "CSeq: x OPTIONS", 1) + options("good"))
	if h := s.head(); !strings.HasPrefix(h, "SIP/2.0 400") || headerOf(h, "Call-ID") != "bad" {
		t.Errorf("got %q", h)
	}
	if h := s.head(); !strings.HasPrefix(h, "SIP/2.0 200") || headerOf(h, "Call-ID") != "good" {
		t.Errorf("got %q", h)
	}
}

// bytesFrom serves a connection in memory, with what its far end hears.
func bytesFrom(t *testing.T, r *remote) (c *streamConn, there net.Conn, heard func() string) {
	here, there := net.Pipe()
	c, err := newStreamConn(viaTCP, here, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060}, net.TCPAddrFromAddrPort(r.src.addr))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.u.adopt(c, func(c *streamConn) { r.u.serveBytes(c, here) }); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := there.Read(buf)
			text.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = there.Close(); <-done })
	return c, there, func() string { synctest.Wait(); return text.String() }
}

// A line that goes on in the next line may be cut there by the network.
func TestAFoldedLineMayComeInTwoPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{}, nil, "203.0.113.1:5060")
		_, there, heard := bytesFrom(t, r)
		before, after, _ := strings.Cut(options("fold"), "From: ")
		_, _ = there.Write([]byte(before + "From:\r\n"))
		synctest.Wait()
		_, _ = there.Write([]byte(" " + after))
		if got := heard(); !strings.HasPrefix(got, "SIP/2.0 200") {
			t.Errorf("got %q", got)
		}
	})
}

// The answer to a keep-alive may come in one piece with a message, and often does
// where there are many calls.
func TestABusyConnectionIsNotTakenForADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{}, nil, "203.0.113.1:5060")
		c, there, _ := bytesFrom(t, r)
		_, _ = there.Write([]byte(pong))
		for i := range 3 {
			time.Sleep(DefaultKeepAlive)
			if c.overdue(time.Now()) {
				t.Fatalf("closed in round %d", i)
			}
			c.pinged.Store(time.Now().UnixNano())
			time.Sleep(time.Second)
			_, _ = there.Write([]byte(pong + options(fmt.Sprint("busy", i))))
			synctest.Wait()
		}
		time.Sleep(DefaultKeepAlive)
		c.pinged.Store(time.Now().UnixNano())
		time.Sleep(DefaultKeepAlive)
		if !c.overdue(time.Now()) {
			t.Error("a connection from which nothing comes stays open")
		}
	})
}
