package recording

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
)

const (
	memName = "rest_api/recordings/2026/03/02/10_00_02_a1b2c3d4e5f60718.55_2_call.wav"
	memPart = memName + partEnd
)

// newMemStore runs a store on a disk in memory.
func newMemStore(t *testing.T, cfg Config, d *memDisk) *Store {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s := newStore(cfg.withDefaults(), d)
	run(t, s)
	return s
}

// talk writes frames in real time.
func talk(r *Recording, first, frames int64) {
	for i := range frames {
		r.Write(first+i, sine(first+i, 440, 6000), nil, 0)
		time.Sleep(20 * time.Millisecond)
	}
}

// talking is a recording on a disk in memory in which 100 frames have been said.
func talking(t *testing.T, c Cipher) (*memDisk, *Store, *Recording) {
	t.Helper()
	d := newMemDisk()
	s := newMemStore(t, Config{}, d)
	o := options()
	o.Cipher = c
	r := open(t, s, o)
	talk(r, 0, 100)
	return d, s, r
}

// TestDiskFullForAWhile: what could not be written is silence of the same
// length, and counted; what comes after is at its place.
func TestDiskFullForAWhile(t *testing.T) {
	for _, c := range []Cipher{{}, testCipher(t)} {
		t.Run(c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, s, r := talking(t, c)
				d.file(memPart).set(d.file(memPart).size()+100, nil) // the next piece only in part
				talk(r, 100, 100)
				d.file(memPart).set(0, nil)
				talk(r, 200, 100)
				result := closed(t, r)
				if result.Duration != 6*time.Second || result.Lost < 80 || result.Lost > 120 || result.Missing != time.Duration(result.Lost)*20*time.Millisecond {
					t.Errorf("%+v", result)
				}
				if got := counted(s, causeWrite); int64(got) != result.Lost {
					t.Errorf("counted %v", got)
				}
				if outcome(s, outcomeIncomplete) != 1 {
					t.Error("not counted as incomplete")
				}
				b := d.file(memName).data
				if !c.IsZero() {
					b = decrypted(t, c, b)
				}
				pcm := parseExact(t, b).linear(0)
				if len(pcm) != 300*160 {
					t.Fatalf("%d samples", len(pcm))
				}
				lost := int64(0)
				for i := range int64(300) {
					got := pcm[i*160:][:160]
					want := coded(sine(i, 440, 6000))
					// At the seams the limiter's 20 samples of delay belong to the
					// piece before or after.
					switch {
					case slices.Equal(got[:140], want[:140]):
					case slices.Equal(got[20:140], coded(make([]int16, 120))):
						lost++
					default:
						t.Errorf("frame %d is neither sound nor silence", i)
					}
				}
				if lost != result.Lost {
					t.Errorf("%d frames of silence, %d told", lost, result.Lost)
				}
			})
		})
	}
}

// TestDiskFullToTheEnd: the file has what there was room for.
func TestDiskFullToTheEnd(t *testing.T) {
	for _, c := range []Cipher{{}, testCipher(t)} {
		t.Run(c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, s, r := talking(t, c)
				d.file(memPart).set(d.file(memPart).size()+100, nil)
				talk(r, 100, 100)
				result, err := r.Close(context.Background())
				if !errors.Is(err, ErrWrite) || !errors.Is(err, errFull) {
					t.Errorf("Close: %v", err)
				}
				if result.Filename != "/"+memName || result.Unnamed || result.Duration < time.Second || result.Duration > 3*time.Second || !result.ContainsSound {
					t.Errorf("%+v", result)
				}
				if outcome(s, outcomeFailed) != 1 {
					t.Error("not counted as failed")
				}
				b := d.file(memName).data
				if !c.IsZero() {
					b = decrypted(t, c, b)
				}
				w := parseExact(t, b)
				if got := time.Duration(len(w.audio)) * time.Second / 8000; got != result.Duration {
					t.Errorf("%v of audio in the file, %v told", got, result.Duration)
				}
			})
		})
	}
}

// TestKilledWhileTheDiskIsFull: what was written only in part does not spoil what
// is there.
func TestKilledWhileTheDiskIsFull(t *testing.T) {
	for _, c := range []Cipher{{}, testCipher(t)} {
		t.Run(c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _, r := talking(t, c)
				d.file(memPart).set(d.file(memPart).size()+1000, nil)
				talk(r, 100, 100)
				synctest.Wait()
				b := d.file(memPart).content()
				if !c.IsZero() {
					b = decrypted(t, c, b)
				}
				if got := len(b) - 58; got < 75*160 || got > 120*160 || string(b[:4]) != "RIFF" {
					t.Errorf("%d bytes of audio", got)
				}
			})
		})
	}
}

func TestNoRoomForTheHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		d.limit = 10
		s := newMemStore(t, Config{}, d)
		for i, c := range []Cipher{{}, testCipher(t), testAge(t)} {
			o := options()
			o.Cipher = c
			if _, err := s.Open(context.Background(), o); !errors.Is(err, ErrOpen) || !errors.Is(err, errFull) {
				t.Errorf("Open: %v", err)
			}
			if len(d.files) > 0 {
				t.Errorf("left over: %v", d.files)
			}
			if outcome(s, outcomeFailed) != float64(i+1) {
				t.Error("not counted")
			}
		}
	})
}

// TestAgeKeepsTheSpoolWhenThereIsNoRoom: it can be decrypted with the key that
// is beside it.
func TestAgeKeepsTheSpoolWhenThereIsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		d := newMemDisk()
		s := newMemStore(t, Config{}, d)
		o := options()
		o.Cipher, err = Age(identity.Recipient().String())
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, s, o)
		talk(r, 0, 100)
		d.limit = 1000
		if result, err := r.Close(context.Background()); !errors.Is(err, ErrWrite) || !result.Unnamed {
			t.Errorf("Close: %+v, %v", result, err)
		}
		if len(d.files) != 2 {
			t.Errorf("files %v", d.files)
		}
		c, _ := unwrapped(t, d.file(memName+keyEnd).data, identity)
		b := decrypted(t, c, d.file(memPart).data)
		if len(b) != 58+100*160 || string(b[:4]) != "RIFF" {
			t.Errorf("%d bytes", len(b))
		}
	})
}

// unwrapped is the key of an interrupted recording for an age recipient, and
// the arguments that openssl takes for it.
func unwrapped(t testing.TB, wrapped []byte, identity age.Identity) (Cipher, []string) {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(wrapped), identity)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(text))
	if len(words) != 4 || words[0] != "-K" || words[2] != "-iv" {
		t.Fatalf("%d words", len(words))
	}
	c, err := ParseAESCBC(words[1], words[3])
	if err != nil {
		t.Fatal(err)
	}
	return c, words
}

// TestHangingDisk: writing never waits, what does not fit is counted, Close
// gives up in time, and all comes to its place when the disk works again.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		s := newMemStore(t, Config{Writers: 2}, d)
		r := open(t, s, options())
		other := open(t, s, Options{InstanceID: "other", Start: start})
		hang := make(chan struct{})
		d.file(memPart).set(0, hang)
		for i := range int64(500) {
			began := time.Now()
			r.Write(i, sine(i, 440, 6000), nil, 0)
			other.Write(i, sine(i, 440, 6000), nil, 0)
			if time.Since(began) != 0 {
				t.Fatal("Write has waited")
			}
			time.Sleep(20 * time.Millisecond)
		}
		if result := closed(t, other); result.Lost != 0 {
			t.Errorf("the other recording: %+v", result)
		}
		began := time.Now()
		result, err := r.Close(context.Background())
		if !errors.Is(err, ErrSlow) || time.Since(began) != DefaultTimeout {
			t.Errorf("Close: %v after %v", err, time.Since(began))
		}
		if result.Duration != 10*time.Second || result.Lost < 300 {
			t.Errorf("%+v", result)
		}
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := r.Close(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("Close without patience: %v", err)
		}
		close(hang)
		result = closed(t, r)
		if result.Duration != 10*time.Second || result.Lost < 300 {
			t.Errorf("%+v", result)
		}
		if got := counted(s, causeQueue); int64(got) != result.Lost {
			t.Errorf("counted %v", got)
		}
		if w := parseExact(t, d.file(memName).data); len(w.audio) != 80000 {
			t.Errorf("%d samples", len(w.audio))
		}
	})
}

// TestEncryptedRecordingOfAnyLengthHasABound, for the server may have to stop.
func TestEncryptedRecordingOfAnyLengthHasABound(t *testing.T) {
	r := &Recording{store: &Store{cfg: Config{}.withDefaults()}, encrypted: true}
	r.reach.Store(int64(maxDuration / (20 * time.Millisecond)))
	if got := r.patience(); got != 20*time.Second {
		t.Errorf("%v", got)
	}
}

// TestLongEncryptedRecordingIsWaitedFor: its file is written twice.
func TestLongEncryptedRecordingIsWaitedFor(t *testing.T) {
	for _, c := range []Cipher{{}, testCipher(t)} {
		t.Run(c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newMemDisk()
				s := newMemStore(t, Config{}, d)
				o := options()
				o.Cipher = c
				r := open(t, s, o)
				r.Write(0, sine(0, 440, 6000), nil, 0)
				r.Write(int64(time.Hour/(20*time.Millisecond))-1, nil, nil, 0)
				time.Sleep(time.Second)
				hang := make(chan struct{})
				d.file(memPart).set(0, hang)
				time.AfterFunc(16*time.Second, func() { close(hang) })
				var want error
				if c.IsZero() {
					want = ErrSlow
				}
				if result, err := r.Close(context.Background()); !errors.Is(err, want) || result.Duration != time.Hour {
					t.Errorf("Close: %+v, %v; want %v", result, err, want)
				}
				time.Sleep(16 * time.Second)
				closed(t, r)
			})
		})
	}
}

func TestHangingOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		d.hang = make(chan struct{})
		s := newMemStore(t, Config{}, d)
		began := time.Now()
		for range openers + 3 { // the last find nobody to open it, and do not wait
			if _, err := s.Open(context.Background(), options()); !errors.Is(err, ErrSlow) {
				t.Errorf("Open: %v", err)
			}
		}
		if took := time.Since(began); took != openers*DefaultTimeout {
			t.Errorf("after %v", took)
		}
		close(d.hang)
		synctest.Wait()
		if len(d.files) > 0 || s.open != 0 || s.stuck.Load() != 0 {
			t.Errorf("left over: %v, %d open, %d stuck", d.files, s.open, s.stuck.Load())
		}
		closed(t, open(t, s, options()))
	})
}

func TestStoreThatDoesNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(Config{}.withDefaults(), newMemDisk())
		if _, err := s.Open(context.Background(), options()); !errors.Is(err, ErrSlow) {
			t.Errorf("Open: %v", err)
		}
	})
}

// TestRunDoesNotWaitForAHangingDisk for longer than the timeout.
func TestRunDoesNotWaitForAHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		s := newStore(Config{}.withDefaults(), d)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		r := open(t, s, options())
		hang := make(chan struct{})
		d.file(memPart).set(0, hang)
		r.Write(0, sine(0, 440, 6000), nil, 0)
		began := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, ErrSlow) || time.Since(began) != DefaultTimeout {
			t.Errorf("Run: %v after %v", err, time.Since(began))
		}
		close(hang)
		closed(t, r)
	})
}

func TestNoName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		d.fail = errors.New("read-only file system")
		s := newMemStore(t, Config{}, d)
		if _, err := s.Open(context.Background(), options()); !errors.Is(err, ErrOpen) || !errors.Is(err, d.fail) {
			t.Errorf("Open: %v", err)
		}
	})
}
