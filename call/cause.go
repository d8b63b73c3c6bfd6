package call

import (
	"context"
	"errors"
	"fmt"

	"mediaserver/sip"
)

// dialFault says in the domain's words what became of a call that was not
// answered; ctx is that of the attempt.
func dialFault(ctx context.Context, err error) *DialError {
	if fault, ok := errors.AsType[*DialError](err); ok {
		return &DialError{Cause: fault.Cause, RawCause: fault.RawCause, Err: fault.Err}
	}
	why := context.Cause(ctx)
	if fault, ok := errors.AsType[*DialError](why); ok {
		return &DialError{Cause: fault.Cause, RawCause: fault.RawCause, Err: fault.Err}
	}
	var status *sip.StatusError
	var answer interface{ StatusCode() int } // of a WebSocket
	switch {
	case errors.Is(why, ErrAnswerTimeout):
		return &DialError{Cause: NoAnswer, RawCause: codeCancelled, Err: ErrAnswerTimeout}
	case why != nil:
		return &DialError{Cause: Dropped, RawCause: codeCancelled, Err: why}
	case errors.As(err, &status):
		return refusal(status.Code, err)
	case errors.As(err, &answer):
		return refusal(answer.StatusCode(), err)
	case errors.Is(err, ErrNoTrunk):
		return refusal(codeNotFound, err)
	case errors.Is(err, sip.ErrTimeout):
		return &DialError{Cause: Unobtainable, RawCause: codeRequestTimeout, Err: failedBy(err)}
	case errors.Is(err, sip.ErrTransport), errors.Is(err, sip.ErrBadURI), errors.Is(err, ErrUnreachable):
		return &DialError{Cause: Unobtainable, RawCause: codeUnavailable, Err: failedBy(err)}
	default:
		return &DialError{Cause: Failed, RawCause: codeInternal, Err: failedBy(err)}
	}
}

// refusal is what a final answer of the far end means.
func refusal(code int, err error) *DialError {
	fault := &DialError{Cause: Failed, RawCause: code, Err: failedBy(err)}
	switch code {
	case codeBusy, codeBusyEverywhere:
		fault.Cause = Busy
	case codeRequestTimeout, codeNotThere, codeCancelled:
		fault.Cause = NoAnswer
	case codeNotFound, codeGone, codeIncomplete, codeAmbiguous, codeNowhere:
		fault.Cause = Unobtainable
	}
	return fault
}

// failedBy makes err one of those that say how a connection failed.
func failedBy(err error) error {
	for _, known := range []error{ErrAnswerTimeout, ErrConferenceFull, ErrConferenceBusy, ErrConnectFailed, ErrEnded} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrConnectFailed, err)
}

// refuseRoom refuses a call to a room that did not let it in.
func (c *Call) refuseRoom(ctx context.Context, why error) {
	code := codeNotThere
	if errors.Is(why, ErrConferenceFull) || errors.Is(why, ErrConferenceBusy) {
		code = codeBusy
	}
	if err := c.Reject(ctx, code); err != nil {
		c.logger().Debug("reject", "error", err)
	}
}
