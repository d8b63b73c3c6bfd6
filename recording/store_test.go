package recording

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/audio/wav"
)

func TestNames(t *testing.T) {
	const id = "a1b2c3d4e5f60718.55"
	zone := time.FixedZone("east", 3*3600)
	for _, tc := range []struct {
		o    Options
		want string
	}{
		{Options{InstanceID: id, Start: start}, "rest_api/recordings/2026/03/02/10_00_02_a1b2c3d4e5f60718.55.wav"},
		{Options{InstanceID: id, Start: start, Call: 1}, "rest_api/recordings/2026/03/02/10_00_02_a1b2c3d4e5f60718.55_call.wav"},
		{Options{InstanceID: id, Start: start, Call: 12}, "rest_api/recordings/2026/03/02/10_00_02_a1b2c3d4e5f60718.55_12_call.wav"},
		{Options{InstanceID: id, Start: time.Date(2026, 1, 1, 1, 2, 3, 0, zone)}, "rest_api/recordings/2025/12/31/22_02_03_a1b2c3d4e5f60718.55.wav"},
		{Options{InstanceID: id}, "rest_api/recordings/1970/01/01/00_00_00_a1b2c3d4e5f60718.55.wav"},
	} {
		if got := nth(tc.o.name(time.Unix(0, 0)), 1); got != tc.want {
			t.Errorf("%+v\n got %s\nwant %s", tc.o, got, tc.want)
		}
	}
	if got := nth("a", 3); got != "a_3.wav" {
		t.Error(got)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	s := newStore(Config{}.withDefaults(), nil)
	for _, id := range []string{"", "../x", "a/b", "a\\b", "a..b", ".a", "a.", "a b", "a\x00", "ä", "a_b", strings.Repeat("a", 65)} {
		if _, err := s.Open(context.Background(), Options{InstanceID: id}); !errors.Is(err, ErrOptions) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	for _, o := range []Options{
		{InstanceID: "a", Call: -1},
		{InstanceID: "a", Mode: 9},
		{InstanceID: "a", Encoding: 9},
		{InstanceID: "a", Start: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := s.Open(context.Background(), o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	for _, c := range []Config{
		{},
		{Directory: "x", Writers: -1},
		{Directory: "x", RetentionDays: -1},
		{Directory: "x", Format: audio.Format{Rate: 1, Ptime: time.Second}},
		{Directory: "x", Queue: 1 << 20},
	} {
		if _, err := NewStore(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestDirectoryThatCannotBeWrittenIsToldAtOnce, not by the first call.
func TestDirectoryThatCannotBeWrittenIsToldAtOnce(t *testing.T) {
	taken, locked := t.TempDir(), t.TempDir()
	put(t, taken, "rest_api", nil)
	if err := os.Chmod(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{taken, locked} {
		_, err := NewStore(Config{Directory: dir})
		if dir == locked && os.Geteuid() == 0 {
			continue // who may everything
		}
		if err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestNothingIsLeftOfTheProbe: also of one that a killed process has left.
func TestNothingIsLeftOfTheProbe(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, probe, nil)
	newTestStore(t, Config{Directory: dir})
	if list := filesIn(t, dir); len(list) > 0 {
		t.Errorf("left: %v", list)
	}
}

// TestMixedIsExact: both directions, sample for sample, from the first frame to
// the last, and silence where frames are missing.
func TestMixedIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir := newTestStore(t, Config{})
		r := open(t, s, options())
		if r.Filename() != optionsName {
			t.Errorf("Filename %s", r.Filename())
		}
		const first, n = 123456, 500
		var want []int16
		for i := range int64(n) {
			said, heard := sine(i, 440, 6000), sine(i, 1320, 3000)
			missing := i >= 100 && i < 150 || i == 300 || i >= 400 && i < 405
			sum := make([]int16, 160)
			if !missing {
				for k := range sum {
					sum[k] = said[k] + heard[k]
				}
				r.Write(first+i, said, heard, 0)
			}
			want = append(want, sum...)
			if i%5 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		result := closed(t, r)
		if result != (Result{Filename: optionsName, Duration: 10 * time.Second, ContainsSound: true}) {
			t.Errorf("%+v", result)
		}
		w := parseExact(t, read(t, dir, optionsName))
		if w.tag != 6 || w.channels != 1 {
			t.Errorf("format %d, %d channels", w.tag, w.channels)
		}
		if got := w.linear(0); !slices.Equal(got, coded(want)) {
			t.Errorf("%d samples, or others than was written, want %d", len(got), len(want))
		}
		info, err := os.Stat(filepath.Join(dir, optionsName))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if _, info, err := wav.Decode(bytes.NewReader(read(t, dir, optionsName)), 0); err != nil || info.Samples != 80000 || info.Truncated {
			t.Errorf("wav.Decode: %+v, %v", info, err)
		}
		if again, err := r.Close(context.Background()); again != result || err != nil {
			t.Errorf("second Close: %+v, %v", again, err)
		}
		r.Write(first+n, nil, nil, 0) // does nothing
	})
}

func TestSeparateKeepsTheSidesApart(t *testing.T) {
	s, dir := newTestStore(t, Config{})
	o := options()
	o.Mode, o.Encoding = Separate, ULaw
	r := open(t, s, o)
	var said, heard []int16
	for i := range int64(50) {
		a, b := sine(i, 440, 32000), sine(i, 880, 32000)
		switch {
		case i < 10:
			a = nil
		case i < 20:
			b = nil
		}
		r.Write(i, a, b, 0)
		said, heard = append(said, or(a)...), append(heard, or(b)...)
	}
	closed(t, r)
	w := parseExact(t, read(t, dir, optionsName))
	if w.tag != 7 || w.channels != 2 {
		t.Errorf("format %d, %d channels", w.tag, w.channels)
	}
	for i, want := range [][]int16{said, heard} {
		b := make([]byte, len(want))
		g711.EncodeULaw(b, want)
		pcm := make([]int16, len(want))
		g711.DecodeULaw(pcm, b)
		if !slices.Equal(w.linear(i), pcm) {
			t.Errorf("channel %d is not what was written", i)
		}
	}
}

func or(s []int16) []int16 {
	if s == nil {
		return make([]int16, 160)
	}
	return s
}

// TestMixedIsLimited: two loud sides neither wrap nor clip.
func TestMixedIsLimited(t *testing.T) {
	s, dir := newTestStore(t, Config{})
	r := open(t, s, options())
	for i := range int64(100) {
		r.Write(i, sine(i, 440, 30000), sine(i, 440, 30000), 0)
	}
	closed(t, r)
	pcm := parseExact(t, read(t, dir, optionsName)).linear(0)
	if len(pcm) != 16000 {
		t.Fatalf("%d samples", len(pcm))
	}
	if share := audio.ToneShare(pcm[800:], 8000, 440); share < 0.98 {
		t.Errorf("%.3f of the energy is the tone", share)
	}
}

func TestDigitsAreSilence(t *testing.T) {
	for _, tc := range []struct {
		name   string
		keep   bool
		digits Digits
		said   bool // heard afterwards
		heard  bool
	}{
		{"said", false, DigitSaid, false, true},
		{"heard", false, DigitHeard, true, false},
		{"both", false, DigitSaid | DigitHeard, false, false},
		{"kept", true, DigitSaid | DigitHeard, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, dir := newTestStore(t, Config{})
			o := options()
			o.Mode, o.KeepDigits = Separate, tc.keep
			r := open(t, s, o)
			for i := range int64(30) {
				digits := Digits(0)
				if i >= 10 && i < 20 {
					digits = tc.digits
				}
				r.Write(i, sine(i, 697, 8000), sine(i, 1209, 8000), digits)
			}
			closed(t, r)
			w := parseExact(t, read(t, dir, optionsName))
			for i, want := range []bool{tc.said, tc.heard} {
				pcm := w.linear(i)
				if got := audio.LevelDBov(pcm[1600:3200]) > -60; got != want {
					t.Errorf("channel %d: sound %v, want %v", i, got, want)
				}
				if audio.LevelDBov(pcm[:1600]) < -20 || audio.LevelDBov(pcm[3200:]) < -20 {
					t.Errorf("channel %d: no sound beside the digit", i)
				}
			}
		})
	}
}

func TestContainsSound(t *testing.T) {
	for _, tc := range []struct {
		name string
		peak float64
		want bool
	}{{"silence", 0, false}, {"noise floor", 100, false}, {"speech", 2000, true}} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := newTestStore(t, Config{})
			r := open(t, s, options())
			for i := range int64(10) {
				r.Write(i, nil, sine(i, 440, tc.peak), 0)
			}
			if result := closed(t, r); result.ContainsSound != tc.want {
				t.Errorf("%+v", result)
			}
		})
	}
}

func TestNothingWrittenIsAnEmptyFile(t *testing.T) {
	s, dir := newTestStore(t, Config{})
	if result := closed(t, open(t, s, options())); result != (Result{Filename: optionsName}) {
		t.Errorf("%+v", result)
	}
	if w := parseExact(t, read(t, dir, optionsName)); len(w.audio) != 0 {
		t.Errorf("%d bytes of audio", len(w.audio))
	}
}

// TestTakenNames: open and complete recordings keep their names, and so does
// whatever else is there.
func TestTakenNames(t *testing.T) {
	s, dir := newTestStore(t, Config{})
	a := open(t, s, options())
	b := open(t, s, options())
	closed(t, a)
	c := open(t, s, options())
	// Somebody takes the name of c meanwhile.
	stranger := filepath.Join(dir, strings.Replace(optionsName, ".wav", "_3.wav", 1))
	if err := os.WriteFile(stranger, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range []*Recording{b, c} {
		got = append(got, closed(t, r).Filename)
	}
	want := []string{
		strings.Replace(optionsName, ".wav", "_2.wav", 1),
		strings.Replace(optionsName, ".wav", "_4.wav", 1),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if b, _ := os.ReadFile(stranger); string(b) != "mine" {
		t.Error("the file of somebody else was overwritten")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, directory, "*/*/*/*.part")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// TestNoEscape: a link out of the media directory is not followed.
func TestNoEscape(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s, _ := newTestStore(t, Config{Directory: dir})
	top := filepath.Join(dir, "rest_api")
	if err := os.RemoveAll(top); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, top); err != nil {
		t.Skip(err)
	}
	if _, err := s.Open(context.Background(), options()); !errors.Is(err, ErrOpen) {
		t.Errorf("Open: %v", err)
	}
	if _, err := NewStore(Config{Directory: dir}); err == nil {
		t.Error("NewStore: no error")
	}
	if found, _ := os.ReadDir(outside); len(found) > 0 {
		t.Errorf("found outside: %v", found)
	}
}

func TestFramesOutOfOrderAreCounted(t *testing.T) {
	s, _ := newTestStore(t, Config{})
	r := open(t, s, options())
	r.Write(10, nil, nil, 0)
	r.Write(10, nil, nil, 0)
	r.Write(9, nil, nil, 0)
	r.Write(11, nil, nil, 0)
	r.Write(10+int64(maxDuration/(20*time.Millisecond)), nil, nil, 0)
	if result := closed(t, r); result.Lost != 3 || result.Duration != 40*time.Millisecond {
		t.Errorf("%+v", result)
	}
	if got := counted(s, causeOrder); got != 2 {
		t.Errorf("%v out of order", got)
	}
	if got := counted(s, causeLong); got != 1 {
		t.Errorf("%v too long", got)
	}
}

// TestGapsAreLogged when the recording ends, and once that it is at its longest.
func TestGapsAreLogged(t *testing.T) {
	var log bytes.Buffer
	s, _ := newTestStore(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := open(t, s, options())
	end := int64(maxDuration / (20 * time.Millisecond))
	for _, frame := range []int64{0, 0, end, end + 1} {
		r.Write(frame, nil, nil, 0)
	}
	closed(t, r)
	for text, want := range map[string]int{"the rest is left out": 1, "out_of_order=1 too_long=2": 1, "queue_full": 0} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, want, &log)
		}
	}
}

func TestTooManyAtATime(t *testing.T) {
	s, _ := newTestStore(t, Config{MaxOpen: 2})
	a := open(t, s, options())
	open(t, s, options())
	if _, err := s.Open(context.Background(), options()); !errors.Is(err, ErrBusy) {
		t.Errorf("third: %v", err)
	}
	closed(t, a)
	open(t, s, options())
}

func TestTheEndOfTheStoreClosesRecordings(t *testing.T) {
	dir := t.TempDir()
	s, err := NewStore(Config{Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	r := open(t, s, options())
	for i := range int64(25) {
		r.Write(i, sine(i, 440, 8000), nil, 0)
	}
	why := errors.New("enough")
	cancel(why)
	if err := <-done; !errors.Is(err, why) {
		t.Errorf("Run: %v", err)
	}
	if result := closed(t, r); result.Duration != 500*time.Millisecond {
		t.Errorf("%+v", result)
	}
	parseExact(t, read(t, dir, optionsName))
	if _, err := s.Open(context.Background(), options()); !errors.Is(err, ErrClosed) {
		t.Errorf("Open: %v", err)
	}
	if err := s.Run(ctx); !errors.Is(err, ErrStarted) {
		t.Errorf("second Run: %v", err)
	}
}

// TestManyAtOnce opens, writes and closes from many goroutines.
func TestManyAtOnce(t *testing.T) {
	s, dir := newTestStore(t, Config{})
	const n = 50
	names := make(chan string, n)
	for range n {
		go func() {
			r, err := s.Open(context.Background(), options())
			if err != nil {
				t.Error(err)
				names <- ""
				return
			}
			for i := range int64(100) {
				r.Write(i, sine(i, 440, 8000), nil, 0)
			}
			result, err := r.Close(context.Background())
			if err != nil {
				t.Error(err)
			}
			names <- result.Filename
		}()
	}
	seen := map[string]bool{}
	for range n {
		name := <-names
		if name == "" || seen[name] {
			t.Errorf("%q twice", name)
			continue
		}
		seen[name] = true
		if w := parseExact(t, read(t, dir, name)); len(w.audio) != 16000 {
			t.Errorf("%s: %d samples", name, len(w.audio))
		}
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	s, _ := newTestStore(t, Config{})
	r := open(t, s, options())
	said, heard := sine(0, 440, 8000), sine(0, 880, 8000)
	frame := int64(0)
	if n := testing.AllocsPerRun(100, func() { r.Write(frame, said, heard, 0); frame++ }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	closed(t, r)
}
