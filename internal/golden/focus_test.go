package golden

import (
	"context"
	"net/netip"
	"sync"
	"testing"

	"mediaserver/call"
	"mediaserver/sip"
)

// focus answers calls to rooms elsewhere: how is set by the test.
type focus struct {
	answer func(ctx context.Context, r sip.InviteRequest) (call.OutboundDialog, error)
}

func (focus) Route(context.Context, string) (netip.Addr, error) {
	return netip.MustParseAddr("192.0.2.100"), nil
}

func (f focus) Dial(ctx context.Context, r sip.InviteRequest, _ func(sip.Progress)) (call.OutboundDialog, error) {
	if f.answer != nil {
		return f.answer(ctx, r)
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// remote is a phone that is called: a focus elsewhere.
type remote struct{ *phone }

func (r remote) RemoteBody() []byte { return offer(9000, true) }

var elsewhere = call.Destinations{{Match: "ext-*", Address: "sip:{name}@focus.test"}}

// answering is a focus that answers every call; the call that reaches it is
// what the function returns.
func answering(w *world) (dial func(context.Context, sip.InviteRequest) (call.OutboundDialog, error), answered func() *phone) {
	var mu sync.Mutex
	var reached *phone
	dial = func(_ context.Context, r sip.InviteRequest) (call.OutboundDialog, error) {
		mu.Lock()
		defer mu.Unlock()
		reached = w.phoneOf(r.To, w.outbound)
		reached.wire.heard = reached.hear
		reached.say(toneQ)
		close(reached.up)
		w.tasks.Go(reached.run)
		return remote{reached}, nil
	}
	return dial, func() *phone {
		mu.Lock()
		defer mu.Unlock()
		return reached
	}
}

func TestRoomElsewhereHearsAndIsHeard(t *testing.T) {
	f := &focus{}
	run(t, options{destinations: elsewhere, dialer: f}, func(w *world) {
		dial, reached := answering(w)
		f.answer = dial
		w.on("first", answer(allPages("ext-7", quiet(dict{"exit_digit": "#", "mute_digit": "7"}))))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		a.press("7")
		w.at(6 * second)
		a.press("7")
		w.at(8 * second)
		a.press("#")
		w.at(9 * second)
		b := reached()
		if b.name != "sip:ext-7@focus.test" {
			t.Errorf("dialled %s", b.name)
		}
		a.hears(toneQ, 500*milli, 8*second)
		b.hears(toneP, 500*milli, 4*second)
		b.hearsSilence(4060*milli, 6*second)
		b.hears(toneP, 6200*milli, 8*second)
		w.wantAsked(p, "first", "sfirst", "sfinal", "next", "final")
		wantValue(t, w.request("sfinal", p).info, "completed", "this_call", "call_cause")
		if b.Err() == nil {
			t.Error("the focus was not hung up")
		}
	})
}

func TestRoomElsewhereListenerSendsSilence(t *testing.T) {
	f := &focus{}
	run(t, options{destinations: elsewhere, dialer: f}, func(w *world) {
		dial, reached := answering(w)
		f.answer = dial
		w.on("first", answer(join("ext-7", quiet(dict{"talker": false}))))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		a.hears(toneQ, 500*milli, 4*second)
		reached().hearsSilence(0, 4*second)
	})
}

func TestRoomElsewhereHangsUp(t *testing.T) {
	f := &focus{}
	run(t, options{destinations: elsewhere, dialer: f}, func(w *world) {
		dial, reached := answering(w)
		f.answer = dial
		w.on("first", answer(endPages("ext-7", quiet())))
		w.dial(p, phoneOptions{})
		w.at(4 * second)
		reached().hangUp()
		w.at(5 * second)
		w.wantAsked(p, "first", "sfinal", "next", "final")
		wantValue(t, w.request("sfinal", p).info, "hung_up", "this_call", "call_cause")
		wantValue(t, w.request("next", p).info, 4, "action_result", "result", "seconds_connected_duration")
	})
}

func TestRoomElsewhereRefuses(t *testing.T) {
	for code, want := range map[int]string{486: "CONFERENCE_BUSY", 600: "CONFERENCE_BUSY", 404: "CONNECT_FAILED", 503: "CONNECT_FAILED"} {
		t.Run(want, func(t *testing.T) {
			f := &focus{answer: func(context.Context, sip.InviteRequest) (call.OutboundDialog, error) {
				return nil, &sip.StatusError{Code: code}
			}}
			run(t, options{destinations: elsewhere, dialer: f}, func(w *world) {
				w.on("first", answer(endPages("ext-7", quiet())))
				w.dial(p, phoneOptions{})
				w.at(second)
				w.wantAsked(p, "first", "serror", "final")
				wantCode(t, w.request("serror", p), want)
			})
		})
	}
}

func TestRoomElsewherePrimaryGoneWhileDialling(t *testing.T) {
	cancelled := false
	f := &focus{answer: func(ctx context.Context, _ sip.InviteRequest) (call.OutboundDialog, error) {
		<-ctx.Done()
		cancelled = true
		return nil, context.Cause(ctx)
	}}
	run(t, options{destinations: elsewhere, dialer: f}, func(w *world) {
		w.on("first", answer(endPages("ext-7", quiet())))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.hangUp()
		w.at(3 * second)
		if !cancelled {
			t.Error("the attempt goes on without its caller")
		}
		w.wantAsked(p, "first", "final")
	})
}
