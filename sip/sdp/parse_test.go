package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// lines makes a description of its lines.
func lines(l ...string) []byte { return []byte(strings.Join(l, "\r\n") + "\r\n") }

// simple is an offer with one stream and what is added to it.
func simple(m string, more ...string) []byte {
	head := []string{"v=0", "o=- 1 1 IN IP4 203.0.113.1", "s=-", "c=IN IP4 203.0.113.1", "t=0 0", m}
	return lines(append(head, more...)...)
}

func TestParseRefuses(t *testing.T) {
	many := strings.Repeat("m=video 0 RTP/AVP 0\r\n", MaxStreams+1)
	for name, c := range map[string]struct {
		body string
		line int
	}{
		"nothing":                    {"", 0},
		"what is no description":     {"hello\r\n", 1},
		"no v=":                      {"o=- 1 1 IN IP4 203.0.113.1\r\n", 1},
		"version 1":                  {"v=1\r\n", 1},
		"two versions":               {"v=0\r\nv=0\r\n", 2},
		"no o=":                      {"v=0\r\ns=-\r\nt=0 0\r\n", 0},
		"unknown type":               {"v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\nx=1\r\n", 3},
		"control character":          {"v=0\r\no=-\x00\r\n", 2},
		"bare carriage return":       {"v=0\r\no=- 1\rs=-\r\n", 2},
		"m= without transport":       {string(simple("m=audio 4000")), 6},
		"port above 65535":           {string(simple("m=audio 65536 RTP/AVP 0")), 6},
		"negative port":              {string(simple("m=audio -1 RTP/AVP 0")), 6},
		"port that is no number":     {string(simple("m=video x RTP/AVP 0")), 6},
		"count that is no number":    {string(simple("m=audio 4000/x RTP/AVP 0")), 6},
		"timing that is no number":   {"v=0\r\no=-\r\nt=now 0\r\n", 0},
		"c= of another network":      {string(simple("m=audio 4000 RTP/AVP 0", "c=ATM NSAP 1")), 0},
		"c= of another family":       {string(simple("m=audio 4000 RTP/AVP 0", "c=IN E164 441908")), 0},
		"more than 64 streams":       {"v=0\r\no=-\r\n" + many, 3 + MaxStreams},
		"more than 64 formats":       {string(simple("m=audio 4000 RTP/AVP" + strings.Repeat(" 0", MaxFormats+1))), 6},
		"more than 64 KiB":           {"v=0\r\no=-\r\na=" + strings.Repeat("x", MaxSize), 0},
		"line without equals sign":   {"v=0\r\no=-\r\nsendrecv\r\n", 3},
		"line of a single character": {"v=0\r\no=-\r\na\r\n", 3},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.body))
			var at *ParseError
			if !errors.Is(err, ErrMalformed) || !errors.As(err, &at) {
				t.Fatalf("got %v, want a ParseError that is ErrMalformed", err)
			}
			if at.Line != c.line {
				t.Errorf("line %d, want %d: %v", at.Line, c.line, err)
			}
		})
	}
}

func TestParseIsBoundedInTime(t *testing.T) {
	// Both ways to fill 64 KiB with lines; quadratic work would take seconds.
	for _, line := range []string{"a=\r\n", "a=rtpmap:96 x/8000\r\n", "c=IN IP4 1.1.1.1\r\n"} {
		body := string(simple("m=audio 4000 RTP/AVP 0"))
		body += strings.Repeat(line, (MaxSize-len(body))/len(line))
		if _, err := Parse([]byte(body)); err != nil {
			t.Errorf("%q repeated: %v", line, err)
		}
	}
}

func TestAddr(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"of the stream":              {simple("m=audio 4000 RTP/AVP 0", "c=IN IP4 203.0.113.2"), "203.0.113.2"},
		"of the session":             {simple("m=audio 4000 RTP/AVP 0"), "203.0.113.1"},
		"of the stream taken":        {simple("m=video 9 RTP/AVP 0", "c=IN IP4 203.0.113.3", "m=audio 4000 RTP/AVP 0"), "203.0.113.1"},
		"v4 in v6":                   {simple("m=audio 4000 RTP/AVP 0", "c=IN IP6 ::ffff:203.0.113.4"), "203.0.113.4"},
		"with a zone":                {simple("m=audio 4000 RTP/AVP 0", "c=IN IP6 fe80::1%eth0"), "fe80::1"},
		"none where nothing is ours": {simple("m=video 4000 RTP/AVP 0"), "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(c.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Addr().String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAnswerRefusesWith488(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		says string
	}{
		"no stream":                 {lines("v=0", "o=-", "s=-", "t=0 0"), "no stream"},
		"video only":                {simple("m=video 4000 RTP/AVP 0"), "video over RTP/AVP"},
		"SRTP only":                 {simple("m=audio 4000 RTP/SAVP 0"), "RTP/SAVP is switched off"},
		"WebRTC only":               {simple("m=audio 4000 UDP/TLS/RTP/SAVPF 0"), "UDP/TLS/RTP/SAVPF"},
		"G.729 only":                {simple("m=audio 4000 RTP/AVP 18"), "no codec in common"},
		"telephone-event only":      {simple("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), "no codec in common"},
		"dynamic without rtpmap":    {simple("m=audio 4000 RTP/AVP 96"), "no codec in common"},
		"PCMU at 16 kHz":            {simple("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMU/16000"), "no codec in common"},
		"PCMU in stereo":            {simple("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMU/8000/2"), "no codec in common"},
		"payload type above 127":    {simple("m=audio 4000 RTP/AVP 128", "a=rtpmap:128 PCMU/8000"), "no codec in common"},
		"no formats":                {simple("m=audio 4000 RTP/AVP"), "no codec in common"},
		"port 0":                    {simple("m=audio 0 RTP/AVP 0"), "port 0"},
		"multicast":                 {simple("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127"), "multicast"},
		"host name":                 {simple("m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example.net"), "not a number"},
		"no address":                {lines("v=0", "o=-", "m=audio 4000 RTP/AVP 0"), "no connection address"},
		"address of another family": {simple("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"), "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(c.body)
			if err != nil {
				t.Fatal(err)
			}
			local := Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000}
			body, _, err := Answer(d, DefaultCapability(), local)
			if !errors.Is(err, ErrNoCommonCodec) || !strings.Contains(err.Error(), c.says) || body != nil {
				t.Errorf("got %q, %v; want ErrNoCommonCodec that says %q", body, err, c.says)
			}
		})
	}
}

func TestPacketTimes(t *testing.T) {
	for _, c := range []struct {
		attrs []string
		ours  int
		want  int
	}{
		{nil, 0, 20},
		{nil, 30, 30},
		{nil, 1000, 60},
		{[]string{"a=ptime:10"}, 0, 10},
		{[]string{"a=ptime:1"}, 0, 10},
		{[]string{"a=ptime:25"}, 0, 20},
		{[]string{"a=ptime:26"}, 0, 30},
		{[]string{"a=ptime:60"}, 0, 60},
		{[]string{"a=ptime:61"}, 0, 60},
		{[]string{"a=ptime:99999999999999999999"}, 0, 20},
		{[]string{"a=ptime:0"}, 0, 20},
		{[]string{"a=ptime:-20"}, 0, 20},
		{[]string{"a=ptime:twenty"}, 0, 20},
		{[]string{"a=ptime: 30.0"}, 0, 30},
		{[]string{"a=ptime"}, 0, 20},
		{[]string{"a=maxptime:10"}, 0, 10},
		{[]string{"a=maxptime:5"}, 0, 10},
		{[]string{"a=ptime:60", "a=maxptime:45"}, 0, 40},
		{[]string{"a=ptime:20", "a=maxptime:150"}, 0, 20},
	} {
		t.Run(fmt.Sprint(c.attrs, c.ours), func(t *testing.T) {
			d, err := Parse(simple("m=audio 4000 RTP/AVP 0", c.attrs...))
			if err != nil {
				t.Fatal(err)
			}
			able := DefaultCapability()
			able.Ptime = c.ours
			_, m, err := Answer(d, able, Local{})
			if err != nil || m.PtimeMS != c.want {
				t.Errorf("got %d ms, %v; want %d ms", m.PtimeMS, err, c.want)
			}
		})
	}
}

func TestRTCPAddress(t *testing.T) {
	for attr, want := range map[string]string{
		"a=sendrecv":                  "203.0.113.1:4001",
		"a=rtcp:5000":                 "203.0.113.1:5000",
		"a=rtcp:5000 IN IP4 10.0.0.1": "10.0.0.1:5000",
		"a=rtcp:5000 IN IP4 0.0.0.0":  "203.0.113.1:4001",
		"a=rtcp:5000 IN IP6 ::1":      "203.0.113.1:4001",
		"a=rtcp:0":                    "203.0.113.1:4001",
		"a=rtcp:":                     "203.0.113.1:4001",
		"a=rtcp:x":                    "203.0.113.1:4001",
	} {
		t.Run(attr, func(t *testing.T) {
			d, err := Parse(simple("m=audio 4000 RTP/AVP 0", attr))
			if err != nil {
				t.Fatal(err)
			}
			_, m, err := Answer(d, DefaultCapability(), Local{})
			if err != nil || m.RemoteRTCP.String() != want {
				t.Errorf("got %v, %v; want %s", m.RemoteRTCP, err, want)
			}
		})
	}
	d, err := Parse(simple("m=audio 65535 RTP/AVP 0"))
	if err != nil {
		t.Fatal(err)
	}
	if _, m, err := Answer(d, DefaultCapability(), Local{}); err != nil || m.RemoteRTCP.IsValid() {
		t.Errorf("RTP at 65535: RTCP at %v, %v; want none", m.RemoteRTCP, err)
	}
}
