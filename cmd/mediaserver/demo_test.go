package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/cmd/mediaserver/internal/robots"
	"mediaserver/tts/flite"
)

// demo runs what `make run` runs, for some time, and returns what it prints
// and what the listener heard, which is nothing if no robot got through in time.
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
	if errors.Is(err, os.ErrNotExist) {
		return out.String(), audio.Clip{Rate: 8000}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	clip, _, err := wav.Decode(f, wav.DefaultLimit)
	if err != nil {
		t.Error(err)
	}
	return out.String(), clip
}

// demoPrints runs the demo until it prints what is wanted and nothing that is
// unwanted: once, and then longer, as a busy machine may spoil what it measures.
func demoPrints(t *testing.T, env []string, d time.Duration, firstPort int, present, absent []string, also func(audio.Clip) string) {
	t.Helper()
	for n := range 3 {
		out, clip := demo(t, env, time.Duration(n+1)*d, firstPort)
		var wrong []string
		for _, want := range present {
			if !strings.Contains(out, want) {
				wrong = append(wrong, fmt.Sprintf("%q is not in the print", want))
			}
		}
		for _, unwanted := range absent {
			if strings.Contains(out, unwanted) {
				wrong = append(wrong, fmt.Sprintf("%q is in the print", unwanted))
			}
		}
		if clip.Duration() < 2*time.Second {
			wrong = append(wrong, fmt.Sprintf("the recording is %v long", clip.Duration()))
		}
		if why := also(clip); why != "" {
			wrong = append(wrong, why)
		}
		if len(wrong) == 0 {
			return
		}
		t.Logf("%q", wrong)
	}
	t.Error("the demo was run three times in vain")
}

func TestDemoWithoutSpeechSoundsTones(t *testing.T) {
	demoPrints(
		t, []string{"MEDIASERVER_TTS_ENGINE=none"}, 9*time.Second, 23000,
		[]string{"voice none", "melody hears talker -2", "talker hears melody -2", "listener hears melody -2"},
		[]string{"hears listener", "melody hears melody", "talker hears talker", "quiet tone"},
		func(audio.Clip) string { return "" },
	)
}

// cue is a writer that waits for a word.
type cue struct {
	word  string
	found func()
}

func (c cue) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.word) {
		c.found()
	}
	return len(p), nil
}

func TestRobotsReachAServerOfIPv6(t *testing.T) {
	if p, err := net.ListenPacket("udp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6:", err)
	} else {
		p.Close()
	}
	for _, address := range []string{"[::]", "[::1]"} {
		cfg := testConfig(t)
		cfg.Demo, cfg.TTS.Engine = true, "none"
		cfg.SIP.Listen = []string{"udp://" + address + ":0", "tcp://" + address + ":0"}
		i := startServer(t, cfg)
		ctx, end := context.WithTimeout(t.Context(), patience)
		second := false
		err := robots.Run(ctx, robots.Config{Target: i.uri("demo"), Out: cue{"talker calls", func() { second = true; end() }}})
		end()
		if err != nil || !second {
			t.Errorf("%s: the first robot has got through: %v, %v", address, second, err)
		}
		i.drain()
		if err := i.wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestDemoSpeaks(t *testing.T) {
	if !flite.Available() {
		withoutVoice(t)
	}
	demoPrints(
		t, []string{"MEDIASERVER_TTS_ENGINE=flite"}, 15*time.Second, 23500,
		[]string{"voice flite", "a quiet tone", "listener hears the greeting or a guest -", "melody hears talker -2", "talker hears melody -2", "listener hears melody -2"},
		[]string{"hears listener", "melody hears melody", "talker hears talker", "cannot speak", "also in the room"},
		func(clip audio.Clip) string {
			clip.Samples = clip.Samples[:min(4*clip.Rate, len(clip.Samples))]
			if level := audio.LevelDBov(clip.Samples); level < -35 {
				return fmt.Sprintf("the greeting has %.0f dBov", level)
			}
			return ""
		},
	)
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
