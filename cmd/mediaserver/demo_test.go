package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/tts/flite"
)

// demo runs what `make run` runs, for some time, and returns what it prints
// and what the listener heard.
func demo(t *testing.T, env []string, d time.Duration, firstPort int) (string, audio.Clip) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes", d)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs, env: env, signals: make(chan os.Signal, 2)}
	file := filepath.Join(dir, "heard.wav")
	code := p.main(t.Context(), []string{
		"demo", "--address", "127.0.0.1", "--sip-port", "0", "--http-port", "0", "--rtp-port-min", fmt.Sprint(firstPort),
		"--rtp-port-max", fmt.Sprint(firstPort + 499), "--for", d.String(), "--wav", file,
	})
	if code != exitClean {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	fmt.Fprint(t.Output(), out.String(), errs.String())
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	clip, _, err := wav.Decode(f, wav.DefaultLimit)
	if err != nil || clip.Duration() < 2*time.Second {
		t.Errorf("the recording is %v long: %v", clip.Duration(), err)
	}
	return out.String(), clip
}

// wantPrint wants texts to be, or not to be, in a print.
func wantPrint(t *testing.T, out string, present, absent []string) {
	t.Helper()
	for _, want := range present {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for _, unwanted := range absent {
		if strings.Contains(out, unwanted) {
			t.Errorf("%q is in\n%s", unwanted, out)
		}
	}
}

func TestDemoWithoutSpeechSoundsTones(t *testing.T) {
	out, _ := demo(t, []string{"MEDIASERVER_TTS_ENGINE=none"}, 9*time.Second, 23000)
	wantPrint(
		t, out,
		[]string{"voice none", "melody hears talker -2", "talker hears melody -2", "listener hears melody -2"},
		[]string{"hears listener", "melody hears melody", "talker hears talker", "quiet tone"},
	)
}

func TestDemoSpeaks(t *testing.T) {
	if !flite.Available() {
		withoutVoice(t)
	}
	out, clip := demo(t, []string{"MEDIASERVER_TTS_ENGINE=flite"}, 15*time.Second, 23500)
	wantPrint(
		t, out,
		[]string{"voice flite", "a quiet tone", "listener hears the greeting or a guest -", "melody hears talker -2", "talker hears melody -2", "listener hears melody -2"},
		[]string{"hears listener", "melody hears melody", "talker hears talker", "cannot speak", "also in the room"},
	)
	clip.Samples = clip.Samples[:4*clip.Rate]
	if level := audio.LevelDBov(clip.Samples); level < -35 {
		t.Errorf("the greeting has %.0f dBov", level)
	}
}

func TestDemoApplicationGreetsByWords(t *testing.T) {
	cfg := speaking(t)
	cfg.Demo = true
	i := startServer(t, cfg)
	c, err := i.dial("demo")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the welcome is heard", func() bool { return c.ToneLevel(annTone, time.Second) > -25 })
	c.HangUp(t.Context())
	i.drain()
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}

// withoutVoice skips a test that needs the voice that is built in; where all
// tests are to run it fails.
func withoutVoice(t *testing.T) {
	t.Helper()
	const why = "flite.wasm is not built in: run `go generate ./tts/flite` (needs npm)"
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
