package call

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"mediaserver/sip"
)

// forked is a Dialer that sends an INVITE for each of its names. Who is called has
// no time, or answers.
type forked struct {
	names   []string
	answers string // by whom the call is answered; "": by nobody
}

func (forked) Route(context.Context, string) (netip.Addr, error) {
	return netip.MustParseAddr("192.0.2.1"), nil
}

func (f forked) Dial(_ context.Context, r sip.InviteRequest, onProgress func(sip.Progress)) (OutboundDialog, error) {
	for _, name := range f.names {
		r.Named(name)
	}
	onProgress(sip.Progress{Code: codeRinging})
	if f.answers == "" {
		return nil, &sip.StatusError{Code: codeBusy}
	}
	far := newVisitor()
	far.callID = f.answers
	return far, nil
}

// Whoever has the logs of the far end finds the call by its Call-ID, also one that
// was not answered, and one whose far end was exchanged.
func TestCallsAreToldByTheirCallID(t *testing.T) {
	outbound := DialOptions{Destination: Destination{Kind: ToSIP, Value: "sip:a@far.example"}}
	for name, test := range map[string]struct {
		dialer forked
		course func(t *testing.T, m *Manager)
		told   []string // by the events that tell it, in their order
	}{
		"inbound": {course: func(t *testing.T, m *Manager) {
			far := newVisitor()
			far.callID = "in"
			c := far.answered(t, m)
			if calls := m.Calls(); len(calls) != 1 || calls[0].SIPCallID != "in" {
				t.Errorf("calls %+v", calls)
			}
			if _, err := c.enterRoom(ConferenceOptions{Name: "room"}.withDefaults()); err != nil {
				t.Error(err)
			}
			c.HangUp(Completed)
		}, told: []string{"call.started in", "call.ringing in", "call.answered in", "call.started ", "call.answered ", "call.ended in"}},
		"outbound, refused": {dialer: forked{names: []string{"out"}}, course: func(t *testing.T, m *Manager) {
			if _, err := m.Dial(t.Context(), outbound); err == nil {
				t.Error("it was answered")
			}
		}, told: []string{"call.started ", "call.ringing out", "call.ended out"}},
		"outbound, answered at one of two places": {
			dialer: forked{names: []string{"one", "two"}, answers: "one"},
			course: func(t *testing.T, m *Manager) {
				c, err := m.Dial(t.Context(), outbound)
				if err != nil {
					t.Fatal(err)
				}
				if id := c.Info().SIPCallID; id != "one" {
					t.Errorf("answered as %q", id)
				}
				c.HangUp(Completed)
			}, told: []string{"call.started ", "call.ringing two", "call.answered one", "call.ended one"},
		},
		"transferred": {
			dialer: forked{names: []string{"third"}, answers: "third"},
			course: func(t *testing.T, m *Manager) {
				far := newVisitor()
				far.callID = "in"
				c := far.answered(t, m)
				c.transfer(t.Context(), target{to: outbound.Destination}, &sip.Referral{})
				c.HangUp(Completed)
			}, told: []string{"call.started in", "call.ringing in", "call.answered in", "call.transferred third", "call.ended third"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			takesTurns(t, func(cfg *Config) { cfg.Dialer = test.dialer }, func(t *testing.T, m *Manager, d *diary) {
				var told []string
				d.told = func(e Event) {
					switch e.Type {
					case CallStarted, CallRinging, CallAnswered, CallTransferred, CallEnded:
						told = append(told, string(e.Type)+" "+e.SIPCallID)
					default:
						if e.SIPCallID != "" {
							t.Errorf("%s tells %q", e.Type, e.SIPCallID)
						}
					}
				}
				test.course(t, m)
				if !slices.Equal(told, test.told) {
					t.Errorf("told %q, want %q", told, test.told)
				}
			})
		})
	}
}
