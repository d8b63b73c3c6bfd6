package recording

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// filesIn are the names of all that is no directory.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExpire(t *testing.T) {
	dir := t.TempDir()
	const base = "rest_api/recordings/"
	gone := []string{
		"2024/12/31/00_00_00_a.wav", "2026/01/31/10_00_00_a.wav", "2026/01/31/10_00_00_a.wav.aes",
		"2026/01/31/10_00_00_a.wav.aes.key", "2026/01/31/10_00_00_b.wav.age.part", "2026/01/31/10_00_00_b.wav.part",
		"2026/02/20/23_59_59_b_2_call.wav",
	}
	stay := []string{
		"2026/01/31/notes.txt", "2026/01/31/hello.wav", "2026/01/31/10_00_00_c.wav.part", "2026/01/31/99_00_00_a.wav",
		"2026/02/21/00_00_00_a.wav", "2026/03/02/10_00_00_a.wav", "2026/3/2/10_00_00_a.wav",
		"old/01/01/10_00_00_a.wav", "10_00_00_a.wav", "2020/13/01/10_00_00_a.wav", "2020/01/10_00_00_a.wav",
		"2020/01/01/deeper/10_00_00_a.wav",
	}
	for _, n := range slices.Concat(gone, stay) {
		put(t, dir, base+n, []byte("x"))
	}
	// Links lead nowhere.
	put(t, dir, "prompts/01/01/10_00_00_a.wav", []byte("x"))
	outside := t.TempDir()
	put(t, outside, "01/10_00_00_a.wav", []byte("x"))
	for link, to := range map[string]string{
		"2019": "../../prompts", "2020/02": outside, "2020/01/02": "../../../../prompts/01/01", "2020/01/01/10_00_00_l.wav": "../../../../../prompts/01/01/10_00_00_a.wav",
	} {
		if err := os.Symlink(to, filepath.Join(dir, base, link)); err != nil {
			t.Skip(err)
		}
	}
	writing, err := os.Open(filepath.Join(dir, base, "2026/01/31/10_00_00_c.wav.part"))
	if err != nil {
		t.Fatal(err)
	}
	defer writing.Close()
	if !lock(writing, false) {
		t.Fatal("no lock")
	}
	before := filesIn(t, dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

	if n, err := expire(t.Context(), root, now, 10, 2); n != 2 || err != nil {
		t.Errorf("two at most: %d, %v", n, err)
	}
	if n, err := expire(t.Context(), root, now, 10, 100); n != 5 || err != nil {
		t.Errorf("all: %d, %v", n, err)
	}
	want := slices.DeleteFunc(before, func(n string) bool {
		return slices.ContainsFunc(gone, func(g string) bool { return base+g == n })
	})
	if got := filesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("left\n%q\nwant\n%q", got, want)
	}
	if len(filesIn(t, outside)) != 1 {
		t.Error("a file outside was deleted")
	}
	for _, empty := range []string{"2024", "2026/02/20"} {
		if _, err := os.Stat(filepath.Join(dir, base, empty)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", empty, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	put(t, dir, base+"2020/05/05/10_00_00_a.wav", nil)
	if n, err := expire(ended, root, now, 10, 100); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %d, %v", n, err)
	}
}

// TestExpireGoesOnAfterErrors: what cannot be read or deleted does not keep the
// rest for ever.
func TestExpireGoesOnAfterErrors(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is forbidden to root")
	}
	dir := t.TempDir()
	const base = "rest_api/recordings/"
	for _, day := range []string{"2024/12/31", "2026/01/01", "2026/01/02", "2026/01/03"} {
		put(t, dir, base+day+"/10_00_00_a.wav", nil)
	}
	for forbidden, mode := range map[string]os.FileMode{"2024": 0, "2026/01/01": 0, "2026/01/02": 0o555} {
		name := filepath.Join(dir, base, forbidden)
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(name, 0o755); err != nil {
				t.Error(err)
			}
		})
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	n, err := expire(t.Context(), root, time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC), 10, 100)
	if n != 1 || !errors.Is(err, fs.ErrPermission) || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("%d deleted, %v", n, err)
	}
	if _, err := os.Stat(filepath.Join(dir, base, "2026/01/03")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the last day is still there: %v", err)
	}
}

func TestStoreDeletesOldRecordings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is the year 2000
		dir := t.TempDir()
		const base = "rest_api/recordings/"
		put(t, dir, base+"1999/12/01/10_00_00_a.wav", nil)
		put(t, dir, base+"1999/12/31/10_00_00_a.wav", nil)
		s, _ := newTestStore(t, Config{Directory: dir, RetentionDays: 7})
		time.Sleep(time.Second)
		if got := filesIn(t, dir); len(got) != 1 {
			t.Errorf("left: %q", got)
		}
		time.Sleep(8 * 24 * time.Hour)
		if got := filesIn(t, dir); len(got) != 0 {
			t.Errorf("left: %q", got)
		}
		if n := value(s.cfg.Metrics.deleted); n != 2 {
			t.Errorf("%v counted", n)
		}
	})
}

func TestNoRetentionByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, "rest_api/recordings/1900/01/01/10_00_00_a.wav", nil)
		newTestStore(t, Config{Directory: dir})
		time.Sleep(48 * time.Hour)
		if got := filesIn(t, dir); len(got) != 1 {
			t.Errorf("left: %q", got)
		}
	})
}
