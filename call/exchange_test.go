package call

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/rtp"
)

// silentPort is a port of a far end that sends nothing.
func silentPort(t *testing.T) *port {
	t.Helper()
	p := &port{deliver: func(press) {}, taps: newTaps(160)}
	p.events = &eventTap{port: p}
	p.settle(&portParams{codec: g711.PCMU(), events: true}, 8000)
	var err error
	p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: silentIO{}, OnEvent: p.events.event, Params: rtp.Params{
		Remote: netip.MustParseAddrPort("198.51.100.7:4000"), Codec: g711.PCMU(), HasEvent: true, EventPT: 101, Send: true, Receive: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *port) receives(frame int64) { p.Receive(frame, time.Now(), make([]int16, 160)) }

// A worker may be late, and in the middle of a slot when the wait for it is over.
func TestExchangeIsEitherTakenOrNeverTaken(t *testing.T) {
	for name, during := range map[string]bool{"the wait ends within the slot": true, "no worker comes in time": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, from := silentPort(t), silentPort(t)
				want := p.endpoint
				if during {
					want = from.endpoint
				}
				var waiting sync.WaitGroup
				exchanged := false
				waiting.Go(func() { exchanged = p.exchange(from) })
				synctest.Wait()
				if during {
					p.receives(1)
				}
				time.Sleep(exchangeTimeout + time.Second)
				if !during {
					p.receives(1)
				}
				p.Notify()
				waiting.Wait()
				if exchanged != during {
					t.Errorf("exchanged: %v", exchanged)
				}
				if p.endpoint != want {
					t.Error("the worker goes on with the other endpoint")
				}
				if p.swap.Load() != nil {
					t.Error("something is left to be taken")
				}
			})
		})
	}
}
