package call

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"syscall"

	"mediaserver/audio"
)

// maxCachedAudio is how much of the media store is kept in memory [samples].
const maxCachedAudio = 64 << 20

// Store is the Loader over the media store: the directories are asked in
// order. Decoded files stay in a bounded cache until they change on disk, an
// encrypted one for those who know its key.
type Store struct {
	dirs []fs.FS

	mu      sync.Mutex
	cache   map[string]*list.Element // of *cachedClip
	recent  *list.List               // front: used last
	samples int                      // held by the cache
}

type cachedClip struct {
	key  string
	clip audio.Clip
}

// NewStore makes a store over dirs; a file in an earlier one hides its
// namesakes in later ones.
func NewStore(dirs ...fs.FS) *Store {
	return &Store{dirs: dirs, cache: map[string]*list.Element{}, recent: list.New()}
}

// Load reads the file an item names, which must be one with File set.
func (s *Store) Load(_ context.Context, item MediaItem) (audio.Clip, error) {
	name := strings.TrimPrefix(item.File, "/")
	for i := range s.dirs {
		clip, err := s.load(i, name, item)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return clip, err
	}
	return audio.Clip{}, fmt.Errorf("%w: %q", ErrMediaNotFound, item.File)
}

// load returns fs.ErrNotExist, and no other error of package fs, for a file
// that is not there.
func (s *Store) load(i int, name string, item MediaItem) (audio.Clip, error) {
	if !fs.ValidPath(name) {
		return audio.Clip{}, fmt.Errorf("%w: malformed name %q", ErrMediaInvalid, name)
	}
	f, err := s.dirs[i].Open(name)
	if err != nil {
		return audio.Clip{}, notExist(name, err)
	}
	defer f.Close() //nolint:errcheck // read only: nothing can be lost
	st, err := f.Stat()
	if err != nil {
		return audio.Clip{}, notExist(name, err)
	}
	if st.IsDir() {
		return audio.Clip{}, fs.ErrNotExist
	}
	key := fmt.Sprintf("%d/%s/%d/%d/%s", i, name, st.Size(), st.ModTime().UnixNano(), item.Cipher.Digest())
	if clip, ok := s.cached(key); ok {
		return clip, nil
	}
	clip, err := DecodeMedia(f, item)
	if err != nil {
		return clip, fmt.Errorf("%q: %w", name, err)
	}
	s.keep(key, clip)
	return clip, nil
}

func notExist(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // or a part of the path is a file
		return fs.ErrNotExist
	}
	return fmt.Errorf("%w: %q cannot be read: %w", ErrMediaInvalid, name, err)
}

func (s *Store) cached(key string) (audio.Clip, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.cache[key]
	if !ok {
		return audio.Clip{}, false
	}
	s.recent.MoveToFront(e)
	return e.Value.(*cachedClip).clip, true
}

func (s *Store) keep(key string, clip audio.Clip) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.cache[key]; ok {
		return
	}
	s.cache[key] = s.recent.PushFront(&cachedClip{key, clip})
	s.samples += len(clip.Samples)
	for s.samples > maxCachedAudio && s.recent.Len() > 1 {
		old := s.recent.Remove(s.recent.Back()).(*cachedClip)
		delete(s.cache, old.key)
		s.samples -= len(old.clip.Samples)
	}
}
