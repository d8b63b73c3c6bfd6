package recording

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// unfinished is a file as an interrupted process leaves it.
func unfinished(t testing.TB, m Mode, audio []byte) []byte {
	t.Helper()
	h, err := newHeader(Config{}.withDefaults().Format, m, ALaw)
	if err != nil {
		t.Fatal(err)
	}
	return append(h, audio...)
}

func put(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return full
}

const day = "rest_api/recordings/2026/03/02/"

func TestRepair(t *testing.T) {
	aes := slices.Clone(newSealer(testCipher(t)).seal(unfinished(t, Mixed, make([]byte, 1000))))
	for _, tc := range []struct {
		name   string
		before map[string][]byte
		after  map[string]int // sizes
		report Report
	}{
		{
			"unknown lengths are set",
			map[string][]byte{"a.wav.part": unfinished(t, Mixed, make([]byte, 800))},
			map[string]int{"a.wav": 858},
			Report{Repaired: 1},
		},
		{
			"an odd end is cut off",
			map[string][]byte{"a.wav.part": unfinished(t, Mixed, make([]byte, 801))},
			map[string]int{"a.wav": 858},
			Report{Repaired: 1},
		},
		{
			"half an instant is cut off",
			map[string][]byte{"a.wav.part": unfinished(t, Separate, make([]byte, 801))},
			map[string]int{"a.wav": 858},
			Report{Repaired: 1},
		},
		{
			"no audio",
			map[string][]byte{"a.wav.part": unfinished(t, Mixed, nil)},
			map[string]int{"a.wav": 58},
			Report{Repaired: 1},
		},
		{"nothing in it", map[string][]byte{"a.wav.part": nil}, map[string]int{}, Report{Removed: 1}},
		{"nothing but a key", map[string][]byte{"a.wav.part": nil, "a.wav.aes.key": {1}}, map[string]int{}, Report{Removed: 1}},
		{
			"AES",
			map[string][]byte{"a.wav.part": aes},
			map[string]int{"a.wav": len(aes)},
			Report{Repaired: 1},
		},
		{
			"AES with a torn end",
			map[string][]byte{"a.wav.part": aes[:len(aes)-5]},
			map[string]int{"a.wav": len(aes) - 16},
			Report{Repaired: 1},
		},
		{"less than a block", map[string][]byte{"a.wav.part": aes[:15]}, map[string]int{}, Report{Removed: 1}},
		{
			"age",
			map[string][]byte{"a.wav.part": aes, "a.wav.aes.key": {1}, "a.wav.age.part": {2}},
			map[string]int{"a.wav.aes": len(aes), "a.wav.aes.key": 1},
			Report{Repaired: 1, Removed: 1},
		},
		{
			"age, complete but for the cleaning up",
			map[string][]byte{"a.wav.part": aes, "a.wav.aes.key": {1}, "a.wav": []byte("age-encryption.org/v1\n")},
			map[string]int{"a.wav": 22},
			Report{},
		},
		{
			"a name taken by another file",
			map[string][]byte{"a.wav.part": unfinished(t, Mixed, make([]byte, 800)), "a.wav": {1}, "a_2.wav": {1}},
			map[string]int{"a.wav": 1, "a_2.wav": 1, "a_3.wav": 858},
			Report{Repaired: 1},
		},
		{
			"not a header of ours",
			map[string][]byte{"a.wav.part": []byte("RIFFxxxxWAVExxxxxxxxx")},
			map[string]int{"a.wav.part": 21},
			Report{Unknown: 1},
		},
		{
			"other files",
			map[string][]byte{"a.part": {1}, "a.wav": {2}, "b.txt": {3}},
			map[string]int{"a.part": 1, "a.wav": 1, "b.txt": 1},
			Report{},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, b := range tc.before {
				put(t, dir, day+name, b)
			}
			report, err := Repair(t.Context(), dir)
			if err != nil || report != tc.report {
				t.Errorf("%+v, %v", report, err)
			}
			after := map[string]int{}
			entries, _ := os.ReadDir(filepath.Join(dir, day))
			for _, e := range entries {
				info, err := e.Info()
				if err != nil {
					t.Fatal(err)
				}
				after[e.Name()] = int(info.Size())
			}
			if len(after) != len(tc.after) {
				t.Errorf("files %v, want %v", after, tc.after)
			}
			for name, size := range tc.after {
				if after[name] != size {
					t.Errorf("files %v, want %v", after, tc.after)
				}
				if b := read(t, dir, day+name); bytes.HasPrefix(b, []byte("RIFF")) && tc.report.Unknown == 0 {
					parseExact(t, b)
				}
			}
		})
	}
}

// TestRepairLeavesDirectoriesAlone, whatever their names.
func TestRepairLeavesDirectoriesAlone(t *testing.T) {
	dir := t.TempDir()
	for _, end := range []string{partEnd, ageEnd} {
		put(t, dir, day+"a.wav"+end+"/x", nil)
	}
	if report, err := Repair(t.Context(), dir); err != nil || report != (Report{}) {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestRepairBetweenTwoNames: the process died when the file had both.
func TestRepairBetweenTwoNames(t *testing.T) {
	dir := t.TempDir()
	part := put(t, dir, day+"a.wav.part", unfinished(t, Mixed, make([]byte, 800)))
	if err := os.Link(part, part[:len(part)-len(partEnd)]); err != nil {
		t.Skip(err)
	}
	if report, err := Repair(t.Context(), dir); err != nil || report != (Report{}) {
		t.Errorf("%+v, %v", report, err)
	}
	entries, _ := os.ReadDir(filepath.Join(dir, day))
	if len(entries) != 1 || entries[0].Name() != "a.wav" {
		t.Errorf("%v", entries)
	}
}

// TestRepairDoesNotTakeTheNameOfANewFile that it finds before it is locked.
func TestRepairDoesNotTakeTheNameOfANewFile(t *testing.T) {
	dir := t.TempDir()
	m, err := openMedia(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.root.Close()
	stop := make(chan struct{})
	var repairs sync.WaitGroup
	repairs.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := m.repair(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	defer repairs.Wait()
	defer close(stop)
	for range 500 {
		f, err := m.create(day + "a.wav.part")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(m.remove(day+"a.wav.part"), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRepairEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, day+"a.wav.part", nil)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Repair(ctx, dir); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
}

// TestStoreRepairsAtItsStart beside a recording that is being made.
func TestStoreRepairsAtItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, day+"a.wav.part", unfinished(t, Mixed, make([]byte, 800)))
		s, _ := newTestStore(t, Config{Directory: dir})
		r := open(t, s, options())
		time.Sleep(time.Second)
		parseExact(t, read(t, dir, day+"a.wav"))
		if outcome(s, outcomeRepaired) != 1 {
			t.Error("not counted")
		}
		closed(t, r)
	})
}

// FuzzMend repairs arbitrary files. Whatever they are, the audio stays, lengths
// are those of the file, and a second repair changes nothing.
func FuzzMend(f *testing.F) {
	f.Add(unfinished(f, Mixed, make([]byte, 321)))
	f.Add(unfinished(f, Separate, make([]byte, 321)))
	f.Add([]byte("RIFF"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\xff"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00fact\x00\x00\x00\x00data"))
	f.Add(bytes.Repeat([]byte("x"), 33))
	f.Fuzz(func(t *testing.T, b []byte) {
		file := &memFile{data: slices.Clone(b)}
		kind, err := mend(file, int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		got := file.data
		switch kind {
		case unknown, nothing:
			if !bytes.Equal(got, b) {
				t.Error("changed")
			}
			return
		case sealed:
			if len(got)%16 != 0 || len(b)-len(got) > 15 || !bytes.HasPrefix(b, got) {
				t.Error("cut wrongly")
			}
		case plain:
			l, err := parseHeader(got)
			if err != nil {
				t.Fatal(err)
			}
			n := int(uint32(got[l.audio-4]) | uint32(got[l.audio-3])<<8 | uint32(got[l.audio-2])<<16 | uint32(got[l.audio-1])<<24)
			if l.audio+n != len(got) || n%l.align != 0 || len(b)-l.audio-n >= 2*l.align {
				t.Errorf("%d bytes of audio in a file of %d, %d before", n, len(got), len(b))
			}
			if !bytes.Equal(got[l.audio:l.audio+n], b[l.audio:l.audio+n]) {
				t.Error("the audio was changed")
			}
		}
		again := &memFile{data: slices.Clone(got)}
		if k, err := mend(again, int64(len(got))); err != nil || k != kind || !bytes.Equal(again.data, got) {
			t.Errorf("a second repair: %v, %v, or other content", k, err)
		}
	})
}
