package call

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"mediaserver/sip"
)

// ringsAt is the session description of one who rings and has audio at a port.
func ringsAt(port int) []byte {
	return bytes.Replace(newVisitor().Invitation().Offer, []byte("40000"), fmt.Append(nil, port), 1)
}

// Of several who ring, who is heard may change its session, and no other: the answer
// is theirs who has picked up, with what it has changed before, and of the others
// nothing counts from then on.
func TestOfThoseWhoRingOnlyWhoIsHeardChangesTheSession(t *testing.T) {
	const a, b = "one;a", "one;b"
	type step struct {
		by    string
		does  string // rings, offers or answers
		port  int
		code  int // of the refusal; 0: there is none
		heard int // where the audio goes then
	}
	for name, steps := range map[string][]step{
		"who is heard answers": {
			{a, "rings", 40000, 0, 40000},
			{b, "offers", 40002, codePending, 40000},
			{a, "answers", 40000, 0, 40000},
			{b, "offers", 40002, codeNoDialog, 40000},
			{a, "offers", 40004, 0, 40004},
		},
		"another answers": {
			{a, "rings", 40000, 0, 40000},
			{b, "rings", 40002, 0, 40002},
			{b, "offers", 40004, 0, 40004},
			{a, "offers", 40006, codePending, 40004},
			{a, "answers", 40000, 0, 40000},
			{b, "offers", 40004, codeNoDialog, 40000},
		},
		"who has changed its session answers": {
			{a, "rings", 40000, 0, 40000},
			{a, "offers", 40004, 0, 40004},
			{b, "rings", 40002, 0, 40002},
			{a, "answers", 40000, 0, 40004},
			{a, "offers", 40006, 0, 40006},
		},
		"who is heard repeats what it has said": {
			{a, "rings", 40000, 0, 40000}, {a, "offers", 40004, 0, 40004}, {a, "rings", 40000, 0, 40004}, {a, "answers", 40000, 0, 40004},
		},
	} {
		t.Run(name, func(t *testing.T) {
			takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
				c := m.newAttempt(Destination{Kind: ToSIP, Value: "sip:a@far.example"}, "", nil).call
				s := newSession(c, newVisitor(), netip.MustParseAddr("192.0.2.1"), false)
				if _, err := s.begin(nil); err != nil {
					t.Fatal(err)
				}
				for i, x := range steps {
					var err error
					switch x.does {
					case "rings":
						err = s.hear(x.by, ringsAt(x.port), true)
					case "answers":
						err = s.answered(x.by, ringsAt(x.port))
					default:
						_, err = s.Reoffer(x.by, ringsAt(x.port))
					}
					code := 0
					if status, ok := errors.AsType[*sip.StatusError](err); ok {
						code = status.Code
					} else if err != nil {
						t.Fatal(err)
					}
					if got := int(s.media.Remote.Port()); code != x.code || got != x.heard {
						t.Errorf("step %d: refused with %d, audio goes to port %d; want %+v", i+1, code, got, x)
					}
				}
			})
		})
	}
}
