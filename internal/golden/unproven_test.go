package golden

import "testing"

// A forged INVITE brings one second of sound to its victim; the ACK of a caller
// who is slow lets it go on at once.
func TestSoundWaitsForTheProofThatTheCallerHasCalled(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("tone.wav", toneP, 20*second)
		w.on("first", answer(file("tone.wav")))
		a := w.dial(p, phoneOptions{unproven: true})
		w.at(6 * second)
		a.hears(toneP, 200*milli, 900*milli)
		a.hearsSilence(1100*milli, 6*second)
		a.acknowledge()
		w.at(8 * second)
		a.hears(toneP, 6100*milli, 8*second)
		a.hangUp()
	})
}

// What proves a caller otherwise is seen within a second.
func TestSoundGoesOnForACallerProvenOtherwise(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("tone.wav", toneP, 20*second)
		w.on("first", answer(file("tone.wav")))
		a := w.dial(p, phoneOptions{unproven: true})
		w.at(4 * second)
		a.mu.Lock()
		a.unproven = false
		a.mu.Unlock()
		w.at(7 * second)
		a.hearsSilence(1100*milli, 4*second)
		a.hears(toneP, 5100*milli, 7*second)
		a.hangUp()
	})
}
