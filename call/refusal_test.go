package call

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"mediaserver/sip"
)

// stranger is a caller with an offer of its own.
type stranger struct {
	*visitor
	offer   string
	refused int // the code it is told
}

func (s *stranger) Invitation() sip.Invitation {
	inv := s.visitor.Invitation()
	inv.Offer, inv.LocalAddr = []byte(s.offer), netip.MustParseAddr("192.0.2.1")
	return inv
}

func (s *stranger) Reject(code int, _ string, _ ...sip.Header) error {
	s.refused = code
	s.leaves(sip.ErrRejected)
	return nil
}

// An operator is told why a call got no further than its offer, on a line that no
// caller can make long.
func TestTheLogSaysWhyAnOfferIsRefused(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
	for name, test := range map[string]struct {
		offer, why string
		code       int
	}{
		"another codec": {head + "m=audio 4000 RTP/AVP 9\r\n", "no common codec", codeNotAcceptable},
		"another family": {
			"v=0\r\no=- 1 1 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP6 2001:db8::7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
			"address 2001:db8::7 cannot be reached from 192.0.2.1", codeNotAcceptable,
		},
		"no description": {"hello", "sdp: malformed", codeBadRequest},
		"many streams":   {head + strings.Repeat("m=audio 4000 RTP/AVP 9\r\n", 60), "no common codec", codeNotAcceptable},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			takesTurns(t, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(&out, nil)) }, func(t *testing.T, m *Manager, _ *diary) {
				far := &stranger{visitor: newVisitor(), offer: test.offer}
				far.callID = "its-call-id"
				m.HandleInvite(t.Context(), far, nil)
				if far.refused != test.code {
					t.Errorf("refused with %d, want %d: %s", far.refused, test.code, out.String())
				}
			})
			line := out.String()
			for _, part := range []string{`msg="call refused"`, "sip_call_id=its-call-id", test.why} {
				if !strings.Contains(line, part) {
					t.Errorf("the log does not say %s: %s", part, line)
				}
			}
			if len(line) > 600 {
				t.Errorf("a line of %d bytes", len(line))
			}
		})
	}
}

// What is told to the outside is no address of a call within the process.
func TestTheAddressForOthersRefusesNoCallWithinTheProcess(t *testing.T) {
	takesTurns(t, func(cfg *Config) { cfg.Advertise = netip.MustParseAddr("2001:db8::1") }, func(t *testing.T, m *Manager, _ *diary) {
		body := newVisitor().Invitation().Offer
		d := &localEnd{call: &localCall{offer: body}}
		if offer, code := m.offered(d, SecurityOptional, KeyingAny); offer == nil || code != 0 {
			t.Errorf("code %d for\n%s", code, body)
		}
	})
}
