package baseline

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"mediaserver/mixer"
	"mediaserver/rtp"
)

// wire is a network in memory.
type wire struct {
	in, out [][]byte
	far     netip.AddrPort
	at      time.Time // when what is in it came
}

func (w *wire) Drain(buf []byte) (n int, from netip.AddrPort, at time.Time, err error) {
	if len(w.in) > 0 {
		n, w.in = copy(buf, w.in[0]), w.in[1:]
	}
	return n, w.far, w.at, nil
}

func (w *wire) Flush(packet []byte, _ netip.AddrPort) error {
	w.out = append(w.out, bytes.Clone(packet))
	return nil
}

const farSSRC = 7

// spoken is what packet n of a far end says.
func spoken(n int) []byte {
	b := make([]byte, samples)
	for i := range b {
		b[i] = byte(31*n + i)
	}
	binary.BigEndian.PutUint32(b, uint32(n))
	return b
}

// packetOf is packet n of a far end.
func packetOf(n int) []byte {
	b := binary.BigEndian.AppendUint16([]byte{2 << 6, 0}, uint16(n))
	b = binary.BigEndian.AppendUint32(b, uint32(n*samples))
	return append(binary.BigEndian.AppendUint32(b, farSSRC), spoken(n)...)
}

func TestAMirrorSendsBackWhatItGotAndTheMixerHearsNothing(t *testing.T) {
	w := &wire{far: netip.MustParseAddrPort("127.0.0.1:4000")}
	m := &mirror{}
	var err error
	if m.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: w, Params: rtp.Params{
		Remote: w.far, Codec: &m.taken, Send: true, Receive: true,
	}}); err != nil {
		t.Fatal(err)
	}
	if m.Codec() != nil {
		t.Error("the mixer is to encode")
	}
	pcm, now := make([]int16, samples), time.Unix(1000, 0)
	var want [][]byte
	const frames, first, lost, early = 100, 3, 50, 5 * time.Millisecond
	for frame := range frames {
		if w.at = now.Add(-early); frame >= first && frame != lost {
			w.in = append(w.in, packetOf(frame))
		}
		if status := m.Receive(int64(frame), now, pcm); status&mixer.Sound != 0 {
			t.Fatalf("sound in frame %d", frame)
		}
		m.Send(int64(frame), now, mixer.Output{})
		now = now.Add(frameTime)
		switch {
		case frame == lost:
			want = append(want, spoken(frame-1))
		case frame >= first:
			want = append(want, spoken(frame))
		}
	}
	if len(w.out) != len(want) {
		t.Fatalf("%d packets sent, not %d", len(w.out), len(want))
	}
	for i, b := range w.out {
		if !bytes.Equal(b[headerSize:], want[i]) {
			t.Errorf("packet %d says % x, not % x", i, b[headerSize:][:8], want[i][:8])
		}
		if seq := binary.BigEndian.Uint16(w.out[0][2:]) + uint16(i); binary.BigEndian.Uint16(b[2:]) != seq || binary.BigEndian.Uint32(b[8:]) == farSSRC {
			t.Errorf("packet %d has the header % x", i, b[:headerSize])
		}
	}
}
