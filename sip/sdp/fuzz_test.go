package sdp

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse holds two properties: Parse never panics and fails only with
// ErrMalformed, and our answer to whatever it took parses again with as many
// streams, of which one at most is taken.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error is not ErrMalformed: %v", err)
			}
			return
		}
		l := Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 20000}
		if d.Addr().Is6() {
			l.Addr = netip.MustParseAddr("2001:db8::1")
		}
		answer, m, err := Answer(d, DefaultCapability(), l)
		if err != nil {
			if !errors.Is(err, ErrNoCommonCodec) {
				t.Fatalf("error is not ErrNoCommonCodec: %v", err)
			}
			return
		}
		if m.PtimeMS < MinPtime || m.PtimeMS > MaxPtime || m.PtimeMS%PtimeStep != 0 || len(m.Accept) == 0 || m.Accept[0].Codec != m.Codec {
			t.Fatalf("settled on %+v", m)
		}
		checkStreams(t, answer, d.Streams())
		l.Previous = answer
		checkStreams(t, Offer(DefaultCapability(), l), d.Streams())
		g := guarded()
		g.Addr = l.Addr
		if answer, m, err := Answer(d, able(SecurityOptional), g); err == nil {
			checkStreams(t, answer, d.Streams())
			if n := len(m.Keys.Remote); m.Keys.Suite == gcm && n != 28 || m.Keys.Suite == cm && n != 30 {
				t.Fatalf("key of %d bytes", n)
			}
		}
	})
}

// checkStreams wants a description with so many streams, one of them in use.
func checkStreams(t *testing.T, body []byte, want int) {
	t.Helper()
	d, err := Parse(body)
	if err != nil {
		t.Fatalf("our own description: %v\n%s", err, body)
	}
	used := 0
	for _, s := range d.streams {
		if s.port != 0 {
			used++
		}
	}
	if d.Streams() != want || used != 1 {
		t.Fatalf("%d streams, %d used; want %d, 1\n%s", d.Streams(), used, want, body)
	}
}
