package call

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
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
