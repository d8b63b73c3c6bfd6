package media

import (
	"testing"
	"time"
)

func TestTheServerWithoutMixingIsMeasuredAtTheAgeOfTheServersCalls(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		want time.Duration
	}{
		"few calls":  {Options{Participants: 100, Rate: 50, Settle: 2 * time.Second}, 3 * time.Second},
		"many calls": {Options{Participants: 4000, Rate: 50, Settle: 2 * time.Second}, calming},
	} {
		if age := c.o.age(); age != c.want {
			t.Errorf("%s: %v, not %v", name, age, c.want)
		}
	}
}
