package phone

import (
	"context"
	"fmt"

	"mediaserver/sip"
)

// Transfer sends the far end to somebody else (REFER, RFC 3515) and waits for
// what it tells: 200 to 299 that it got through. replaces (may be nil) is the
// dialog there that it is to take the place of. The call stays; hang it up.
func (c *Call) Transfer(ctx context.Context, to string, replaces *sip.Replaces) (int, error) {
	code, err := c.dialog.Refer(ctx, sip.ReferRequest{To: to, Replaces: replaces}, nil)
	if err != nil {
		return 0, fmt.Errorf("phone: transfer to %s: %w", to, err)
	}
	return code, nil
}

// Named is how another phone names the call to its far end, and the SIP URI
// that reaches that: what Replace and Transfer want.
func (c *Call) Named() (uri string, r sip.Replaces) { return c.dialog.Replaces() }

// Replace is Dial that takes the place of a dialog of who is called (RFC 3891).
func (p *Phone) Replace(ctx context.Context, target string, r sip.Replaces) (*Call, error) {
	c, err := p.dial(ctx, target, []sip.Header{{Name: "Replaces", Value: r.String()}, {Name: "Require", Value: "replaces"}})
	if err != nil {
		return nil, fmt.Errorf("phone: dial %s in place of another: %w", target, err)
	}
	return c, nil
}
