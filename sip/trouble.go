package sip

import (
	"log/slog"
	"time"

	"mediaserver/internal/shortage"
)

const (
	// maxTrouble is how many errors in a row a listener may meet before it is
	// given up.
	maxTrouble = 100
	// troublePause follows each of them: what is short now is not there again at
	// once, and ICMP errors and the like are not the end of a socket.
	troublePause = 50 * time.Millisecond
)

// bear notes an error of accepting or reading, the count of which it keeps in n,
// and waits a little. false: the listener is past help. A shortage of the whole
// process, as of open files, ends with the calls that have caused it: it is borne
// as long as it lasts.
func (u *UA) bear(n *int, err error) bool {
	if !shortage.Is(err) {
		*n++
	}
	if *n > maxTrouble {
		return false
	}
	u.quiet.warn("SIP listener has trouble", slog.Any("error", err))
	time.Sleep(troublePause)
	return true
}
