package calls

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const ok = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKi7\r\nFrom: <sip:7@x>;tag=f7\r\nTo: <sip:a@b>;tag=99\r\n" +
		"Call-ID: 7@bench\r\nCSeq: 1 INVITE\r\nContact: \"x\" <sip:m@127.0.0.1:5060;transport=udp>\r\nContent-Length: 10\r\n\r\n" +
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n"
	m, good := parse(ok)
	if !good || m.code != 200 || m.method != "INVITE" || m.call != 7 || m.to != "<sip:a@b>;tag=99" ||
		m.contact != "sip:m@127.0.0.1:5060;transport=udp" || m.media != netip.MustParseAddrPort("127.0.0.1:4000") {
		t.Errorf("parsed %+v", m)
	}
	bye, good := parse("BYE sip:bench@127.0.0.1 SIP/2.0\r\nVia: v\r\nMax-Forwards: 70\r\nf: a\r\nTo: b\r\ni: 3@bench\r\nCSeq: 5 BYE\r\n\r\n")
	if !good || bye.method != "BYE" || bye.code != 0 || bye.call != 3 {
		t.Errorf("parsed %+v", bye)
	}
	if r := bye.reply(); strings.Contains(r, "Max-Forwards") || !strings.Contains(r, "\r\nCSeq: 5 BYE\r\n") {
		t.Errorf("reply %q", r)
	}
	for _, bad := range []string{"", "\r\n", "SIP/2.0 abc\r\n\r\n", "SIP/2.0 200 OK\r\nCall-ID: x@y\r\n\r\n", "garbage"} {
		if m, good := parse(bad); good {
			t.Errorf("%q is taken: %+v", bad, m)
		}
	}
}
