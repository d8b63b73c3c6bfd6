package sip

import (
	"errors"
	"fmt"
	"time"
)

// Why a dialog ended (Dialog.Err), and why a request could not be made.
var (
	ErrRemoteBye = errors.New("sip: the far end hung up")
	ErrCancelled = errors.New("sip: cancelled")
	ErrNoACK     = errors.New("sip: the answer was never acknowledged")
	ErrExpired   = errors.New("sip: the session was not refreshed in time")
	ErrLocalBye  = errors.New("sip: hung up here")
	ErrRejected  = errors.New("sip: rejected here")
	ErrTransport = errors.New("sip: transport failure")
	ErrTimeout   = errors.New("sip: no response")
	ErrEnded     = errors.New("sip: the dialog has ended")
	ErrState     = errors.New("sip: not possible in this state of the dialog")
	ErrClosed    = errors.New("sip: the user agent is closed")
	ErrBadURI    = errors.New("sip: not a SIP URI")
)

// StatusError is a SIP response that refused a request: one that the far end
// sent us, or one that a Session wants to be sent.
type StatusError struct {
	Code       int           // 300 to 699
	Reason     string        // "" = the usual phrase
	RetryAfter time.Duration // 0 = none; whole seconds on the wire
}

// Error is the status line without the version.
func (e *StatusError) Error() string {
	return fmt.Sprintf("sip: status %d %s", e.Code, reasonOf(e.Code, e.Reason))
}

// ListenError says that a listener could not be opened; Addr names it.
type ListenError struct {
	Addr string // "udp://0.0.0.0:5060"
	Err  error
}

// Error names the address.
func (e *ListenError) Error() string { return fmt.Sprintf("sip: listen on %s: %v", e.Addr, e.Err) }

// Unwrap gives the cause; errors.Is(err, syscall.EADDRINUSE) for a port taken.
func (e *ListenError) Unwrap() error { return e.Err }
