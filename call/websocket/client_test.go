package websocket

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// patience is how long a test waits for anything.
const patience = time.Minute

// agent is a server of WebSockets; talk runs each connection.
type agent struct {
	*httptest.Server
	client *Client

	mu     sync.Mutex
	starts []map[string]any // first messages
	chosen string           // sub-protocol
}

// newAgent serves talk over TLS, with sub-protocols of its choice.
func newAgent(t *testing.T, protocols []string, talk func(ctx context.Context, ws *websocket.Conn)) *agent {
	t.Helper()
	a := &agent{}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := r.URL.Query().Get("refuse"); code != "" {
			w.WriteHeader(map[string]int{"404": 404, "500": 500, "302": 302}[code])
			return
		}
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: protocols})
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.CloseNow()
		_, first, err := ws.Read(r.Context())
		if err != nil {
			return
		}
		var start map[string]any
		if err := json.Unmarshal(first, &start); err != nil {
			t.Errorf("the first message: %q", first)
		}
		a.mu.Lock()
		a.starts, a.chosen = append(a.starts, start), ws.Subprotocol()
		a.mu.Unlock()
		talk(r.Context(), ws)
	}))
	t.Cleanup(a.Close)
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	a.client = NewClient(Config{TLS: &tls.Config{RootCAs: roots}, UserAgent: "test"})
	return a
}

// address is that of the agent.
func (a *agent) address() string { return "wss" + strings.TrimPrefix(a.URL, "https") + "/talk" }

// dial calls the agent.
func (a *agent) dial(t *testing.T, heard func(dtmf.Digit)) *Conn {
	t.Helper()
	if heard == nil {
		heard = func(dtmf.Digit) {}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := a.client.Dial(ctx, a.address(), "c-1", heard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.HangUp)
	return s.(*Conn)
}

// say writes a text message.
func say(ctx context.Context, ws *websocket.Conn, text string) {
	_ = ws.Write(ctx, websocket.MessageText, []byte(text)) // the test sees it
}

// echo answers and sends everything back until the end.
func echo(ctx context.Context, ws *websocket.Conn) {
	say(ctx, ws, `{"type":"answer"}`)
	for {
		kind, data, err := ws.Read(ctx)
		if err != nil || ws.Write(ctx, kind, data) != nil {
			return
		}
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it never happened that", what)
		}
	}
}

func TestStartAndSubprotocol(t *testing.T) {
	for name, tt := range map[string]struct {
		protocols []string
		want      string
	}{
		"version 2": {Subprotocols(), Subprotocols()[0]},
		"version 1": {Subprotocols()[1:], Subprotocols()[1]},
		"none":      {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, tt.protocols, echo)
			a.dial(t, nil)
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.chosen != tt.want {
				t.Errorf("chosen %q, want %q", a.chosen, tt.want)
			}
			want := map[string]any{"type": "start", "call_id": "c-1", "sample_rate": 8000.0, "encoding": "linear16"}
			if len(a.starts) != 1 || len(a.starts[0]) != len(want) {
				t.Fatalf("start: %v", a.starts)
			}
			for k, v := range want {
				if a.starts[0][k] != v {
					t.Errorf("start: %v", a.starts[0])
				}
			}
		})
	}
}

func TestAudioPassesBothWays(t *testing.T) {
	a := newAgent(t, Subprotocols(), echo)
	c := a.dial(t, nil)
	packet := make([]byte, rtpHeader+frameBytes)
	for i := range frameBytes {
		packet[rtpHeader+i] = byte(i)
	}
	if err := c.Flush(packet, netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1500)
	n := 0
	eventually(t, "the echo comes", func() bool {
		var from netip.AddrPort
		n, from, _, _ = c.Drain(got)
		return n > 0 && from == call.StreamPeer()
	})
	if n != len(packet) || got[0] != 0x80 || got[1] != 0x80|call.StreamPayloadType || !bytes.Equal(got[rtpHeader:n], packet[rtpHeader:]) {
		t.Errorf("%d bytes, header %x", n, got[:rtpHeader])
	}
}

func TestTheFirstAudioAnswers(t *testing.T) {
	a := newAgent(t, Subprotocols(), func(ctx context.Context, ws *websocket.Conn) {
		say(ctx, ws, `{"type":"whatever"}`)
		say(ctx, ws, `no JSON`)
		_ = ws.Write(ctx, websocket.MessageBinary, make([]byte, frameBytes))
		_, _, _ = ws.Read(ctx)
	})
	c := a.dial(t, nil)
	if n, _, _, _ := c.Drain(make([]byte, 1500)); n != rtpHeader+frameBytes {
		t.Errorf("the audio that answered is gone: %d bytes", n)
	}
}

func TestDigitsPassBothWays(t *testing.T) {
	a := newAgent(t, Subprotocols(), echo)
	digits := make(chan dtmf.Digit, 10)
	c := a.dial(t, func(d dtmf.Digit) { digits <- d })
	for _, d := range []dtmf.Digit{'5', '#'} {
		c.SendDigit(d)
		select {
		case got := <-digits:
			if got != d {
				t.Errorf("sent %c, got %c", d, got)
			}
		case <-time.After(patience):
			t.Fatal("the digit did not come back")
		}
	}
}

func TestTheFarEndHangsUp(t *testing.T) {
	for name, bye := range map[string]func(ctx context.Context, ws *websocket.Conn){
		"by message": func(ctx context.Context, ws *websocket.Conn) {
			say(ctx, ws, `{"type":"hang_up"}`)
			_, _, _ = ws.Read(ctx)
		},
		"by closing": func(_ context.Context, ws *websocket.Conn) { ws.Close(websocket.StatusNormalClosure, "") },
		"by going":   func(_ context.Context, ws *websocket.Conn) { ws.CloseNow() },
		"by a message too long": func(ctx context.Context, ws *websocket.Conn) {
			_ = ws.Write(ctx, websocket.MessageBinary, make([]byte, MaxMessage+2))
			_, _, _ = ws.Read(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, Subprotocols(), func(ctx context.Context, ws *websocket.Conn) {
				say(ctx, ws, `{"type":"answer"}`)
				bye(ctx, ws)
			})
			c := a.dial(t, nil)
			select {
			case <-c.Ended():
			case <-time.After(patience):
				t.Fatal("the call goes on")
			}
		})
	}
}

func TestWeHangUp(t *testing.T) {
	last := make(chan string, 1)
	a := newAgent(t, Subprotocols(), func(ctx context.Context, ws *websocket.Conn) {
		say(ctx, ws, `{"type":"answer"}`)
		text := ""
		for {
			kind, data, err := ws.Read(ctx)
			if err != nil {
				last <- text
				return
			}
			if kind == websocket.MessageText {
				text = string(data)
			}
		}
	})
	a.dial(t, nil).HangUp()
	if got := <-last; got != `{"type":"hang_up"}` {
		t.Errorf("the last message was %s", got)
	}
}

func TestDialFails(t *testing.T) {
	a := newAgent(t, Subprotocols(), func(ctx context.Context, ws *websocket.Conn) {
		say(ctx, ws, `{"type":"hang_up"}`)
		_, _, _ = ws.Read(ctx)
	})
	stranger := NewClient(Config{})
	for _, tt := range []struct {
		name, address string
		client        *Client
		code          int // 0: unreachable
	}{
		{"hung up before the answer", a.address(), a.client, 603},
		{"no such agent", a.address() + "?refuse=404", a.client, 404},
		{"a fault of the agent", a.address() + "?refuse=500", a.client, 500},
		{"sent elsewhere", a.address() + "?refuse=302", a.client, 302},
		{"a certificate nobody knows", a.address(), stranger, 0},
		{"nobody listens", "wss://user:secret@127.0.0.1:1/?key=secret", a.client, 0},
		{"without TLS", strings.Replace(a.address(), "wss", "ws", 1), a.client, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.client.Dial(t.Context(), tt.address, "c-1", nil)
			refused, ok := errors.AsType[*RefusedError](err)
			switch {
			case tt.code == 0 && (!errors.Is(err, call.ErrUnreachable) || strings.Contains(err.Error(), "secret")):
				t.Errorf("%v, want ErrUnreachable without the address", err)
			case tt.code != 0 && (!ok || refused.StatusCode() != tt.code):
				t.Errorf("%v, want %d", err, tt.code)
			}
		})
	}
}

func TestDialIsGivenUp(t *testing.T) {
	why := errors.New("enough")
	ctx, giveUp := context.WithCancelCause(t.Context())
	a := newAgent(t, Subprotocols(), func(ctx context.Context, ws *websocket.Conn) {
		giveUp(why) // it is up, and not answered
		_, _, _ = ws.Read(ctx)
	})
	if _, err := a.client.Dial(ctx, a.address(), "c-1", nil); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
}

// A far end that neither answers nor reads does not keep who has given it up: somebody
// else may have answered.
func TestNobodyWaitsForAFarEndThatWasGivenUp(t *testing.T) {
	given, read := make(chan struct{}), make(chan string, 1)
	ctx, giveUp := context.WithCancel(t.Context())
	a := newAgent(t, Subprotocols(), func(ctx context.Context, ws *websocket.Conn) {
		giveUp() // it is up, and not answered
		<-given
		_, text, _ := ws.Read(ctx)
		_, _, err := ws.Read(ctx)
		read <- fmt.Sprint(string(text), websocket.CloseStatus(err))
	})
	if _, err := a.client.Dial(ctx, a.address(), "c-1", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(given)
	if got, want := <-read, `{"type":"hang_up"}`+websocket.StatusCode(-1).String(); got != want {
		t.Errorf("read %s, want %s: there was a closing handshake", got, want)
	}
}

func TestHeardDropsTheOldest(t *testing.T) {
	h := &heard{}
	now := time.Unix(1000, 0)
	burst := make([]byte, 0, (maxHeard+5)*frameBytes)
	for i := range maxHeard + 5 {
		f := make([]byte, frameBytes)
		f[0] = byte(i)
		burst = append(burst, f...)
	}
	dropped := h.add(burst[:frameBytes+1], now) + h.add(burst[frameBytes+1:], now)
	if dropped != 5 {
		t.Errorf("%d dropped, want 5", dropped)
	}
	buf := make([]byte, 1500)
	for i := 5; i < maxHeard+5; i++ {
		if n, _ := h.next(buf); n == 0 || buf[rtpHeader] != byte(i) {
			t.Fatalf("frame %d, want %d", buf[rtpHeader], i)
		}
	}
	if n, _ := h.next(buf); n != 0 {
		t.Error("there is more")
	}
}

func TestTimestampsJumpAfterAPause(t *testing.T) {
	s := &stamper{}
	at := time.Unix(1000, 0)
	var buf [rtpHeader]byte
	stamp := func(at time.Time) (ts uint32, marker bool) {
		s.stamp(buf[:], at)
		return binary.BigEndian.Uint32(buf[4:]), buf[1]&0x80 != 0
	}
	for _, tt := range []struct {
		name   string
		after  time.Duration // since the first
		ts     uint32
		marker bool
	}{
		{"the first", 0, 0, true},
		{"in time", 20 * time.Millisecond, 160, false},
		{"late by jitter", 90 * time.Millisecond, 320, false},
		{"in a burst", 90 * time.Millisecond, 480, false},
		{"after a pause of 1 s", 1080 * time.Millisecond, 640 + 8000, true},
	} {
		if ts, marker := stamp(at.Add(tt.after)); ts != tt.ts || marker != tt.marker {
			t.Errorf("%s: timestamp %d, marker %v; want %d, %v", tt.name, ts, marker, tt.ts, tt.marker)
		}
	}
}

func TestSaidLeavesOutTheOldestAfterABlock(t *testing.T) {
	s := &said{}
	frame := make([]byte, frameBytes)
	for i := range maxSaid + 3 {
		frame[0] = byte(i)
		if ok := s.push(frame); ok != (i < maxSaid) {
			t.Fatalf("frame %d: %v", i, ok)
		}
	}
	if n := s.catchUp(); n != maxSaid-maxBehind {
		t.Errorf("%d left out", n)
	}
	if !s.pop(frame) || frame[0] != maxSaid-maxBehind {
		t.Errorf("the first one is %d", frame[0])
	}
}

func TestQueuesDoNotAllocate(t *testing.T) {
	c := newConn(Config{Metrics: NewMetrics(nil)}, nil, nil)
	packet, buf := make([]byte, rtpHeader+frameBytes), make([]byte, 1500)
	f := &frame{}
	if n := testing.AllocsPerRun(100, func() {
		_ = c.Flush(packet, netip.AddrPort{})
		c.out.pop(buf[:frameBytes])
		c.in.push(f)
		_, _, _, _ = c.Drain(buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHeardUnderTwoGoroutines(t *testing.T) {
	h := &heard{}
	var reader sync.WaitGroup
	done := make(chan struct{})
	reader.Go(func() {
		buf := make([]byte, 1500)
		last := -1
		for {
			n, _ := h.next(buf)
			if n == 0 {
				select {
				case <-done:
					return
				default:
					continue
				}
			}
			got := int(binary.LittleEndian.Uint16(buf[rtpHeader:]))
			if got <= last {
				t.Errorf("%d after %d", got, last)
			}
			last = got
		}
	})
	audio := make([]byte, frameBytes)
	for i := range 10000 {
		binary.LittleEndian.PutUint16(audio, uint16(i))
		h.add(audio, time.Unix(0, 0))
	}
	close(done)
	reader.Wait()
}

func FuzzParseMessage(f *testing.F) {
	for _, s := range []string{
		`{"type":"answer"}`, `{"type":"digit","digit":"5"}`, `{"type":"digit","digit":"55"}`, `{"type":"digit","digit":5}`,
		`{"type":"hang_up"}`, `{"type":"start"}`, `[]`, `{`, `{"type":{"a":1}}`, "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := parseMessage(b)
		switch {
		case m.kind == "" || m.kind == typeAnswer || m.kind == typeHangUp:
			if m.digit != 0 {
				t.Errorf("%q: digit %c", b, m.digit)
			}
		case m.kind == typeDigit:
			if again := parseMessage(digitMessage(m.digit)); again != m {
				t.Errorf("%q: %v is written as %v", b, m, again)
			}
		default:
			t.Errorf("%q: kind %q", b, m.kind)
		}
	})
}
