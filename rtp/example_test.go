package rtp_test

import (
	"fmt"
	"log"
	"net/netip"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/rtp"
)

// Two endpoints talk over loopback. A media worker makes the same calls once in
// 20 ms; here the frames follow each other at once and only the time they
// are given says otherwise.
func Example() {
	ports, err := rtp.NewPorts(rtp.PortsConfig{Min: 38000, Max: 38999})
	if err != nil {
		log.Fatal(err)
	}
	host := netip.MustParseAddr("127.0.0.1")
	var ends [2]*rtp.Endpoint
	var sockets [2]*rtp.Sockets
	for i := range sockets {
		if sockets[i], err = ports.Open(host); err != nil {
			log.Fatal(err)
		}
	}
	for i := range ends {
		far := netip.AddrPortFrom(host, uint16(sockets[1-i].Port()))
		ends[i], err = rtp.NewEndpoint(rtp.EndpointConfig{
			RTP: sockets[i].RTP(), RTCP: sockets[i].RTCP(),
			Params: rtp.Params{Remote: far, Codec: g711.PCMU(), PayloadType: 0, Send: true, Receive: true},
		})
		if err != nil {
			log.Fatal(err)
		}
		defer ends[i].Close()
	}
	payload, pcm := make([]byte, 160), make([]int16, 160)
	now := time.Now()
	heard := 0
	for frame := range int64(10) {
		ends[0].Send(frame, now, payload)
		if ends[1].Receive(frame, now, pcm) {
			heard++
		}
		now = now.Add(20 * time.Millisecond)
	}
	fmt.Println("received", ends[1].Stats().Received, "packets, heard", heard, "frames, concealed", ends[1].Stats().TotalConcealed())
	// Output: received 10 packets, heard 9 frames, concealed 0
}
