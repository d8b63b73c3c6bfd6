package wildcard_test

import (
	"testing"

	"mediaserver/internal/wildcard"
)

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"+44*", "+441908", true},
		{"+44*", "441908", false},
		{"112", "112", true},
		{"112", "1120", false},
		{"*00", "4400", true},
		{"*00", "44001", false},
		{"4*0*1", "45051", true},
		{"4*0*1", "4505", false},
		{"1*1", "1", false},
	} {
		if got := wildcard.Match(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%s fits %s: %v", tt.pattern, tt.text, got)
		}
	}
}
