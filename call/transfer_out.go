package call

import (
	"context"
	"errors"
	"fmt"

	"mediaserver/sip"
)

// What Transfer may return beside ErrNoCall and ErrDestination.
var (
	// ErrReplaces: the call that is to be replaced is none, or cannot be.
	ErrReplaces = errors.New("call: cannot be replaced")
	// ErrNotTransferable: the call is not answered, or not by SIP.
	ErrNotTransferable = errors.New("call: cannot be transferred")
	// ErrTransferring: a transfer of the call is under way.
	ErrTransferring = errors.New("call: is being transferred")
)

// TransferError is a transfer that came to nothing: the far end would not, or
// whom it called.
type TransferError struct {
	Code int   // SIP code
	Err  error // the reason
}

// Error names code and reason.
func (e *TransferError) Error() string {
	return fmt.Sprintf("call: not transferred (%d): %v", e.Code, e.Err)
}

// Unwrap is the reason.
func (e *TransferError) Unwrap() error { return e.Err }

// TransferOptions say where the far end of a call is sent.
type TransferOptions struct {
	To string // number or SIP address, tel: and sip: too; "" with Replaces: the far end of that call
	// Replaces is the id of another call of this server whose far end the far end
	// of this one is put through to (attended transfer); "": none.
	Replaces string
}

// Transfer asks the far end of a call to call somebody else by itself (REFER,
// RFC 3515) and waits until that has answered, or until ctx ends. The call has
// then ended with Completed: its far end has gone. The result is the SIP code
// that the far end got, 202 if it did not say. A *TransferError leaves the call
// as it was. onProgress (may be nil) is told each provisional code. Further errors: ErrNoCall, ErrNotTransferable, ErrTransferring, ErrReplaces,
// and those of ParseDestination.
func (m *Manager) Transfer(ctx context.Context, callID string, o TransferOptions, onProgress func(code int)) (int, error) {
	c, d, err := m.transferable(callID)
	if err != nil {
		return 0, err
	}
	r, party, err := m.referTo(d, o)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, defaultAnswerTimeout, ErrAnswerTimeout)
	defer cancel()
	return c.send(ctx, party, func() (int, error) {
		return d.Refer(ctx, r, func(p sip.Progress) {
			if onProgress != nil {
				onProgress(p.Code)
			}
		})
	})
}

// send has the far end sent to party by refer, and ends the call when that has
// come about. The far end may hang up before we know: many do at once.
func (c *Call) send(ctx context.Context, party string, refer func() (code int, err error)) (int, error) {
	if !c.moves.under.CompareAndSwap(false, true) {
		return 0, ErrTransferring
	}
	count := func(outcome string) { c.manager.metrics.transfers.WithLabelValues(transferByAPI, outcome).Inc() }
	ctx = context.WithoutCancel(ctx)
	code, err := refer()
	if err != nil {
		count(transferFailed)
		_ = c.ask(ctx, c.stays) // it may have ended
		return 0, transferError(err)
	}
	count(transferDone)
	_ = c.ask(ctx, func() error { // the same
		c.emitTransferred(transferByAPI, party)
		c.end(Completed, 0)
		return nil
	})
	return code, nil
}

func transferError(err error) error {
	status, ok := errors.AsType[*sip.StatusError](err)
	switch {
	case errors.Is(err, sip.ErrReferring):
		return fmt.Errorf("%w: %w", ErrTransferring, err)
	case errors.Is(err, sip.ErrEnded):
		return fmt.Errorf("%w: %w", ErrEnded, err)
	case ok:
		return &TransferError{Code: status.Code, Err: err}
	case errors.Is(err, ErrAnswerTimeout), errors.Is(err, sip.ErrTimeout):
		return &TransferError{Code: codeRequestTimeout, Err: err}
	default:
		return &TransferError{Code: codeInternal, Err: err}
	}
}

// transferable is a call with a far end that can be asked.
func (m *Manager) transferable(id string) (*Call, *sip.Dialog, error) {
	for _, c := range m.live() {
		if c.base.ID != id {
			continue
		}
		d, ok := c.answeredDialog()
		if !ok {
			return nil, nil, fmt.Errorf("%w: %q", ErrNotTransferable, id)
		}
		return c, d, nil
	}
	return nil, nil, fmt.Errorf("%w: %q", ErrNoCall, id)
}

// referTo is what the far end of d is asked, and the party it is sent to.
func (m *Manager) referTo(d *sip.Dialog, o TransferOptions) (r sip.ReferRequest, party string, err error) {
	if o.Replaces != "" {
		other, there, err := m.transferable(o.Replaces)
		if err != nil {
			return r, "", fmt.Errorf("%w: %w", ErrReplaces, err)
		}
		if there == d {
			return r, "", fmt.Errorf("%w: it is the call itself", ErrReplaces)
		}
		uri, replaces := there.Replaces()
		r.To, r.Replaces, party = uri, &replaces, other.farParty()
	}
	if o.To == "" && r.Replaces != nil {
		return r, party, nil
	}
	to, err := ParseDestination(o.To, true)
	switch {
	case err != nil:
		return r, "", err
	case to.Kind == ToNumber:
		// The far end knows what its own neighbourhood does with a number.
		r.To = "sip:" + to.Value + "@" + neighbour(d.Invitation(), d.RemoteBody() != nil)
	case to.Kind == ToSIP:
		r.To = to.Value
	default:
		return r, "", badDestination("the far end cannot call %s:", to.Kind)
	}
	return r, to.party(), nil
}

// neighbour is the host, and port, by which the far end names itself.
func neighbour(inv sip.Invitation, ours bool) string {
	a := inv.From
	if ours {
		a = inv.To
	}
	host := a.Host
	for _, c := range host {
		if c == ':' {
			host = "[" + host + "]"
			break
		}
	}
	if a.Port != 0 {
		host = fmt.Sprintf("%s:%d", host, a.Port)
	}
	return host
}
