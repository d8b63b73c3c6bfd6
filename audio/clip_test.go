package audio

import (
	"slices"
	"testing"
	"time"
)

func clipOf(samples ...int16) Clip { return Clip{Rate: 8000, Samples: samples} }

// readAll reads in pieces of n until the source ends or most samples are there.
func readAll(s Source, n, most int) []int16 {
	var all []int16
	buf := make([]int16, n)
	for len(all) < most {
		k := s.Read(buf)
		all = append(all, buf[:k]...)
		if k < n {
			break
		}
	}
	return all[:min(len(all), most)]
}

func TestSequence(t *testing.T) {
	a, b, empty := clipOf(1, 2, 3), clipOf(4, 5), clipOf()
	tests := map[string]struct {
		s    Source
		want []int16
	}{
		"clips follow without a gap": {Sequence([]Clip{a, b}, false), []int16{1, 2, 3, 4, 5}},
		"empty clips do not matter":  {Sequence([]Clip{empty, a, empty, b, empty}, false), []int16{1, 2, 3, 4, 5}},
		"no clips end at once":       {Sequence(nil, false), nil},
		"a loop has no gap":          {Sequence([]Clip{a, b}, true), []int16{1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2}},
		"a loop skips empty clips":   {Sequence([]Clip{empty, b, empty}, true), []int16{4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5}},
		"a loop of nothing ends":     {Sequence([]Clip{empty, empty}, true), nil},
		"a loop of no clips ends":    {Sequence(nil, true), nil},
		"one clip plays once":        {PlayClip(b), []int16{4, 5}},
		"one clip loops":             {LoopClip(b), []int16{4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := readAll(tt.s, 12, 12); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSequenceIsTheSameWhateverThePiecesAre(t *testing.T) {
	for _, piece := range []int{1, 2, 3, 4, 6, 7, 100} {
		s := Sequence([]Clip{clipOf(1, 2, 3), clipOf(4, 5), clipOf(6)}, true)
		for i, v := range readAll(s, piece, 60) {
			if want := int16(i%6 + 1); v != want {
				t.Fatalf("pieces of %d: sample %d is %d, want %d", piece, i, v, want)
			}
		}
	}
}

func TestEndedSourceStaysEnded(t *testing.T) {
	s := PlayClip(clipOf(1, 2))
	buf := make([]int16, 5)
	if n := s.Read(buf); n != 2 {
		t.Fatalf("%d samples, want 2", n)
	}
	for range 3 {
		if n := s.Read(buf); n != 0 {
			t.Fatalf("%d samples after the end", n)
		}
	}
}

func TestFormatCountsItsSamples(t *testing.T) {
	tests := map[Format]int{
		Narrowband():                           160,
		{Rate: 8000, Ptime: 10e6}:              80,
		{Rate: 8000, Ptime: 30e6}:              240,
		{Rate: 48000, Ptime: 20e6}:             960,
		{Rate: 44100, Ptime: 20e6}:             882,
		{Rate: 11025, Ptime: time.Millisecond}: 11,
	}
	for f, want := range tests {
		if got := f.Samples(); got != want {
			t.Errorf("%v: %d samples, want %d", f, got, want)
		}
	}
	if got := Narrowband().String(); got != "8000 Hz/20ms" {
		t.Errorf("text %q", got)
	}
	if got := (Clip{Rate: 8000, Samples: make([]int16, 1000)}).Duration(); got != 125*time.Millisecond {
		t.Errorf("duration %v", got)
	}
	if got := (Clip{}).Duration(); got != 0 {
		t.Errorf("duration of the zero clip %v", got)
	}
}

func TestEncodingNamesAreThoseOfTheProfile(t *testing.T) {
	for e, want := range map[Encoding]string{Linear: "L16", PCMU: "PCMU", PCMA: "PCMA", 9: "Encoding(9)"} {
		if e.String() != want {
			t.Errorf("got %q, want %q", e, want)
		}
	}
}
