package sdp

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// us is our end of a session that starts.
func us() Local {
	return Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000, SessionID: 7, Version: 3}
}

// answerTo parses and answers.
func answerTo(t *testing.T, offer []byte, l Local) ([]byte, Media) {
	t.Helper()
	d, err := Parse(offer)
	if err != nil {
		t.Fatal(err)
	}
	body, m, err := Answer(d, DefaultCapability(), l)
	if err != nil {
		t.Fatal(err)
	}
	return body, m
}

// wantLine fails unless the description has the line.
func wantLine(t *testing.T, body []byte, line string) {
	t.Helper()
	if !bytes.Contains(body, []byte("\r\n"+line+"\r\n")) {
		t.Errorf("no line %q in\n%s", line, body)
	}
}

func TestVersionRisesOnlyWithAChange(t *testing.T) {
	l := us()
	offer := simple("m=audio 4000 RTP/AVP 0")
	first, _ := answerTo(t, offer, l)
	wantLine(t, first, "o=- 7 3 IN IP4 192.0.2.1")

	l.Previous = first
	again, _ := answerTo(t, offer, l)
	if !bytes.Equal(first, again) {
		t.Errorf("same offer, another answer:\n%s\n%s", first, again)
	}

	held, m := answerTo(t, simple("m=audio 4000 RTP/AVP 0", "a=sendonly"), l)
	wantLine(t, held, "o=- 7 4 IN IP4 192.0.2.1")
	wantLine(t, held, "a=recvonly")
	if m.Send || !m.Receive || !m.OnHold {
		t.Errorf("on hold: %+v", m)
	}

	l.Previous = held
	resumed, m := answerTo(t, offer, l)
	wantLine(t, resumed, "o=- 7 5 IN IP4 192.0.2.1")
	wantLine(t, resumed, "a=sendrecv")
	if !m.Send || !m.Receive || m.OnHold {
		t.Errorf("resumed: %+v", m)
	}
}

func TestOfferOfANewSession(t *testing.T) {
	want := lines("v=0", "o=- 7 3 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
		"m=audio 20000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=maxptime:60", "a=sendrecv")
	if got := Offer(DefaultCapability(), us()); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOfferKeepsStreamsAndPayloadTypesOfItsSession(t *testing.T) {
	l := us()
	l.Previous, _ = answerTo(t, simple("m=video 9 RTP/AVP 31",
		"m=audio 4000 RTP/AVPF 101 97", "a=rtpmap:101 PCMA/8000", "a=rtpmap:97 telephone-event/8000",
		"m=image 9 udptl t38"), l)
	got := Offer(DefaultCapability(), l)
	for _, line := range []string{
		"o=- 7 4 IN IP4 192.0.2.1", "m=video 0 RTP/AVP 31", "m=audio 20000 RTP/AVPF 0 101 97",
		"a=rtpmap:101 PCMA/8000", "a=rtpmap:97 telephone-event/8000", "a=sendrecv", "m=image 0 udptl t38",
	} {
		wantLine(t, got, line)
	}
	d, err := Parse(got)
	if err != nil || d.Streams() != 3 {
		t.Errorf("%d streams, %v; want 3", d.Streams(), err)
	}
}

func TestOfferMovesAPayloadTypeThatIsTaken(t *testing.T) {
	l := us()
	l.Previous, _ = answerTo(t, simple("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 PCMU/8000"), l)
	got := Offer(DefaultCapability(), l)
	wantLine(t, got, "m=audio 20000 RTP/AVP 101 8 102")
	wantLine(t, got, "a=rtpmap:102 telephone-event/8000")
}

func TestOfferRepeatedIsTheSame(t *testing.T) {
	l := us()
	l.Previous = Offer(DefaultCapability(), l)
	if got := Offer(DefaultCapability(), l); !bytes.Equal(got, l.Previous) {
		t.Errorf("got\n%s\nwant\n%s", got, l.Previous)
	}
}

func TestAccept(t *testing.T) {
	offer := Offer(DefaultCapability(), us())
	for name, c := range map[string]struct {
		answer []byte
		want   func(m Media) bool
		err    error
	}{
		"the codec the peer prefers": {
			simple("m=audio 4000 RTP/AVP 8 0 101", "a=rtpmap:101 telephone-event/8000", "a=ptime:30"),
			func(m Media) bool {
				return m.Codec == PCMA && m.PayloadType == 8 && len(m.Accept) == 2 && m.HasEvent && m.EventPT == 101 &&
					m.PtimeMS == 30 && m.Send && m.Receive && m.Remote.String() == "203.0.113.1:4000"
			}, nil,
		},
		"events without a=rtpmap are ours": {
			simple("m=audio 4000 RTP/AVP 0 101"),
			func(m Media) bool { return m.HasEvent && m.EventPT == 101 }, nil,
		},
		"events that the peer numbers otherwise come by our number": {
			simple("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"),
			func(m Media) bool { return m.HasEvent && m.EventPT == 96 && m.OwnEventPT == 101 }, nil,
		},
		"events declined": {
			simple("m=audio 4000 RTP/AVP 0"), func(m Media) bool { return !m.HasEvent && m.Codec == PCMU }, nil,
		},
		"recvonly: we only send": {
			simple("m=audio 4000 RTP/AVP 0", "a=recvonly"),
			func(m Media) bool { return m.Send && !m.Receive && !m.OnHold }, nil,
		},
		"sendonly: we are on hold": {
			simple("m=audio 4000 RTP/AVP 0", "a=sendonly"),
			func(m Media) bool { return !m.Send && m.Receive && m.OnHold }, nil,
		},
		"audio refused":        {simple("m=audio 0 RTP/AVP 0"), nil, ErrNoCommonCodec},
		"a codec not offered":  {simple("m=audio 4000 RTP/AVP 18"), nil, ErrNoCommonCodec},
		"no stream":            {lines("v=0", "o=-", "t=0 0"), nil, ErrMalformed},
		"more streams":         {simple("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0"), nil, ErrMalformed},
		"a stream not offered": {simple("m=video 4000 RTP/AVP 0"), nil, ErrNoCommonCodec},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(c.answer)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Accept(offer, d, DefaultCapability())
			if !errors.Is(err, c.err) || c.want != nil && !c.want(m) {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
	if _, err := Accept([]byte("v=0"), &Description{}, DefaultCapability()); !errors.Is(err, ErrMalformed) {
		t.Errorf("without an offer of ours: %v", err)
	}
}

// TestBothEndsAgree has one of us call the other, with every direction.
func TestBothEndsAgree(t *testing.T) {
	caller := us()
	callee := Local{Addr: netip.MustParseAddr("192.0.2.2"), Port: 30000, SessionID: 8}
	offer := Offer(DefaultCapability(), caller)
	for _, dir := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		t.Run(dir, func(t *testing.T) {
			sent := bytes.Replace(offer, []byte("a=sendrecv"), []byte("a="+dir), 1)
			answer, theirs := answerTo(t, sent, callee)
			d, err := Parse(answer)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := Accept(sent, d, DefaultCapability())
			if err != nil {
				t.Fatal(err)
			}
			if ours.Send != theirs.Receive || ours.Receive != theirs.Send {
				t.Errorf("directions differ: %+v, %+v", ours, theirs)
			}
			if ours.Codec != theirs.Codec || ours.EventPT != theirs.EventPT || ours.PtimeMS != theirs.PtimeMS {
				t.Errorf("payloads differ: %+v, %+v", ours, theirs)
			}
			if ours.Remote.Port() != 30000 || theirs.Remote.Port() != 20000 || theirs.RemoteRTCP.Port() != 20001 {
				t.Errorf("ports: %+v, %+v", ours, theirs)
			}
		})
	}
}

func TestEventsOnlyWhenWanted(t *testing.T) {
	able := DefaultCapability()
	able.Events = false
	offer := Offer(able, us())
	if strings.Contains(string(offer), eventName) {
		t.Errorf("offered:\n%s", offer)
	}
	d, err := Parse(simple("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"))
	if err != nil {
		t.Fatal(err)
	}
	body, m, err := Answer(d, able, us())
	if err != nil || m.HasEvent || strings.Contains(string(body), eventName) {
		t.Errorf("answered: %+v, %v\n%s", m, err, body)
	}
}

func TestPreferenceIsOurs(t *testing.T) {
	able := Capability{Codecs: []CodecSpec{PCMA, PCMU}}
	d, err := Parse(simple("m=audio 4000 RTP/AVP 0 8"))
	if err != nil {
		t.Fatal(err)
	}
	body, m, err := Answer(d, able, us())
	if err != nil || m.Codec != PCMA {
		t.Errorf("got %+v, %v; want PCMA", m, err)
	}
	wantLine(t, body, "m=audio 20000 RTP/AVP 8 0")
}

func TestAddressNotChosenYetGoesWithBothFamilies(t *testing.T) {
	for _, c := range []string{"IN IP4 203.0.113.1", "IN IP6 2001:db8::1"} {
		for _, ours := range []netip.Addr{{}, netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			answerTo(t, simple("m=audio 4000 RTP/AVP 0", "c="+c), Local{Addr: ours, Port: 2})
		}
	}
}
