package srtp_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"mediaserver/rtp/srtp"
)

// BenchmarkCold takes a packet in and out of 1000 sessions in turn, whose memory
// is no longer in the cache, as it is in a server; with lead, that of a session is
// fetched so many sessions before its turn. One operation is a packet each way.
func BenchmarkCold(b *testing.B) {
	for _, c := range []struct {
		suite srtp.Suite
		lead  int
	}{{srtp.GCM128, 0}, {srtp.GCM128, 4}, {srtp.CM128Tag80, 0}} {
		suite, lead := c.suite, c.lead
		b.Run(fmt.Sprintf("%v/lead=%d", suite, lead), func(b *testing.B) {
			const sessions = 1000
			far, near := make([]*srtp.Session, sessions), make([]*srtp.Session, sessions)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for i := range far {
				far[i], near[i], _ = pair(b, suite)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			closely := make([]srtp.Near, sessions)
			for i, s := range near {
				closely[i] = s.Closely()
			}
			sealed := make([][400]byte, sessions)
			size := make([]int, sessions)
			junk := make([]byte, 16<<20)
			memory := make([]byte, 400)
			b.ReportAllocs()
			n := 0
			for seq := uint16(0); b.Loop(); seq++ {
				b.StopTimer()
				for i, s := range far {
					p := append(sealed[i][:0], plain[:]...)
					binary.BigEndian.PutUint16(p[2:], seq)
					p, err := s.Protect(p)
					if err != nil {
						b.Fatal(err)
					}
					size[i] = len(p)
				}
				for i := 0; i < len(junk); i += 64 {
					junk[i]++
				}
				b.StartTimer()
				for i, s := range closely {
					if next := i + lead; next > i && next < sessions {
						closely[next].PrefetchReceived()
						closely[next].PrefetchSent()
					}
					m := memory[:copy(memory, sealed[i][:size[i]])]
					if _, err := s.Unprotect(m); err != nil {
						b.Fatal(err)
					}
					p := append(memory[:0], plain[:]...)
					binary.BigEndian.PutUint16(p[2:], seq)
					if _, err := s.Protect(p); err != nil {
						b.Fatal(err)
					}
				}
				n += sessions
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/pair")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/2/sessions, "B/session")
		})
	}
}
