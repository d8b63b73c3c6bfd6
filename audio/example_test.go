package audio_test

import (
	"fmt"
	"time"

	"mediaserver/audio"
)

// Three talkers, each of whom hears the other two.
func Example_mix() {
	format := audio.Narrowband()
	tones := []float64{500, 1000, 1500} // what the three talkers say

	sum := make([]int32, format.Samples())
	frames := make([][]int16, len(tones))
	for i, f := range tones {
		frames[i] = audio.ToneClip(format.Rate, []float64{f}, -20, format.Ptime, 0).Samples
		audio.Add(sum, frames[i])
	}
	heard := make([]int16, format.Samples())
	for i := range tones {
		l := audio.NewLimiter(format.Rate)
		l.ProcessMinus(heard, sum, frames[i])
		fmt.Printf("talker %d hears", i+1)
		for _, f := range tones {
			if audio.ToneLevel(heard[l.Delay():], format.Rate, f) > -40 {
				fmt.Printf(" %v Hz", f)
			}
		}
		fmt.Println()
	}
	// Output:
	// talker 1 hears 1000 Hz 1500 Hz
	// talker 2 hears 500 Hz 1500 Hz
	// talker 3 hears 500 Hz 1000 Hz
}

func ExampleSequence() {
	hold := audio.Sequence([]audio.Clip{
		{Rate: 8000, Samples: []int16{1, 2, 3}},
		{Rate: 8000, Samples: []int16{4}},
	}, true)
	frame := make([]int16, 10)
	hold.Read(frame)
	fmt.Println(frame)
	// Output: [1 2 3 4 1 2 3 4 1 2]
}

func ExampleParseRinging() {
	p, err := audio.ParseRinging("425@-16: 1.0 on 4.0 off")
	fmt.Println(p, p.Cycle(), err)

	_, err = audio.ParseRinging("425: 1.0 on 4.0")
	fmt.Println(err)
	// Output:
	// 425@-16: 1 on 4 off 5s <nil>
	// audio: not a ringing pattern: "4.0" is not followed by "on" or "off"
}

func ExampleLimiter() {
	l := audio.NewLimiter(8000)
	sum, out := make([]int32, 160), make([]int16, 160)
	for i := range sum {
		sum[i] = 100_000 // three loud talkers at once
	}
	for range 2 {
		l.Process(out, sum)
	}
	fmt.Println(out[159], l.Delay(), l.Active())
	// Output: 32767 20 true
}

func ExampleLongestSilence() {
	tone := audio.ToneClip(8000, []float64{440}, -12, 300*time.Millisecond, 0)
	recording := audio.Clip{Rate: 8000, Samples: tone.Samples}
	recording.Samples = append(recording.Samples, make([]int16, 8000*60/1000)...)
	recording.Samples = append(recording.Samples, tone.Samples...)
	gap := audio.LongestSilence(recording, -60)
	fmt.Println(gap.From, gap.Length())
	// Output: 300ms 60ms
}

func ExampleResample() {
	wide := audio.ToneClip(48000, []float64{1000}, -12, time.Second, 0)
	c, err := audio.Resample(wide, 8000)
	fmt.Printf("%d samples, %.1f dBov, %v\n", len(c.Samples), audio.ToneLevel(c.Samples, 8000, 1000), err)
	// Output: 8000 samples, -15.0 dBov, <nil>
}

func ExampleDTMFTones() {
	c, err := audio.DTMFTones(8000, "12#")
	fmt.Println(c.Duration(), err)
	_, err = audio.DTMFTones(8000, "12x")
	fmt.Println(err)
	// Output:
	// 600ms <nil>
	// audio: not a digit: "x" at position 3
}
