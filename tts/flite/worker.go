package flite

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"mediaserver/audio"
	"mediaserver/tts/sound"
	"mediaserver/tts/speech"
)

// task is what an Engine asks of a worker process, a line of JSON.
type task struct {
	Text  string
	Voice string
	Rate  float64
}

// answer is a line of JSON; the samples follow it, 16 bit little-endian.
type answer struct {
	Rate    int    `json:",omitempty"` // [Hz]
	Samples int    `json:",omitempty"`
	Error   string `json:",omitempty"`
}

// maxSamples bounds an answer.
const maxSamples = maxOutput / 2

// workerMemory is where a worker begins to collect garbage more often [bytes].
const workerMemory = 160 << 20

// Serve is a worker process: it speaks the tasks that come in, one after
// another, to the end of in. It takes the module from the file module, or the
// one built in if that is "".
func Serve(in io.Reader, out io.Writer, module string) error {
	debug.SetMemoryLimit(workerMemory)
	debug.SetGCPercent(50)
	wasm := Embedded()
	if module != "" {
		var err error
		if wasm, err = os.ReadFile(module); err != nil {
			return fmt.Errorf("flite: %w", err)
		}
	}
	local := NewLocal(wasm, false)
	tasks := json.NewDecoder(in)
	for {
		var t task
		if err := tasks.Decode(&t); err == io.EOF {
			return local.Close()
		} else if err != nil {
			return fmt.Errorf("flite: task: %w", err)
		}
		c, err := local.Synthesize(context.Background(),
			speech.Request{Text: t.Text, Voice: speech.Voice{ID: t.Voice}, Rate: t.Rate})
		if err := reply(out, c, err); err != nil {
			return fmt.Errorf("flite: answer: %w", err)
		}
	}
}

func reply(out io.Writer, c audio.Clip, failed error) error {
	a := answer{Rate: c.Rate, Samples: len(c.Samples)}
	if failed != nil {
		a = answer{Error: failed.Error()}
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = out.Write(sound.AppendSamples(append(b, '\n'), c.Samples))
	return err
}

// ask has a worker speak.
func ask(in io.Writer, out *bufio.Reader, r speech.Request) (audio.Clip, error) {
	b, err := json.Marshal(task{Text: r.Text, Voice: r.Voice.ID, Rate: r.Speed()})
	if err != nil {
		return audio.Clip{}, err
	}
	if _, err = in.Write(append(b, '\n')); err != nil {
		return audio.Clip{}, fmt.Errorf("write to worker: %w", err)
	}
	line, err := out.ReadSlice('\n')
	if err != nil {
		return audio.Clip{}, fmt.Errorf("read from worker: %w", err)
	}
	var a answer
	if err = json.Unmarshal(line, &a); err != nil || a.Samples < 0 || a.Samples > maxSamples {
		return audio.Clip{}, fmt.Errorf("worker does not speak our protocol: %.40q", line)
	}
	if a.Error != "" {
		return audio.Clip{}, &workerError{a.Error}
	}
	samples := make([]byte, 2*a.Samples)
	if _, err = io.ReadFull(out, samples); err != nil {
		return audio.Clip{}, fmt.Errorf("read from worker: %w", err)
	}
	return audio.Clip{Rate: a.Rate, Samples: sound.Samples(samples)}, nil
}

// workerError is a failure that a worker reports and survives.
type workerError struct{ text string }

func (e *workerError) Error() string { return e.text }
