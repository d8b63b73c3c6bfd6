package dtmf

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestParseInfo(t *testing.T) {
	tests := []struct {
		name, contentType, body string
		want                    Digit
		err                     error
	}{
		{"relay", RelayType, "Signal=5\r\nDuration=160\r\n", '5', nil},
		{"relay without duration", RelayType, "Signal=5", '5', nil},
		{"relay with spaces", RelayType, " Signal = 5 \r\n Duration = 160 \r\n", '5', nil},
		{"relay in bare line feeds", RelayType, "\nsignal=#\nduration=100\n", '#', nil},
		{"relay in bare carriage returns", RelayType, "Duration=100\rSIGNAL=*\r", '*', nil},
		{"relay of a letter", RelayType, "Signal=d\r\n", 'D', nil},
		{"relay of code 10", RelayType, "Signal=10\r\n", '*', nil},
		{"relay of code 11", RelayType, "Signal=11\r\n", '#', nil},
		{"relay of code 15", RelayType, "Signal=15\r\n", 'D', nil},
		{"relay of hook flash", RelayType, "Signal=16\r\n", 0, ErrInfo},
		{"relay with a duration that is none", RelayType, "Signal=1\r\nDuration=long\r\n", '1', nil},
		{"content type with parameter and case", "Application/DTMF-Relay ; charset=utf-8", "Signal=1", '1', nil},
		{"relay without signal", RelayType, "5", 0, ErrInfo},
		{"relay with nothing in it", RelayType, "", 0, ErrInfo},
		{"relay with an empty signal", RelayType, "Signal=\r\nSignal=5", 0, ErrInfo},
		{"relay of two digits", RelayType, "Signal=55", 0, ErrInfo},
		{"relay of three characters", RelayType, "Signal=111", 0, ErrInfo},
		{"plain", PlainType, "5", '5', nil},
		{"plain with space around", PlainType, " \t5\r\n\r\n", '5', nil},
		{"plain code 11", PlainType, "11\r\n", '#', nil},
		{"plain type, relay body", PlainType, "Signal=7\r\nDuration=250", '7', nil},
		{"plain with nothing in it", PlainType, "\r\n", 0, ErrInfo},
		{"plain of no digit", PlainType, "x", 0, ErrInfo},
		{"another type", "application/sdp", "5", 0, ErrInfoType},
		{"no type", "", "5", 0, ErrInfoType},
		{"too long", PlainType, string(make([]byte, maxInfo+1)), 0, ErrInfo},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseInfo(tt.contentType, []byte(tt.body))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestInfoRoundTrip(t *testing.T) {
	for i := range len(digits) {
		d := Digit(digits[i])
		body := AppendInfo(nil, d, 160*time.Millisecond)
		if want := fmt.Sprintf("Signal=%v\r\nDuration=160\r\n", d); string(body) != want {
			t.Errorf("body %q, want %q", body, want)
		}
		if got, err := ParseInfo(RelayType, body); got != d || err != nil {
			t.Errorf("%v: got %v, %v", d, got, err)
		}
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add(RelayType, []byte("Signal=5\r\nDuration=160\r\n"))
	f.Add(RelayType, []byte("Signal = 11"))
	f.Add(PlainType, []byte(" * \r\n"))
	f.Add("application/dtmf;x=y", []byte("=\r=\n"))
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		d, err := ParseInfo(contentType, body)
		if d.Valid() != (err == nil) {
			t.Fatalf("%v, %v", d, err)
		}
		if err == nil {
			if again, err := ParseInfo(RelayType, AppendInfo(nil, d, time.Second)); again != d || err != nil {
				t.Fatalf("printed and parsed again: %v, %v", again, err)
			}
		}
	})
}

func TestDedup(t *testing.T) {
	type in struct {
		after time.Duration
		cseq  uint32 // 0: in-band
		digit Digit
		want  bool
	}
	ms := time.Millisecond
	tests := []struct {
		name    string
		reports []in
	}{
		{"info then tone within 200 ms is one press", []in{{0, 1, '5', true}, {200 * ms, 0, '5', false}}},
		{"tone then info within 200 ms is one press", []in{{0, 0, '5', true}, {200 * ms, 1, '5', false}}},
		{"beyond 200 ms they are two", []in{{0, 1, '5', true}, {201 * ms, 0, '5', true}}},
		{"different digits are two", []in{{0, 1, '5', true}, {10 * ms, 0, '6', true}}},
		{"the same sequence number counts once", []in{{0, 9, '5', true}, {500 * ms, 9, '5', false}, {5 * time.Second, 9, '5', false}}},
		{"an older sequence number repeated counts once", []in{{0, 8, '5', true}, {ms, 9, '6', true}, {ms, 8, '5', false}}},
		{"new sequence numbers are presses", []in{{0, 1, '5', true}, {100 * ms, 2, '5', true}, {100 * ms, 3, '5', true}}},
		{"tones are presses", []in{{0, 0, '5', true}, {100 * ms, 0, '5', true}}},
		{"two quick presses by both methods are two", []in{{0, 0, '5', true}, {50 * ms, 1, '5', false}, {100 * ms, 0, '5', true}, {40 * ms, 2, '5', false}}},
		{"two quick presses, reports of one method first", []in{{0, 1, '5', true}, {80 * ms, 2, '5', true}, {20 * ms, 0, '5', false}, {80 * ms, 0, '5', false}, {0, 0, '5', true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d Dedup
			now := time.Now()
			for i, r := range tt.reports {
				now = now.Add(r.after)
				got := false
				if r.cseq == 0 {
					got = d.InBand(r.digit, now)
				} else {
					got = d.Info(r.cseq, r.digit, now)
				}
				if got != r.want {
					t.Errorf("report %d: counts %v, want %v", i+1, got, r.want)
				}
			}
		})
	}
}

func TestDedupStaysBounded(t *testing.T) {
	var d Dedup
	now := time.Now()
	for i := range uint32(1000) {
		if !d.Info(i+1, '1', now) {
			t.Fatalf("INFO %d does not count", i+1)
		}
		if d.Info(i+1, '1', now) {
			t.Fatalf("INFO %d counts again", i+1)
		}
	}
}
