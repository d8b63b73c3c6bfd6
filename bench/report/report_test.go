package report

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mediaserver/bench/calls"
	"mediaserver/bench/limit"
	"mediaserver/bench/media"
)

func document() Document {
	d := New("media", "1.2.3", []string{"bench", "media"})
	d.Media = []media.Series{
		{Options: media.Options{Participants: 8, RoomSize: 4, IO: "shared"}, Runs: []media.Result{{Participants: 8, Rooms: 2}}, Pass: true},
		{Options: media.Options{Participants: 12, RoomSize: 4, IO: "shared"}, Runs: []media.Result{{Participants: 12, Rooms: 3, Why: []string{"3 packets lost"}}}},
	}
	return d
}

func TestWhatIsSavedIsLoaded(t *testing.T) {
	dir := t.TempDir()
	d := document()
	file, err := d.Save(filepath.Join(dir, "results"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(file, "-media-shared-n12-rooms-of-4.json") {
		t.Errorf("saved as %s", file)
	}
	got, err := Load(file)
	if err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("loaded %+v, %v", got, err)
	}
	if _, err := d.Save(filepath.Join(dir, "results")); err == nil {
		t.Error("a result was written over")
	}
	for name, text := range map[string]string{"text": "hello", "another format": `{"format": 99}`} {
		other := filepath.Join(dir, "other.json")
		if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(other); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestText(t *testing.T) {
	d := document()
	d.Limit = &limit.Report{Echoes: []limit.Cost{{Kind: "sockets"}}}
	d.Calls = []calls.Result{{Calls: 5}}
	d.Media[0].Runs[0].Baselines = []limit.Cost{{Kind: "unmixed-shared"}, {Kind: "naive"}}
	d.Media[0].Ratios = &media.Ratios{Efficiency: 0.81, Unmixed: 200, MixingOverhead: 0.12, EchoOverhead: 0.23} // of the series
	d.Media[1].Runs[0].Ratios = &media.Ratios{Efficiency: 0.72, MixingOverhead: 0.38}                           // as in old results
	var b bytes.Buffer
	if err := d.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"largest number of participants that passed: 8", "NO PASS: 3 packets lost", "echo, sockets", "no mixing, shared", "naive server", "5 calls",
		"efficiency 0.81, mixing overhead +12 %, overhead over the bare echo +23 %", "without mixing 200", "efficiency 0.72, overhead over the bare echo +38 %",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
}

func TestTableHasARowForEachSeries(t *testing.T) {
	var b bytes.Buffer
	d := document()
	d.Media[0].Ratios = &media.Ratios{Efficiency: 0.81, Unmixed: 200, MixingOverhead: 0.12, Design: 2}
	d.Media[1].Ratios = &media.Ratios{Efficiency: 0.72, MixingOverhead: 0.38, Design: 3} // over the echo, as in old results
	if err := WriteTable(&b, []Document{d}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines:\n%s", len(lines), b.String())
	}
	for _, l := range lines {
		if n := strings.Count(l, "|"); n != strings.Count(lines[0], "|") {
			t.Errorf("%d bars in %s", n, l)
		}
	}
	for i, want := range []string{"| 0.81 | 12 % | 2.00 |", "| 0.72 |  | 3.00 |"} {
		if !strings.Contains(lines[2+i], want) {
			t.Errorf("the row lacks %q: %s", want, lines[2+i])
		}
	}
}

func TestWhatWasSavedEarlierIsStillRead(t *testing.T) {
	files, err := filepath.Glob("../results/*media*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results: %v", err)
	}
	var all []Document
	for _, file := range files {
		d, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.WriteText(io.Discard); err != nil {
			t.Error(err)
		}
		all = append(all, d)
	}
	var b bytes.Buffer
	if err := WriteTable(&b, all); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(b.String(), "\n") - 2; rows < len(files) {
		t.Errorf("%d rows of %d results", rows, len(files))
	}
}
