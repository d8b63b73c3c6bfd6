package dtls

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/rtp/srtp"
)

// end is one side of a handshake in a test.
type end struct {
	id    *Identity
	assoc *Association
	keys  srtp.Keys
	err   error
	over  chan struct{}
}

// pairOf makes two sides that know each other. lose says which datagrams do not
// arrive, by their number from 1 on.
func pairOf(t *testing.T, lose func(n int64) bool) (client, server *end) {
	t.Helper()
	client, server = &end{}, &end{}
	for _, e := range []*end{client, server} {
		id, err := NewIdentity(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		e.id, e.over = id, make(chan struct{})
	}
	var n atomic.Int64
	to := func(e *end) func([]byte) error {
		return func(b []byte) error {
			if !lose(n.Add(1)) {
				e.assoc.Deliver(b)
			}
			return nil
		}
	}
	client.assoc = New(Config{Identity: client.id, Client: true, Peer: []Fingerprint{server.id.Fingerprint()}, Send: to(server)})
	server.assoc = New(Config{Identity: server.id, Peer: []Fingerprint{client.id.Fingerprint()}, Send: to(client)})
	return client, server
}

// run runs both sides until they have keys or fail, then ends them.
func run(t *testing.T, ends ...*end) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var keyed, running sync.WaitGroup
	for _, e := range ends {
		keyed.Add(1)
		running.Go(func() {
			done := sync.OnceFunc(keyed.Done)
			defer done()
			e.err = e.assoc.Run(ctx, func(k srtp.Keys) { e.keys = k; done() })
		})
	}
	keyed.Wait()
	cancel()
	running.Wait()
}

func nothing(int64) bool { return false }

func TestHandshakeGivesBothSidesTheSameKeys(t *testing.T) {
	for name, lose := range map[string]func(int64) bool{
		"nothing is lost":            nothing,
		"every third of the first 9": func(n int64) bool { return n <= 9 && n%3 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := pairOf(t, lose)
				run(t, client, server)
				if client.err != nil || server.err != nil {
					t.Fatalf("client: %v, server: %v", client.err, server.err)
				}
				c, s := client.keys, server.keys
				if c.Suite != srtp.GCM128 || s.Suite != c.Suite || c.Send != s.Receive || c.Receive != s.Send || c.Send == c.Receive {
					t.Error("the keys do not fit")
				}
				if _, err := srtp.New(c); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAnotherCertificateThanTheNamedOneGivesNoKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pairOf(t, nothing)
		third, err := NewIdentity(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		server.assoc.cfg.Peer = []Fingerprint{third.Fingerprint()}
		client.assoc.cfg.Timeout = 2 * time.Second
		run(t, client, server)
		if !errors.Is(server.err, ErrFingerprint) || server.keys != (srtp.Keys{}) {
			t.Errorf("server: %v", server.err)
		}
		if client.err == nil {
			t.Error("the client has keys of a server that has none")
		}
	})
}

func TestHandshakeWithNobodyTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := pairOf(t, func(int64) bool { return true })
		began := time.Now()
		run(t, client)
		if !errors.Is(client.err, ErrTimeout) || time.Since(began) != DefaultTimeout {
			t.Errorf("%v after %v", client.err, time.Since(began))
		}
	})
}

func TestServerWaitsForTheFirstDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, server := pairOf(t, nothing)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := server.assoc.Run(ctx, nil); err != nil || ctx.Err() == nil {
			t.Errorf("%v", err)
		}
	})
}

func TestFingerprintsAreJudgedByTheStrongestHash(t *testing.T) {
	id, err := NewIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	raw := id.certificate.Certificate[0]
	of := func(name string) Fingerprint {
		for _, h := range hashes() {
			if h.name == name {
				return fingerprintOf(h.hash, name, raw)
			}
		}
		return Fingerprint{Hash: name, Digest: "0123456789abcdef"}
	}
	wrong := func(name string) Fingerprint {
		f := of(name)
		f.Digest = "x" + f.Digest[1:]
		return f
	}
	for name, c := range map[string]struct {
		named []Fingerprint
		good  bool
	}{
		"SHA-256":                    {[]Fingerprint{of("sha-256")}, true},
		"SHA-1 alone, of old phones": {[]Fingerprint{of("sha-1")}, true},
		"SHA-1 right, SHA-256 wrong": {[]Fingerprint{of("sha-1"), wrong("sha-256")}, false},
		"one of two certificates":    {[]Fingerprint{wrong("sha-256"), of("sha-256")}, true},
		"MD5 proves nothing":         {[]Fingerprint{of("md5")}, false},
		"unknown beside one we know": {[]Fingerprint{of("sha-3"), of("sha-384")}, true},
		"nothing is named":           {nil, false},
	} {
		if err := check(raw, c.named); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAssociationOutlivesDataThatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pairOf(t, nothing)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer close(server.over)
			server.err = server.assoc.Run(ctx, func(k srtp.Keys) { server.keys = k })
		}()
		c, err := client.assoc.handshake(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, mtu, mtu + 1, datagramSize - 100} { // of a data channel
			if _, err := c.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		select {
		case <-server.over:
			t.Errorf("the association has ended: %v", server.err)
		default:
		}
		cancel()
		<-server.over
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
