// Package sound reads what engines of speech synthesis answer: WAV of 16 bit
// samples at any rate, raw samples, and MP3. Unlike audio/wav, which reads the
// media of calls, it keeps the rate of the data and takes headers whose sizes
// are not filled in, as programs write them that do not know how long they
// will speak.
//
// All functions may be used by several goroutines at once.
package sound
