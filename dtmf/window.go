package dtmf

import (
	"math"
	"math/cmplx"
)

// What makes a window of audio a digit. Shares are of the window's energy.
const (
	// minAmplitude of each tone, a little below -33 dBm0: 0 dBm0 is a sine of
	// amplitude 22 650 in 16 bits (ITU-T G.711).
	minAmplitude = 500
	// roughShare is what the two strongest frequencies must hold before a
	// closer look; little, because a tone off its frequency fits badly.
	roughShare = 0.25
	// maxOffset of a tone's frequency. Q.24: 1.5 % must be taken, 3.5 % not.
	maxOffset = 0.022
	// maxTwist and maxReverseTwist are how much stronger than the other the
	// row's tone may be (8 dB) and the column's (5 dB), as ratios of energies.
	maxTwist        = 6.3
	maxReverseTwist = 3.2
	// maxResidual is what may be left beside the two tones: 10 dB.
	maxResidual = 0.1
	// maxHarmonic is what a tone may have at twice its frequency (-15 dB);
	// speech has harmonics, keys have none.
	maxHarmonic = 0.032
	// maxSwing between the loudest and the quietest block (7 dB): a key sounds
	// evenly.
	maxSwing = 5
)

// window is the audio of windowBlocks consecutive blocks.
type window struct {
	blocks  [windowBlocks]*block
	scratch []float32 // room for the samples of all of them
}

// tone is one of the two frequencies a window seems to consist of.
type tone struct {
	lane   int
	energy float64 // explained by it, at its true frequency
	w      float64 // true frequency [radians per sample]
}

// digit is the key that the window holds from its first sample to its last, 0
// for none.
func (b *bank) digit(w *window) Digit {
	total, ok := w.steady()
	n := float64(windowBlocks * b.size)
	if !ok || total < minAmplitude*minAmplitude/2*n {
		return 0
	}
	for _, r := range w.blocks {
		b.spectrumOf(r, w.scratch)
	}
	row, column, ok := b.strongest(w, total)
	if !ok {
		return 0
	}
	if !b.refine(w, &row) || !b.refine(w, &column) || twisted(row.energy, column.energy) {
		return 0
	}
	if row.energy+column.energy < (1-2*maxResidual)*total {
		return 0
	}
	if !b.verify(w, row, column, total) {
		return 0
	}
	return Digit(keys[row.lane*rows+column.lane-rows])
}

// steady is the energy of all blocks, and whether they are about as loud.
func (w *window) steady() (total float64, ok bool) {
	low, high := w.blocks[0].energy, w.blocks[0].energy
	for _, b := range w.blocks {
		low, high = min(low, b.energy), max(high, b.energy)
		total += float64(b.energy)
	}
	return total, high <= maxSwing*low
}

// strongest picks the strongest row and column.
func (b *bank) strongest(w *window, total float64) (row, column tone, ok bool) {
	var re, im vector
	for k := range w.blocks {
		s := &w.blocks[k].spectrum
		cr, ci := &b.stepRe[k], &b.stepIm[k]
		for l := range lanes {
			re[l] += s.re[l]*cr[l] - s.im[l]*ci[l]
			im[l] += s.re[l]*ci[l] + s.im[l]*cr[l]
		}
	}
	var power vector
	for l := range lanes {
		power[l] = re[l]*re[l] + im[l]*im[l]
	}
	column.lane = rows
	for l := 1; l < rows; l++ {
		if power[l] > power[row.lane] {
			row.lane = l
		}
		if power[l+rows] > power[column.lane] {
			column.lane = l + rows
		}
	}
	n := float64(windowBlocks * b.size)
	found := float64(power[row.lane]+power[column.lane]) * 2 / n
	return row, column, found >= roughShare*total
}

// refine finds the true frequency of a tone from the phase it gains from
// block to block, and its energy there. False if it is too far off.
func (b *bank) refine(w *window, t *tone) bool {
	l := t.lane
	var turned [windowBlocks]complex128
	for k := range w.blocks {
		s := &w.blocks[k].spectrum
		step := complex(float64(b.stepRe[k][l]), float64(b.stepIm[k][l]))
		turned[k] = complex(float64(s.re[l]), float64(s.im[l])) * step
	}
	var gain complex128
	for k := 1; k < windowBlocks; k++ {
		gain += turned[k] * cmplx.Conj(turned[k-1])
	}
	perBlock := cmplx.Phase(gain)
	nominal := 2 * math.Pi * frequencies[l] / float64(b.rate)
	offset := perBlock / float64(b.size)
	if math.Abs(offset) > maxOffset*nominal {
		return false
	}
	t.w = nominal + offset
	back := turn(-perBlock)
	sum := turned[windowBlocks-1]
	for k := windowBlocks - 2; k >= 0; k-- { // Horner: each block turned back by its place
		sum = sum*back + turned[k]
	}
	n := float64(windowBlocks * b.size)
	t.energy = square(sum) * 2 / n
	return t.energy >= minAmplitude*minAmplitude/2*n
}

// twisted says whether one tone is too strong for the other.
func twisted(row, column float64) bool {
	return row > maxTwist*column || column > maxReverseTwist*row
}

// verify takes the two tones out of the audio and looks at what is left.
func (b *bank) verify(w *window, row, column tone, total float64) bool {
	x := w.scratch
	for k, blk := range w.blocks {
		blk.floats(x[k*b.size:])
	}
	atRow, atColumn := correlate(x, row.w, column.w)
	if float64(subtract(x, row.w, column.w, atRow, atColumn)) > maxResidual*total {
		return false
	}
	atRow, atColumn = correlate(x, 2*row.w, 2*column.w)
	scale := 2 / float64(len(x))
	return square(atRow)*scale <= maxHarmonic*row.energy && square(atColumn)*scale <= maxHarmonic*column.energy
}
