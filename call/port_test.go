package call

import (
	"encoding/binary"
	"net/netip"
	"slices"
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
			p := eventPort(t, wire)
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

// eventPort is a port of a far end with telephone events.
func eventPort(t *testing.T, wire rtp.IO) *port {
	t.Helper()
	p := &port{deliver: func(press) {}, taps: newTaps(160)}
	p.settle(&portParams{codec: g711.PCMU(), events: true}, 8000)
	var err error
	p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: wire, OnEvent: p.event, Params: rtp.Params{
		Remote: netip.MustParseAddrPort("127.0.0.1:4000"), Codec: g711.PCMU(), HasEvent: true, EventPT: 101, Send: true, Receive: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keyedWire is a far end whose sound goes on beside its telephone events, and comes
// as late as each packet may.
type keyedWire struct {
	now *time.Time
	in  []keyedPacket
}

type keyedPacket struct {
	b  []byte
	at time.Time
}

func (w *keyedWire) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	for i, p := range w.in {
		if !p.at.After(*w.now) {
			w.in = slices.Delete(w.in, i, i+1)
			return copy(buf, p.b), netip.MustParseAddrPort("127.0.0.1:4000"), p.at, nil
		}
	}
	return 0, netip.AddrPort{}, time.Time{}, nil
}

func (w *keyedWire) Flush([]byte, netip.AddrPort) error { return nil }

// The tone that a far end sends beside its telephone events is not heard, however
// long its sound waits in the jitter buffer.
func TestAToneBesideItsEventIsNotHeard(t *testing.T) {
	const frames, first, last = 300, 200, 210 // the key is down in the frames first to last-1
	for _, late := range []time.Duration{0, 60 * time.Millisecond, 170 * time.Millisecond} {
		t.Run(late.String(), func(t *testing.T) {
			now := time.Now()
			begun := now
			wire := &keyedWire{now: &now}
			p := eventPort(t, wire)
			seq := uint16(0)
			send := func(frame int, late time.Duration, format byte, ts int, payload []byte) {
				b := binary.BigEndian.AppendUint16([]byte{0x80, format}, seq)
				b = binary.BigEndian.AppendUint32(b, uint32(160*ts))
				b = append(append(b, 0, 0, 0, 7), payload...)
				seq++
				wire.in = append(wire.in, keyedPacket{b, begun.Add(time.Duration(frame)*frameTime + 5*time.Millisecond + late)})
			}
			voice, key := audio.NewTone(8000, []float64{500}, -30), audio.NewTone(8000, []float64{1500}, -6)
			pcm, payload := make([]int16, 160), make([]byte, 160)
			for i := range frames {
				source := voice
				if i >= first && i < last {
					source = key
				}
				source.Read(pcm)
				g711.EncodeULaw(payload, pcm)
				x := time.Duration(0)
				if i%10 == 0 {
					x = late
				}
				if i >= first && i < last+3 {
					e := dtmf.Event{Code: 5, End: i >= last, Duration: uint16(160 * (min(i, last) - first + 1))}
					body := make([]byte, dtmf.EventSize)
					e.MarshalTo(body) //nolint:errcheck // there is room
					send(i, 0, 101, first, body)
				}
				send(i, x, 0, i, payload)
			}
			after := 0 // frames of the voice after the key
			for frame := range int64(frames + 20) {
				now = begun.Add(time.Duration(frame) * frameTime)
				p.Receive(frame, now, pcm)
				if l := audio.ToneLevel(pcm, 8000, 1500); l > -40 {
					t.Errorf("frame %d, %d after the key: the tone is heard at %.0f dBov", frame, frame-last, l)
				}
				if frame > last && audio.ToneLevel(pcm, 8000, 500) > -40 {
					after++
				}
			}
			if late == 0 && after < frames-last-8 {
				t.Errorf("%d frames are heard after the key, want %d at least", after, frames-last-8)
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
