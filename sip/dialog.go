package sip

import "context"

// Dialog is one call's dialog, from its INVITE to its end.
type Dialog struct{}

// Invitation is what is known of the INVITE.
func (d *Dialog) Invitation() Invitation { return Invitation{} }

// RemoteBody is, for a call we placed, the SDP of the 2xx: the answer to our
// offer, or the offer if we had made none. nil for incoming calls.
func (d *Dialog) RemoteBody() []byte { return nil }

// Progress sends a provisional response, 180 or 183, with an optional SDP body.
// ErrState after the final response.
func (d *Dialog) Progress(code int, reason string, body []byte) error { return errStub }

// Answer sends the 200 with an SDP body (an offer if the INVITE had none) and
// returns at once; it is repeated until the ACK comes.
func (d *Dialog) Answer(body []byte) error { return errStub }

// Reject refuses the INVITE with a code of 300 to 699 and ends the dialog.
func (d *Dialog) Reject(code int, reason string, h ...Header) error { return errStub }

// Bye ends the dialog: BYE when answered, else 603 (incoming). It waits
// for the response to the BYE or the end of ctx, but Ended is closed at once.
// It does nothing when the dialog has ended.
func (d *Dialog) Bye(ctx context.Context, h ...Header) error { return errStub }

// Reinvite sends a re-INVITE with our offer and returns the answer. On 491 it
// tries again after the pause of RFC 3261 §14.1.
func (d *Dialog) Reinvite(ctx context.Context, body []byte) (answer []byte, err error) {
	return nil, errStub
}

// Info sends an INFO request and waits for its response.
func (d *Dialog) Info(ctx context.Context, contentType string, body []byte) error { return errStub }

// Ended is closed when the dialog has ended; Err says why.
func (d *Dialog) Ended() <-chan struct{} { return nil }

// Err is nil while the dialog lives, else ErrRemoteBye, ErrCancelled,
// ErrNoACK, ErrLocalBye, ErrRejected or ErrTransport (wrapped).
func (d *Dialog) Err() error { return nil }

// SetSession says who gets the events within the dialog. Events that came
// before are delivered then.
func (d *Dialog) SetSession(s Session) {}
