package call

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

func wavFile(t *testing.T, freq float64) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	clip := audio.ToneClip(8000, []float64{freq}, -12, 100*time.Millisecond, 0)
	if err := wav.Encode(&b, wav.PCM16, clip); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes(), ModTime: time.Unix(1, 0)}
}

func TestStoreLoad(t *testing.T) {
	whole := wavFile(t, 440)
	cut := &fstest.MapFile{Data: whole.Data[:len(whole.Data)/2]}
	store := NewStore(
		fstest.MapFS{"a.wav": whole, "cut.wav": cut, "text.wav": {Data: []byte("no sound")}, "dir/b.wav": whole},
		fstest.MapFS{"a.wav": wavFile(t, 880), "c.wav": wavFile(t, 880)},
	)
	for _, c := range []struct {
		name    string
		item    MediaItem
		samples int
		err     error
	}{
		{"a file", MediaItem{File: "a.wav"}, 800, nil},
		{"a leading slash is ignored", MediaItem{File: "/a.wav"}, 800, nil},
		{"a file in a folder", MediaItem{File: "dir/b.wav"}, 800, nil},
		{"a file of the second directory", MediaItem{File: "c.wav"}, 800, nil},
		{"a truncated file as far as it goes", MediaItem{File: "cut.wav"}, 389, ErrTruncated},
		{"a missing file", MediaItem{File: "none.wav"}, 0, ErrMediaNotFound},
		{"a folder", MediaItem{File: "dir"}, 0, ErrMediaNotFound},
		{"no WAV", MediaItem{File: "text.wav"}, 0, ErrMediaInvalid},
		{"a way out of the store", MediaItem{File: "../a.wav"}, 0, ErrMediaInvalid},
		{"text without an engine", MediaItem{Text: "hello"}, 0, ErrSpeech},
		{"an address without a way to fetch it", MediaItem{URL: "http://x/a.wav"}, 0, ErrMediaInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			clip, err := Sources{Files: store}.Load(t.Context(), c.item)
			if !errors.Is(err, c.err) || len(clip.Samples) != c.samples {
				t.Errorf("got %d samples, error %v; want %d, %v", len(clip.Samples), err, c.samples, c.err)
			}
		})
	}
}

func TestStoreDoesNotFindAFileBehindAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.wav"), wavFile(t, 440).Data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := NewStore(os.DirFS(dir)).Load(t.Context(), MediaItem{File: "a.wav/b.wav"})
	if !errors.Is(err, ErrMediaNotFound) {
		t.Errorf("error %v, want %v", err, ErrMediaNotFound)
	}
}

func TestStoreEarlierDirectoryHidesLater(t *testing.T) {
	store := NewStore(fstest.MapFS{"a.wav": wavFile(t, 440)}, fstest.MapFS{"a.wav": wavFile(t, 880)})
	clip, err := store.Load(t.Context(), MediaItem{File: "a.wav"})
	if err != nil {
		t.Fatal(err)
	}
	if share := audio.ToneShare(clip.Samples, 8000, 440); share < 0.99 {
		t.Errorf("share of 440 Hz is %.3f, want the first directory's file", share)
	}
}

func TestStoreSeesAChangedFile(t *testing.T) {
	dir := fstest.MapFS{"a.wav": wavFile(t, 440)}
	store := NewStore(dir)
	for _, freq := range []float64{440, 880} {
		dir["a.wav"] = wavFile(t, freq)
		dir["a.wav"].ModTime = time.Unix(int64(freq), 0)
		clip, err := store.Load(t.Context(), MediaItem{File: "a.wav"})
		if err != nil {
			t.Fatal(err)
		}
		if share := audio.ToneShare(clip.Samples, 8000, freq); share < 0.99 {
			t.Errorf("share of %.0f Hz is %.3f", freq, share)
		}
	}
}

func TestStoreCacheIsBounded(t *testing.T) {
	s := NewStore()
	piece := audio.Clip{Rate: 8000, Samples: make([]int16, maxCachedAudio/3)}
	for _, key := range []string{"a", "b", "c", "d"} {
		s.keep(key, piece)
	}
	if _, ok := s.cached("a"); ok || s.samples > maxCachedAudio {
		t.Errorf("%d samples are kept, want at most %d", s.samples, maxCachedAudio)
	}
	if _, ok := s.cached("d"); !ok {
		t.Error("the newest clip is gone")
	}
}
