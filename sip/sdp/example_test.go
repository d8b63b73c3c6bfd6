package sdp_test

import (
	"fmt"
	"net/netip"
	"strings"

	"mediaserver/sip/sdp"
)

const offered = "v=0\r\n" +
	"o=- 1 1 IN IP4 203.0.113.5\r\n" +
	"s=-\r\n" +
	"c=IN IP4 203.0.113.5\r\n" +
	"t=0 0\r\n" +
	"m=audio 4000 RTP/AVP 18 8 101\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\n" +
	"m=video 4002 RTP/AVP 31\r\n"

// An offer with video: the audio is taken, the video refused.
func ExampleAnswer() {
	offer, err := sdp.Parse([]byte(offered))
	if err != nil {
		fmt.Println(err)
		return
	}
	local := sdp.Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000, SessionID: 42, Version: 1}
	body, media, err := sdp.Answer(offer, sdp.DefaultCapability(), local)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(media.Codec.Name, "to", media.Remote, "events", media.EventPT)
	fmt.Println(strings.ReplaceAll(string(body), "\r\n", "\n"))
	// Output:
	// PCMA to 203.0.113.5:4000 events 101
	// v=0
	// o=- 42 1 IN IP4 192.0.2.1
	// s=-
	// c=IN IP4 192.0.2.1
	// t=0 0
	// m=audio 20000 RTP/AVP 8 101
	// a=rtpmap:8 PCMA/8000
	// a=rtpmap:101 telephone-event/8000
	// a=fmtp:101 0-15
	// a=ptime:20
	// a=maxptime:60
	// a=sendrecv
	// m=video 0 RTP/AVP 31
}

// We call: offer, then read the answer.
func ExampleAccept() {
	able := sdp.DefaultCapability()
	offer := sdp.Offer(able, sdp.Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000})
	answer, err := sdp.Parse([]byte("v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\n" +
		"m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	media, err := sdp.Accept(offer, answer, able)
	fmt.Println(media.Codec.Name, media.Send, media.Receive, media.HasEvent, err)
	// Output: PCMU true false false <nil>
}
