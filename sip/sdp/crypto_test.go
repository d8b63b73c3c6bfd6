package sdp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const (
	gcm = "AEAD_AES_128_GCM"
	cm  = "AES_CM_128_HMAC_SHA1_80"
)

// key makes a key that is recognised.
func key(c byte, size int) Secret { return Secret(strings.Repeat(string(c), size)) }

func inline(k Secret) string { return "inline:" + base64.StdEncoding.EncodeToString([]byte(k)) }

// guarded is our end with keys.
func guarded() Local {
	return Local{
		Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000, SessionID: 7, Version: 1,
		Crypto: []Crypto{{gcm, key('G', 28)}, {cm, key('C', 30)}},
	}
}

func able(s Security) Capability {
	c := DefaultCapability()
	c.Security = s
	return c
}

func offerOf(t *testing.T, streams ...string) *Description {
	t.Helper()
	d, err := Parse([]byte("v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n" + strings.Join(streams, "\r\n") + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAnswersToKeys(t *testing.T) {
	const (
		avp  = "m=audio 4000 RTP/AVP 0"
		savp = "m=audio 4000 RTP/SAVP 0"
	)
	theirs := func(tag int, suite string, size int) string {
		return fmt.Sprintf("a=crypto:%d %s %s", tag, suite, inline(key('T', size)))
	}
	both := []string{theirs(1, cm, 30), theirs(2, gcm, 28)}
	tests := []struct {
		name  string
		mode  Security
		offer []string
		line  string // in the answer: m= line and a=crypto, joined; "": 488
		suite string
	}{
		{"keys with SAVP are taken", SecurityOptional, append([]string{savp}, both...), "RTP/SAVP 2 " + gcm, gcm},
		{"keys with AVP are taken", SecurityOptional, append([]string{avp}, both...), "RTP/AVP 2 " + gcm, gcm},
		{"keys with AVP satisfy who requires them", SecurityRequired, append([]string{avp}, both...), "RTP/AVP 2 " + gcm, gcm},
		{"SAVPF", SecurityRequired, append([]string{"m=audio 4000 RTP/SAVPF 0"}, both...), "RTP/SAVPF 2 " + gcm, gcm},
		{"only the older suite", SecurityOptional, []string{savp, theirs(7, cm, 30)}, "RTP/SAVP 7 " + cm, cm},
		{"no keys", SecurityOptional, []string{avp}, "RTP/AVP", ""},
		{"no keys where they are required", SecurityRequired, []string{avp}, "", ""},
		{"SAVP without keys", SecurityOptional, []string{savp}, "", ""},
		{"SAVP with an unknown suite", SecurityOptional, []string{savp, theirs(1, "F8_128_HMAC_SHA1_80", 30)}, "", ""},
		{"SAVP with a key of the wrong length", SecurityOptional, []string{savp, theirs(1, gcm, 30)}, "", ""},
		{"AVP with an unknown suite stays in the clear", SecurityOptional, []string{avp, theirs(1, "F8_128_HMAC_SHA1_80", 30)}, "RTP/AVP", ""},
		{"SAVP where it is off", SecurityOff, append([]string{savp}, both...), "", ""},
		{"AVP with keys where it is off", SecurityOff, append([]string{avp}, both...), "RTP/AVP", ""},
		{"the stream with keys of two", SecurityOptional, append([]string{avp, "m=audio 4002 RTP/SAVP 0"}, both...), "RTP/SAVP 2 " + gcm, gcm},
		{"the stream without keys of two where it is off", SecurityOff, append([]string{"m=audio 4002 RTP/SAVP 0", theirs(1, gcm, 28)}, avp), "RTP/AVP", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, m, err := Answer(offerOf(t, tt.offer...), able(tt.mode), guarded())
			if tt.line == "" {
				if !errors.Is(err, ErrNoCommonCodec) || body != nil {
					t.Fatalf("%v, %s; want a refusal", err, body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			proto, crypto := taken(string(body))
			got := proto
			if crypto != "" {
				got += " " + strings.Fields(crypto)[0] + " " + strings.Fields(crypto)[1]
			}
			if got != tt.line {
				t.Errorf("answered %q, want %q\n%s", got, tt.line, body)
			}
			if m.Keys.Suite != tt.suite {
				t.Errorf("keys of %q, want %q", m.Keys.Suite, tt.suite)
			}
			if tt.suite == "" {
				return
			}
			if m.Keys.Remote[0] != 'T' || m.Keys.Local != map[string]Secret{gcm: key('G', 28), cm: key('C', 30)}[tt.suite] {
				t.Error("wrong keys")
			}
			if !strings.HasSuffix(crypto, inline(m.Keys.Local)) {
				t.Errorf("%q does not tell our key", crypto)
			}
		})
	}
}

// taken is transport and a=crypto of the stream in use.
func taken(body string) (proto, crypto string) {
	for _, stream := range strings.Split(body, "m=")[1:] {
		fields := strings.Fields(stream)
		if fields[1] == "0" {
			continue
		}
		proto = fields[2]
		for line := range strings.Lines(stream) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=crypto:"); ok && crypto == "" {
				crypto = value
			}
		}
	}
	return proto, crypto
}

func TestOurOffersOfKeys(t *testing.T) {
	for mode, want := range map[Security]string{SecurityOff: "RTP/AVP", SecurityOptional: "RTP/AVP", SecurityRequired: "RTP/SAVP"} {
		body := string(Offer(able(mode), guarded()))
		proto, _ := taken(body)
		lines := strings.Count(body, "a=crypto:")
		if proto != want || (mode == SecurityOff) != (lines == 0) || lines != 0 && lines != 2 {
			t.Errorf("%v: %s with %d keys", mode, proto, lines)
		}
	}
	if body := string(Offer(able(SecurityOptional), Local{})); strings.Contains(body, "crypto") {
		t.Errorf("keys that there are not: %s", body)
	}
}

func TestAnswersToOurKeys(t *testing.T) {
	chosen := "a=crypto:2 " + cm + " " + inline(key('T', 30))
	for _, tt := range []struct {
		name   string
		mode   Security
		answer []string
		suite  string
		fails  bool
	}{
		{"taken", SecurityRequired, []string{"m=audio 4000 RTP/SAVP 0", chosen}, cm, false},
		{"taken with AVP", SecurityOptional, []string{"m=audio 4000 RTP/AVP 0", chosen}, cm, false},
		{"passed over", SecurityOptional, []string{"m=audio 4000 RTP/AVP 0"}, "", false},
		{"passed over where they are required", SecurityRequired, []string{"m=audio 4000 RTP/SAVP 0"}, "", true},
		{"downgraded where they are required", SecurityRequired, []string{"m=audio 4000 RTP/AVP 0"}, "", true},
		{"with a tag that was not offered", SecurityRequired, []string{"m=audio 4000 RTP/SAVP 0", strings.Replace(chosen, ":2", ":3", 1)}, "", true},
		{"with a suite that has another tag", SecurityRequired, []string{"m=audio 4000 RTP/SAVP 0", strings.Replace(chosen, ":2", ":1", 1)}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours := Offer(able(tt.mode), guarded())
			m, err := Accept(ours, offerOf(t, tt.answer...), able(tt.mode))
			if tt.fails != (err != nil) || m.Keys.Suite != tt.suite {
				t.Fatalf("%v, keys of %q", err, m.Keys.Suite)
			}
			if tt.suite != "" && (m.Keys.Local != key('C', 30) || m.Keys.Remote != key('T', 30)) {
				t.Error("wrong keys")
			}
		})
	}
}

// A re-INVITE keeps keys, transport and version.
func TestKeysStayInTheSession(t *testing.T) {
	offer := offerOf(t, "m=audio 4000 RTP/SAVP 0", "a=crypto:1 "+gcm+" "+inline(key('T', 28)))
	l := guarded()
	first, m1, err := Answer(offer, able(SecurityOptional), l)
	if err != nil {
		t.Fatal(err)
	}
	l.Previous = first
	again, m2, err := Answer(offer, able(SecurityOptional), l)
	if err != nil || string(again) != string(first) || m1.Keys != m2.Keys {
		t.Errorf("%v; not the same:\n%s\n%s", err, first, again)
	}
	body := string(Offer(able(SecurityOptional), l))
	if proto, crypto := taken(body); proto != "RTP/SAVP" || !strings.HasSuffix(crypto, inline(key('G', 28))) {
		t.Errorf("our own re-INVITE:\n%s", body)
	}
	plain := guarded()
	plain.Previous, _, err = Answer(offerOf(t, "m=audio 4000 RTP/AVP 0"), able(SecurityOptional), plain)
	if err != nil {
		t.Fatal(err)
	}
	if body := string(Offer(able(SecurityOptional), plain)); strings.Contains(body, "crypto") {
		t.Errorf("keys in the middle of a session without:\n%s", body)
	}
}

func TestCryptoLines(t *testing.T) {
	k := inline(key('T', 30))
	for value, want := range map[string]bool{
		"1 " + cm + " " + k:                              true,
		"1 " + cm + " " + strings.TrimRight(k, "="):      true,
		"1 " + cm + " " + k + "|2^20":                    true,
		"1 " + cm + " " + k + "|1048576 WSH=64 KDR=0":    true,
		"999999999 " + cm + " INLINE:" + k[7:]:           true,
		"1 " + cm + " " + k + " -VENDOR=1":               true,
		"1 " + cm + " " + k + "|2^20|1:4":                false,
		"1 " + cm + " " + k + "|1:4":                     false,
		"1 " + cm + " " + k + ";" + k:                    false,
		"1 " + cm + " " + k + " KDR=1":                   false,
		"1 " + cm + " " + k + " UNENCRYPTED_SRTP":        false,
		"1 " + cm + " " + k + " UNAUTHENTICATED_SRTP":    false,
		"1 " + cm + " " + k + " FEC_ORDER=FEC_SRTP":      false,
		"0 " + cm + " " + k:                              false,
		"x " + cm + " " + k:                              false,
		"1234567890 " + cm + " " + k:                     false,
		"1 " + cm:                                        false,
		"1 " + cm + " inline:":                           false,
		"1 " + cm + " inline:!!!":                        false,
		"1 " + cm + " uri:sip:x":                         false,
		"1 " + cm + " " + inline(key('T', maxKeySize+1)): false,
	} {
		if c, ok := parseCrypto(value); ok != want || ok && len(c.Key) != 30 {
			t.Errorf("%q: taken %v, want %v", value, ok, want)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	l := guarded()
	d := offerOf(t, "m=audio 4000 RTP/SAVP 0", "a=crypto:1 "+gcm+" "+inline(key('T', 28)))
	_, m, err := Answer(d, able(SecurityOptional), l)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []any{l, l.Crypto, m, m.Keys, m.Keys.Remote} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			if text := fmt.Sprintf(verb, x); strings.Contains(text, "GGG") || strings.Contains(text, "TTT") || strings.Contains(text, "474747") {
				t.Errorf("%s of %T shows a key: %s", verb, x, text)
			}
		}
	}
}

func TestSecurityWords(t *testing.T) {
	for _, s := range []Security{SecurityOff, SecurityOptional, SecurityRequired} {
		if got, ok := ParseSecurity(s.String()); !ok || got != s {
			t.Errorf("%v: %v, %v", s, got, ok)
		}
	}
	if _, ok := ParseSecurity("yes"); ok {
		t.Error("yes is a word")
	}
}
