package call

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/sip"
)

// passer is the far end of a call that comes, hears the room it is put into, and
// goes. No packet is sent.
type passer struct {
	ended chan struct{}
}

func (p *passer) RTP() rtp.IO                              { return silentIO{} }
func (p *passer) RTCP() rtp.IO                             { return silentIO{} }
func (p *passer) Port() int                                { return 20000 }
func (p *passer) Close() error                             { return nil }
func (p *passer) Progress(int, string, []byte) error       { return nil }
func (p *passer) Answer([]byte, ...sip.Header) error       { return nil }
func (p *passer) Reject(int, string, ...sip.Header) error  { return nil }
func (p *passer) Bye(context.Context, ...sip.Header) error { return nil }
func (p *passer) Ended() <-chan struct{}                   { return p.ended }
func (p *passer) Err() error                               { return sip.ErrRemoteBye }
func (p *passer) SetSession(sip.Session)                   {}
func (p *passer) Invitation() sip.Invitation {
	return sip.Invitation{
		From: sip.Address{User: "a", Host: "far.example"}, To: sip.Address{User: "conf-b", Host: "near.example"},
		LocalAddr: netip.MustParseAddr("192.0.2.1"), RemoteAddr: netip.MustParseAddrPort("198.51.100.7:5060"),
		Offer: []byte("v=0\r\no=- 7 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n" +
			"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"),
	}
}

// passes begins a call, joins it to a room and hangs up when it is there.
func (p *passer) passes(m *Manager, room string) {
	seat := make(chan *Participant, 1)
	var application sync.WaitGroup
	application.Go(func() {
		m.HandleInvite(context.Background(), p, func(ctx context.Context, c *Call) {
			defer close(seat)
			if c.Answer(ctx) != nil {
				return
			}
			s, err := c.DialConference(ctx, ConferenceOptions{Name: room, Participant: ParticipantOptions{Talker: true, StartOnEntry: true}})
			if err != nil {
				return
			}
			seat <- s.seat.(*Participant)
			_, _ = c.Connect(ctx, s) // it ends with the call
		})
	})
	if there := <-seat; there != nil {
		<-there.arrived
	}
	close(p.ended)
	application.Wait()
}

// BenchmarkCall is what a call into a room costs without SIP and packets, from its
// INVITE to its end, where 64 come and go at a time. Mind the processor time: calls
// wait for the mixer most of the time.
func BenchmarkCall(b *testing.B) {
	engine, err := mixer.New(mixer.Config{Workers: 1, Clock: mixer.TimeClock{}})
	if err != nil {
		b.Fatal(err)
	}
	p := &passer{}
	m, err := NewManager(Config{
		Engine: engine, Loader: Sources{}, OpenSockets: func(SocketRequest) (Sockets, error) { return p, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = engine.Run(ctx) })
	var calls atomic.Int64
	b.SetParallelism(64)
	b.ReportAllocs()
	before := processTime(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			(&passer{ended: make(chan struct{})}).passes(m, fmt.Sprint("room-", calls.Add(1)/4))
		}
	})
	b.ReportMetric(float64(processTime(b)-before)/float64(b.N), "cpu-ns/op")
	m.Wait()
	stop()
	tasks.Wait()
}

// processTime is the processor time that this process has used [ns].
func processTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
