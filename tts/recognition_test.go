package tts

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mediaserver/audio/wav"
	"mediaserver/tts/flite"
)

// sentences are spoken and recognised again.
var sentences = []string{
	"the meeting will begin when the chair has arrived",
	"please hold the line",
	"you are the only participant in this conference",
	"press nine if you would like to leave",
	"your account number is one two three four",
	"the conference has been closed by the organizer",
	"thank you for calling and goodbye",
	"bob has joined the conference",
	"all lines are busy so please try again later",
	"your call is being recorded",
}

// grammar is the sentences in JSGF: the recogniser chooses among them.
func grammar() string {
	return "#JSGF V1.0;\ngrammar sentences;\npublic <s> = " + strings.Join(sentences, "\n | ") + ";\n"
}

// realSpeaker is a Speaker of engines that are there: built in, in workers, and
// installed.
func realSpeaker(t testing.TB, engine string) *Speaker {
	t.Helper()
	switch engine {
	case embeddedName:
		if !flite.Available() {
			t.Skip("flite.wasm is not built in: run `go generate ./tts/flite` (needs npm)")
		}
	default:
		if _, err := exec.LookPath(engine); err != nil {
			t.Skip(err, "(Debian package)")
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Engine: engine, NoFallback: true, Worker: []string{exe, WorkerCommand}})
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

// TestSpeechIsRecognised has ten sentences spoken at 16 kHz and recognised by
// pocketsphinx.
func TestSpeechIsRecognised(t *testing.T) {
	const program = "pocketsphinx_continuous"
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err, "(Debian packages pocketsphinx and pocketsphinx-en-us)")
	}
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	jsgf := filepath.Join(dir, "sentences.jsgf")
	if err := os.WriteFile(jsgf, []byte(grammar()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		engine, voice string
		least         int // of ten
	}{{embeddedName, "English US Female Ann", 10}, {espeakName, "English US Male", 9}} {
		t.Run(tt.engine, func(t *testing.T) {
			s := realSpeaker(t, tt.engine)
			right := 0
			for i, text := range sentences {
				c, err := s.Speak(t.Context(), Request{Text: text, Voice: tt.voice, SampleRate: 16000})
				if err != nil {
					t.Fatal(err)
				}
				var file bytes.Buffer
				if err := wav.Encode(&file, wav.PCM16, c); err != nil {
					t.Fatal(err)
				}
				name := filepath.Join(dir, fmt.Sprintf("%s-%d.wav", tt.engine, i))
				if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				heard, err := exec.CommandContext(ctx, program, "-infile", name, "-jsgf", jsgf, "-logfn", "/dev/null").Output()
				cancel()
				if err != nil {
					t.Fatalf("%s: %v", program, err)
				}
				if got := strings.Join(strings.Fields(string(heard)), " "); got == text {
					right++
				} else {
					t.Logf("said %q, heard %q", text, got)
				}
			}
			if t.Logf("%d of %d sentences recognised", right, len(sentences)); right < tt.least {
				t.Errorf("%d of %d sentences recognised, want %d", right, len(sentences), tt.least)
			}
		})
	}
}

// BenchmarkFirstSample measures from request to first sample of a text of six
// sentences, and the whole by its real-time factor; nothing is cached.
func BenchmarkFirstSample(b *testing.B) {
	text := "Welcome. " + strings.Repeat("The meeting will begin when the chair has arrived, so please hold the line. ", 5)
	for _, engine := range []string{embeddedName, espeakName} {
		b.Run(engine, func(b *testing.B) {
			s := realSpeaker(b, engine)
			var first, spoken time.Duration
			n := 0
			for c, err := range s.Pieces(b.Context(), Request{Text: "Warm up."}) {
				if err != nil || len(c.Samples) == 0 {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				n++
				begin := time.Now()
				fresh := fmt.Sprintf("Number %d. %s %d.", n, text, n)
				fresh = strings.ReplaceAll(fresh, "meeting", fmt.Sprintf("meeting %d", n))
				i := 0
				for c, err := range s.Pieces(b.Context(), Request{Text: fresh}) {
					if err != nil {
						b.Fatal(err)
					}
					if i == 0 {
						first += time.Since(begin)
					}
					i++
					spoken += c.Duration()
				}
			}
			b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms-to-first-sample")
			b.ReportMetric(b.Elapsed().Seconds()/spoken.Seconds(), "rtf")
		})
	}
}

// BenchmarkCached measures a text that is in memory.
func BenchmarkCached(b *testing.B) {
	s := realSpeaker(b, embeddedName)
	r := Request{Text: sentences[0]}
	if _, err := s.Speak(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Speak(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
