package dtmf_test

import (
	"testing"
	"time"

	"mediaserver/dtmf"
)

const second = time.Second

// typed is a key pressed at a time after the start of the input.
type typed struct {
	at  time.Duration
	key dtmf.Digit
}

func TestCollector(t *testing.T) {
	numbers, _ := dtmf.ParseSet("0123456789")
	at := func(keys string, every time.Duration) []typed {
		var list []typed
		for i, k := range []byte(keys) {
			list = append(list, typed{time.Duration(i+1) * every, dtmf.Digit(k)})
		}
		return list
	}
	base := dtmf.Rules{End: '#', Help: '*', Valid: numbers, Initial: 5 * second, InterDigit: 5 * second}
	with := func(change func(*dtmf.Rules)) dtmf.Rules {
		r := base
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name   string
		rules  dtmf.Rules
		keys   []typed
		until  time.Duration // looked at the clock; 0: not
		want   dtmf.Outcome
		digits string
	}{
		{"the end digit completes and is no part", base, at("1234#", second), 0, dtmf.Complete, "1234"},
		{"the end digit alone is an empty input", base, at("#", second), 0, dtmf.Complete, ""},
		{"as many digits as wanted complete", with(func(r *dtmf.Rules) { r.Count = 3 }), at("123", second), 0, dtmf.Complete, "123"},
		{"what comes after the end changes nothing", with(func(r *dtmf.Rules) { r.Count = 2 }), at("12*9", second), 0, dtmf.Complete, "12"},
		{"the end digit comes before all are there", with(func(r *dtmf.Rules) { r.Count = 9 }), at("12#", second), 0, dtmf.Complete, "12"},
		{"more digits are awaited", base, at("12", second), 6900 * time.Millisecond, dtmf.Collecting, "12"},
		{"a digit that is not accepted", base, at("1A", second), 0, dtmf.Invalid, "1"},
		{"without end digit # is like any other", with(func(r *dtmf.Rules) { r.End, r.Count = 0, 4 }), at("1#", second), 0, dtmf.Invalid, "1"},
		{"the help digit asks for help", base, at("12*", second), 0, dtmf.HelpAsked, "12"},
		{"without help digit * is like any other", with(func(r *dtmf.Rules) { r.Help = 0 }), at("*", second), 0, dtmf.Invalid, ""},
		{"the end digit goes before help and accepted digits", with(func(r *dtmf.Rules) { r.Help, r.Valid = '#', numbers|dtmf.NewSet('#') }), at("1#", second), 0, dtmf.Complete, "1"},
		{"help goes before accepted digits", with(func(r *dtmf.Rules) { r.Help = '0' }), at("10", second), 0, dtmf.HelpAsked, "1"},
		{"no first digit in time", with(func(r *dtmf.Rules) { r.Initial = 2 * second }), nil, 2 * second, dtmf.TimedOut, ""},
		{"the first digit just in time", with(func(r *dtmf.Rules) { r.Initial = 2 * second }), at("1", 1999*time.Millisecond), 2 * second, dtmf.Collecting, "1"},
		{"no further digit in time", base, at("12", second), 7 * second, dtmf.TimedOut, "12"},
		{"a digit that is too late does not count", base, []typed{{second, '1'}, {6 * second, '2'}}, 0, dtmf.TimedOut, "1"},
		{"the whole input is bounded too", with(func(r *dtmf.Rules) { r.Total = 4 * second }), at("123", second), 4 * second, dtmf.TimedOut, "123"},
		{"without bounds it lasts for ever", dtmf.Rules{Valid: numbers, End: '#'}, at("1", time.Hour), 1000 * time.Hour, dtmf.Collecting, "1"},
		{"a bound below zero is none", with(func(r *dtmf.Rules) { r.Initial, r.InterDigit = -1, -1 }), at("1", time.Hour), 2 * time.Hour, dtmf.Collecting, "1"},
		{"at once, nothing there", with(func(r *dtmf.Rules) { r.AtOnce = true }), nil, 1, dtmf.Complete, ""},
		{"at once, with what is there", with(func(r *dtmf.Rules) { r.AtOnce = true }), at("12", 1), 3, dtmf.Complete, "12"},
		{"no digit at all is ignored", base, []typed{{1, 0}}, 0, dtmf.Collecting, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Unix(1000, 0)
			c := dtmf.NewCollector(tt.rules, start)
			for _, k := range tt.keys {
				c.Press(k.key, start.Add(k.at))
			}
			if tt.until > 0 {
				c.Check(start.Add(tt.until))
			}
			if c.Outcome() != tt.want || c.Digits() != tt.digits {
				t.Errorf("%v with %q, want %v with %q", c.Outcome(), c.Digits(), tt.want, tt.digits)
			}
		})
	}
}

func TestCollectorIsBounded(t *testing.T) {
	numbers, _ := dtmf.ParseSet("1")
	start := time.Unix(0, 0)
	c := dtmf.NewCollector(dtmf.Rules{Valid: numbers}, start)
	for range 2 * dtmf.MaxInput {
		c.Press('1', start)
	}
	if c.Outcome() != dtmf.Complete || len(c.Digits()) != dtmf.MaxInput {
		t.Errorf("%v with %d digits", c.Outcome(), len(c.Digits()))
	}
}

// FuzzCollector holds an input against what its rules say of it.
func FuzzCollector(f *testing.F) {
	f.Add("12#", uint16(0x3ff), uint8(4), int64(3), int64(2), int64(0), int64(10))
	f.Add("*12", uint16(0xffff), uint8(0), int64(-1), int64(0), int64(7), int64(1))
	f.Fuzz(func(t *testing.T, keys string, valid uint16, count uint8, initial, inter, total, step int64) {
		rules := dtmf.Rules{
			Count: int(count % 65), End: '#', Help: '*', Valid: dtmf.Set(valid),
			Initial: time.Duration(initial), InterDigit: time.Duration(inter), Total: time.Duration(total),
		}
		now := time.Unix(0, 0)
		c := dtmf.NewCollector(rules, now)
		was := dtmf.Collecting
		for _, k := range []byte(keys) {
			now = now.Add(time.Duration(step % 1000))
			o := c.Press(dtmf.Digit(k), now)
			if was != dtmf.Collecting && o != was {
				t.Fatalf("%v became %v", was, o)
			}
			was = o
		}
		digits := c.Digits()
		if rules.Count > 0 && len(digits) > rules.Count {
			t.Errorf("%d digits of %d", len(digits), rules.Count)
		}
		for _, d := range []byte(digits) {
			if !rules.Valid.Has(dtmf.Digit(d)) || d == '#' || d == '*' {
				t.Errorf("%q is in the input", d)
			}
		}
	})
}

func TestSet(t *testing.T) {
	all, ok := dtmf.ParseSet("0123456789*#ABCD")
	if !ok || all != 0xffff || all.String() != "0123456789*#ABCD" {
		t.Errorf("%v %v", all, ok)
	}
	if s, ok := dtmf.ParseSet("#1#"); !ok || s.String() != "1#" || !s.Has('1') || s.Has('2') || s.Has(0) {
		t.Errorf("%v %v", s, ok)
	}
	if s, ok := dtmf.ParseSet(""); !ok || s != 0 {
		t.Errorf("%v %v", s, ok)
	}
	for _, bad := range []string{"a", "1 2", "é", "E", "\x00"} {
		if s, ok := dtmf.ParseSet(bad); ok {
			t.Errorf("%q is the set %v", bad, s)
		}
	}
	if s := dtmf.NewSet('1', 0, 'x', 'A'); s.String() != "1A" {
		t.Errorf("%v", s)
	}
}
