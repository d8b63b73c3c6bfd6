package call

import (
	"context"
	"time"

	"mediaserver/dtmf"
)

// CollectOptions say what Call.Collect asks the far end for.
type CollectOptions struct {
	Prompt  Playlist   // played first; nil: nothing
	BargeIn bool       // digits count from the start of Prompt, and the first stops it
	First   dtmf.Digit // the digit that stopped the play before: with BargeIn the prompt is skipped and the digit is the first; 0: none
	Rules   dtmf.Rules // their time runs from the end of the prompt
}

// Collected is what the far end entered.
type Collected struct {
	Outcome dtmf.Outcome // never dtmf.Collecting
	Digits  string       // as far as they were accepted
}

// Collect plays a prompt and collects digits until an outcome is final. Digits
// pressed before it do not count, nor do those during a prompt without
// barge-in. Errors are those of Play.
func (c *Call) Collect(ctx context.Context, o CollectOptions) (Collected, error) {
	if err := c.canPlay(); err != nil {
		return Collected{}, err
	}
	first := o.First
	if !o.BargeIn {
		first = 0
	}
	if first == 0 {
		var err error
		if first, err = c.Play(ctx, o.Prompt, PlayOptions{BargeIn: o.BargeIn}); err != nil {
			return Collected{}, err
		}
	}
	if !o.BargeIn {
		c.discardDigits()
	}
	now := time.Now()
	input := dtmf.NewCollector(o.Rules, now)
	if first != 0 {
		input.Press(first, now)
	}
	err := c.collect(ctx, input)
	return Collected{Outcome: input.Outcome(), Digits: input.Digits()}, err
}

// collect feeds an input until its outcome is final.
func (c *Call) collect(ctx context.Context, input *dtmf.Collector) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if c.feed(input) != dtmf.Collecting {
			return nil
		}
		var late <-chan time.Time // nil: there is time without end
		if at, ok := input.Deadline(); ok {
			timer.Reset(time.Until(at))
			late = timer.C
		}
		select {
		case d := <-c.digits:
			input.Press(d, time.Now())
		case <-late:
			c.feed(input)
			input.Check(time.Now())
		case <-c.done:
			return ErrEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// feed gives an input the digits that are waiting, as far as it takes them.
func (c *Call) feed(input *dtmf.Collector) dtmf.Outcome {
	for input.Outcome() == dtmf.Collecting {
		select {
		case d := <-c.digits:
			input.Press(d, time.Now())
		default:
			return dtmf.Collecting
		}
	}
	return input.Outcome()
}
