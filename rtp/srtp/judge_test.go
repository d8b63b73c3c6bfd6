package srtp_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	pion "github.com/pion/srtp/v3"

	"mediaserver/rtp/srtp"
)

// judge is the same direction of a session by pion/srtp.
func judge(t *testing.T, suite srtp.Suite, k srtp.Key) *pion.Context {
	t.Helper()
	b := k.Bytes()
	c, err := pion.CreateContext(b[:16], b[16:], pion.ProtectionProfile(suite.Profile()),
		pion.SRTPReplayProtection(128), pion.SRTCPReplayProtection(128))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// anyPacket is a packet with sources and extension, as dice have it.
func anyPacket(dice *rand.Rand, ssrc uint32, seq uint16) []byte {
	b := make([]byte, 12, 400)
	sources := dice.IntN(4)
	b[0], b[1] = 0x80|byte(sources), byte(dice.IntN(256))
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], dice.Uint32())
	binary.BigEndian.PutUint32(b[8:], ssrc)
	b = append(b, make([]byte, 4*sources)...)
	if dice.IntN(3) == 0 {
		b[0] |= 0x10
		b = append(b, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0)
	}
	for range dice.IntN(200) {
		b = append(b, byte(dice.Uint32()))
	}
	return b
}

// Both ways the same bytes as those of pion/srtp, and the same packets heard:
// with losses, over wraps, late ones, copies and changes.
func TestAnotherImplementationAgrees(t *testing.T) {
	for _, suite := range srtp.Suites() {
		for seed := range uint64(3) {
			dice := rand.New(rand.NewPCG(seed, 7))
			ours, theirs, keys := pair(t, suite)
			sends, hears := judge(t, suite, keys.Send), judge(t, suite, keys.Send)
			seq := [2]uint16{uint16(dice.Uint32()) &^ 1 << 15, uint16(dice.Uint32()) | 1<<15}
			var before [][]byte
			for i := range 4000 {
				n := dice.IntN(40) / 39 // the second stream talks little
				seq[n]++
				if dice.IntN(50) == 0 {
					seq[n] += uint16(dice.IntN(2000))
				}
				plain := anyPacket(dice, uint32(100+n), seq[n])
				want, err := sends.EncryptRTP(nil, plain, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := ours.Protect(append(make([]byte, 0, 500), plain...))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%v, packet %d: %v\n%x, want\n%x", suite, i, err, got, want)
				}
				before = append(before, want)
				for _, p := range [][]byte{want, before[max(0, len(before)-1-dice.IntN(200))]} {
					p = bytes.Clone(p)
					if dice.IntN(20) == 0 {
						p[dice.IntN(len(p))] ^= 1 << dice.IntN(8)
					}
					if dice.IntN(8) == 0 {
						continue // lost
					}
					wantPlain, refused := hears.DecryptRTP(nil, p, nil)
					gotPlain, err := theirs.Unprotect(p)
					if (err == nil) != (refused == nil) || err == nil && !bytes.Equal(gotPlain, wantPlain) {
						t.Fatalf("%v, packet %d: %v, %v\n%x, want\n%x", suite, i, err, refused, gotPlain, wantPlain)
					}
				}
			}
		}
	}
}

// Reports are the same bytes as those of pion/srtp, also where they are not
// encrypted.
func TestAnotherImplementationAgreesOnReports(t *testing.T) {
	for _, suite := range srtp.Suites() {
		dice := rand.New(rand.NewPCG(1, 7))
		ours, theirs, keys := pair(t, suite)
		sends, hears := judge(t, suite, keys.Send), judge(t, suite, keys.Send)
		b := keys.Send.Bytes()
		open, err := pion.CreateContext(b[:16], b[16:], pion.ProtectionProfile(suite.Profile()), pion.SRTCPNoEncryption())
		if err != nil {
			t.Fatal(err)
		}
		open.SetIndex(300, 1000)
		for i := range 500 {
			plain := make([]byte, 8+4*dice.IntN(30), 300)
			plain[0], plain[1], plain[3] = 0x80, 200, byte(len(plain)/4-1)
			binary.BigEndian.PutUint32(plain[4:], uint32(300+dice.IntN(2)))
			want, err := sends.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ours.ProtectRTCP(append(make([]byte, 0, 500), plain...))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v, report %d: %v\n%x, want\n%x", suite, i, err, got, want)
			}
			if dice.IntN(5) == 0 {
				if want, err = open.EncryptRTCP(nil, plain, nil); err != nil {
					t.Fatal(err)
				}
			}
			if dice.IntN(10) == 0 {
				want[dice.IntN(len(want))] ^= 1 << dice.IntN(8)
			}
			wantPlain, refused := hears.DecryptRTCP(nil, want, nil)
			gotPlain, err := theirs.UnprotectRTCP(bytes.Clone(want))
			if (err == nil) != (refused == nil) || err == nil && !bytes.Equal(gotPlain, wantPlain) {
				t.Fatalf("%v, report %d: %v, %v\n%x, want\n%x", suite, i, err, refused, gotPlain, wantPlain)
			}
		}
	}
}
