package examples

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/call/trunk"
	"mediaserver/sip"
)

// callees are the telephones of the documents. Numbers answer at once and
// hang up after 130 s, those that end in 486 are busy; addresses only ring.
type callees struct{ t *testing.T }

// theCallees is the way to them.
func theCallees() call.Outbound {
	t := trunk.NewTable(trunk.TableConfig{})
	t.Replace([]trunk.Config{{Name: "carrier", Line: trunk.Line{Addresses: []string{"sip:trunk.example"}}}}, "")
	return call.Outbound{Trunks: t}
}

// Route is an address of the tests.
func (callees) Route(context.Context, string) (netip.Addr, error) {
	return netip.AddrFrom4([4]byte{192, 0, 2, 100}), nil
}

// Dial does what the callee does.
func (c callees) Dial(ctx context.Context, r sip.InviteRequest, _ func(sip.Progress)) (call.OutboundDialog, error) {
	user, host, _ := strings.Cut(r.To, "@")
	switch {
	case strings.HasSuffix(user, "486"):
		return nil, &sip.StatusError{Code: 486}
	case host != "trunk.example":
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	a := answered{&caller{ended: make(chan struct{})}}
	time.AfterFunc(130*time.Second, func() { a.end(sip.ErrRemoteBye) })
	return a, nil
}

// answered is a callee that has answered.
type answered struct{ *caller }

func (answered) RemoteBody() []byte {
	return []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
		"m=audio 9000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n")
}
