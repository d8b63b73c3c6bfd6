package call

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/dtmf"
	"mediaserver/mixer"
	"mediaserver/rtp"
)

// endlessTone is an IO from which a packet of a tone comes for every frame.
type endlessTone struct {
	packet [12 + 160]byte
	fresh  bool
}

func (e *endlessTone) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	if !e.fresh {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	e.fresh = false
	b := e.packet[:]
	binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+1)
	binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(b[4:])+160)
	return copy(buf, b), netip.MustParseAddrPort("127.0.0.1:4000"), time.Time{}, nil
}

func (e *endlessTone) Flush([]byte, netip.AddrPort) error { return nil }

// eventsSent is an IO that notes the telephone events that are sent.
type eventsSent struct{ events []dtmf.Event }

func (e *eventsSent) Drain([]byte) (int, netip.AddrPort, time.Time, error) {
	return 0, netip.AddrPort{}, time.Time{}, nil
}

func (e *eventsSent) Flush(packet []byte, _ netip.AddrPort) error {
	if packet[1]&0x7f == 101 {
		event, err := dtmf.ParseEvent(packet[12:])
		if err != nil {
			return err
		}
		e.events = append(e.events, event)
	}
	return nil
}

// A digit that is not wanted any more ends as RFC 4733 §2.5.1.4 has it, and before
// another one begins: the far end would hold the key down.
func TestDigitsThatAreCutShortEnd(t *testing.T) {
	const afterFrames = 2
	for name, test := range map[string]struct {
		then func(p *port, first *digitJob) *digitJob // when two frames have been sent
		want string
	}{
		"by others":     {func(p *port, _ *digitJob) *digitJob { return p.sendEvents("9") }, "1e9e"},
		"by others yet": {func(p *port, _ *digitJob) *digitJob { p.sendEvents("8"); return p.sendEvents("9") }, "1e9e"},
		"by nobody":     {func(p *port, first *digitJob) *digitJob { p.stopEvents(first); return first }, "1e"},
		"at their end":  {func(_ *port, first *digitJob) *digitJob { return first }, "1e2e"},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &eventsSent{}
			p := &port{deliver: func(press) {}, taps: newTaps(160)}
			p.settle(&portParams{codec: g711.PCMU(), events: true}, 8000)
			var err error
			p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: wire, OnEvent: p.event, Params: rtp.Params{
				Remote: netip.MustParseAddrPort("127.0.0.1:4000"), Codec: g711.PCMU(), HasEvent: true, EventPT: 101, Send: true, Receive: true,
			}})
			if err != nil {
				t.Fatal(err)
			}
			pcm, now, frame := make([]int16, 160), time.Now(), int64(0)
			out := mixer.Output{PCM: pcm, Payload: make([]byte, 160)}
			step := func() {
				frame, now = frame+1, now.Add(frameTime)
				if p.Receive(frame, now, pcm)&mixer.Notice != 0 {
					p.Notify()
				}
				p.Send(frame, now, out)
			}
			job := p.sendEvents("12")
			first := job
			for range afterFrames {
				step()
			}
			job = test.then(p, job)
			for range 50 {
				step()
			}
			got, last := "", dtmf.Event{}
			for _, e := range wire.events {
				if e.Code != last.Code || e.End != last.End {
					if e.End {
						got += "e"
					} else {
						d, _ := dtmf.FromEvent(e.Code)
						got += d.String()
					}
				}
				last = e
			}
			if got != test.want {
				t.Errorf("sent %q, want %q", got, test.want)
			}
			for _, j := range []*digitJob{first, job} {
				select {
				case <-j.done:
				default:
					t.Error("it is not said that they have ended")
				}
			}
		})
	}
}

// BenchmarkPort is a frame in and a frame out of a call that is not recorded.
func BenchmarkPort(b *testing.B) {
	far := &endlessTone{}
	far.packet[0] = 0x80
	pcm := make([]int16, 160)
	audio.NewTone(8000, []float64{440}, -20).Read(pcm)
	g711.EncodeULaw(far.packet[12:], pcm)
	p := &port{deliver: func(press) {}, taps: newTaps(160)}
	p.settle(&portParams{codec: g711.PCMU(), events: true}, 8000)
	var err error
	p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: far, OnEvent: p.event, Params: rtp.Params{
		Remote: netip.MustParseAddrPort("127.0.0.1:4000"), Codec: g711.PCMU(), HasEvent: true, EventPT: 101, Send: true, Receive: true,
	}})
	if err != nil {
		b.Fatal(err)
	}
	out := mixer.Output{PCM: pcm, Payload: far.packet[12:]}
	now, frame := time.Now(), int64(0)
	b.ReportAllocs()
	for b.Loop() {
		far.fresh = true
		now = now.Add(frameTime)
		frame++
		p.Receive(frame, now, pcm)
		p.Send(frame, now, out)
	}
}
