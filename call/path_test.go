package call

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/rtp/dtls"
	"mediaserver/rtp/ice"
	"mediaserver/rtp/srtp"
	"mediaserver/sip"
	"mediaserver/sip/sdp"
)

// remote is a far end that does DTLS and ICE, with its INVITE, in virtual time:
// both sides of the wire to it are here.
type remote struct {
	t     *testing.T
	call  *Call
	log   *strings.Builder
	addr  netip.AddrPort // where its packets come from
	offer []byte

	id       *dtls.Identity
	assoc    *dtls.Association
	stop     context.CancelFunc
	running  sync.WaitGroup
	ours     ice.Credentials // its own
	theirs   ice.Credentials // the server's
	answered []byte          // the server's last description

	mu       sync.Mutex
	keys     srtp.Keys
	in       []wireDatagram // on the way to the server
	sound    int            // RTP packets of the server that could be read
	unread   int            // and those that could not
	secure   *srtp.Session
	stunned  int // answers to checks
	frame    int64
	seq      uint16
	ended    chan struct{}
	lastAddr netip.AddrPort // where the server sent to
}

type wireDatagram struct {
	b    []byte
	from netip.AddrPort
}

// Drain, Flush: the server's socket.
func (r *remote) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.in) == 0 {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	d := r.in[0]
	r.in = r.in[1:]
	return copy(buf, d.b), d.from, time.Now(), nil
}

func (r *remote) Flush(b []byte, to netip.AddrPort) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastAddr = to
	switch {
	case b[0] <= 3:
		r.stunned++
	case b[0] < 64:
		if r.assoc != nil {
			r.assoc.Deliver(b)
		}
	case b[1] >= 192 && b[1] <= 223:
	case r.secure == nil:
		r.unread++
	default:
		if _, err := r.secure.Unprotect(b); err != nil {
			r.unread++
		} else {
			r.sound++
		}
	}
	return nil
}

func (r *remote) RTP() rtp.IO  { return r }
func (r *remote) RTCP() rtp.IO { return silentIO{} }
func (r *remote) Port() int    { return 20000 }
func (r *remote) Close() error { return nil }

// silentIO carries nothing.
type silentIO struct{}

func (silentIO) Drain([]byte) (int, netip.AddrPort, time.Time, error) {
	return 0, netip.AddrPort{}, time.Time{}, nil
}
func (silentIO) Flush([]byte, netip.AddrPort) error { return nil }

// The far end's dialog.
func (r *remote) Progress(int, string, []byte) error       { return nil }
func (r *remote) Answer([]byte, ...sip.Header) error       { return nil }
func (r *remote) Reject(int, string, ...sip.Header) error  { return nil }
func (r *remote) Bye(context.Context, ...sip.Header) error { return nil }
func (r *remote) Ended() <-chan struct{}                   { return r.ended }
func (r *remote) Err() error                               { return nil }
func (r *remote) SetSession(sip.Session)                   {}
func (r *remote) Invitation() sip.Invitation {
	return sip.Invitation{LocalAddr: netip.MustParseAddr("192.0.2.1"), RemoteAddr: r.addr, Offer: r.offer}
}

// describe makes an offer of the far end.
func (r *remote) describe(setup string, withICE bool, named dtls.Fingerprint) []byte {
	lines := []string{
		"v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0", "m=audio 40000 UDP/TLS/RTP/SAVP 0", "a=rtcp-mux",
		"a=fingerprint:" + sdp.Fingerprint(named).String(), "a=setup:" + setup,
	}
	if withICE {
		lines = append(lines, "a=ice-ufrag:"+r.ours.Ufrag, "a=ice-pwd:"+r.ours.Pwd)
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}

// newRemote makes a far end whose call has been answered with its first offer.
func newRemote(t *testing.T, source rtp.Source, setup string, withICE bool, named func(*remote) dtls.Fingerprint) *remote {
	t.Helper()
	r := &remote{t: t, log: &strings.Builder{}, addr: netip.MustParseAddrPort("198.51.100.7:40000"), ended: make(chan struct{}), ours: ice.NewCredentials()}
	r.renew()
	fp := r.id.Fingerprint()
	if named != nil {
		fp = named(r)
	}
	r.offer = r.describe(setup, withICE, fp)
	engine, err := mixer.New(mixer.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := dtls.NewIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{cfg: Config{
		Engine: engine, OpenSockets: func(SocketRequest) (Sockets, error) { return r, nil },
		Transport: Transport{Identity: ours, Source: source},
		Logger:    slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}.withDefaults()}
	r.call = newCall(m, Info{ID: "c-1"}, r)
	r.call.security, r.call.keying = SecurityOptional, KeyingAny
	body, err := r.call.localDescription()
	if err != nil {
		t.Fatal(err)
	}
	r.take(body)
	return r
}

// renew gives the far end another certificate.
func (r *remote) renew() {
	id, err := dtls.NewIdentity(time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	r.id = id
}

// take reads a description of the server.
func (r *remote) take(body []byte) {
	r.t.Helper()
	r.answered = body
	d, err := sdp.Parse(body)
	if err != nil {
		r.t.Fatal(err)
	}
	c := d.ICE()
	r.theirs = ice.Credentials{Ufrag: c.Ufrag, Pwd: string(c.Pwd)}
}

// shake begins the handshake of the far end.
func (r *remote) shake(client bool) {
	r.hush()
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	fp := r.call.manager.cfg.Transport.Identity.Fingerprint()
	assoc := dtls.New(dtls.Config{Identity: r.id, Client: client, Peer: []dtls.Fingerprint{fp}, Send: func(b []byte) error {
		r.send(b)
		return nil
	}})
	r.mu.Lock()
	r.assoc = assoc
	r.mu.Unlock()
	r.running.Go(func() {
		_ = assoc.Run(ctx, func(k srtp.Keys) { // the server says what went wrong
			r.mu.Lock()
			defer r.mu.Unlock()
			r.keys = k
			r.secure, _ = srtp.New(k)
		})
	})
}

// hush ends the association of the far end, without a word on the wire.
func (r *remote) hush() {
	if r.stop != nil {
		r.stop()
		r.running.Wait()
		r.stop = nil
	}
}

func (r *remote) send(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in = append(r.in, wireDatagram{append([]byte(nil), b...), r.addr})
}

// check sends a connectivity check.
func (r *remote) check(nominate bool) {
	r.send(ice.Check(r.ours, r.theirs, [12]byte{byte(r.frame), byte(r.frame >> 8)}, nominate))
}

// run is so much of the call; talking sends protected sound.
func (r *remote) run(d time.Duration, talking bool) {
	r.t.Helper()
	e := r.call.audio().endpoint
	pcm, payload := make([]int16, 160), make([]byte, 160)
	for range int(d / frameTime) {
		if talking {
			p := append(make([]byte, 0, 200), 0x80, 0, byte(r.seq>>8), byte(r.seq), 0, 0, byte(r.seq>>8), byte(r.seq), 1, 2, 3, 4)
			r.seq++
			p, err := r.secure.Protect(append(p, payload...))
			if err != nil {
				r.t.Fatal(err)
			}
			r.send(p)
		}
		e.Receive(r.frame, time.Now(), pcm)
		e.Send(r.frame, time.Now(), payload)
		r.frame++
		time.Sleep(frameTime)
		synctest.Wait()
	}
}

// reoffer sends a re-INVITE.
func (r *remote) reoffer(offer []byte) {
	r.t.Helper()
	body, err := r.call.audio().session.Reoffer("", offer)
	if err != nil {
		r.t.Fatal(err)
	}
	r.take(body)
}

// heard is what the server has heard and what it has said since the last call.
func (r *remote) heard() (received uint64, said, unread int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	received = r.call.audio().endpoint.Stats().Received
	said, unread = r.sound, r.unread
	r.sound, r.unread = 0, 0
	return received, said, unread
}

func (r *remote) close() {
	r.hush()
	r.call.audio().home.Remove()
	if err := r.call.audio().endpoint.Close(); err != nil {
		r.t.Error(err)
	}
}

func TestCallsGetTheirKeysByHandshake(t *testing.T) {
	for name, c := range map[string]struct {
		setup   string
		client  bool // the far end
		withICE bool
	}{
		"we wait":                           {"actpass", true, false},
		"we begin":                          {"passive", false, false},
		"we begin, once a way is nominated": {"actpass", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRemote(t, rtp.SourceLenient, c.setup, c.withICE, nil)
				defer r.close()
				r.shake(c.client)
				if c.withICE {
					r.run(time.Second, false)
					if _, said, unread := r.heard(); said+unread > 0 || r.keys != (srtp.Keys{}) {
						t.Fatal("something was said before a way was nominated")
					}
					r.check(false)
					r.check(true)
				}
				r.run(2*time.Second, false)
				if r.secure == nil {
					t.Fatalf("no keys\n%s", r.log)
				}
				r.heard()
				r.run(time.Second, true)
				if received, said, unread := r.heard(); received < 49 || said < 49 || unread > 0 {
					t.Errorf("the server heard %d, said %d, and %d that cannot be read\n%s", received, said, unread, r.log)
				}
			})
		})
	}
}

func TestAWrongCertificateEndsTheCallAndSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, rtp.SourceLenient, "actpass", false, func(*remote) dtls.Fingerprint {
			other, err := dtls.NewIdentity(time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return other.Fingerprint()
		})
		defer r.close()
		r.shake(true)
		r.run(2*time.Second, false)
		select {
		case <-r.call.hangUps:
			if cause := r.call.wished(); cause != Failed {
				t.Errorf("ended with %v", cause)
			}
		default:
			t.Error("the call goes on")
		}
		if !strings.Contains(r.log.String(), "the certificate is not that of the session description") {
			t.Errorf("log:\n%s", r.log)
		}
		if received, said, unread := r.heard(); received+uint64(said+unread) > 0 {
			t.Error("there was sound")
		}
	})
}

func TestKeysOutliveReInvitesAndChangeWithTheCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, rtp.SourceLenient, "actpass", false, nil)
		defer r.close()
		r.shake(true)
		r.run(time.Second, false)
		keys := r.keys
		r.reoffer(r.offer)
		r.run(time.Second, true)
		if received, said, unread := r.heard(); received < 49 || said < 49 || unread > 1 || r.keys != keys {
			t.Fatalf("the same offer again: heard %d, said %d, unread %d", received, said, unread)
		}
		r.renew()
		r.reoffer(r.describe("actpass", false, r.id.Fingerprint()))
		before, _, _ := r.heard()
		r.run(200*time.Millisecond, true) // still with the old keys
		if received, said, _ := r.heard(); received-before < 9 || said < 9 {
			t.Errorf("until the handshake is over: heard %d, said %d", received-before, said)
		}
		r.shake(true)
		r.run(time.Second, false)
		if r.keys == keys {
			t.Fatalf("no other keys\n%s", r.log)
		}
		before, _, _ = r.heard()
		r.run(time.Second, true)
		if received, said, unread := r.heard(); received-before < 49 || said < 49 || unread > 0 {
			t.Errorf("with the other keys: heard %d, said %d, unread %d", received-before, said, unread)
		}
	})
}

func TestAWayMovesWithNominationsAndRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, rtp.SourceLenient, "actpass", true, nil)
		defer r.close()
		r.shake(false)
		r.check(true)
		r.run(2*time.Second, false)
		if r.secure == nil {
			t.Fatalf("no keys\n%s", r.log)
		}
		r.run(time.Second, true)
		// Another network: its packets count from the nomination on.
		r.addr = netip.MustParseAddrPort("203.0.113.9:1234")
		before, _, _ := r.heard()
		r.run(2*time.Second, true)
		if received, _, _ := r.heard(); received != before {
			t.Errorf("heard %d packets from where nothing was nominated", received-before)
		}
		r.check(true)
		r.run(time.Second, true)
		if received, said, _ := r.heard(); received-before < 48 || said < 48 || r.lastAddr != r.addr {
			t.Errorf("after the nomination: heard %d, said %d, to %v", received-before, said, r.lastAddr)
		}
		// A restart: other credentials on both sides, the same keys.
		was, keys := r.theirs, r.keys
		r.ours = ice.NewCredentials()
		r.reoffer(r.describe("actpass", true, r.id.Fingerprint()))
		if r.theirs == was {
			t.Error("our credentials have not changed")
		}
		r.run(time.Second, true)
		r.addr = netip.MustParseAddrPort("203.0.113.9:5678")
		r.check(true)
		before, _, _ = r.heard()
		r.run(time.Second, true)
		if received, said, _ := r.heard(); received-before < 48 || said < 48 || r.lastAddr != r.addr || r.keys != keys {
			t.Errorf("after the restart: heard %d, said %d, to %v", received-before, said, r.lastAddr)
		}
	})
}

func TestNothingIsSentToAFarEndThatMakesNoChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, rtp.SourceLenient, "actpass", true, nil)
		defer r.close()
		r.shake(false)
		r.check(true)
		r.run(2*time.Second, false)
		r.run(time.Minute, true) // sound is as good as checks
		r.heard()
		r.run(time.Second, false)
		if _, said, _ := r.heard(); said < 49 {
			t.Errorf("%d packets were sent to a far end that was heard a moment ago", said)
		}
		r.run(40*time.Second, false)
		r.heard()
		r.run(time.Second, false)
		if _, said, unread := r.heard(); said+unread > 0 {
			t.Errorf("%d packets were sent without consent", said+unread)
		}
		r.check(true)
		r.run(time.Second, false)
		if _, said, _ := r.heard(); said < 45 {
			t.Errorf("%d packets were sent after its return", said)
		}
	})
}

func TestStrictlyTheHandshakeComesFromTheAnnouncedAddress(t *testing.T) {
	for source, want := range map[rtp.Source]bool{rtp.SourceLenient: true, rtp.SourceStrict: false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRemote(t, source, "actpass", false, nil)
			defer r.close()
			r.addr = netip.MustParseAddrPort("203.0.113.9:1234") // behind a NAT
			r.shake(true)
			r.run(2*time.Second, false)
			if got := r.secure != nil; got != want {
				t.Fatalf("source %d: keys are %v", source, got)
			}
			if !want {
				return
			}
			r.run(time.Second, true)
			if received, said, _ := r.heard(); received < 48 || said < 48 || r.lastAddr != r.addr {
				t.Errorf("heard %d, said %d, to %v", received, said, r.lastAddr)
			}
		})
	}
}
