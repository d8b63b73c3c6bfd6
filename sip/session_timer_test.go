package sip

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// withFields is a message with header fields.
func withFields(hs ...Header) *sipgo.Request {
	req := sipgo.NewRequest(sipgo.INVITE, sipgo.Uri{Scheme: "sip", Host: "h"})
	appendHeaders(req, hs)
	return req
}

func TestTermsOfSessionTimers(t *testing.T) {
	tests := []struct {
		name string
		h    []Header
		want timerTerms
		bad  bool
	}{
		{"nothing is said", nil, timerTerms{}, false},
		{"an interval with its refresher", []Header{{"Session-Expires", "1800;refresher=uas"}, {"Supported", "100rel, timer"}}, timerTerms{expires: 1800, refresher: refresherUAS, supported: true}, false},
		{"white space", []Header{{"Session-Expires", " 90 ; refresher = UAC ;a=b"}, {"Supported", "timer"}}, timerTerms{expires: 90, refresher: refresherUAC, supported: true}, false},
		{"who requires it supports it", []Header{{"Require", "timer"}}, timerTerms{supported: true}, false},
		{"Min-SE with a parameter", []Header{{"Min-SE", "120;x"}}, timerTerms{min: 120}, false},
		{"a number that is too large counts as the largest", []Header{{"Session-Expires", "99999999999999999999"}}, timerTerms{expires: maxDelta}, false},
		{"zero is no interval", []Header{{"Session-Expires", "0"}}, timerTerms{}, true},
		{"no number", []Header{{"Session-Expires", "soon"}}, timerTerms{}, true},
		{"a negative number", []Header{{"Session-Expires", "-90"}}, timerTerms{}, true},
		{"two intervals", []Header{{"Session-Expires", "90"}, {"Session-Expires", "91"}}, timerTerms{}, true},
		{"a refresher that nobody is", []Header{{"Session-Expires", "90;refresher=proxy"}}, timerTerms{}, true},
		{"Min-SE without a number", []Header{{"Min-SE", ""}}, timerTerms{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := readTimerTerms(withFields(tt.h...))
			if ok == tt.bad || ok && got != tt.want {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

// The table of RFC 4028 §9, and what we ask for ourselves.
func TestSessionTimerAsUAS(t *testing.T) {
	tests := []struct {
		name    string
		p       timerPolicy
		req     timerTerms
		want    agreement
		headers []Header
		code    int
	}{
		{"nobody asks: no timer", timerPolicy{0, 90}, timerTerms{supported: true}, agreement{}, nil, 0},
		{
			"the caller asks and is to refresh",
			timerPolicy{0, 90},
			timerTerms{expires: 600, refresher: refresherUAC, supported: true},
			agreement{600, false},
			[]Header{{"Session-Expires", "600;refresher=uac"}, {"Require", "timer"}},
			0,
		},
		{
			"the caller asks us to refresh",
			timerPolicy{0, 90},
			timerTerms{expires: 600, refresher: refresherUAS, supported: true},
			agreement{600, true},
			[]Header{{"Session-Expires", "600;refresher=uas"}, {"Require", "timer"}},
			0,
		},
		{
			"the caller does not say who: the caller",
			timerPolicy{0, 90},
			timerTerms{expires: 600, supported: true},
			agreement{600, false},
			[]Header{{"Session-Expires", "600;refresher=uac"}, {"Require", "timer"}},
			0,
		},
		{
			"a proxy asks for a caller that cannot: we refresh",
			timerPolicy{0, 90},
			timerTerms{expires: 600, refresher: refresherUAC},
			agreement{600, true},
			[]Header{{"Session-Expires", "600;refresher=uas"}},
			0,
		},
		{
			"we ask a caller that can",
			timerPolicy{300, 90},
			timerTerms{supported: true},
			agreement{300, false},
			[]Header{{"Session-Expires", "300;refresher=uac"}, {"Require", "timer"}},
			0,
		},
		{
			"we ask a caller that cannot",
			timerPolicy{300, 90},
			timerTerms{},
			agreement{300, true},
			[]Header{{"Session-Expires", "300;refresher=uas"}},
			0,
		},
		{
			"we want it shorter, not below Min-SE",
			timerPolicy{300, 90},
			timerTerms{expires: 900, min: 400, supported: true},
			agreement{400, false},
			[]Header{{"Session-Expires", "400;refresher=uac"}, {"Require", "timer"}},
			0,
		},
		{
			"never longer than asked",
			timerPolicy{300, 90},
			timerTerms{expires: 100, min: 90, supported: true},
			agreement{100, false},
			[]Header{{"Session-Expires", "100;refresher=uac"}, {"Require", "timer"}},
			0,
		},
		{"too short", timerPolicy{0, 120}, timerTerms{expires: 100, supported: true}, agreement{}, []Header{{"Min-SE", "120"}}, 422},
		{
			"too short, but the caller could not do better",
			timerPolicy{0, 120},
			timerTerms{expires: 100},
			agreement{100, true},
			[]Header{{"Session-Expires", "100;refresher=uas"}},
			0,
		},
		{
			"no interval at all, for a caller that cannot",
			timerPolicy{0, 90},
			timerTerms{expires: 1},
			agreement{leastExpires, true},
			[]Header{{"Session-Expires", "30;refresher=uas"}},
			0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, h, r := tt.p.judge(tt.req)
			if r != nil {
				h = r.headers
			}
			if (r == nil) != (tt.code == 0) || r != nil && r.code != tt.code {
				t.Fatalf("refusal %+v, want %d", r, tt.code)
			}
			if got != tt.want || !slices.Equal(h, tt.headers) {
				t.Errorf("got %+v %v, want %+v %v", got, h, tt.want, tt.headers)
			}
		})
	}
}

func TestSessionTimerAsUAC(t *testing.T) {
	tests := []struct {
		name string
		res  timerTerms
		want agreement
	}{
		{"the far end does without", timerTerms{}, agreement{}},
		{"we refresh", timerTerms{expires: 90, refresher: refresherUAC}, agreement{90, true}},
		{"the far end refreshes", timerTerms{expires: 90, refresher: refresherUAS}, agreement{90, false}},
		{"it is not said who: we do", timerTerms{expires: 90}, agreement{90, true}},
		{"an interval that nobody may ask for is not followed", timerTerms{expires: 1, refresher: refresherUAC}, agreement{leastExpires, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := agreed(tt.res); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSessionIsGivenUpBeforeItsEnd(t *testing.T) {
	timers := Timers{}.withDefaults()
	for _, tt := range []struct {
		expires uint32
		want    time.Duration
	}{{1800, 1768 * time.Second}, {96, 64 * time.Second}, {90, 60 * time.Second}} {
		if got := (agreement{expires: tt.expires}).deadline(timers); got != tt.want {
			t.Errorf("interval %d s: given up after %v, want %v", tt.expires, got, tt.want)
		}
	}
}

func TestExtensionsAreChecked(t *testing.T) {
	tests := []struct {
		name string
		e    Extensions
		ok   bool
	}{
		{"nothing asked", Extensions{}, true},
		{"half an hour", Extensions{SessionExpires: 30 * time.Minute}, true},
		{"shorter than the RFC allows", Extensions{SessionExpires: 89 * time.Second}, false},
		{"shorter than our own least", Extensions{SessionExpires: 100 * time.Second, MinSE: 120 * time.Second}, false},
		{"a least below the RFC's", Extensions{MinSE: 60 * time.Second}, false},
		{"an unknown mode", Extensions{Reliable: 9}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := (Config{Extensions: tt.e}).validate(); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestReliableModes(t *testing.T) {
	for _, m := range []ReliableMode{ReliableOff, ReliableSupported, ReliableRequired} {
		if got, err := ParseReliableMode(m.String()); err != nil || got != m {
			t.Errorf("%v: got %v, %v", m, got, err)
		}
	}
	if _, err := ParseReliableMode("sometimes"); err == nil {
		t.Error("an unknown mode was read")
	}
}

// Virtual time, with the intervals as they are: nothing happens before the
// deadline, and nothing can put it off but a refresh.
func TestSessionIsHungUpAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		p := &peer{ua: u, callID: "c", flow: &flow{ua: u, to: netip.MustParseAddrPort("192.0.2.9:5060")}, target: sipgo.Uri{Scheme: "sip", Host: "192.0.2.1"}, remote: sipgo.ToHeader{Address: sipgo.Uri{Scheme: "sip", Host: "192.0.2.1"}}}
		d := newDialog(u, dialogID{callID: "c", localTag: "t"}, p, cancel)
		d.state = stateConfirmed
		if !u.dialogs.add(d) {
			t.Fatal("no room")
		}
		d.keepSession(agreement{expires: 1800})
		time.Sleep(1700 * time.Second)
		d.keepSession(agreement{expires: 1800}) // refreshed
		time.Sleep(1767 * time.Second)
		if synctest.Wait(); d.Err() != nil {
			t.Fatalf("ended too early: %v", d.Err())
		}
		time.Sleep(time.Second)
		if synctest.Wait(); !errors.Is(d.Err(), ErrExpired) || !errors.Is(context.Cause(ctx), ErrExpired) {
			t.Errorf("ended with %v", d.Err())
		}
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
}
