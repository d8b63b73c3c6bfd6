package dtmf

import "time"

// Delay is how much later the audio leaves a Detector.
const Delay = 40 * time.Millisecond

// Detector finds the digits that are pressed as tones within audio, and takes
// the tones out of it.
type Detector struct {
	rate int
}

// NewDetector makes a Detector for audio of rate samples per second.
func NewDetector(rate int) *Detector { return &Detector{rate: rate} }

// Process takes the next samples and leaves in their place those of Delay
// ago with the tones removed.
func (d *Detector) Process(frame []int16) (Digit, bool) { return 0, false }
