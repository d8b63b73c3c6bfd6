package golden

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/call"
	"mediaserver/dtmf"
)

// agents are WebSockets in memory: each answers after a while and speaks in a
// tone.
type agents struct {
	answers time.Duration
	tone    float64

	mu     sync.Mutex
	called []*agentCall
}

// Dial connects to an agent.
func (a *agents) Dial(ctx context.Context, address, callID string, heard func(dtmf.Digit)) (call.Stream, error) {
	select {
	case <-time.After(a.answers):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c := &agentCall{address: address, id: callID, press: heard, ended: make(chan struct{}), voice: audio.NewTone(8000, []float64{a.tone}, -12)}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.called = append(a.called, c)
	return c, nil
}

// agentCall is a call to an agent.
type agentCall struct {
	address, id string
	press       func(dtmf.Digit)
	ended       chan struct{}
	end         sync.Once
	voice       audio.Source

	mu     sync.Mutex
	next   time.Time // of its frames
	seq    uint16
	heard  []int16
	digits string
	hungUp bool
}

// Drain is a frame of its voice every 20 ms.
func (c *agentCall) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.next.IsZero() {
		c.next = now
	}
	if now.Before(c.next) {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	at := c.next
	c.next = c.next.Add(frame)
	clear(buf[:rtpBytes])
	buf[0], buf[1] = 0x80, call.StreamPayloadType
	binary.BigEndian.PutUint16(buf[2:], c.seq)
	binary.BigEndian.PutUint32(buf[4:], uint32(c.seq)*samples)
	c.seq++
	pcm := make([]int16, samples)
	c.voice.Read(pcm)
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(buf[rtpBytes+2*i:], uint16(s))
	}
	return rtpBytes + 2*samples, call.StreamPeer(), at, nil
}

// Flush is what it hears.
func (c *agentCall) Flush(packet []byte, _ netip.AddrPort) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for b := packet[rtpBytes:]; len(b) >= 2; b = b[2:] {
		c.heard = append(c.heard, int16(binary.LittleEndian.Uint16(b)))
	}
	return nil
}

func (c *agentCall) SendDigit(d dtmf.Digit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.digits += string(d)
}

func (c *agentCall) HangUp() {
	c.mu.Lock()
	c.hungUp = true
	c.mu.Unlock()
	c.end.Do(func() { close(c.ended) })
}

func (c *agentCall) Ended() <-chan struct{} { return c.ended }

func TestConnectToAWebSocket(t *testing.T) {
	a := &agents{answers: second, tone: toneQ}
	connected(t, nil, options{outbound: call.Outbound{Streams: a}}, func(w *world, x *exchange) {
		const address = "wss://user:secret@agent.test/talk?key=1"
		w.on("first", answer(connectTo([]string{address})))
		b := w.dial(p, phoneOptions{})
		b.say(toneP)
		w.at(3 * second)
		agent := a.called[0]
		b.press("4")
		w.at(4 * second)
		agent.press('9')
		w.at(5 * second)
		if agent.digits != "4" || b.pressed() != "9" {
			t.Errorf("digits: the agent got %q, the caller %q", agent.digits, b.pressed())
		}
		b.hearsRinging(0, second)
		b.hears(toneQ, 1300*milli, 4*second)
		agent.mu.Lock()
		if level := audio.ToneLevel(agent.heard[8000:12000], 8000, toneP); level < -25 {
			t.Errorf("the agent hears the caller at %.1f dBov", level)
		}
		agent.mu.Unlock()
		agent.end.Do(func() { close(agent.ended) })
		w.at(6 * second)
		final := w.request("sfinal", p).info
		wantValue(t, final, "hung_up", "this_call", "call_cause")
		wantValue(t, final, "wss://agent.test/talk", "this_call", "call_to")
		wantValue(t, final, agent.id, "this_call", "call_id")
		if agent.address != address || !agent.hungUp {
			t.Errorf("called %s, closed %v", agent.address, agent.hungUp)
		}
	})
}

// An agent is a conference participant by con: on the other side: it is the
// callee of an outbound service that connects to a room.
func TestWebSocketTakesPartInARoom(t *testing.T) {
	a := &agents{tone: toneQ}
	connected(t, nil, options{outbound: call.Outbound{Streams: a}}, func(w *world, x *exchange) {
		w.on("first@"+p, answer(join("room", quiet())))
		w.on("first@7000", answer(dict{"connect": dict{"destinations": []string{"con:room"}}}))
		b := w.dial(p, phoneOptions{})
		b.say(toneP)
		d, err := call.ParseDestination("wss://agent.test/", true)
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.manager.Dial(w.t.Context(), call.DialOptions{Destination: d, From: "7000"})
		if err != nil {
			t.Fatal(err)
		}
		joined := make(chan struct{})
		w.tasks.Go(func() {
			defer close(joined)
			room, _ := call.ParseDestination("con:room", true)
			secondary, _, err := c.DialOut(w.t.Context(), call.DialOutOptions{Destinations: []call.Destination{room}})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := c.Connect(w.t.Context(), secondary); err != nil {
				t.Log("the connection ended:", err)
			}
		})
		w.at(4 * second)
		c.HangUp(call.Completed)
		<-joined
		b.hears(toneQ, second, 4*second)
		agent := a.called[0]
		agent.mu.Lock()
		defer agent.mu.Unlock()
		if level := audio.ToneLevel(agent.heard[16000:24000], 8000, toneP); level < -25 {
			t.Errorf("the agent hears the room at %.1f dBov", level)
		}
		if !agent.hungUp {
			t.Error("the connection was not closed")
		}
	})
}

func TestDialSaysWhatBecameOfACall(t *testing.T) {
	callees := map[string]callee{
		"1": {refuses: 486}, "2": {refuses: 404}, "3": {refuses: 480}, "4": {refuses: 503}, "5": {never: true}, "6": {refuses: 603},
	}
	for to, want := range map[string]struct {
		cause call.Cause
		raw   int
	}{
		"1": {call.Busy, 486}, "2": {call.Unobtainable, 404}, "3": {call.NoAnswer, 480}, "4": {call.Failed, 503},
		"5": {call.NoAnswer, 487}, "6": {call.Failed, 603}, "loc:nobody": {call.Unobtainable, 404},
		"desk@host.invalid": {call.Unobtainable, 503},
	} {
		connected(t, callees, options{}, func(w *world, x *exchange) {
			d, err := call.ParseDestination(to, true)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.manager.Dial(w.t.Context(), call.DialOptions{Destination: d, From: "5", AnswerTimeout: 2 * second})
			fault, ok := err.(*call.DialError)
			if !ok || fault.Cause != want.cause || fault.RawCause != want.raw || fault.Info.Cause != want.cause ||
				fault.Info.RawCause != want.raw || fault.Info.State != call.Idle || fault.Info.Duration != 0 {
				t.Errorf("%s: %+v, want %v %d", to, err, want.cause, want.raw)
			}
		})
	}
}

func TestDialIsWithdrawn(t *testing.T) {
	for name, withdraw := range map[string]func(w *world, cancel context.CancelFunc){
		"by its context":   func(_ *world, cancel context.CancelFunc) { cancel() },
		"at the shut-down": func(w *world, _ context.CancelFunc) { w.manager.HangUpAll(call.Dropped) },
	} {
		t.Run(name, func(t *testing.T) {
			connected(t, map[string]callee{bob: {never: true}}, options{}, func(w *world, x *exchange) {
				ctx, cancel := context.WithCancel(w.t.Context())
				defer cancel()
				d, _ := call.ParseDestination(bob, true)
				time.AfterFunc(second, func() { withdraw(w, cancel) })
				_, err := w.manager.Dial(ctx, call.DialOptions{Destination: d})
				fault, ok := err.(*call.DialError)
				if !ok || fault.Cause != call.Dropped || w.now() != second || x.wasCancelled(bob) == 0 {
					t.Errorf("%v at %v", err, w.now())
				}
			})
		})
	}
}

func TestDialIntoARoom(t *testing.T) {
	connected(t, nil, options{maxParticipants: 2}, func(w *world, x *exchange) {
		w.file("news.wav", 1250, 2*second)
		w.on("first", answer(join("room", quiet())))
		b := w.dial(p, phoneOptions{})
		b.say(toneP)
		w.at(second)
		d, _ := call.ParseDestination("con:room", true)
		c, err := w.manager.Dial(w.t.Context(), call.DialOptions{Destination: d, From: "7000", InstanceID: "abc.1"})
		if err != nil {
			t.Fatal(err)
		}
		if i := c.Info(); i.To != "room" || i.State != call.Answered {
			t.Errorf("%+v", i)
		}
		w.at(2 * second)
		if _, err := c.Play(w.t.Context(), call.Playlist{{File: "news.wav"}}, call.PlayOptions{}); err != nil {
			t.Error(err)
		}
		if _, err := w.manager.Dial(w.t.Context(), call.DialOptions{Destination: d}); err == nil || err.(*call.DialError).Cause != call.Busy {
			t.Errorf("into a full room: %v", err)
		}
		w.at(5 * second)
		if err := w.manager.Eject("room", "abc.1"); err != nil {
			t.Error(err)
		}
		w.at(6 * second)
		b.hears(1250, 2300*milli, 3900*milli)
		if i := c.Info(); i.State != call.Idle || i.Cause != call.HungUp {
			t.Errorf("after the ejection: %+v", i)
		}
	})
}
