package ice

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// sample is the request of RFC 5769 §2.1.
const sample = `000100582112a442b7e7a701bc34d686fa87dfae
802200105354554e207465737420636c69656e74
002400046e0001ff
80290008932ff9b151263b36
00060009657674 6a3a68367659202020
000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
80280004e57a3bcf`

const samplePassword = "VOkJxbRl1RmTxUk/WvJxBt"

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer("\n", "", " ", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheSampleRequestOfRFC5769IsAuthentic(t *testing.T) {
	m, ok := parse(unhex(t, sample))
	if !ok {
		t.Fatal("not read")
	}
	if string(m.username) != "evtj:h6vY" || !m.controlled || m.useCand || m.unknowns != 0 {
		t.Errorf("read as %+v", m)
	}
	if !m.authentic(samplePassword) {
		t.Error("not authentic with its password")
	}
	if m.authentic(samplePassword + "x") {
		t.Error("authentic with another password")
	}
}

var (
	local  = Credentials{"ours", "our password is long enough"}
	remote = Credentials{"them", "their password is long enough"}
	phone  = netip.MustParseAddrPort("198.51.100.7:40000")
	other  = netip.MustParseAddrPort("[2001:db8::7]:40002")
	start  = time.Unix(1_700_000_000, 0)
)

func TestChecksWithTheRightCredentialsMoveTheMedia(t *testing.T) {
	a := NewAgent(local, remote)
	steps := []struct {
		name     string
		datagram []byte
		from     netip.AddrPort
		answered bool
		want     Event
		at       netip.AddrPort // of the media afterwards
	}{
		{"a first check", Check(remote, local, [12]byte{1}, false), phone, true, Checked, netip.AddrPort{}},
		{"the same again", Check(remote, local, [12]byte{1}, false), phone, true, Nothing, netip.AddrPort{}},
		{"a nomination", Check(remote, local, [12]byte{2}, true), phone, true, Nominated, phone},
		{"the nomination again, as consent", Check(remote, local, [12]byte{3}, true), phone, true, Nothing, phone},
		{"another password", Check(remote, Credentials{local.Ufrag, "forged"}, [12]byte{4}, true), other, false, Nothing, phone},
		{"another fragment", Check(remote, Credentials{"else", local.Pwd}, [12]byte{4}, true), other, false, Nothing, phone},
		{"somebody else's fragment", Check(Credentials{"else", ""}, local, [12]byte{4}, true), other, false, Nothing, phone},
		{"another way is nominated", Check(remote, local, [12]byte{5}, true), other, true, Nominated, other},
	}
	for _, s := range steps {
		reply, e := a.Handle(s.datagram, s.from, RTP, start)
		if (reply != nil) != s.answered || e != s.want || a.Nominated(RTP) != s.at {
			t.Fatalf("%s: answered %v, event %v, media at %v", s.name, reply != nil, e, a.Nominated(RTP))
		}
		if len(reply) > maxReply {
			t.Errorf("%s: an answer of %d bytes", s.name, len(reply))
		}
	}
	if a.Nominated(RTCP).IsValid() || a.Knows(phone, RTCP) {
		t.Error("a check of one component counts for the other")
	}
	if reply, e := a.Handle(Check(remote, local, [12]byte{6}, true), phone, RTCP, start); reply == nil || e != Nominated || a.Nominated(RTCP) != phone {
		t.Errorf("RTCP: event %v, nominated %v", e, a.Nominated(RTCP))
	}
}

func TestWhatIsWrongInAnAuthenticCheckIsSaid(t *testing.T) {
	a := NewAgent(local, remote)
	build := func(kind uint16, value []byte) []byte {
		b := begin(nil, bindingRequest, make([]byte, 12))
		b = appendAttr(b, attrUsername, []byte("ours:them"))
		return finish(appendAttr(b, kind, value), local.Pwd)
	}
	for name, c := range map[string]struct {
		datagram []byte
		code     [2]byte
	}{
		"both are controlled":  {build(attrControlled, make([]byte, 8)), [2]byte{4, 87}},
		"an unknown attribute": {build(0x7777, nil), [2]byte{4, 20}},
	} {
		reply, e := a.Handle(c.datagram, phone, RTP, start)
		if e != Nothing || len(reply) < headerSize+8 || reply[0] != 1 || reply[1] != 0x11 || [2]byte(reply[headerSize+6:headerSize+8]) != c.code {
			t.Errorf("%s: event %v, answer %x", name, e, reply)
		}
	}
}

func TestARestartKeepsTheMediaWhereTheyAreUntilTheNextNomination(t *testing.T) {
	a := NewAgent(local, remote)
	a.Handle(Check(remote, local, [12]byte{1}, true), phone, RTP, start)
	again, theirs := NewCredentials(), NewCredentials()
	a.Restart(again, theirs)
	if reply, _ := a.Handle(Check(remote, local, [12]byte{2}, true), phone, RTP, start); reply == nil || a.Nominated(RTP) != phone {
		t.Error("a check of before the restart is not answered")
	}
	if _, e := a.Handle(Check(theirs, again, [12]byte{3}, true), other, RTP, start); e != Nominated || a.Nominated(RTP) != other {
		t.Errorf("after the restart: event %v, media at %v", e, a.Nominated(RTP))
	}
	if reply, _ := a.Handle(Check(remote, local, [12]byte{4}, true), phone, RTP, start); reply != nil {
		t.Error("credentials of before are still good")
	}
}

func TestChecksAndIndicationsAreConsent(t *testing.T) {
	a := NewAgent(local, remote)
	a.Handle(Check(remote, local, [12]byte{1}, true), phone, RTP, start)
	indication := func() []byte {
		b := begin(nil, bindingIndication, make([]byte, 12))
		return finish(b, local.Pwd)
	}
	a.Handle(indication(), other, RTP, start.Add(time.Minute))
	if a.Heard() != start {
		t.Error("an indication from elsewhere counts")
	}
	a.Handle(indication(), phone, RTP, start.Add(time.Minute))
	if a.Heard() != start.Add(time.Minute) {
		t.Error("an indication does not count")
	}
	a.Forget()
	if a.Nominated(RTP).IsValid() {
		t.Error("not forgotten")
	}
	if _, e := a.Handle(Check(remote, local, [12]byte{1}, true), phone, RTP, start); e != Nominated {
		t.Errorf("a nomination after that is event %v", e)
	}
}

// FuzzHandle holds that an agent survives every datagram, answers nothing that is
// not authentic, and that its answers are short messages.
func FuzzHandle(f *testing.F) {
	f.Add(Check(remote, local, [12]byte{1}, true))
	f.Add(Check(remote, Credentials{local.Ufrag, "forged"}, [12]byte{1}, true))
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
	f.Fuzz(func(t *testing.T, b []byte) {
		a := NewAgent(local, remote)
		reply, e := a.Handle(b, phone, RTP, start)
		if reply == nil {
			if e != Nothing {
				t.Fatalf("event %v without an answer", e)
			}
			return
		}
		m, ok := parse(b)
		if !ok || !m.authentic(local.Pwd) {
			t.Fatal("answered what is not authentic")
		}
		if len(reply) > maxReply || len(reply) > 3*len(b) {
			t.Fatalf("%d bytes in answer to %d", len(reply), len(b))
		}
	})
}
