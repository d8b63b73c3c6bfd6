package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"mediaserver/internal/leaktest"
)

// crashChild is set in the environment of the process that is to be killed.
const crashChild = "MEDIASERVER_STORE_CRASH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashChild); dir != "" {
		writeForEver(dir)
	}
	leaktest.Main(m)
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Config{Directory: dir, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func batch(from, to uint64) Batch {
	var b Batch
	for n := from; n <= to; n++ {
		b.Events = append(b.Events, Entry{Sequence: n, JSON: fmt.Appendf(nil, `{"sequence":%d}`, n)})
	}
	return b
}

func TestEventsComeBackInOrder(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Append(batch(1, 300)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		after        uint64
		limit        int
		first, count int
	}{
		{"from the beginning", 0, 10, 1, 10},
		{"across a change of length in decimal", 98, 5, 99, 5},
		{"across a byte", 254, 5, 255, 5},
		{"to the end", 298, 10, 299, 2},
		{"beyond the end", 300, 10, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Events(tt.after, tt.limit)
			if err != nil || len(got) != tt.count {
				t.Fatalf("%d events, %v; want %d", len(got), err, tt.count)
			}
			for i, e := range got {
				if want := uint64(tt.first + i); e.Sequence != want || string(e.JSON) != fmt.Sprintf(`{"sequence":%d}`, want) {
					t.Errorf("event %d: %d %s", i, e.Sequence, e.JSON)
				}
			}
		})
	}
}

func TestPruneTakesTheOldestOnly(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Append(batch(1, 100)); err != nil {
		t.Fatal(err)
	}
	n, err := s.Prune(30, func(e Entry) bool { return e.Sequence <= 50 })
	if n != 30 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	n, err = s.Prune(30, func(e Entry) bool { return e.Sequence <= 50 })
	if n != 20 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	oldest, latest, err := s.Range()
	if oldest != 51 || latest != 100 || err != nil {
		t.Errorf("range %d to %d, %v", oldest, latest, err)
	}
}

func TestStateSurvivesAReopening(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Config{Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	b := batch(1, 3)
	b.Changes = []Change{{Key: "call c-1", Opens: []byte("x")}, {Key: "call c-2", Opens: []byte("y")}, {Key: "call c-1"}}
	end := time.Now().Truncate(time.Microsecond)
	b.Records = []Record{{ID: "c-1", End: end, JSON: []byte(`{"call_id":"c-1"}`)}}
	if err := errors.Join(s.Append(b), s.Documents("reservations").Put("r-1", map[string]int{"n": 1})); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	unclosed, err := s.Unclosed()
	if len(unclosed) != 1 || string(unclosed["call c-2"]) != "y" || err != nil {
		t.Errorf("unclosed %v, %v", unclosed, err)
	}
	r, ok, err := s.Record("c-1")
	if !ok || err != nil || !r.End.Equal(end) || string(r.JSON) != `{"call_id":"c-1"}` {
		t.Errorf("record %+v %v %v", r, ok, err)
	}
	var keys []string
	err = s.Documents("reservations").Each(func(key string, v []byte) error {
		keys = append(keys, key+string(v))
		return nil
	})
	if len(keys) != 1 || keys[0] != `r-1{"n":1}` || err != nil {
		t.Errorf("documents %v, %v", keys, err)
	}
}

func TestRecordsAreWalkedBackwards(t *testing.T) {
	s := open(t, t.TempDir())
	start := time.UnixMicro(1772445600000000)
	var b Batch
	for i := range 10 {
		b.Records = append(b.Records, Record{ID: strconv.Itoa(i), End: start.Add(time.Duration(i/2) * time.Second), JSON: []byte("{}")})
	}
	if err := s.Append(b); err != nil {
		t.Fatal(err)
	}
	var got string
	var before []byte
	for range 4 { // pages of three
		n := 0
		err := s.Records(before, func(r Record) bool {
			got += r.ID
			before = RecordKey(r.End, r.ID)
			n++
			return n < 3
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got != "9876543210" {
		t.Errorf("walked %s", got)
	}
	if n, err := s.PruneRecords(start.Add(2*time.Second), 100); n != 4 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if _, ok, _ := s.Record("3"); ok {
		t.Error("a pruned record is found by its id")
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	large := make([]byte, MaxRecord+1)
	for name, err := range map[string]error{
		"event":    s.Append(Batch{Events: []Entry{{Sequence: 1, JSON: large[:maxEvent+1]}}}),
		"record":   s.Append(Batch{Records: []Record{{ID: "x", JSON: large}}}),
		"document": s.Documents("d").Put("k", string(large)),
		"key":      s.Documents("d").Put(string(large[:maxKey+1]), 1),
		"no key":   s.Documents("d").Put("", 1),
	} {
		if !errors.Is(err, ErrSize) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, latest, _ := s.Range(); latest != 0 {
		t.Error("a part of a refused batch was kept")
	}
}

func TestASecondProcessIsToldWhoHasTheFile(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := Open(Config{Directory: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v", err)
	}
}

func TestADamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for n := range uint64(50) {
		if err := s.Append(batch(100*n+1, 100*n+100)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	flip := func(from, to int) []byte {
		b := append([]byte(nil), whole...)
		for i := from; i < to && i < len(b); i++ {
			b[i] ^= 0x5a
		}
		return b
	}
	for name, data := range map[string][]byte{
		"both meta pages":     flip(0, 2*page),
		"no file of ours":     []byte("hello, this is a text and no database, and it goes on for a while\n"),
		"cut in half":         whole[:len(whole)/2/page*page],
		"cut to its head":     whole[:3*page],
		"all but the head":    flip(2*page, len(whole)),
		"a page in the midst": flip(len(whole)/2/page*page, len(whole)/2/page*page+page),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(Config{Directory: dir})
			if err == nil {
				if name != "a page in the midst" { // it may be a free page
					t.Error("opened")
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v", err)
			}
			t.Log(err)
			after, readErr := os.ReadFile(path)
			if readErr != nil || len(after) < len(data) {
				t.Errorf("the file was changed: %d bytes of %d, %v", len(after), len(data), readErr)
			}
		})
	}
}

// writeForEver appends batches and says how far it is until it is killed.
func writeForEver(dir string) {
	s, err := Open(Config{Directory: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := uint64(1); ; n += 7 {
		b := batch(n, n+6)
		b.Changes = []Change{{Key: "last", Opens: []byte(strconv.FormatUint(n+6, 10))}}
		if err := s.Append(b); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n + 6) // it is durable: it has been told
	}
}

func TestAKilledProcessLosesNothingItHasTold(t *testing.T) {
	dir := t.TempDir()
	told := uint64(0)
	for round := range 5 {
		dir := filepath.Join(dir, strconv.Itoa(round))
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), crashChild+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 20 * (round + 1) {
			if !lines.Scan() {
				t.Fatal("the child ended")
			}
			told, _ = strconv.ParseUint(lines.Text(), 10, 64)
		}
		if err := child.Process.Kill(); err != nil { // SIGKILL
			t.Fatal(err)
		}
		for lines.Scan() { // what it had told before it died
			told, _ = strconv.ParseUint(lines.Text(), 10, 64)
		}
		child.Wait() //nolint:errcheck // it was killed
		s := open(t, dir)
		_, latest, err := s.Range()
		if err != nil || latest < told || latest%7 != 0 {
			t.Errorf("round %d: latest event %d after %d was told, %v", round, latest, told, err)
		}
		unclosed, err := s.Unclosed()
		if err != nil || string(unclosed["last"]) != strconv.FormatUint(latest, 10) {
			t.Errorf("round %d: a batch was kept in part: %s, %d, %v", round, unclosed["last"], latest, err)
		}
		all, err := s.Events(0, 1<<20)
		if err != nil || uint64(len(all)) != latest {
			t.Errorf("round %d: %d events up to %d, %v", round, len(all), latest, err)
		}
	}
}
