package recording_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/mixer"
	"mediaserver/recording"
)

// recorded is a port that is recorded while there is a recording: what stands
// between mixer and recording.
type recorded struct {
	mixer.Port
	recording atomic.Pointer[recording.Recording]
	pcm       [160]int16
	said      []int16 // in this frame
}

func (p *recorded) Receive(frame int64, now time.Time, pcm []int16) mixer.Status {
	status := p.Port.Receive(frame, now, pcm)
	p.said = nil
	if status&mixer.Sound != 0 {
		p.said = p.pcm[:copy(p.pcm[:], pcm)]
	}
	return status
}

func (p *recorded) Send(frame int64, now time.Time, out mixer.Output) {
	p.Port.Send(frame, now, out)
	r := p.recording.Load()
	switch {
	case r == nil:
	case out.Silent:
		r.Write(frame, p.said, nil, 0)
	default:
		r.Write(frame, p.said, out.PCM, 0)
	}
}

// caller is a port that says a tone.
type caller struct{ freq float64 }

func (c *caller) Codec() audio.Codec                  { return nil }
func (c *caller) Send(int64, time.Time, mixer.Output) {}
func (c *caller) Receive(frame int64, _ time.Time, pcm []int16) mixer.Status {
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*c.freq*float64(frame*160+int64(i))/8000))
	}
	return mixer.Sound
}

// TestCallToARoom records 10 s of a call to a room: both directions are in the
// file, and an announcement; it is 10 s long.
func TestCallToARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		dir := t.TempDir()
		store, err := recording.NewStore(recording.Config{Directory: dir})
		if err != nil {
			t.Fatal(err)
		}
		engine, err := mixer.New(mixer.Config{Workers: 1, Clock: mixer.TimeClock{}})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- store.Run(ctx) }()
		go func() { ended <- engine.Run(ctx) }()

		lobby, room := engine.NewRoom("lobby"), engine.NewRoom("room")
		port := &recorded{Port: &caller{freq: 440}}
		primary := lobby.Add(mixer.MemberOptions{Port: port, Hear: true})
		secondary := room.Add(mixer.MemberOptions{Talk: true, Hear: true})
		room.Add(mixer.MemberOptions{Port: &caller{freq: 1000}, Talk: true})
		time.Sleep(time.Second)

		rec, err := store.Open(ctx, recording.Options{InstanceID: "a1b2c3d4e5f60718.55", Call: 2})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // not connected yet: nothing is recorded
		<-primary.MovePort(secondary)
		port.recording.Store(rec)
		time.Sleep(5 * time.Second)
		room.Announce(audio.PlayClip(audio.ToneClip(8000, []float64{2000}, -9, time.Second, 0)))
		time.Sleep(5 * time.Second)
		port.recording.Store(nil)
		<-secondary.MovePort(primary)
		result, err := rec.Close(ctx)
		if err != nil || result.Lost > 0 || !result.ContainsSound {
			t.Errorf("%+v, %v", result, err)
		}
		if d := result.Duration - 10*time.Second; d.Abs() > 20*time.Millisecond {
			t.Errorf("%v long", result.Duration)
		}
		b, err := os.ReadFile(filepath.Join(dir, result.Filename))
		if err != nil {
			t.Fatal(err)
		}
		clip, info, err := wav.Decode(bytes.NewReader(b), 0)
		if err != nil || info.Truncated || clip.Duration() != result.Duration {
			t.Fatalf("%+v, %v", info, err)
		}
		for _, freq := range []float64{440, 1000} {
			if level := audio.ToneLevel(clip.Samples, 8000, freq); math.Abs(level - -15.3) > 0.5 {
				t.Errorf("%v Hz at %.1f dBov", freq, level)
			}
		}
		if level := audio.ToneLevel(clip.Samples[41000:47000], 8000, 2000); level < -14 {
			t.Errorf("the announcement is at %.1f dBov", level)
		}
		stop()
		<-ended
		<-ended
	})
}
