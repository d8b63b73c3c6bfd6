package flite

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"mediaserver/tts/speech"
	"mediaserver/tts/ttstest"
)

// worker makes this test program a worker.
const worker = "worker"

const text = "The meeting will begin when the chair has arrived. Please hold the line, and press nine if you would like to leave."

// module skips a test where no module is built in, but for CI, which has to
// have it.
func module(t testing.TB) {
	t.Helper()
	if Available() {
		return
	}
	const missing = "flite.wasm is not built in: run `go generate ./tts/flite` (needs npm)"
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

func newEngine(t testing.TB, size int) *Engine {
	t.Helper()
	module(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEngine(Config{Program: []string{exe, worker}, Size: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func newLocal(t testing.TB, interruptible bool) *Local {
	t.Helper()
	module(t)
	l := NewLocal(Embedded(), interruptible)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestWorkersConform(t *testing.T) {
	ttstest.Run(t, ttstest.Options{AllVoices: true}, func(t *testing.T) ttstest.Synthesizer { return newEngine(t, 2) })
}

func TestLocalConforms(t *testing.T) {
	ttstest.Run(t, ttstest.Options{}, func(t *testing.T) ttstest.Synthesizer { return newLocal(t, false) })
}

func TestTimeoutKillsTheWorkerAndTheNextOneWorks(t *testing.T) {
	e := newEngine(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := e.Synthesize(ctx, speech.Request{Text: strings.Repeat(text+" ", 400)})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want that of the context", err)
	}
	if d := time.Since(begin); d > 30*time.Second { // it speaks for a minute
		t.Errorf("it took %v to give up", d)
	}
	if c, err := e.Synthesize(t.Context(), speech.Request{Text: "Bob"}); err != nil || len(c.Samples) == 0 {
		t.Errorf("after it: %d samples, error %v", len(c.Samples), err)
	}
}

func TestLocalIsInterrupted(t *testing.T) {
	l := newLocal(t, true)
	if _, err := l.Synthesize(t.Context(), speech.Request{Text: "Bob"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Synthesize(ctx, speech.Request{Text: strings.Repeat(text+" ", 40)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestWithoutModuleTheErrorSaysSo(t *testing.T) {
	_, err := NewLocal(nil, false).Synthesize(t.Context(), speech.Request{Text: "Bob"})
	if !errors.Is(err, ErrNoModule) || !errors.Is(err, speech.ErrFailed) {
		t.Errorf("error %v, want ErrNoModule", err)
	}
}

func TestWorkerReportsAndGoesOn(t *testing.T) {
	var out bytes.Buffer
	in := `{"Text":"Bob"}` + "\n" + `{"Text":"Bob"}` + "\n"
	name := t.TempDir() + "/broken.wasm"
	if err := os.WriteFile(name, []byte("not wasm"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Serve(strings.NewReader(in), &out, name); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), `"Error":"speech: synthesis failed`); n != 2 {
		t.Errorf("%d errors in %q, want 2", n, out.String())
	}
	if err := Serve(strings.NewReader("nonsense"), &out, name); err == nil {
		t.Error("nonsense is no error")
	}
	if err := Serve(strings.NewReader(in), &out, name+".missing"); err == nil {
		t.Error("a missing module is no error")
	}
}

func TestForeignProgramIsAnError(t *testing.T) {
	for name, program := range map[string][]string{
		"one that answers otherwise": {"echo", "hello"},
		"one that says nothing":      {"true"},
		"one that is not there":      {"/nonexistent/program"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := NewEngine(Config{Program: program})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if _, err := e.Synthesize(t.Context(), speech.Request{Text: "Bob"}); !errors.Is(err, speech.ErrFailed) {
				t.Errorf("error %v, want ErrFailed", err)
			}
		})
	}
	if _, err := NewEngine(Config{}); err == nil {
		t.Error("no program is no error")
	}
}

// BenchmarkUtterance measures a running worker: one word, and 21 words.
func BenchmarkUtterance(b *testing.B) {
	for _, v := range Voices() {
		for name, text := range map[string]string{"word": "one", "sentences": text} {
			b.Run(v.ID+"/"+name, func(b *testing.B) {
				e := newEngine(b, 1)
				r := speech.Request{Text: text, Voice: v}
				c, err := e.Synthesize(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if c, err = e.Synthesize(b.Context(), r); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/c.Duration().Seconds(), "rtf")
			})
		}
	}
}

// BenchmarkStart measures a new worker from its start to its first utterance.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		e := newEngine(b, 1)
		if _, err := e.Synthesize(b.Context(), speech.Request{Text: "one"}); err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
