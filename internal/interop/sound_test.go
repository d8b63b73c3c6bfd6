package interop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
)

// toneLevel is how loud the callers are [dBFS peak]; a sine is 3 dB less in
// dBov.
const (
	toneLevel = -12.0
	toneDBov  = toneLevel - 3.01
)

// tone is a sine of a caller.
func tone(freq float64, d time.Duration) *audio.Clip {
	c := audio.ToneClip(rate, []float64{freq}, toneLevel, d, 0)
	return &c
}

// part is a stretch of a clip.
func part(c audio.Clip, s audio.Span) audio.Clip {
	at := func(d time.Duration) int {
		return min(len(c.Samples), max(0, int(d*time.Duration(c.Rate)/time.Second)))
	}
	return audio.Clip{Rate: c.Rate, Samples: c.Samples[at(s.From):at(s.To)]}
}

// level is how loud a tone is in a clip [dBov]: the median of its pieces of
// 100 ms, so that a break in the phase does not count.
func level(c audio.Clip, freq float64) float64 {
	list := levels(c, freq, 100*time.Millisecond)
	if len(list) == 0 {
		return audio.ToneLevel(c.Samples, c.Rate, freq)
	}
	return list[len(list)/2]
}

// longestTone is the longest stretch of a clip with a tone, down to 6 dB less
// than a caller sends.
func longestTone(c audio.Clip, freq float64) audio.Span {
	var longest audio.Span
	for _, s := range audio.ToneSpans(c, freq, toneDBov-6, packetTime) {
		if s.Length() > longest.Length() {
			longest = s
		}
	}
	return longest
}

// levels are those of a tone in the pieces of a clip [dBov], lowest first.
func levels(c audio.Clip, freq float64, piece time.Duration) []float64 {
	n := int(piece * time.Duration(c.Rate) / time.Second)
	var list []float64
	for at := 0; at+n <= len(c.Samples); at += n / 2 {
		list = append(list, audio.ToneLevel(c.Samples[at:at+n], c.Rate, freq))
	}
	slices.Sort(list)
	return list
}

// pure is what purity has to be. It is 0.9998 whatever the machine has to do.
const pure = 0.995

// purity is the share of a tone in the energy of a clip: the median of its
// pieces of 40 ms, so that a break in the phase spoils its own two or three
// pieces only. There is one wherever a sender stumbles, or a jitter buffer
// changes its delay; that the server makes none without need is for the tests
// in virtual time to say (rtp, internal/golden). Noise, distortion and other
// tones are in all pieces, and gaps in most.
func purity(c audio.Clip, freq float64) float64 {
	const piece = rate / 25
	shares := []float64{audio.ToneShare(c.Samples[:min(piece, len(c.Samples))], c.Rate, freq)}
	for at := piece / 2; at+piece <= len(c.Samples); at += piece / 2 {
		shares = append(shares, audio.ToneShare(c.Samples[at:at+piece], c.Rate, freq))
	}
	slices.Sort(shares)
	return shares[(len(shares)-1)/2]
}

// expectPure checks that a clip holds one tone as loud as it was sent and
// nothing else.
func expectPure(t *testing.T, c audio.Clip, freq float64) {
	t.Helper()
	if got := level(c, freq); got < toneDBov-1 || got > toneDBov+1 {
		t.Errorf("%.0f Hz at %.1f dBov, want %.1f", freq, got, toneDBov)
	}
	if share := purity(c, freq); share < pure {
		t.Errorf("%.0f Hz has %.2f %% of the energy", freq, 100*share)
	}
}

// expectTone checks that a recording holds a tone for about as long as SIPp
// sent it, but for the frames that are missing for want of processor time.
func (m *mediaserver) expectTone(t *testing.T, c audio.Clip, freq float64, sent time.Duration) {
	t.Helper()
	missing := time.Duration(m.stumbles(t)) * packetTime
	expectToneFor(t, "the recorder", c, freq, sent*8/10-missing, sent+100*time.Millisecond)
}

// expectToneFor checks that somebody heard a tone for so long, as loud as it
// was sent and pure. Who sends, who hears and the machine may stumble: the
// length is that of all pieces together.
func expectToneFor(t *testing.T, who string, c audio.Clip, freq float64, least, most time.Duration) {
	t.Helper()
	pieces := audio.ToneSpans(c, freq, toneDBov-6, packetTime)
	var heard time.Duration
	for _, s := range pieces {
		heard += s.Length()
	}
	if heard < least || heard > most {
		t.Errorf("%s hears %.0f Hz for %v, want %v to %v:%s", who, freq, heard, least, most, spans(pieces))
	}
	longest := longestTone(c, freq)
	longest.From += 3 * packetTime
	longest.To -= 3 * packetTime
	if longest.Length() < 200*time.Millisecond {
		t.Errorf("%s hears %.0f Hz in pieces:%s", who, freq, spans(pieces))
		return
	}
	expectPure(t, part(c, longest), freq)
	t.Logf("%s hears %.0f Hz for %v in %d pieces, %.2f dBov, %.3f %% of the energy", who, freq, heard, len(pieces),
		level(part(c, longest), freq), 100*purity(part(c, longest), freq))
}

// The tones of keys are looked for in pieces of 40 ms. Where a sine begins or
// ends some of it is heard at every frequency; quietFreqs tell that from a
// key: they are nearer to the multiples of 440 Hz that the callers send than
// the tones of the keys are.
const (
	keyPiece  = rate / 25
	keyLeak   = -50.0 // dBov; a key is sent with -13
	keyExcess = 6.0   // dB above quietFreqs
)

func quietFreqs() []float64 { return []float64{550, 990, 1045} }

// keyTones are the row and the column of a key.
func keyTones(key byte) (row, column float64) {
	rows, columns := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	i := strings.IndexByte("123A456B789C*0#D", key)
	return rows[i/4], columns[i%4]
}

// keyLevel is how loud a key is heard, at the most, in a clip [dBov]. Only the
// keys 1 and 3 are far enough from multiples of 440 Hz, and # from 440 Hz.
func keyLevel(c audio.Clip, key byte) float64 {
	row, column := keyTones(key)
	highest := audio.MinDBov
	for at := 0; at+keyPiece <= len(c.Samples); at += keyPiece / 4 {
		s := c.Samples[at : at+keyPiece]
		found := min(audio.ToneLevel(s, c.Rate, row), audio.ToneLevel(s, c.Rate, column))
		for _, quiet := range quietFreqs() {
			if audio.ToneLevel(s, c.Rate, quiet) > found-keyExcess {
				found = audio.MinDBov
			}
		}
		highest = max(highest, found)
	}
	return highest
}

// expectNoKeys checks that a clip holds none of the keys, not even a packet of
// one.
func expectNoKeys(t *testing.T, who string, c audio.Clip, keys string) {
	t.Helper()
	for _, key := range []byte(keys) {
		if got := keyLevel(c, key); got > keyLeak {
			t.Errorf("%s hears the key %c at %.1f dBov", who, key, got)
		}
	}
}

// TestKeyLevel holds the measurement against what it has to find.
func TestKeyLevel(t *testing.T) {
	talk := func(freqs ...float64) []int16 {
		return audio.ToneClip(rate, freqs, toneLevel, time.Second, 0).Samples
	}
	quiet := make([]int16, rate/3)
	edges := slices.Concat(quiet, talk(440), talk(440, 880), talk(440, 880, 1320), talk(880, 1320), quiet)
	for _, key := range []byte("13") {
		if got := keyLevel(audio.Clip{Rate: rate, Samples: edges}, key); got > keyLeak {
			t.Errorf("the key %c is found in tones that begin and end: %.1f dBov", key, got)
		}
		digit, err := audio.DTMFTones(rate, string(key))
		if err != nil {
			t.Fatal(err)
		}
		leak := slices.Clone(edges)
		for i, v := range digit.Samples[:packetFrames] {
			leak[2*rate+i] += v / 4 // 12 dB less than it was sent
		}
		if got := keyLevel(audio.Clip{Rate: rate, Samples: leak}, key); got < keyLeak {
			t.Errorf("20 ms of the key %c are not found: %.1f dBov", key, got)
		}
	}
}

// TestPurity holds the measurement against what it has to find, and what it
// must not be troubled by.
func TestPurity(t *testing.T) {
	const length = rate // samples
	random := rand.New(rand.NewPCG(1, 1))
	// spoilt is a second of 440 Hz, changed sample by sample.
	spoilt := func(change func(i int, v int16) int16) []int16 {
		s := tone(440, time.Second).Samples
		for i, v := range s {
			s[i] = change(i, v)
		}
		return s
	}
	// broken leaves out a third of a period each so many samples.
	broken := func(every int) []int16 {
		long := tone(440, 2*time.Second).Samples
		var s []int16
		for at := 0; len(s) < length; at += every + 6 {
			s = append(s, long[at:at+every]...)
		}
		return s
	}
	for name, tt := range map[string]struct {
		samples []int16
		pure    bool
	}{
		"a tone":                         {tone(440, time.Second).Samples, true},
		"a break each 110 ms":            {broken(880), true},
		"a break in each packet":         {broken(packetFrames), false},
		"another tone":                   {tone(443, time.Second).Samples, false},
		"a second tone, 18 dB less":      {spoilt(func(i int, v int16) int16 { return v + int16(1030*math.Sin(float64(i))) }), false},
		"noise, 18 dB less":              {spoilt(func(_ int, v int16) int16 { return v + int16(random.IntN(2530)-1265) }), false},
		"clipped":                        {spoilt(func(_ int, v int16) int16 { return max(-5200, min(5200, v)) }), false},
		"a gap of 2 ms in each packet":   {spoilt(func(i int, v int16) int16 { return v * int16(min(1, i%packetFrames/16)) }), false},
		"a packet of silence each 40 ms": {spoilt(func(i int, v int16) int16 { return v * int16(i/packetFrames%2) }), false},
	} {
		share := purity(audio.Clip{Rate: rate, Samples: tt.samples[:length]}, 440)
		t.Logf("%s: %.2f %%", name, 100*share)
		if share >= pure != tt.pure {
			t.Errorf("%s: 440 Hz has %.2f %% of the energy", name, 100*share)
		}
	}
}

// spans shows stretches of a recording.
func spans(list []audio.Span) string {
	var s string
	for _, x := range list {
		s += fmt.Sprintf(" %.2f–%.2f s", x.From.Seconds(), x.To.Seconds())
	}
	return s
}
