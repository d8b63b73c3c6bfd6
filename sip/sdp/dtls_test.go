package sdp

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const (
	printA = "sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA"
	tlsM   = "m=audio 4000 UDP/TLS/RTP/SAVPF 0 101\r\na=rtpmap:101 telephone-event/8000"
)

var (
	ours   = Fingerprint{Hash: "sha-256", Digest: strings.Repeat("\x0f", 32)}
	theirs = Fingerprint{Hash: "sha-256", Digest: strings.Repeat("\xaa", 32)}
)

// certified is our end with keys, a certificate and ICE.
func certified() Local {
	l := guarded()
	l.Fingerprint = ours
	l.ICE = Credentials{Ufrag: "ours", Pwd: "our+password+is+long+enough"}
	return l
}

func keyed(s Security, k Keying) Capability {
	c := able(s)
	c.Keying = k
	return c
}

// attributesOf are the attributes of a description with one of the names, in order.
func attributesOf(body []byte, names ...string) []string {
	var found []string
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
		if slices.Contains(names, name) {
			found = append(found, strings.TrimPrefix(line, "a="))
		}
	}
	return found
}

func TestAnswersToFingerprints(t *testing.T) {
	const fp = "a=fingerprint:" + printA
	crypto := "a=crypto:1 " + gcm + " " + inline(key('T', 28))
	tests := []struct {
		name   string
		mode   Security
		keying Keying
		before Setup
		offer  []string
		setup  string // in our answer; "-": no DTLS; "": 488
		suite  string
	}{
		{"either may begin: we wait", SecurityOptional, KeyingAny, 0, []string{tlsM, fp, "a=setup:actpass"}, "passive", ""},
		{"they begin", SecurityOptional, KeyingAny, 0, []string{tlsM, fp, "a=setup:active"}, "passive", ""},
		{"we are to begin", SecurityOptional, KeyingAny, 0, []string{tlsM, fp, "a=setup:passive"}, "active", ""},
		{"not for now", SecurityOptional, KeyingAny, 0, []string{tlsM, fp, "a=setup:holdconn"}, "holdconn", ""},
		{"nothing is said", SecurityOptional, KeyingAny, 0, []string{tlsM, fp}, "passive", ""},
		{"roles stay in a re-INVITE", SecurityOptional, KeyingAny, SetupActive, []string{tlsM, fp, "a=setup:actpass"}, "active", ""},
		{"beside RTP/AVP", SecurityOptional, KeyingDTLS, 0, []string{"m=audio 4000 RTP/AVP 0", fp, "a=setup:actpass"}, "passive", ""},
		{"with RTP/SAVP, as of old", SecurityRequired, KeyingDTLS, 0, []string{"m=audio 4000 RTP/SAVP 0", fp, "a=setup:actpass"}, "passive", ""},
		{"both ways: by DTLS", SecurityOptional, KeyingAny, 0, []string{"m=audio 4000 RTP/AVP 0", fp, "a=setup:actpass", crypto}, "passive", ""},
		{"both ways, DTLS not wanted", SecurityOptional, KeyingSDES, 0, []string{"m=audio 4000 RTP/AVP 0", fp, crypto}, "-", gcm},
		{"DTLS not wanted", SecurityOptional, KeyingSDES, 0, []string{tlsM, fp, "a=setup:actpass"}, "", ""},
		{"SDES not wanted", SecurityOptional, KeyingDTLS, 0, []string{"m=audio 4000 RTP/SAVP 0", crypto}, "", ""},
		{"protection switched off", SecurityOff, KeyingAny, 0, []string{tlsM, fp, "a=setup:actpass"}, "", ""},
		{"switched off, beside RTP/AVP", SecurityOff, KeyingAny, 0, []string{"m=audio 4000 RTP/AVP 0", fp}, "-", ""},
		{"no fingerprint", SecurityOptional, KeyingAny, 0, []string{tlsM, "a=setup:actpass"}, "", ""},
		{"a fingerprint that cannot be read", SecurityOptional, KeyingAny, 0, []string{tlsM, "a=fingerprint:sha-256 AA:B", "a=setup:actpass"}, "", ""},
		{"required, offered in the clear", SecurityRequired, KeyingAny, 0, []string{"m=audio 4000 RTP/AVP 0"}, "", ""},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			l := certified()
			l.Setup = c.before
			body, m, err := Answer(offerOf(t, c.offer...), keyed(c.mode, c.keying), l)
			if c.setup == "" {
				if !errors.Is(err, ErrNoCommonCodec) {
					t.Fatalf("%v\n%s", err, body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := attributesOf(body, "fingerprint", "setup")
			if c.setup == "-" {
				if len(got) > 0 || m.DTLS.Used() || m.Keys.Suite != c.suite {
					t.Errorf("%q, %+v", got, m.DTLS)
				}
				return
			}
			want := []string{"fingerprint:" + ours.String(), "setup:" + c.setup}
			if !slices.Equal(got, want) || m.DTLS.Setup.String() != c.setup || !slices.Equal(m.DTLS.Fingerprints, []Fingerprint{theirs}) || m.Keys.Suite != "" {
				t.Errorf("%q, %+v, keys %+v", got, m.DTLS, m.Keys)
			}
		})
	}
}

func TestOffersOfDTLSAndTheirAnswers(t *testing.T) {
	tests := []struct {
		name    string
		mode    Security
		proto   string
		answer  []string
		settled Setup // SetupNone: the answer is refused or in the clear
		refused bool
	}{
		{"required", SecurityRequired, "UDP/TLS/RTP/SAVP", []string{"a=fingerprint:" + printA, "a=setup:active", "a=rtcp-mux"}, SetupPassive, false},
		{"they wait", SecurityRequired, "UDP/TLS/RTP/SAVP", []string{"a=fingerprint:" + printA, "a=setup:passive", "a=rtcp-mux"}, SetupActive, false},
		{"no certificate", SecurityRequired, "UDP/TLS/RTP/SAVP", nil, SetupNone, true},
		{"optional", SecurityOptional, "RTP/AVP", []string{"a=fingerprint:" + printA, "a=setup:active"}, SetupPassive, false},
		{"optional, not taken", SecurityOptional, "RTP/AVP", nil, SetupNone, false},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			l, can := certified(), keyed(c.mode, KeyingDTLS)
			offer := Offer(can, l)
			if !strings.Contains(string(offer), "m=audio 20000 "+c.proto+" ") || strings.Contains(string(offer), "crypto") || strings.Contains(string(offer), "ice-") ||
				!slices.Equal(attributesOf(offer, "fingerprint", "setup", "rtcp-mux"), []string{"fingerprint:" + ours.String(), "setup:actpass", "rtcp-mux"}) {
				t.Fatalf("offer\n%s", offer)
			}
			m, err := Accept(offer, offerOf(t, append([]string{"m=audio 4000 " + c.proto + " 0"}, c.answer...)...), can)
			if (err != nil) != c.refused || m.DTLS.Setup != c.settled {
				t.Fatalf("%v, %+v", err, m.DTLS)
			}
			if err == nil && m.Mux != slices.Contains(c.answer, "a=rtcp-mux") {
				t.Errorf("RTCP with RTP: %v", m.Mux)
			}
			// A later offer of ours keeps what there is.
			l.Previous, l.Setup = offer, m.DTLS.Setup
			if again := Offer(can, l); string(again) != string(offer) {
				t.Errorf("offered again\n%s\nwas\n%s", again, offer)
			}
		})
	}
}

func TestAnAssociationGoesOnWhileNothingOfItChanges(t *testing.T) {
	of := func(more ...string) DTLS {
		_, m, err := Answer(offerOf(t, append([]string{tlsM, "a=setup:actpass"}, more...)...), keyed(SecurityOptional, KeyingAny), certified())
		if err != nil {
			t.Fatal(err)
		}
		return m.DTLS
	}
	was := of("a=fingerprint:" + printA)
	for name, c := range map[string]struct {
		now  DTLS
		same bool
	}{
		"the same offer":      {of("a=fingerprint:" + printA), true},
		"another certificate": {of("a=fingerprint:" + strings.Replace(printA, "AA", "AB", 1)), false},
		"one more":            {of("a=fingerprint:"+printA, "a=fingerprint:sha-1 AA:BB"), false},
		"another tls-id":      {of("a=fingerprint:"+printA, "a=tls-id:abc3de65cddef001be82"), false},
	} {
		if c.now.Same(was) != c.same {
			t.Errorf("%s: same is %v", name, !c.same)
		}
	}
}

func TestAnswersToICE(t *testing.T) {
	const (
		m     = "m=audio 4000 RTP/AVP 0"
		host  = "a=candidate:1 1 UDP 2130706431 198.51.100.1 4000 typ host"
		far   = "a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host"
		name  = "a=candidate:1 1 UDP 2130706431 f2a1-4d.local 4000 typ host"
		ufrag = "a=ice-ufrag:them"
		pwd   = "a=ice-pwd:their+password+is+long"
	)
	theirs := Credentials{Ufrag: "them", Pwd: "their+password+is+long"}
	one := []string{
		"ice-lite", "ice-ufrag:ours", "ice-pwd:our+password+is+long+enough",
		"candidate:1 1 UDP 2130706431 192.0.2.1 20000 typ host", "candidate:1 2 UDP 2130706430 192.0.2.1 20001 typ host",
	}
	muxed := append(slices.Clone(one[:4]), "rtcp-mux")
	tests := []struct {
		name  string
		offer []string
		want  []string
		ice   ICE
	}{
		{"a full agent", []string{m, ufrag, pwd, host, far}, one, ICE{Remote: theirs}},
		{"RTCP with RTP", []string{m, ufrag, pwd, host, "a=rtcp-mux"}, muxed, ICE{Remote: theirs}},
		{"a lite agent makes no checks", []string{m, ufrag, pwd, host, "a=ice-lite"}, one, ICE{Remote: theirs, Lite: true}},
		{"its address is none of its candidates", []string{m, ufrag, pwd, far}, []string{"ice-mismatch"}, ICE{}},
		{"its candidates have names", []string{m, ufrag, pwd, name}, one, ICE{Remote: theirs}},
		{"its candidates are to come", []string{"m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0", ufrag, pwd}, one, ICE{Remote: theirs}},
		{"no password", []string{m, ufrag, host}, nil, ICE{}},
		{"a password that is too short", []string{m, ufrag, "a=ice-pwd:short", host}, nil, ICE{}},
		{"no ICE", []string{m, "a=rtcp-mux"}, []string{"rtcp-mux"}, ICE{}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			l := certified()
			body, got, err := Answer(offerOf(t, c.offer...), DefaultCapability(), l)
			if err != nil {
				t.Fatal(err)
			}
			if have := attributesOf(body, "ice-lite", "ice-ufrag", "ice-pwd", "candidate", "ice-mismatch", "rtcp-mux"); !slices.Equal(have, c.want) {
				t.Errorf("answered %q, want %q", have, c.want)
			}
			if got.ICE != c.ice || !got.Send || !got.Receive {
				t.Errorf("settled on %+v, send %v, receive %v", got.ICE, got.Send, got.Receive)
			}
			// Our later offers go on with ICE, an answer of theirs too.
			l.Previous = body
			again := Offer(DefaultCapability(), l)
			if c.ice != (ICE{}) != strings.Contains(string(again), "a=ice-lite") {
				t.Errorf("offered later\n%s", again)
			}
			l.ICE = Credentials{}
			if body, m, err := Answer(offerOf(t, c.offer...), DefaultCapability(), l); err != nil || m.ICE != (ICE{}) || strings.Contains(string(body), "a=ice") {
				t.Errorf("without credentials of ours: %v, %+v", err, m.ICE)
			}
		})
	}
	if got := offerOf(t, m, ufrag, pwd).ICE(); got != theirs {
		t.Errorf("offered: %v", got)
	}
}

// A browser's offer, shortened: what it names for its own use is repeated or left out.
func TestAnswerToABrowser(t *testing.T) {
	d := offerOf(t, "a=group:BUNDLE 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0",
		"a=ice-ufrag:them", "a=ice-pwd:their+password+is+long", "a=ice-options:trickle", "a=fingerprint:"+printA, "a=setup:actpass", "a=mid:0",
		"a=sendrecv", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=rtpmap:110 telephone-event/8000")
	body, m, err := Answer(d, keyed(SecurityOptional, KeyingAny), certified())
	if err != nil {
		t.Fatal(err)
	}
	got := attributesOf(body, "mid", "setup", "rtcp-mux", "ice-lite", "group")
	if !slices.Equal(got, []string{"ice-lite", "mid:0", "setup:active", "rtcp-mux"}) {
		t.Errorf("%q", got)
	}
	if !m.ICE.Used() || !m.DTLS.Used() || !m.Mux || m.Remote != (netip.AddrPort{}) || !m.Send || m.OnHold || !m.HasEvent {
		t.Errorf("settled on %+v", m)
	}
}

// FuzzTransport holds that answers to any lines of DTLS and ICE parse again, with
// the same keys and one candidate at most for each component.
func FuzzTransport(f *testing.F) {
	f.Add("a=fingerprint:"+printA+"\r\na=setup:actpass\r\na=ice-ufrag:them\r\na=ice-pwd:their+password+is+long", true)
	f.Add("a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\na=rtcp-mux\r\na=mid:x\r\na=tls-id:y", false)
	f.Fuzz(func(t *testing.T, attributes string, tls bool) {
		proto := "RTP/AVP"
		if tls {
			proto = "UDP/TLS/RTP/SAVPF"
		}
		d, err := Parse([]byte("v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4000 " + proto + " 0\r\n" + attributes + "\r\n"))
		if err != nil {
			return
		}
		l := certified()
		body, m, err := Answer(d, keyed(SecurityOptional, KeyingAny), l)
		if err != nil {
			return
		}
		for _, f := range m.DTLS.Fingerprints {
			if f.Digest == "" || len(f.Digest) > maxDigest {
				t.Fatalf("fingerprint of %d bytes", len(f.Digest))
			}
		}
		back, err := Parse(body)
		if err != nil {
			t.Fatalf("our answer: %v\n%s", err, body)
		}
		if n := len(attributesOf(body, "candidate")); n > 2 || m.ICE.Used() && back.ICE() != l.ICE || m.DTLS.Used() != back.DTLS() {
			t.Fatalf("%d candidates, ICE %+v\n%s", n, m.ICE, body)
		}
	})
}
