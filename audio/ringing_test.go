package audio

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestRingingIsTheBritishToneByDefault(t *testing.T) {
	s := make([]int16, 2*24000)
	if n := Ringing(8000, RingingPattern{}).Read(s); n != len(s) {
		t.Fatalf("%d samples, want it endless", n)
	}
	type part struct {
		from, to float64 // [s]
		on       bool
	}
	parts := []part{
		{0, 0.4, true},
		{0.4, 0.6, false},
		{0.6, 1.0, true},
		{1.0, 3.0, false},
		{3.0, 3.4, true},
		{3.4, 3.6, false},
		{3.6, 4.0, true},
		{4.0, 6.0, false},
	}
	for _, p := range parts {
		piece := s[int(8000*p.from):int(8000*p.to)]
		if !p.on {
			if LevelDBov(piece) != MinDBov {
				t.Errorf("%v s to %v s: not silent", p.from, p.to)
			}
			continue
		}
		for _, f := range []float64{400, 450} {
			if got := ToneLevel(piece, 8000, f); math.Abs(got-(-19-3.01)) > 0.01 {
				t.Errorf("%v s to %v s: %v Hz at %.3f dBov, want -22.01", p.from, p.to, f, got)
			}
		}
		if share := ToneShare(piece, 8000, 400) + ToneShare(piece, 8000, 450); share < 0.9999 {
			t.Errorf("%v s to %v s: %.5f of the energy in the two tones", p.from, p.to, share)
		}
		// The burst fills its interval: sound in the first and the last 2 ms.
		if peak(piece[:16]) < 1000 || peak(piece[len(piece)-16:]) < 1000 {
			t.Errorf("%v s to %v s: the burst is shorter", p.from, p.to)
		}
	}
}

func TestParseRinging(t *testing.T) {
	const ms = time.Millisecond
	tests := map[string]struct {
		in   string
		want string
	}{
		"uk by name":                {"uk", "400+450@-19: 0.4 on 0.2 off 0.4 on 2 off"},
		"names in any case":         {" US ", "440+480@-19: 2 on 4 off"},
		"eu by name":                {"eu", "425@-19: 1 on 4 off"},
		"cadence as documented":     {"400+450@-19: 0.4 on 0.2 off 0.4 on 2.0 off", "400+450@-19: 0.4 on 0.2 off 0.4 on 2 off"},
		"level left out is -19":     {"425: 1 on 4 off", "425@-19: 1 on 4 off"},
		"white space is free":       {" 425 + 450 @ -10 :1 on\t4 off ", "425+450@-10: 1 on 4 off"},
		"last pause may be missing": {"425:0.5 on 0.1 off 0.25 on", "425@-19: 0.5 on 0.1 off 0.25 on"},
		"fraction of a hertz":       {"425.5@-18.5: 1 on 1 off", "425.5@-18.5: 1 on 1 off"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := ParseRinging(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if p.String() != tt.want {
				t.Errorf("got %q, want %q", p.String(), tt.want)
			}
			again, err := ParseRinging(p.String())
			if err != nil || again.String() != p.String() {
				t.Errorf("its text reads as %q, error %v", again, err)
			}
		})
	}
	p, _ := ParseRinging("uk")
	want := []Burst{{400 * ms, 200 * ms}, {400 * ms, 2000 * ms}}
	if len(p.Bursts) != 2 || p.Bursts[0] != want[0] || p.Bursts[1] != want[1] || p.Cycle() != 3*time.Second {
		t.Errorf("uk has bursts %v", p.Bursts)
	}
}

func TestParseRingingSaysWhatIsWrong(t *testing.T) {
	tests := map[string]struct{ in, says string }{
		"empty":               {"", `neither "uk", "us", "eu" nor a cadence`},
		"unknown name":        {"fr", `"fr" is neither`},
		"no frequency":        {": 1 on 1 off", `frequency "" is not a number`},
		"bad frequency":       {"4x0: 1 on 1 off", `frequency "4x0" is not a number`},
		"NaN":                 {"NaN: 1 on 1 off", "not within 50 to 3400"},
		"frequency too high":  {"4000: 1 on 1 off", "not within 50 to 3400"},
		"too many":            {"400+410+420+430+440: 1 on", "5 frequencies"},
		"bad level":           {"400@loud: 1 on", `level "loud" is not a number`},
		"level overloads":     {"400+450@-3: 1 on", "not within -60 to -6.1"},
		"level infinite":      {"400@-Inf: 1 on", "not within -60"},
		"no intervals":        {"400:", "no intervals"},
		"begins with a pause": {"400: 1 off 1 on", `begins with "off"`},
		"two bursts":          {"400: 1 on 1 on", `two "on" in a row at "1 on"`},
		"two pauses":          {"400: 1 on 1 off 2 off", `two "off" in a row at "2 off"`},
		"no word":             {"400: 1 on 2", `"2" is not followed by "on" or "off"`},
		"wrong word":          {"400: 1 on 2 of", `"of" in place of`},
		"bad seconds":         {"400: x on", `"x" is not a number of seconds`},
		"no time":             {"400: 0 on", "0 s is not within 10ms to 1m0s"},
		"negative time":       {"400: -1 on", "not within"},
		"cycle too long":      {"400: 40 on 40 off", "the cycle takes 1m20s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := ParseRinging(tt.in)
			if !errors.Is(err, ErrRinging) {
				t.Fatalf("got %v, error %v; want ErrRinging", p, err)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
		})
	}
}

func TestBurstThatEndsInTheMiddleOfACycleFadesOut(t *testing.T) {
	p, err := ParseRinging("425@-6: 0.1003 on 0.1 off")
	if err != nil {
		t.Fatal(err)
	}
	c := p.Clip(8000)
	end := samplesOf(p.Bursts[0].On, 8000)
	if got := peak(c.Samples[end-1 : end+1]); got > 200 {
		t.Errorf("burst breaks off at %d", got)
	}
}

func FuzzParseRinging(f *testing.F) {
	for _, s := range []string{"uk", "us", "eu", "400+450@-19: 0.4 on 0.2 off 0.4 on 2.0 off", "425: 1 on", "@:", "1e2@-1e1: 1e0 on"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseRinging(s)
		if err != nil {
			return
		}
		again, err := ParseRinging(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q reads as %q, which reads as %q, error %v", s, p, again, err)
		}
		if c := p.Clip(8000); len(c.Samples) == 0 || c.Duration() > maxRingingCycle+time.Second {
			t.Fatalf("%q makes a clip of %v", s, c.Duration())
		}
	})
}
