package command

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/internal/leaktest"
)

// TestMain makes the test program a program that speaks if it is started as
// one: "speak ARGUMENTS", see speak.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "speak" {
		if err := speak(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	leaktest.Main(m)
}

// speak writes a tone of 60 ms for each letter of the text: of standard input,
// of -t, or, warm, of lines of JSON. Some texts make it behave as they say.
func speak(args []string) error {
	value := func(name string) string {
		for i, a := range args[:max(0, len(args)-1)] {
			if a == name {
				return args[i+1]
			}
		}
		return ""
	}
	rate := 1.0
	if r := value("-r"); r != "" {
		var err error
		if rate, err = strconv.ParseFloat(r, 64); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	if value("-warm") != "" {
		for lines.Scan() {
			var q struct {
				Text string `json:"text"`
				File string `json:"output_file"`
			}
			if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
				return err
			}
			if err := write(q.File, q.Text, rate); err != nil && q.Text != "slow" {
				return err
			}
			fmt.Println(q.File)
			if q.Text == "warn" {
				fmt.Println("a line too many")
			}
		}
		return lines.Err()
	}
	text := value("-t")
	if text == "" && lines.Scan() {
		text = lines.Text()
	}
	out := value("-o")
	if out == "" {
		out = "/dev/stdout"
	}
	return write(out, text, rate)
}

func write(name, text string, rate float64) error {
	switch text {
	case "hang":
		<-time.After(time.Minute)
	case "slow":
		<-time.After(100 * time.Millisecond)
	case "fail":
		return fmt.Errorf("cannot say %q", text)
	case "nothing":
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	letters := math.Max(3, float64(len(strings.TrimSpace(text))))
	d := time.Duration(letters * 60 / rate * float64(time.Millisecond))
	return wav.Encode(f, wav.PCM16, audio.ToneClip(16000, []float64{300}, -10, d, 0))
}
