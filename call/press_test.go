package call

import (
	"slices"
	"testing"
	"time"

	"mediaserver/dtmf"
)

func TestDigitsOfANewDialogAreCountedAnew(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c := newVisitor().answered(t, m)
		press2 := func() {
			c.report(press{digit: '5', method: byInfo, cseq: 2, at: time.Now()})
			time.Sleep(time.Second)
		}
		press2()
		press2() // repeated
		next := newVisitor()
		x := c.newcomer(next)
		var code int
		if x.offer, code = m.offered(next, x.security, x.keying); code != 0 {
			t.Fatal(code)
		}
		was, err := x.answerFor(t.Context(), c, "next")
		if err != nil {
			t.Fatal(err)
		}
		was.leave()
		press2()
		var got []dtmf.Digit
		for len(c.digits) > 0 {
			got = append(got, <-c.digits)
		}
		if !slices.Equal(got, []dtmf.Digit{'5', '5'}) {
			t.Errorf("digits %q", got)
		}
	})
}
