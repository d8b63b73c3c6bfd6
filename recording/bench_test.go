package recording

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"mediaserver/audio"
)

// BenchmarkWrite is what a recording costs the media path, per frame. The
// queue is emptied without a writer.
func BenchmarkWrite(b *testing.B) {
	said, heard := sine(0, 440, 6000), sine(0, 1320, 3000)
	for _, tc := range []struct {
		name        string
		said, heard []int16
	}{{"both", said, heard}, {"one side", said, nil}, {"silence", nil, nil}} {
		b.Run(tc.name, func(b *testing.B) {
			r := &Recording{limit: 1 << 62, queue: newQueue(DefaultQueue, 160)}
			b.ReportAllocs()
			frame := int64(0)
			for b.Loop() {
				r.Write(frame, tc.said, tc.heard, 0)
				r.queue.next()
				frame++
			}
		})
	}
}

// BenchmarkEncode is the writer's work per frame besides the disk.
func BenchmarkEncode(b *testing.B) {
	said, heard := sine(0, 440, 6000), sine(0, 1320, 3000)
	for _, m := range []Mode{Mixed, Separate} {
		b.Run(m.String(), func(b *testing.B) {
			e := newEncoder(audio.Narrowband(), m, ALaw)
			buf := make([]byte, 0, pieceSize)
			b.ReportAllocs()
			for b.Loop() {
				buf = e.append(buf[:0], said, heard)
			}
		})
	}
}

// BenchmarkRecord500 makes 500 recordings of 10 s on the disk at once, as fast
// as it goes, in the pieces that real time gives. A rec-s is a second of one
// recording.
func BenchmarkRecord500(b *testing.B) {
	const recordings, seconds = 500, 10
	perFlush := int64(flushEvery / (20 * time.Millisecond))
	said, heard := sine(0, 440, 6000), sine(0, 1320, 3000)
	for _, c := range []Cipher{{}, testCipher(b)} {
		for _, m := range []Mode{Mixed, Separate} {
			b.Run(fmt.Sprintf("%v/%v", m, c), func(b *testing.B) {
				var open, write, finish, wall time.Duration
				for b.Loop() {
					s, err := NewStore(Config{Directory: b.TempDir()})
					if err != nil {
						b.Fatal(err)
					}
					began, t0 := time.Now(), cpuTime(b)
					all := make([]*Recording, recordings)
					for i := range all {
						o := options()
						o.InstanceID, o.Mode, o.Cipher = fmt.Sprint(i), m, c
						op := &opening{options: o, done: make(chan struct{})}
						if s.openFile(op); op.err != nil {
							b.Fatal(op.err)
						}
						all[i] = op.recording
					}
					t1 := cpuTime(b)
					var scratch []byte
					for at := int64(0); at < seconds*50; at += perFlush {
						for _, r := range all {
							for i := range perFlush {
								r.Write(at+i, said, heard, 0)
							}
						}
						for _, r := range all {
							scratch, _ = r.serve(scratch)
						}
					}
					t2 := cpuTime(b)
					for _, r := range all {
						r.ended.Store(true)
						scratch, _ = r.serve(scratch)
						if r.finish(); r.err != nil || r.result.Duration != seconds*time.Second {
							b.Errorf("%+v, %v", r.result, r.err)
						}
					}
					open, write, finish = open+t1-t0, write+t2-t1, finish+cpuTime(b)-t2
					wall += time.Since(began)
					if err := s.root.Close(); err != nil {
						b.Error(err)
					}
				}
				each := func(d time.Duration, per int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(b.N*per) }
				b.ReportMetric(each(open, recordings), "µs-open/rec")
				b.ReportMetric(each(write, recordings*seconds), "µs-cpu/rec-s")
				b.ReportMetric(each(finish, recordings), "µs-finish/rec")
				b.ReportMetric(each(wall, recordings), "µs-wall/rec")
			})
		}
	}
}

// cpuTime is what the process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReseal is what completing an encrypted recording costs besides the
// disk.
func BenchmarkReseal(b *testing.B) {
	c := testCipher(b)
	f := &memFile{data: newSealer(c).seal(make([]byte, 29<<20))} // an hour
	b.SetBytes(int64(len(f.data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := reseal(f, c, int64(len(f.data)), []byte("RIFF")); err != nil {
			b.Fatal(err)
		}
	}
}
