package media

import (
	"slices"
	"testing"
)

func TestASeriesThatDoesNotPassSaysWhy(t *testing.T) {
	good, late, lost := Result{Pass: true}, Result{Why: []string{"late"}}, Result{Why: []string{"lost"}}
	for name, c := range map[string]struct {
		runs   []Result
		median int
		pass   bool
		want   []string
	}{
		"passed":              {[]Result{good, late, good}, 0, true, nil},
		"by the median":       {[]Result{late, lost, good}, 1, false, []string{"lost"}},
		"but the median did":  {[]Result{good, late, lost}, 0, false, []string{"not most runs; run 2", "late"}},
		"passed but a median": {[]Result{good, late, good}, 1, true, nil},
	} {
		s := Series{Runs: c.runs, Median: c.median, Pass: c.pass}
		if why := s.Why(); !slices.Equal(why, c.want) {
			t.Errorf("%s: %q, want %q", name, why, c.want)
		}
	}
}
