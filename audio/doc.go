// Package audio is the vocabulary of linear sound: what a frame is, how loud
// it is, how frames are summed, limited, resampled and made from tones.
//
// # Words
//
//   - sample: one int16, linear, mono. A stream of them has a [Format].
//   - frame: the samples of one ptime, a plain []int16 of Format.Samples.
//   - [Clip]: a whole piece of audio in memory, immutable once shared.
//   - [Source]: something that yields consecutive samples.
//   - sum: frames added up in int32, brought back to int16 by a [Limiter].
//
// # Levels
//
// A level is given in one of two units, always named.
//
//   - [dBov], RFC 6464 §3 and ITU-T G.191 (SV56): mean power relative to the
//     overload point of the format. A full-scale square wave is 0 dBov, a
//     full-scale sine is -3.01 dBov, digital silence is -127 dBov by
//     definition.
//   - [dBFS peak]: amplitude of a sine relative to full scale. A sine of
//     -12 dBFS peak measures -15.01 dBov.
//
// # Concurrency
//
// Functions are pure and safe for concurrent use. Clips and ringing patterns
// may be shared. A [Source], [Limiter] or [Resampler] belongs to one goroutine
// at a time. Nothing here starts a goroutine, takes a lock or, on the paths
// that say so, allocates.
//
// Codecs are in the leaf packages: audio/g711; files in audio/wav.
package audio
