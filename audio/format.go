package audio

import (
	"fmt"
	"time"
)

const (
	narrowbandRate  = 8000
	narrowbandPtime = 20 * time.Millisecond
)

// FullScale is the overload point of 16-bit samples: the amplitude that is
// 0 dBov and 0 dBFS.
const FullScale = 32768

// Format is the shape of a stream of linear PCM, mono, 16 bit.
type Format struct {
	Rate  int           // samples per second
	Ptime time.Duration // length of one frame
}

// Narrowband is the format of telephone audio: 8000 Hz in frames of 20 ms.
func Narrowband() Format {
	return Format{Rate: narrowbandRate, Ptime: narrowbandPtime}
}

// Samples is the number of samples of one frame.
func (f Format) Samples() int {
	return samplesOf(f.Ptime, f.Rate)
}

// String gives the format as in "8000 Hz/20ms".
func (f Format) String() string {
	return fmt.Sprintf("%d Hz/%v", f.Rate, f.Ptime)
}

// samplesOf is the number of whole samples in d at rate [Hz], rounded to the nearest.
func samplesOf(d time.Duration, rate int) int {
	return int((int64(d)*int64(rate) + int64(time.Second)/2) / int64(time.Second))
}

// durationOf is the time that n samples take at rate [Hz].
func durationOf(n, rate int) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(int64(n) * int64(time.Second) / int64(rate))
}
