package dtmf

import "time"

// Delay is how much later the audio leaves a Detector.
const Delay = 40 * time.Millisecond

const (
	// minRate is the lowest rate that holds twice the highest tone with room
	// to spare [samples/s].
	minRate = 8000
	// confirmWindows is how many windows in a row make a press: 30 ms of tone.
	confirmWindows = 2
	// releaseWindows is how many windows in a row without the tone end the
	// press. A window sees nothing while any of it lacks the tone, so this is
	// a pause of 25–30 ms: less is an interruption, 40 ms are a pause.
	releaseWindows = 10
	// leadBlocks are silenced before the first window with the tone. Up to a
	// block of tone lies before it, and more if the tone rises slowly. The
	// delay leaves no room for more: a press is known windowBlocks +
	// confirmWindows - 1 blocks after the start of its first window.
	leadBlocks = 2
	// marginBlocks are silenced after the last window with the tone: up to a
	// block of tone lies between its end and that of the next one.
	marginBlocks = 1
	// tailBlocks are silenced at most beyond the margin while they still
	// sound like the tone.
	tailBlocks = 6
	// tailShare of a block's energy makes it sound like the tone.
	tailShare = 0.6
	// tailAmplitude is the least a block must have to matter at all; the
	// square is mean energy per sample.
	tailAmplitude = 50
)

func delaySamples(rate int) int {
	return int(int64(Delay) * int64(rate) / int64(time.Second))
}

// Detector finds the digits that are pressed as tones within audio (ITU-T
// Q.24), and takes the tones out of it. It delays the audio by Delay to know
// of a tone before its first sample leaves: the tone is silenced from its
// first sample to its last, with short ramps in the audio before and after.
//
// A press is found when its tones have lasted 30–40 ms, at 0 to -30 dBm0
// each, up to 1.5 % off their frequencies, the row up to 8 dB stronger than
// the column or the column up to 5 dB stronger than the row. It is reported
// once, however long the key is held; pauses of 40 ms part two presses of the
// same key. Single tones, speech and other audio pass unchanged.
//
// One goroutine at a time.
type Detector struct {
	bank *bank // nil: the rate is too low for any tone
	cut  *cutter

	history [historyBlocks]block // ring
	filled  int                  // samples of the block being gathered
	number  int64                // its number, counted from the first sample
	skipped bool                 // nobody has looked at the latest window
	window  window               // scratch

	candidate Digit // of the latest window
	run       int   // windows in a row that held it
	pressed   Digit // key held down, or let go not long ago
	misses    int   // windows in a row without it
	tail      int   // blocks silenced beyond the margin
}

// NewDetector makes a Detector for audio of rate samples per second. Below
// 8000 nothing is found and the audio is only delayed.
func NewDetector(rate int) *Detector {
	if rate < minRate {
		return &Detector{cut: newCutter(rate, max(rate/blocksPerSecond, 1))}
	}
	b := bankFor(rate)
	d := &Detector{bank: b, cut: newCutter(rate, b.size)}
	samples := make([]int16, historyBlocks*b.size)
	for i := range d.history {
		d.history[i].samples = samples[i*b.size : (i+1)*b.size]
	}
	d.window.scratch = make([]float32, windowBlocks*b.size)
	return d
}

// Process takes the next samples, at most Delay of them (whole frames of
// 20 ms by intent), and leaves in their place those of Delay ago without
// tones. It returns the digit whose press was found in the samples just
// taken. It does not allocate.
func (d *Detector) Process(frame []int16) (digit Digit, pressed bool) {
	if d.bank != nil {
		for rest := frame; len(rest) > 0; {
			n := d.gather(rest)
			rest = rest[n:]
			if d.filled < d.bank.size {
				break
			}
			if p := d.finishBlock(); p != 0 {
				digit, pressed = p, true
			}
		}
	}
	d.cut.pass(frame)
	return digit, pressed
}

// gather copies samples into the block being gathered and returns how many.
func (d *Detector) gather(x []int16) int {
	n := copy(d.history[d.number%historyBlocks].samples[d.filled:], x)
	d.filled += n
	return n
}

// finishBlock looks at the block just gathered and at the window it completes.
// It returns the digit of a new press, or 0.
//
// A press takes two windows in a row. So while nothing is pressed every other one is
// enough, and the one between only counts if the next holds a digit.
func (d *Detector) finishBlock() Digit {
	r := &d.history[d.number%historyBlocks]
	r.energy, r.known = energyOf(r.samples), false
	b := d.number
	d.number++
	d.filled = 0
	d.cut.open(b)
	if d.pressed == 0 && d.run == 0 && !d.skipped {
		d.skipped = true
		return 0
	}
	found := d.verdict(b)
	if d.skipped && found != 0 {
		d.judge(b-1, d.verdict(b-1))
	}
	d.skipped = false
	return d.judge(b, found)
}

// verdict is the digit of the window that ends with block b.
func (d *Detector) verdict(b int64) Digit {
	if b < windowBlocks-1 {
		return 0
	}
	for k := range d.window.blocks {
		d.window.blocks[k] = &d.history[(b-windowBlocks+1+int64(k))%historyBlocks]
	}
	return d.bank.digit(&d.window)
}

// judge follows the keys from window to window. found is the digit of the
// window that ends with block b; the digit of a new press is returned.
func (d *Detector) judge(b int64, found Digit) Digit {
	first := b - windowBlocks + 1
	switch {
	case found == 0:
		d.candidate, d.run = 0, 0
		d.miss(b)
		return 0
	case found == d.pressed:
		d.candidate, d.run, d.misses, d.tail = 0, 0, 0, 0
		d.cut.mark(first-leadBlocks, b+marginBlocks)
		return 0
	case found != d.candidate:
		d.candidate, d.run = found, 0
	}
	if d.run++; d.run < confirmWindows {
		d.miss(b)
		return 0
	}
	d.pressed, d.misses, d.tail = found, 0, 0
	d.candidate, d.run = 0, 0
	d.cut.mark(first-(confirmWindows-1)-leadBlocks, b+marginBlocks)
	return found
}

// miss counts a window without the pressed key. Its last block is silenced
// if the tone still sounds in it.
func (d *Detector) miss(b int64) {
	if d.pressed == 0 {
		return
	}
	if d.misses++; d.misses >= releaseWindows {
		d.pressed, d.misses, d.tail = 0, 0, 0
		return
	}
	if d.misses == marginBlocks+d.tail+1 && d.tail < tailBlocks && d.sounds(b) {
		d.tail++
		d.cut.mark(b, b)
	}
}

// sounds says whether block b holds little but the pressed key's tones.
func (d *Detector) sounds(b int64) bool {
	if b < 0 || d.number-b > historyBlocks {
		return false
	}
	r := &d.history[b%historyBlocks]
	row, column := lanesOf(d.pressed)
	s := d.bank.spectrumOf(r, d.window.scratch)
	found := s.re[row]*s.re[row] + s.im[row]*s.im[row] + s.re[column]*s.re[column] + s.im[column]*s.im[column]
	n := float32(len(r.samples))
	return found > 0 && found*2/n >= tailShare*r.energy
}

// lanesOf are the row and the column of a digit.
func lanesOf(d Digit) (row, column int) {
	for i := range len(keys) {
		if Digit(keys[i]) == d {
			return i / rows, rows + i%rows
		}
	}
	return 0, rows
}
