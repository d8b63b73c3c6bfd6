package demoapp

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// rate of the demo's sounds, samples per second.
const rate = 8000

// loudness of the demo's sounds [dBFS peak].
const loudness = -15

// note is a piece of a melody: a frequency [Hz], 0 for a pause, and its length
// in milliseconds.
type note struct {
	freq float64
	ms   int
}

// melodies are the sounds by their names in the media store. They are made
// when asked for; no recording is part of the program.
func melodies() map[string][]note {
	return map[string][]note{
		"demo/welcome.wav": {{523.25, 180}, {0, 20}, {659.25, 180}, {0, 20}, {783.99, 180}, {0, 20}, {1046.5, 420}, {0, 200}},
		"demo/goodbye.wav": {{1046.5, 180}, {0, 20}, {783.99, 180}, {0, 20}, {659.25, 180}, {0, 20}, {523.25, 420}, {0, 200}},
		"demo/left.wav":    {{783.99, 150}, {0, 30}, {523.25, 250}},
		"demo/sorry.wav":   {{300, 300}, {0, 100}, {300, 300}, {0, 100}, {250, 600}},
		"demo/hold.wav": {
			{392, 350},
			{0, 50},
			{493.88, 350},
			{0, 50},
			{587.33, 350},
			{0, 50},
			{493.88, 350},
			{0, 450},
			{349.23, 350},
			{0, 50},
			{440, 350},
			{0, 50},
			{523.25, 350},
			{0, 50},
			{440, 350},
			{0, 1450},
		},
	}
}

// Media is a media store with the sounds of the demo: 8 kHz, mono, 16 bit.
func Media() (fs.FS, error) {
	files := store{}
	for name, melody := range melodies() {
		var b bytes.Buffer
		if err := wav.Encode(&b, wav.PCM16, sound(melody)); err != nil {
			return nil, fmt.Errorf("make %s: %w", name, err)
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

// sound plays notes one after the other.
func sound(notes []note) audio.Clip {
	clip := audio.Clip{Rate: rate}
	const ramp = 8 * time.Millisecond
	for _, n := range notes {
		d := time.Duration(n.ms) * time.Millisecond
		if n.freq == 0 {
			clip.Samples = append(clip.Samples, make([]int16, int(d*rate/time.Second))...)
			continue
		}
		clip.Samples = append(clip.Samples, audio.ToneClip(rate, []float64{n.freq}, loudness, d, ramp).Samples...)
	}
	return clip
}

// store is a read-only file system of files in memory, by name. It has no
// directories.
type store map[string][]byte

// Open opens a file.
func (s store) Open(name string) (fs.File, error) {
	content, ok := s[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{Reader: bytes.NewReader(content), name: path.Base(name), size: int64(len(content))}, nil
}

// file is an open file of a store, and what is known of it.
type file struct {
	*bytes.Reader
	name string
	size int64
}

// Stat is the file itself.
func (f *file) Stat() (fs.FileInfo, error) { return info{f.name, f.size}, nil }

// Close does nothing.
func (f *file) Close() error { return nil }

// info describes a file of a store.
type info struct {
	name string
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return 0o444 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
