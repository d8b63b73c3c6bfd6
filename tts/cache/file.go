package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"mediaserver/audio"
	"mediaserver/tts/sound"
)

// Layout of a file: magic, rate [Hz], number of samples, CRC-32 (IEEE) of the
// key and the samples, samples; all little-endian.
const (
	magic      = "MSPEECH1"
	headerSize = len(magic) + 3*4
	extension  = ".speech"
	temporary  = "*.tmp"
)

var errCorrupt = errors.New("cache: corrupt file")

func checksum(key string, samples []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE([]byte(key)), crc32.IEEETable, samples)
}

// encode makes the content of a file.
func encode(key string, c audio.Clip) []byte {
	b := make([]byte, headerSize, headerSize+2*len(c.Samples))
	b = sound.AppendSamples(b, c.Samples)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], uint32(c.Rate))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(c.Samples)))
	binary.LittleEndian.PutUint32(b[16:], checksum(key, b[headerSize:]))
	return b
}

// decode reads the content of a file.
func decode(key string, b []byte) (audio.Clip, error) {
	if len(b) < headerSize || !bytes.HasPrefix(b, []byte(magic)) {
		return audio.Clip{}, errCorrupt
	}
	rate, n := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	samples := b[headerSize:]
	if rate == 0 || int64(len(samples)) != 2*int64(n) || binary.LittleEndian.Uint32(b[16:]) != checksum(key, samples) {
		return audio.Clip{}, errCorrupt
	}
	return audio.Clip{Rate: int(rate), Samples: sound.Samples(samples)}, nil
}

// write puts content under a name in one step.
func write(name string, content []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	f, err := os.CreateTemp(dir, temporary)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("cache: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
