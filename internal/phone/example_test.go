package phone_test

import (
	"fmt"
	"net/netip"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/internal/memnet"
	"mediaserver/internal/phone"
	"mediaserver/rtp"
)

// ExampleStream is a phone without signalling that hears itself, a second of
// it in no time.
func ExampleStream() {
	now := time.Unix(0, 0)
	network := memnet.New(memnet.Config{Now: func() time.Time { return now }})
	socket, err := network.Listen(netip.MustParseAddrPort("192.0.2.1:5000"))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := phone.NewStream(phone.StreamConfig{
		RTP:    socket,
		Params: rtp.Params{Remote: socket.Addr(), Codec: g711.PCMU(), Send: true, Receive: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Tone(440, -12)
	for range 50 {
		s.Step(now)
		now = now.Add(phone.FrameTime)
	}
	fmt.Printf("440 Hz at %.0f dBov\n", s.ToneLevel(440, 500*time.Millisecond))
	// Output: 440 Hz at -15 dBov
}
